//! How the client asks GitLab: credentials, pages, addresses, and what it makes of refusals.

use crate::github_server::{reply, sha};
use crate::gitlab_server::{TOKEN, asked, client, repo, settings, start};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use tasksgodzilla::domain::retry::{OUTAGE, Retry};
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::forge::gitlab::{Gitlab, GitlabSetupError};
use tasksgodzilla::forge::{Access, Checks, ForgeError, Pulls, Threads};

fn issue() -> Value {
    json!({ "title": "Split", "description": null, "state": "opened" })
}

#[tokio::test]
async fn nothing_is_asked_before_it_is_needed_and_every_question_carries_the_token() {
    let server = start(|seen| seen.line.contains("/issues/4").then(|| reply(200, issue())));
    let gitlab = client(&server);
    assert!(server.all().is_empty(), "a bot that starts asks nothing");
    gitlab.thread(&repo(), Thread::issue(4)).await.unwrap();
    let [seen] = &server.all()[..] else { panic!("asked more than once: {}", asked(&server)) };
    assert_eq!(seen.line, "GET /api/v4/projects/700/issues/4");
    assert_eq!(seen.header("authorization"), format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn a_gitlab_below_a_path_is_asked_there() {
    let server = start(|seen| seen.line.contains("/issues/4").then(|| reply(200, issue())));
    for prefix in ["/gitlab", "/gitlab/", "/a/b"] {
        let gitlab = Gitlab::new(&settings(&server, prefix)).unwrap();
        gitlab.thread(&repo(), Thread::issue(4)).await.unwrap();
    }
    insta::assert_snapshot!(asked(&server), @"
    GET /gitlab/api/v4/projects/700/issues/4
    GET /gitlab/api/v4/projects/700/issues/4
    GET /a/b/api/v4/projects/700/issues/4
    ");
}

#[tokio::test]
async fn every_page_is_read() {
    let server = start(|seen| {
        let number = seen.line.split("&page=").nth(1)?;
        let job = json!({ "id": number.parse::<u64>().unwrap(), "name": format!("job {number}"), "status": "success" });
        let next = match number {
            "1" => "2",
            "2" => "3",
            _ => "",
        };
        let list = if seen.line.contains("/pipelines?") {
            json!([{ "id": 1, "ref": "a", "status": "success" }])
        } else {
            json!([job])
        };
        Some(reply(200, list).with("x-next-page", if seen.line.contains("/jobs?") { next } else { "" }))
    });
    let results = client(&server).ci_results(&repo(), &sha("a")).await.unwrap();
    let names: Vec<&str> = results.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names, ["job 1", "job 2", "job 3", "job 1"], "three pages of jobs, one of bridges");
}

#[tokio::test]
async fn refusals_are_told_apart_and_never_repeated_here() {
    let mut told = String::new();
    for (status, body) in [
        (401, json!({ "message": "401 Unauthorized" })),
        (403, json!({ "message": "403 Forbidden" })),
        (403, json!({ "error": "insufficient_scope", "scope": "api" })),
        (404, json!({ "message": "404 Project Not Found" })),
        (422, json!({ "message": { "title": ["is too long"] } })),
        (409, json!({ "message": ["Another open merge request already exists"] })),
        (429, json!({ "message": "Retry later" })),
        (502, json!("no gateway")),
    ] {
        let server = start(move |seen| {
            let answer = || reply(status, body.clone()).with("retry-after", "7");
            seen.line.starts_with("PUT").then(answer)
        });
        let error = client(&server).close_pull(&repo(), 9).await.unwrap_err();
        let retry = error.retry();
        told.push_str(&format!("{} ({retry:?})\n", error.to_string().replace(&server.host(), "HOST")));
        let puts = server.all().iter().filter(|seen| seen.line.starts_with("PUT")).count();
        assert_eq!(puts, 1, "asked again after {status}");
    }
    insta::assert_snapshot!(told, @"
    HOST does not accept the bot's credentials; check TASKSGODZILLA_GITLAB_TOKEN: it may have expired or been revoked (Never)
    HOST does not let the bot close a merge request; give the bot's account the role Developer in this project, and its token the scope `api` (Never)
    HOST does not let the bot close a merge request; give its token the scope `api` (Never)
    HOST has no merge request !9, or does not let the bot see it (Never)
    HOST has no merge request !9, or does not let the bot see it (Never)
    HOST has no merge request !9, or does not let the bot see it (Never)
    HOST is limiting the bot's calls for 7 s (After(7s))
    HOST failed to close a merge request (502) (WhenThere(3600s))
    ");
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_makes_no_sense_is_said_so() {
    let server = start(|seen| seen.line.contains("/issues/4").then(|| reply(200, json!({ "title": 7 }))));
    let error = client(&server).thread(&repo(), Thread::issue(4)).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unreadable { .. }), "{error:?}");

    // It takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut hasty = settings(&server, "");
    hasty.url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    hasty.timeout = Duration::from_millis(20);
    let late = Gitlab::new(&hasty).unwrap().thread(&repo(), Thread::issue(4)).await.unwrap_err();
    let gone = client(&server);
    drop(server);
    let refused = gone.thread(&repo(), Thread::issue(4)).await.unwrap_err();
    for error in [late, refused] {
        assert!(matches!(error, ForgeError::Transport { .. }), "{error:?}");
        assert_eq!(error.retry(), Retry::WhenThere(OUTAGE));
    }
}

#[tokio::test]
async fn the_client_is_made_anew_for_a_gitlab_that_was_down() {
    let server = start(|_| None);
    let lab = settings(&server, "");
    drop(server);
    let gitlab = Gitlab::new(&lab).unwrap();
    assert!(gitlab.identity().await.is_err());
    assert!(gitlab.identity().await.is_err(), "a failure is not kept");
}

#[test]
fn credentials_never_travel_in_clear() {
    let server = start(|_| None);
    let mut lab = settings(&server, "");
    for url in ["http://gitlab.example", "https://user:pw@gitlab.example", "ftp://127.0.0.1"] {
        lab.url = url.parse().unwrap();
        assert!(matches!(Gitlab::new(&lab), Err(GitlabSetupError::Address { .. })), "{url}");
    }
    lab.url = "https://gitlab.example/lab".parse().unwrap();
    assert!(Gitlab::new(&lab).is_ok());
    lab.token = SecretString::from("two\nlines");
    assert!(matches!(Gitlab::new(&lab), Err(GitlabSetupError::Token)));
}
