//! The fault desk on GitLab: the same orders, named by GitLab's paths below the API.

use super::world::{REPO, World};
use serde_json::{Value, json};
use std::time::Duration;
use tasksgodzilla::sandbox::{Fault, Which};

const NOTES: &str = "POST /projects/{id}/issues/{issue_iid}/notes";

async fn with_issue() -> World {
    let world = World::below("/gitlab").await;
    world.twin.open_issue("bob", REPO, "Split it", "").unwrap();
    world
}

async fn note(world: &World) -> (u16, Value) {
    world.bot_asks("POST /projects/:id/issues/1/notes", json!({ "body": "hello" })).await
}

#[tokio::test]
async fn calls_fail_before_or_after_the_thing_was_done() {
    let world = with_issue().await;
    world.twin.order(NOTES, Which::Nth(2), Fault::Fails(502));
    world.twin.order(NOTES, Which::Nth(3), Fault::FailsAfter(503));
    let answers = [note(&world).await.0, note(&world).await.0, note(&world).await.0];
    assert_eq!((answers, world.twin.thread(REPO, 1).unwrap().len()), ([201, 502, 503], 2));
    assert_eq!(world.twin.met().len(), 2);
    world.twin.heal();
    world.twin.order("* *", Which::Next, Fault::Limited { status: 429, retry_after: Some(7) });
    assert_eq!(note(&world).await, (429, json!({ "message": "429 Too Many Requests" })));
    world.twin.order("POST *", Which::Next, Fault::UsedUp { status: 429, reset_in: 60 });
    let url = format!("{}/projects/{}/issues/1/notes", world.twin.api_url(), world.id);
    let used_up = world.http.post(url).bearer_auth(&world.bot.token).send().await.unwrap();
    assert_eq!(
        (used_up.status().as_u16(), used_up.headers()["ratelimit-remaining"].to_str().unwrap()),
        (429, "0")
    );
}

#[tokio::test]
async fn connections_are_cut_and_git_is_meant_by_its_own_path() {
    let world = with_issue().await;
    let url = format!("{}/projects/{}/issues/1/notes", world.twin.api_url(), world.id);
    world.twin.order(NOTES, Which::Next, Fault::CutAfter);
    let body = json!({ "body": "hello" });
    assert!(world.http.post(&url).bearer_auth(&world.bot.token).json(&body).send().await.is_err());
    assert_eq!(world.twin.thread(REPO, 1).unwrap().len(), 1);
    world.twin.order("GET /{owner*}/{repo}/info/refs", Which::Next, Fault::Fails(500));
    let refs = format!("{}/{REPO}.git/info/refs?service=git-upload-pack", world.twin.url());
    let ask = || world.http.get(&refs).basic_auth("oauth2", Some(&world.bot.token)).send();
    assert_eq!(ask().await.unwrap().status(), 500);
    assert_eq!(ask().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_token_is_revoked_for_good() {
    let world = with_issue().await;
    world.twin.order(NOTES, Which::Next, Fault::Revoked);
    assert_eq!((note(&world).await.0, note(&world).await.0), (401, 401));
}

#[tokio::test]
async fn a_replica_that_lies_behind_knows_nothing_young() {
    let world = with_issue().await;
    world.twin.advance(Duration::from_secs(60));
    assert_eq!(note(&world).await.0, 201);
    let sha = world.twin.push_as("bob", REPO, "work", &[("a.txt", Some("a\n"))]).unwrap();
    world.twin.order("GET *", Which::Every, Fault::Lags(Duration::from_secs(30)));
    assert_eq!(world.bot_asks("GET /projects/:id/issues/1/notes", Value::Null).await.1, json!([]));
    let commit = format!("GET /projects/:id/repository/commits/{sha}");
    assert_eq!(
        world.bot_asks(&commit, Value::Null).await,
        (404, json!({ "message": "404 Commit Not Found" }))
    );
    world.twin.close_issue("bob", REPO, 1).unwrap();
    assert_eq!(world.bot_asks("GET /projects/:id/issues/1", Value::Null).await.1["state"], "opened");
    world.twin.heal();
    assert_eq!(world.bot_asks("GET /projects/:id/issues/1", Value::Null).await.1["state"], "closed");
}
