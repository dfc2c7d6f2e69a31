//! Who we are, who they are, and how to reach the code, as GitLab tells it.

use crate::github_server::{Reply, Seen, by_line, person, reply, sha};
use crate::gitlab_server::{BOT, TOKEN, asked, client, repo, settings, start};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tasksgodzilla::domain::actor::{ActorKind, Permission};
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::forge::gitlab::Gitlab;
use tasksgodzilla::forge::{Access, Forge, ForgeError, GitRights};

#[tokio::test]
async fn the_bot_knows_its_name_account_and_address_after_asking_once() {
    let server = start(|_| None);
    let gitlab = client(&server);
    for _ in 0..2 {
        let identity = gitlab.identity().await.unwrap();
        assert_eq!((identity.slug.as_str(), identity.actor.id), ("project_7_bot_ab", BOT));
        assert_eq!(identity.email, "godzilla@noreply.lab.example");
    }
    assert_eq!(server.all().len(), 1);
    assert_eq!(gitlab.nobodys_email(11, "ada"), "11-ada@users.noreply.127.0.0.1");
}

#[tokio::test]
async fn a_role_counts_with_what_is_inherited() {
    let server = start(by_line(&[(
        "GET /api/v4/projects/700/members/all/11",
        200,
        r#"{"id":11,"access_level":40,"state":"active"}"#,
    )]));
    let permission = client(&server).permission(&repo(), &person("ada")).await.unwrap();
    assert_eq!(permission, Permission::Maintain);
    assert_eq!(asked(&server), "GET /api/v4/projects/700/members/all/11\n");
}

#[tokio::test]
async fn a_stranger_may_read_what_is_public_and_nothing_else() {
    for (visibility, expected) in
        [("public", Permission::Read), ("internal", Permission::None), ("private", Permission::None)]
    {
        let project = json!({ "id": 700, "path_with_namespace": "acme/core/api", "visibility": visibility });
        let server =
            start(move |seen| seen.line.ends_with("/projects/700").then(|| reply(200, project.clone())));
        assert_eq!(client(&server).permission(&repo(), &person("eve")).await.unwrap(), expected);
    }
    let lost = start(|_| None);
    let error = client(&lost).permission(&repo(), &person("eve")).await.unwrap_err();
    assert!(matches!(error, ForgeError::Missing { .. }), "a project that was lost gives no right: {error:?}");
}

#[tokio::test]
async fn people_who_may_are_named_and_bots_are_not() {
    let server = start(|seen| {
        let member = |id: i64, level: i64| json!({ "id": id, "username": format!("u{id}"), "access_level": level, "state": "active" });
        if let Some(id) = seen.line.split("/users/").nth(1) {
            let id: i64 = id.parse().unwrap();
            return Some(reply(200, json!({ "id": id, "username": format!("u{id}"), "bot": id == 12 })));
        }
        let second = seen.line.ends_with("&page=2");
        let page = if second {
            json!([member(14, 50), member(15, 40)])
        } else {
            json!([member(11, 40), member(12, 50), member(13, 30)])
        };
        let page = reply(200, page).with("x-next-page", if second { "" } else { "2" });
        seen.line.contains("/members/all?").then_some(page)
    });
    let gitlab = client(&server);
    assert_eq!(gitlab.holders(&repo(), Permission::Maintain, 5).await.unwrap(), ["u11", "u14", "u15"]);
    assert_eq!(gitlab.holders(&repo(), Permission::Maintain, 1).await.unwrap(), ["u11"]);
    let blind = start(|_| Some(reply(403, json!({ "message": "403 Forbidden" }))));
    assert!(client(&blind).holders(&repo(), Permission::Read, 5).await.unwrap().is_empty());
}

/// What is at the root of commit a, besides what `file` reads.
fn root(seen: &Seen) -> Option<Reply> {
    let entry = |path: &str, kind: &str, mode: &str| json!({ "path": path, "name": path, "type": kind, "mode": mode });
    let root = json!([
        entry("plain.yml", "blob", "100644"),
        entry("large.yml", "blob", "100644"),
        entry("link.yml", "blob", "120000"),
        entry("folder", "tree", "040000"),
        entry("module", "commit", "160000"),
    ]);
    if seen.line.contains("/repository/tree?") {
        return seen.line.contains("&path=&").then(|| reply(200, root));
    }
    let size = if seen.line.contains("large") { "70000" } else { "6" };
    let body = reply(200, json!("help")).with("x-gitlab-size", size);
    seen.line.contains("/raw?ref=").then_some(body)
}

#[tokio::test]
async fn a_file_is_read_at_a_commit_and_what_is_no_file_is_said() {
    let server = start(root);
    let gitlab = client(&server);
    let content = gitlab.file(&repo(), &sha("a"), "plain.yml", 64).await.unwrap();
    assert_eq!(content.as_deref(), Some(&b"\"help\""[..]));
    insta::assert_snapshot!(asked(&server), @"
    GET /api/v4/projects/700/repository/tree?ref=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&path=&per_page=100&page=1
    HEAD /api/v4/projects/700/repository/files/plain.yml/raw?ref=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    GET /api/v4/projects/700/repository/files/plain.yml/raw?ref=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ");
    assert_eq!(gitlab.file(&repo(), &sha("a"), "absent.yml", 64).await.unwrap(), None);
    for (path, is) in [
        ("large.yml", "70000 bytes long"),
        ("link.yml", "a symbolic link"),
        ("folder", "a folder"),
        ("module", "a submodule"),
    ] {
        let error = gitlab.file(&repo(), &sha("a"), path, 64).await.unwrap_err();
        assert_eq!(error.to_string(), format!("`{path}` is {is}, and not a plain file of at most 64 bytes"));
    }
    let lost = gitlab.file(&repo(), &sha("a"), "gone/x.yml", 64).await;
    assert!(matches!(lost, Err(ForgeError::Missing { .. })), "a project that was lost has no defaults");
}

#[tokio::test]
async fn the_api_tells_people_and_bots_apart() {
    let server =
        start(by_line(&[("GET /api/v4/users/11", 200, r#"{"id":11,"username":"renamer","bot":true}"#)]));
    let actor = client(&server).whois(&person("")).await.unwrap();
    assert_eq!((actor.login.as_str(), actor.id, actor.kind), ("renamer", 11, ActorKind::Bot));
}

#[tokio::test]
async fn a_project_is_read_by_its_id() {
    let server = start(by_line(&[(
        "GET /api/v4/projects/700",
        200,
        r#"{"id":700,"path_with_namespace":"acme/new/api","default_branch":"trunk","visibility":"private","archived":true}"#,
    )]));
    let found = client(&server).repository(&repo()).await.unwrap();
    assert_eq!((found.repo.owner.as_str(), found.repo.name.as_str()), ("acme/new", "api"));
    assert_eq!((found.default_branch.as_str(), found.private, found.archived), ("trunk", true, true));
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_told_from_a_project_that_is_not() {
    let branch = json!({ "name": "0007-split/importer", "commit": { "id": sha("a") } });
    let server = start(move |seen| seen.line.contains("/branches/0007").then(|| reply(200, branch.clone())));
    let gitlab = client(&server);
    assert_eq!(gitlab.branch_tip(&repo(), "0007-split/importer").await.unwrap(), Some(sha("a")));
    assert_eq!(asked(&server), "GET /api/v4/projects/700/repository/branches/0007-split%2Fimporter\n");
    assert!(matches!(gitlab.branch_tip(&repo(), "gone").await, Err(ForgeError::Missing { .. })));

    let there = json!({ "id": 700, "path_with_namespace": "acme/core/api" });
    let server = start(move |seen| seen.line.ends_with("/projects/700").then(|| reply(200, there.clone())));
    assert_eq!(client(&server).branch_tip(&repo(), "gone").await.unwrap(), None);
}

#[tokio::test]
async fn git_gets_an_address_without_secrets_and_the_token_beside_it() {
    let server = start(|_| None);
    let gitlab = Gitlab::new(&settings(&server, "/gitlab/")).unwrap();
    for rights in [GitRights::Read, GitRights::Write] {
        let access = gitlab.git_access(&repo(), rights).await.unwrap();
        assert_eq!(access.url, format!("http://{}/gitlab/acme/core/api.git", server.host()));
        assert_eq!((access.username.as_str(), access.secret.expose_secret()), ("oauth2", TOKEN));
    }
    assert!(server.all().is_empty());
}

#[tokio::test]
async fn the_end_of_an_access_token_is_known() {
    let server = start(by_line(&[(
        "GET /api/v4/personal_access_tokens/self",
        200,
        r#"{"id":3,"name":"godzilla","scopes":["api"],"expires_at":"2026-12-31","active":true}"#,
    )]));
    let credential = client(&server).credential().await.unwrap().unwrap();
    assert_eq!((credential.name.as_str(), credential.scopes), ("godzilla", vec!["api".to_owned()]));
    assert_eq!(credential.expires.map(Moment::date_time).as_deref(), Some("2026-12-31 00:00:00"));
}

#[tokio::test]
async fn an_oauth_token_tells_how_long_it_lives_beside_the_api() {
    let server = start(by_line(&[
        ("GET /gitlab/api/v4/personal_access_tokens/self", 401, r#"{"message":"401 Unauthorized"}"#),
        ("GET /gitlab/oauth/token/info", 200, r#"{"scope":["api"],"expires_in":7200}"#),
    ]));
    let gitlab = Gitlab::new(&settings(&server, "/gitlab")).unwrap();
    let credential = gitlab.credential().await.unwrap().unwrap();
    assert_eq!((credential.name.as_str(), credential.expires.is_some()), ("OAuth token", true));
    let nobody = start(by_line(&[("GET /api/v4/personal_access_tokens/self", 401, "{}")]));
    assert!(matches!(client(&nobody).credential().await, Err(ForgeError::Unauthorized { .. })));
}
