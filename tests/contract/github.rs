//! How the client asks GitHub: tokens, pages, addresses, and what it makes of refusals.

use crate::github_server::{Scripted, reply, repo};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::time::Duration;
use tasksgodzilla::domain::ci::CiState;
use tasksgodzilla::domain::ids::Sha;
use tasksgodzilla::domain::retry::{OUTAGE, Retry};
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::forge::github::{Github, GithubSettings, GithubSetupError};
use tasksgodzilla::forge::{Access, Checks, CommentRef, ForgeError, GitRights, Threads};

fn issue() -> serde_json::Value {
    json!({ "title": "Split", "body": null, "state": "open" })
}

#[tokio::test]
async fn five_calls_at_once_mint_one_token_narrowed_to_the_repository() {
    let server = Scripted::start(|seen| seen.line.contains("/issues/4").then(|| reply(200, issue())));
    let (github, repo) = (server.client(""), repo());
    let read = || github.thread(&repo, Thread::issue(4));
    let (a, b, c, d, e) = tokio::join!(read(), read(), read(), read(), read());
    for answer in [a, b, c, d, e] {
        assert!(answer.unwrap().is_open);
    }
    let [mint] = &server.mints()[..] else {
        panic!("not minted once: {:?}", server.mints());
    };
    insta::assert_snapshot!(format!("{}\n{:#}", mint.line, mint.body), @r#"
    POST /app/installations/5/access_tokens
    {
      "permissions": {
        "checks": "write",
        "contents": "read",
        "issues": "write",
        "metadata": "read",
        "pull_requests": "write",
        "statuses": "read"
      },
      "repository_ids": [
        700
      ]
    }
    "#);
    assert_eq!(mint.header("authorization").split('.').count(), 3, "the App signs in with an assertion");
    assert_eq!(server.seen().len(), 5);
    assert!(server.seen().iter().all(|seen| seen.header("authorization") == "Bearer ghs_1"));
}

#[tokio::test]
async fn every_call_names_its_agent_the_version_and_the_form() {
    let server = Scripted::start(|_| None);
    let _ = server.client("").thread(&repo(), Thread::issue(4)).await;
    let seen = &server.seen()[0];
    assert_eq!(seen.header("accept"), "application/vnd.github+json");
    assert_eq!(seen.header("x-github-api-version"), "2022-11-28");
    let agents = seen.headers.iter().filter(|(name, _)| name == "user-agent");
    assert_eq!(agents.count(), 1, "GitHub refuses calls without one");
}

#[tokio::test]
async fn a_refused_token_is_minted_again_and_the_call_repeated() {
    let server = Scripted::start(|seen| {
        let is_old = seen.header("authorization") == "Bearer ghs_1";
        let refused = || reply(401, json!({ "message": "Bad credentials" }));
        seen.line.contains("/issues/4").then(|| if is_old { refused() } else { reply(200, issue()) })
    });
    let github = server.client("");
    github.thread(&repo(), Thread::issue(4)).await.unwrap();
    github.thread(&repo(), Thread::issue(4)).await.unwrap();
    assert_eq!((server.mints().len(), server.seen().len()), (2, 3));
}

#[tokio::test]
async fn a_token_refused_twice_is_an_error() {
    let server = Scripted::start(|seen| seen.line.contains("/issues/").then(|| reply(401, json!({}))));
    let error = server.client("").thread(&repo(), Thread::issue(4)).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unauthorized { .. }), "{error}");
    assert_eq!((server.mints().len(), server.seen().len()), (2, 2));
}

#[tokio::test]
async fn git_gets_a_token_of_its_own_and_an_address_without_it() {
    let server = Scripted::start(|_| None);
    let github = server.client("");
    let read = github.git_access(&repo(), GitRights::Read).await.unwrap();
    let write = github.git_access(&repo(), GitRights::Write).await.unwrap();
    assert_eq!(read.url, "https://github.example/acme/api.git");
    assert_eq!(read.username, "x-access-token");
    assert_ne!(read.secret.expose_secret(), write.secret.expose_secret());
    let rights: Vec<_> = server.mints().iter().map(|mint| mint.body["permissions"].to_string()).collect();
    insta::assert_snapshot!(rights.join("\n"), @r#"
    {"contents":"read","metadata":"read"}
    {"contents":"write","metadata":"read"}
    "#);
}

#[tokio::test]
async fn pages_are_asked_of_our_own_host_with_credentials() {
    let server = Scripted::start(|seen| {
        let run = |name: &str| {
            let run =
                json!({ "id": 1, "name": name, "status": "queued", "conclusion": null, "app": { "id": 7 } });
            reply(200, json!({ "check_runs": [run] }))
        };
        let next = "<https://elsewhere.example/api/v3/repositories/700/more?page=2>; rel=\"next\"";
        match seen.line.as_str() {
            line if line.contains("/check-runs?") => Some(run("one").with("link", next)),
            line if line.contains("/more?page=2") => Some(run("two")),
            line if line.contains("/check-suites?") => Some(reply(200, json!({ "check_suites": [] }))),
            line if line.contains("/status?") => Some(reply(200, json!({ "statuses": [] }))),
            _ => None,
        }
    });
    let sha = Sha::parse(&"a".repeat(40)).unwrap();
    let results = server.client("/api/v3/").ci_results(&repo(), &sha).await.unwrap();
    let names: Vec<_> = results.iter().map(|result| (result.name.as_str(), result.state)).collect();
    assert_eq!(names, [("one", CiState::Pending), ("two", CiState::Pending)]);
    let second = server.seen().into_iter().find(|seen| seen.line.contains("page=2")).unwrap();
    assert_eq!(second.line, "GET /api/v3/repositories/700/more?page=2");
    assert_eq!(second.header("authorization"), "Bearer ghs_1");
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let server = Scripted::start(|seen| {
        let same = "</repos/acme/api/check-runs?again>; rel=\"next\"";
        match seen.line.as_str() {
            line if line.contains("/check-runs?") => {
                Some(reply(200, json!({ "check_runs": [] })).with("link", same))
            }
            line if line.contains("/check-suites?") => Some(reply(200, json!({ "check_suites": [] }))),
            line if line.contains("/status?") => Some(reply(200, json!({ "statuses": [] }))),
            _ => None,
        }
    });
    let sha = Sha::parse(&"a".repeat(40)).unwrap();
    let error = server.client("").ci_results(&repo(), &sha).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unreadable { .. }), "{error}");
}

#[track_caller]
fn check_path(lines: &[String], expected: &str) {
    assert_eq!(lines, [expected]);
}

#[tokio::test]
async fn graphql_lies_beside_the_versioned_api() {
    let comment = CommentRef { id: 17, node_id: "IC_17".to_owned() };
    for (prefix, path) in [("", "/graphql"), ("/api/v3", "/api/graphql"), ("/github", "/github/graphql")] {
        let server = Scripted::start(|seen| {
            let body = json!({ "data": { "minimizeComment": { "clientMutationId": null } } });
            seen.line.ends_with("graphql").then(|| reply(200, body))
        });
        server.client(prefix).hide_comment(&repo(), &comment).await.unwrap();
        check_path(&server.lines(), &format!("POST {path}"));
        assert_eq!(server.seen()[0].body["variables"], json!({ "id": "IC_17" }));
    }
}

#[tokio::test]
async fn a_prefix_that_begins_like_a_route_is_kept() {
    let server = Scripted::start(|seen| seen.line.contains("/issues/").then(|| reply(200, issue())));
    server.client("/repo").thread(&repo(), Thread::issue(4)).await.unwrap();
    check_path(&server.lines(), "GET /repo/repos/acme/api/issues/4");
}

/// What one refused question becomes.
async fn error_of(
    status: u16,
    headers: &[(&'static str, &str)],
    body: serde_json::Value,
) -> (ForgeError, String) {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let server = Scripted::start(move |seen| {
        let answer = || {
            let all = headers.iter().cloned();
            all.fold(reply(status, body.clone()), |reply, (name, value)| reply.with(name, value))
        };
        seen.line.contains("/issues/").then(answer)
    });
    let error =
        server.client("").create_comment(&repo(), Thread::issue(4).into(), "hello").await.unwrap_err();
    assert_eq!(server.seen().iter().filter(|seen| seen.line.contains("/issues/")).count(), 1, "asked once");
    let text = error.to_string().replace(&server.host(), "HOST");
    (error, text)
}

#[tokio::test]
async fn refusals_are_told_apart_and_never_repeated_here() {
    let said = |message: &str| json!({ "message": message });
    let no_rights = said("Resource not accessible by integration");
    let invalid = json!({ "message": "Validation Failed", "errors": [
        { "resource": "IssueComment", "field": "body", "code": "missing" }, { "message": "Body is\ntoo long" }, "and more",
    ]});
    let table = [
        (404, &[][..], said("Not Found")),
        (410, &[], said("This issue was deleted")),
        (403, &[("x-accepted-github-permissions", "issues=write")], no_rights.clone()),
        (403, &[], no_rights),
        (403, &[], said("Repository was archived so is read-only.")),
        (403, &[], said("This installation has been suspended")),
        (403, &[("retry-after", "7")], said("You have exceeded a secondary rate limit")),
        (403, &[], said("You have exceeded a secondary rate limit")),
        (429, &[("retry-after", "120")], json!({})),
        (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], said("API rate limit exceeded")),
        (422, &[], invalid),
        (409, &[], said("Conflict")),
        (502, &[], json!("<html>bad gateway</html>")),
        (200, &[], json!({ "unexpected": true })),
    ];
    let mut told = String::new();
    for (status, headers, body) in table {
        let (error, text) = error_of(status, headers, body).await;
        told.push_str(&format!("{status} {:?}: {text}\n", error.retry()));
    }
    insta::assert_snapshot!(told, @"
    404 Never: HOST has no issue #4, or does not let the bot see it
    410 Never: HOST has no issue #4, or does not let the bot see it
    403 Never: HOST does not let the bot post a comment; grant the App the permission `issues=write`
    403 Never: HOST does not let the bot post a comment; grant the App the permission `issues=write or pull_requests=write`
    403 Never: HOST refused to post a comment: Repository was archived so is read-only.
    403 Never: HOST has no issue #4, or does not let the bot see it
    403 After(7s): HOST is limiting the bot's calls for 7 s
    403 After(60s): HOST is limiting the bot's calls for 60 s
    429 After(120s): HOST is limiting the bot's calls for 120 s
    403 After(1s): HOST is limiting the bot's calls for 1 s
    422 Never: HOST refused to post a comment: Validation Failed: body missing: Body is too long: and more
    409 Never: HOST refused to post a comment: Conflict
    502 WhenThere(3600s): HOST failed to post a comment (502)
    200 Never: HOST answered about issue #4 in a form the bot does not know
    ");
}

#[tokio::test]
async fn a_mint_that_is_refused_says_what_is_missing() {
    let mut told = String::new();
    for (status, message) in [
        (422, "The permissions requested are not granted to this installation."),
        (
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        ),
        (404, "Not Found"),
        (401, "A JSON web token could not be decoded"),
    ] {
        let server = Scripted::start(move |seen| {
            let refused = || reply(status, json!({ "message": message }));
            seen.line.contains("/access_tokens").then(refused)
        });
        let error = server.client("").thread(&repo(), Thread::issue(4)).await.unwrap_err();
        told.push_str(&error.to_string().replace(&server.host(), "HOST"));
        told.push('\n');
    }
    insta::assert_snapshot!(told, @"
    HOST does not let the bot act in this repository; grant the App the permission `checks=write, contents=read, issues=write, metadata=read, pull_requests=write, statuses=read`
    HOST has no such repository in the App's installation, or does not let the bot see it
    HOST has no installation 5 that reaches this repository, or does not let the bot see it
    HOST does not accept the bot's credentials; check TASKSGODZILLA_GITHUB_APP_ID and the private key
    ");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_transport_error() {
    let server = Scripted::start(|_| None);
    // It takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut hasty = server.settings("");
    hasty.api_url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    hasty.timeouts.whole = Duration::from_millis(20);
    let late = Github::new(&hasty).unwrap().thread(&repo(), Thread::issue(4)).await.unwrap_err();
    let gone = server.settings("");
    drop(server);
    let refused = Github::new(&gone).unwrap().thread(&repo(), Thread::issue(4)).await.unwrap_err();
    for error in [late, refused] {
        assert!(matches!(error, ForgeError::Transport { .. }), "{error:?}");
        assert_eq!(error.retry(), Retry::WhenThere(OUTAGE));
    }
}

#[track_caller]
fn check_setup(change: impl FnOnce(&mut GithubSettings), expected: &str) {
    let server = Scripted::start(|_| None);
    let mut settings = server.settings("");
    change(&mut settings);
    let told = match Github::new(&settings) {
        Ok(_) => "accepted".to_owned(),
        Err(error @ (GithubSetupError::Address { .. } | GithubSetupError::Key(_))) => error.to_string(),
        Err(error) => panic!("{error:?}"),
    };
    assert_eq!(told, expected);
}

#[tokio::test]
async fn credentials_never_travel_in_clear() {
    let refused = |url: &str| {
        format!(
            "{url} cannot be used; give an https address without user and password (http is for loopback only)"
        )
    };
    let api = |url: &'static str| move |s: &mut GithubSettings| s.api_url = url.parse().unwrap();
    check_setup(api("http://ghe.example/api/v3"), &refused("http://ghe.example"));
    check_setup(api("https://me:pw@ghe.example"), &refused("https://ghe.example"));
    check_setup(api("https://ghe.example/api/v3"), "accepted");
    check_setup(api("http://localhost:3000"), "accepted");
    check_setup(api("http://[::1]:3000"), "accepted");
    let web = |s: &mut GithubSettings| s.web_url = "http://192.0.2.1/".parse().unwrap();
    check_setup(web, &refused("http://192.0.2.1"));
}

#[tokio::test]
async fn both_forms_of_the_private_key_are_taken_and_others_are_not() {
    let pkcs8 = include_str!("../data/github/app-pkcs8.pem");
    check_setup(|s| s.private_key = SecretString::from(pkcs8), "accepted");
    let told = "the App's private key cannot be used; give the PEM file that GitHub made for the App";
    check_setup(|s| s.private_key = SecretString::from("nonsense"), told);
}
