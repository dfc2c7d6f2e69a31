//! Who the bot is, who others are, and where the code lies.

use crate::github_server::{BOT, Scripted, by_line, person, reply, repo, sha};
use serde_json::{Value, json};
use tasksgodzilla::domain::actor::Permission;
use tasksgodzilla::domain::project::RepoRef;
use tasksgodzilla::forge::{Access, ForgeError};

#[tokio::test]
async fn the_bot_knows_its_name_account_and_address_after_asking_once() {
    let server = Scripted::start(|_| None);
    let github = server.client("");
    let identity = github.identity().await.unwrap();
    assert_eq!(identity, github.identity().await.unwrap());
    assert_eq!((identity.slug.as_str(), identity.actor.id), ("godzilla", BOT));
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
    assert_eq!(github.permission(&repo(), &person("ada")).await.unwrap(), Permission::Maintain);
    assert_eq!(github.permission(&repo(), &person("eve[bot]")).await.unwrap(), Permission::None);
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

#[tokio::test]
async fn the_bot_of_an_app_counts_by_what_the_app_may_write() {
    let server = Scripted::start(by_line(&[
        (
            "GET /repos/acme/api/collaborators/helper%5Bbot%5D/permission",
            200,
            r#"{ "permission": "none", "role_name": "", "user": { "permissions": { "pull": false } } }"#,
        ),
        (
            "GET /apps/helper",
            200,
            r#"{ "id": 9, "permissions": { "contents": "write", "metadata": "read" } }"#,
        ),
        ("GET /apps/hidden", 403, r#"{ "message": "Resource not accessible by integration" }"#),
    ]));
    let github = server.client("");
    assert_eq!(github.permission(&repo(), &person("helper[bot]")).await.unwrap(), Permission::Write);
    assert_eq!(github.permission(&repo(), &person("hidden[bot]")).await.unwrap(), Permission::None);
    assert_eq!(github.permission(&repo(), &person("gone[bot]")).await.unwrap(), Permission::None);
    assert_eq!(github.permission(&repo(), &person("helper")).await.unwrap(), Permission::None);
    let asked = server.all().into_iter().filter(|seen| seen.line == "GET /apps/helper").count();
    assert_eq!(asked, 1, "a person's name leads to no App");
}

fn collaborators(names: &[(&str, &str, &str)]) -> Value {
    let one = |(login, kind, role): &(&str, &str, &str)| {
        let at_least = |least: &[&str]| least.contains(role);
        let push = at_least(&["write", "maintain", "admin", "release-captain"]);
        let permissions =
            json!({ "pull": true, "triage": push, "push": push, "admin": at_least(&["admin"]) });
        json!({ "login": login, "type": kind, "role_name": role, "permissions": permissions })
    };
    names.iter().map(one).collect()
}

#[tokio::test]
async fn people_who_may_are_found_on_every_page() {
    let list = "GET /repos/acme/api/collaborators?permission=push&per_page=100";
    let server = Scripted::start(move |seen| match seen.line.as_str() {
        line if line == list => {
            let page = [("ada", "User", "write"), ("bot", "Bot", "admin"), ("eve", "User", "read")];
            let next = "<https://elsewhere.example/repos/acme/api/collaborators?permission=push&page=2>; rel=\"next\"";
            Some(reply(200, collaborators(&page)).with("link", next))
        }
        "GET /repos/acme/api/collaborators?permission=push&page=2" => {
            let page =
                [("cap", "User", "release-captain"), ("dan", "User", "maintain"), ("fay", "User", "admin")];
            Some(reply(200, collaborators(&page)))
        }
        _ => None,
    });
    let github = server.client("");
    let people = async |most| github.holders(&repo(), Permission::Write, most).await.unwrap();
    assert_eq!(people(5).await, ["ada", "cap", "dan", "fay"]);
    assert_eq!(people(2).await, ["ada", "cap"]);
    let before = server.lines().len();
    assert_eq!(people(1).await, ["ada"]);
    assert_eq!(server.lines().len(), before + 1, "nobody asks for more pages than it takes");
}

#[tokio::test]
async fn admins_are_asked_for_when_the_filter_finds_nobody() {
    let server = Scripted::start(|seen| match seen.line.as_str() {
        line if line.contains("permission=maintain") => Some(reply(200, json!([]))),
        line if line.contains("permission=admin") => {
            Some(reply(200, collaborators(&[("ann", "User", "admin")])))
        }
        _ => None,
    });
    let github = server.client("");
    assert_eq!(github.holders(&repo(), Permission::Maintain, 5).await.unwrap(), ["ann"]);
    assert_eq!(github.holders(&repo(), Permission::Admin, 5).await.unwrap(), ["ann"]);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn nobody_is_named_when_the_list_is_not_for_the_bot() {
    for (status, message) in [
        (403, "Must have push access to view repository collaborators."),
        (403, "Resource not accessible by integration"),
        (404, "Not Found"),
    ] {
        let server = Scripted::start(move |seen| {
            seen.line.contains("/collaborators?").then(|| reply(status, json!({ "message": message })))
        });
        let nobody = server.client("").holders(&repo(), Permission::Write, 5).await.unwrap();
        assert_eq!(nobody, [""; 0], "{message}");
    }
    let server = Scripted::start(|seen| seen.line.contains("/collaborators?").then(|| reply(502, json!({}))));
    let error = server.client("").holders(&repo(), Permission::Write, 5).await.unwrap_err();
    assert!(matches!(error, ForgeError::Broken { .. }), "{error}");
}
