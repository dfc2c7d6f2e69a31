//! Installations and repositories that come, change and go.

use super::world::{REPO, World};
use serde_json::{Value, json};
use tasksgodzilla::sandbox::github::Role;

fn last(world: &World) -> (String, Value) {
    let hook = world.twin.pending().pop().unwrap();
    let name = format!("{}.{}", hook.event, hook.action.unwrap_or_default());
    (name, serde_json::from_slice(&hook.body).unwrap())
}

#[tokio::test]
async fn a_renamed_repository_keeps_its_number() {
    let world = World::new().await;
    let token = world.token().await;
    let id = world.get(&format!("/repos/{REPO}"), &token).await.json::<Value>().await.unwrap()["id"].clone();
    world.twin.rename(REPO, "engine").unwrap();
    let (event, body) = last(&world);
    assert_eq!(
        (event.as_str(), &body["changes"]["repository"]["name"]["from"]),
        ("repository.renamed", &json!("api"))
    );
    world.twin.transfer("acme/engine", "umbrella").unwrap();
    assert_eq!(last(&world).0, "repository.transferred");
    let found: Value = world.get(&format!("/repositories/{id}"), &token).await.json().await.unwrap();
    assert_eq!(found["full_name"], "umbrella/engine");
    assert_eq!(world.get(&format!("/repos/{REPO}"), &token).await.status(), 404);
}

#[tokio::test]
async fn an_archived_repository_can_only_be_read() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "x", "").unwrap();
    world.twin.archive(REPO).unwrap();
    assert_eq!(last(&world).0, "repository.archived");
    let (status, _) =
        world.send("POST", &format!("/repos/{REPO}/issues/1/comments"), json!({ "body": "x" })).await;
    assert_eq!(status, 403);
    assert_eq!(world.send("GET", &format!("/repos/{REPO}/issues/1"), Value::Null).await.0, 200);
}

#[tokio::test]
async fn an_installation_loses_what_is_taken_from_it() {
    let world = World::new().await;
    let token = world.token().await;
    world.twin.uninstall_from(world.app.app_id, REPO).unwrap();
    let (event, body) = last(&world);
    assert_eq!(event, "installation_repositories.removed");
    assert_eq!(body["repositories_removed"][0]["full_name"], REPO);
    assert_eq!(world.get(&format!("/repos/{REPO}"), &token).await.status(), 404);
    world.twin.open_issue("vera", REPO, "unheard", "").unwrap();
    assert_eq!(world.hooks().len(), 1, "an App hears nothing of places it is not on");
    world.twin.uninstall(world.installation);
    assert_eq!(last(&world).0, "installation.deleted");
    assert_eq!(world.get("/rate_limit", &token).await.status(), 401);
}

#[tokio::test]
async fn a_deleted_repository_is_gone() {
    let world = World::new().await;
    world.twin.delete_repository(REPO).unwrap();
    assert_eq!(last(&world).0, "repository.deleted");
    assert!(world.twin.thread(REPO, 1).is_err());
}

#[tokio::test]
async fn collaborators_are_listed_by_what_they_may_and_apps_have_no_role() {
    let world = World::new().await;
    world.twin.repository("acme", "lib", None).unwrap();
    world.twin.install(world.app.app_id, &["acme/lib"]).unwrap();
    for (login, role) in [("rita", Role::Read), ("mona", Role::Maintain), ("godzilla[bot]", Role::Admin)] {
        world.twin.grant(REPO, login, role).unwrap();
    }
    let token = world.token().await;
    let ask = async |tail: &str| -> Value {
        world.get(&format!("/repos/{REPO}/collaborators{tail}"), &token).await.json().await.unwrap()
    };
    let logins = |list: Value| -> Vec<String> {
        let login = |one: &Value| format!("{} {}", one["login"].as_str().unwrap(), one["role_name"]);
        list.as_array().unwrap().iter().map(login).collect()
    };
    let all = ["acme \"admin\"", "godzilla[bot] \"admin\"", "mona \"maintain\"", "rita \"read\""];
    assert_eq!(logins(ask("").await), all);
    assert_eq!(logins(ask("?permission=push").await), all[..3]);
    assert_eq!(logins(ask("?permission=admin&per_page=1&page=2").await), all[1..2]);
    assert_eq!(ask("/mona/permission").await["role_name"], "maintain");
    assert_eq!(ask("/godzilla%5Bbot%5D/permission").await["permission"], "none");
    let app: Value = world.get("/apps/godzilla", &token).await.json().await.unwrap();
    assert_eq!((&app["id"], &app["permissions"]["contents"]), (&json!(world.app.app_id), &json!("write")));
    assert_eq!(world.get("/apps/nobody", &token).await.status(), 404);
}

#[tokio::test]
async fn every_request_is_written_down() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "x", "").unwrap();
    world.send("POST", &format!("/repos/{REPO}/issues/1/comments"), json!({ "body": "hi" })).await;
    let log = world.twin.requests();
    let brief: Vec<_> = log.iter().map(|r| (r.operation.as_str(), r.status)).collect();
    assert_eq!(brief, [("apps/create-installation-access-token", 201), ("issues/create-comment", 201)]);
    assert_eq!((log[1].body.clone(), log[1].app), (json!({ "body": "hi" }), Some(world.app.app_id)));
    assert_eq!(log[1].login.as_deref(), Some("godzilla[bot]"));
}

#[tokio::test]
async fn a_dropped_twin_leaves_nothing_behind() {
    let world = World::new().await;
    let address = world.twin.url().replace("http://", "");
    drop(world.twin);
    assert!(std::net::TcpStream::connect(address).is_err());
}
