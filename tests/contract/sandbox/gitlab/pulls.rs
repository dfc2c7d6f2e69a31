//! Merge requests.

use super::world::{REPO, World};
use gitlab::api::projects::merge_requests::{
    CreateMergeRequest, EditMergeRequest, MergeMergeRequest, MergeRequestStateEvent,
};
use gitlab::api::{self, AsyncQuery};
use serde_json::{Value, json};
use tasksgodzilla::sandbox::Role;

/// A branch `work` with one commit, and the bot's draft of a merge request from it.
async fn with_draft() -> World {
    let world = World::new().await;
    world.twin.push_as("bob", REPO, "work", &[("a.txt", Some("a\n"))]).unwrap();
    let new = CreateMergeRequest::builder()
        .project(REPO)
        .source_branch("work")
        .target_branch("main")
        .title("Draft: Work")
        .description("It works.")
        .build();
    let made: Value = new.unwrap().query_async(&world.lab).await.unwrap();
    assert_eq!((&made["iid"], &made["state"], &made["draft"]), (&json!(1), &json!("opened"), &json!(true)));
    assert_eq!(
        (&made["sha"], &made["detailed_merge_status"]),
        (&json!(world.tip("work")), &json!("draft_status"))
    );
    world
}

async fn ready(world: &World) {
    let edit = EditMergeRequest::builder().project(REPO).merge_request(1).title("Work").build().unwrap();
    let edited: Value = edit.query_async(&world.lab).await.unwrap();
    assert_eq!((&edited["draft"], &edited["detailed_merge_status"]), (&json!(false), &json!("mergeable")));
}

#[tokio::test]
async fn a_draft_becomes_ready_by_its_title_and_is_merged() {
    let world = with_draft().await;
    world.twin.grant(REPO, &world.bot.login, Role::Maintain).unwrap();
    let merge = "PUT /projects/:id/merge_requests/1/merge";
    assert_eq!(world.bot_asks(merge, json!({})).await, (405, json!({ "message": "405 Method Not Allowed" })));
    ready(&world).await;
    let (status, answer) = world.bot_asks(merge, json!({ "sha": "0".repeat(40) })).await;
    assert_eq!(status, 409, "{answer}");
    let sha = world.tip("work");
    let merge =
        MergeMergeRequest::builder().project(REPO).merge_request(1).sha(sha.as_str()).build().unwrap();
    let merged: Value = merge.query_async(&world.lab).await.unwrap();
    assert_eq!(
        (&merged["state"], &merged["merge_commit_sha"]),
        (&json!("merged"), &json!(world.tip("main")))
    );
    let pull = world.twin.pull(REPO, 1).unwrap();
    assert_eq!((pull.merged, pull.merged_by), (true, Some(world.bot.login.clone())));
    world.conforms();
}

#[tokio::test]
async fn the_default_branch_is_protected() {
    let world = with_draft().await;
    ready(&world).await;
    let merge = MergeMergeRequest::builder().project(REPO).merge_request(1).build().unwrap();
    let refused = api::ignore(merge).query_async(&world.lab).await.unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
    assert!(world.twin.merge_pull("bob", REPO, 1).is_err());
    assert!(world.twin.push_as("bob", REPO, "main", &[("b", Some("b"))]).is_err());
    world.twin.protect(REPO, Role::Write).unwrap();
    world.twin.merge_pull("bob", REPO, 1).unwrap();
}

#[tokio::test]
async fn a_second_one_from_the_same_branch_conflicts() {
    let world = with_draft().await;
    let again = json!({ "source_branch": "work", "target_branch": "main", "title": "Again" });
    let create = "POST /projects/:id/merge_requests";
    let why = "Another open merge request already exists for this source branch: !1";
    assert_eq!(world.bot_asks(create, again).await, (409, json!({ "message": [why] })));
    let same = json!({ "source_branch": "main", "target_branch": "main", "title": "Same" });
    assert_eq!(world.bot_asks(create, same).await.0, 422);
    let nothing = json!({ "source_branch": "nowhere", "target_branch": "main", "title": "No" });
    assert_eq!(world.bot_asks(create, nothing).await.0, 400);
    let (status, answer) = world.bot_asks(create, json!({ "title": "No" })).await;
    assert_eq!((status, answer), (400, json!({ "error": "source_branch is missing" })));
}

#[tokio::test]
async fn it_is_closed_reopened_and_conflicts_like_a_branch() {
    let world = with_draft().await;
    ready(&world).await;
    let edit = |event| {
        let edit = EditMergeRequest::builder().project(REPO).merge_request(1).state_event(event).build();
        api::ignore(edit.unwrap())
    };
    edit(MergeRequestStateEvent::Close).query_async(&world.lab).await.unwrap();
    assert!(!world.twin.is_open(REPO, 1).unwrap());
    edit(MergeRequestStateEvent::Reopen).query_async(&world.lab).await.unwrap();
    assert!(world.twin.is_open(REPO, 1).unwrap());
    world.twin.push_as("ann", REPO, "main", &[("a.txt", Some("b\n"))]).unwrap();
    let (_, pull) = world.bot_asks("GET /projects/:id/merge_requests/1", Value::Null).await;
    assert_eq!((&pull["detailed_merge_status"], &pull["has_conflicts"]), (&json!("conflict"), &json!(true)));
    world.twin.grant(REPO, &world.bot.login, Role::Maintain).unwrap();
    assert_eq!(world.bot_asks("PUT /projects/:id/merge_requests/1/merge", json!({})).await.0, 422);
}
