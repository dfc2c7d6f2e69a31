//! Who the bot is, who others are, and where the code lies.

use crate::github_server::{BOT, Scripted, by_line, reply, repo, sha};
use serde_json::json;
use tasksgodzilla::domain::actor::Permission;
use tasksgodzilla::domain::project::RepoRef;
use tasksgodzilla::forge::{Access, ForgeError};

#[tokio::test]
async fn the_bot_knows_its_name_account_and_address_after_asking_once() {
    let server = Scripted::start(|_| None);
    let github = server.client("");
    let identity = github.identity().await.unwrap();
    assert_eq!(identity, github.identity().await.unwrap());
    assert_eq!((identity.app_id, identity.slug.as_str(), identity.actor.id), (42, "godzilla", BOT));
    assert_eq!(identity.email, "4200+godzilla[bot]@users.noreply.github.com");
    assert_eq!(server.all().len(), 2);
    let account = &server.all()[1];
    assert_eq!(account.header("authorization"), "", "an App's assertion is refused here");
}

#[tokio::test]
async fn a_server_in_private_mode_is_asked_through_an_installation() {
    let server = Scripted::start(|seen| match seen.line.as_str() {
        line if line.contains("/users/") && seen.header("authorization").is_empty() => {
            Some(reply(401, json!({ "message": "Must authenticate to access this API." })))
        }
        line if line.contains("/app/installations?") => Some(reply(200, json!([{ "id": 5 }]))),
        _ => None,
    });
    assert_eq!(server.client("").identity().await.unwrap().actor.id, BOT);
    assert_eq!(server.mints()[0].body, json!({ "permissions": { "metadata": "read" } }));
}

#[tokio::test]
async fn a_stranger_has_no_permission() {
    let server = Scripted::start(by_line(&[(
        "GET /repos/acme/api/collaborators/ada/permission",
        200,
        r#"{ "permission": "write", "role_name": "maintain" }"#,
    )]));
    let github = server.client("");
    assert_eq!(github.permission(&repo(), "ada").await.unwrap(), Permission::Maintain);
    assert_eq!(github.permission(&repo(), "eve[bot]").await.unwrap(), Permission::None);
    assert_eq!(server.lines()[1], "GET /repos/acme/api/collaborators/eve%5Bbot%5D/permission");
}

#[tokio::test]
async fn a_renamed_repository_is_followed_and_another_one_is_not() {
    let server = Scripted::start(by_line(&[(
        "GET /repos/acme/api",
        200,
        r#"{ "id": 700, "name": "core", "owner": { "login": "acme-inc" }, "default_branch": "main", "private": true }"#,
    )]));
    let found = server.client("").repository(&repo()).await.unwrap();
    assert_eq!((found.repo.full_name().as_str(), found.repo.installation), ("acme-inc/core", 5));
    assert!(found.private && !found.archived);
    let another = RepoRef { id: 9, ..repo() };
    let error = server.client("").repository(&another).await.unwrap_err();
    assert!(matches!(error, ForgeError::Missing { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_branch_is_told_from_a_missing_repository() {
    let server = Scripted::start(by_line(&[
        (
            "GET /repos/acme/api/git/ref/heads/feature/a%23b",
            200,
            r#"{ "ref": "refs/heads/feature/a#b", "object": { "sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } }"#,
        ),
        ("GET /repos/acme/api/git/ref", 404, r#"{ "message": "Not Found" }"#),
        (
            "GET /repos/acme/api",
            200,
            r#"{ "id": 700, "name": "api", "owner": { "login": "acme" }, "default_branch": "main", "private": true }"#,
        ),
        ("GET /repos/empty/api/git/ref", 409, r#"{ "message": "Git Repository is empty." }"#),
    ]));
    let github = server.client("");
    assert_eq!(github.branch_tip(&repo(), "feature/a#b").await.unwrap(), Some(sha("a")));
    assert_eq!(github.branch_tip(&repo(), "gone").await.unwrap(), None);
    let mut lost = repo();
    lost.owner = "empty".to_owned();
    assert_eq!(github.branch_tip(&lost, "main").await.unwrap(), None);
    lost.id = 9;
    lost.owner = "lost".to_owned();
    let error = github.branch_tip(&lost, "main").await.unwrap_err();
    assert!(matches!(error, ForgeError::Missing { .. }), "{error}");
}
