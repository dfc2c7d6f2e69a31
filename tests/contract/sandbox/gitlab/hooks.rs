//! Webhooks: what they say, how they are signed, and when they end.

use super::world::{KEY, NOW, REPO, World};
use crate::sandbox::world::Receiver;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitlab::api::AsyncQuery;
use gitlab::api::projects::hooks::CreateHook;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tasksgodzilla::sandbox::gitlab::HookSpec;
use tasksgodzilla::sandbox::{Ci, PullSpec, Role};

/// Nobody listens there.
const DEAD: HookSpec<'_> = HookSpec { url: "http://127.0.0.1:9/", token: None, signing: None };

#[tokio::test]
async fn a_letter_carries_the_token_and_a_right_signature() {
    let world = World::new().await;
    let receiver = Receiver::start();
    world.hooked(&receiver);
    world.twin.open_issue("bob", REPO, "Split it", "/protocol new").unwrap();
    let delivered = world.twin.deliver_next(&world.http).await.unwrap();
    assert_eq!((delivered.event.as_str(), delivered.status), ("Issue Hook", 202));
    let [letter] = receiver.seen().try_into().unwrap();
    assert_eq!(
        (letter.header("x-gitlab-event"), letter.header("x-gitlab-token")),
        ("Issue Hook", "open sesame")
    );
    assert_eq!(letter.header("idempotency-key"), letter.header("webhook-id"));
    assert_eq!(letter.header("webhook-timestamp"), (NOW / 1000).to_string());
    assert!(
        !letter.header("x-gitlab-webhook-uuid").is_empty()
            && !letter.header("x-gitlab-event-uuid").is_empty()
    );
    let key = BASE64_STANDARD.decode(KEY.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", letter.header("webhook-id"), NOW / 1000).as_bytes());
    mac.update(&letter.body);
    let signed = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(letter.header("webhook-signature"), signed);
    let body: Value = serde_json::from_slice(&letter.body).unwrap();
    assert_eq!(
        (&body["object_kind"], &body["object_attributes"]["action"]),
        (&json!("issue"), &json!("open"))
    );
    assert_eq!((&body["project"]["id"], &body["user"]["username"]), (&json!(world.id), &json!("bob")));
    world.twin.redeliver(&delivered.guid).unwrap();
    world.twin.deliver_next(&world.http).await.unwrap();
    assert_eq!(receiver.seen()[1].header("idempotency-key"), letter.header("idempotency-key"));
}

#[tokio::test]
async fn what_happens_is_told_in_order() {
    let world = World::new().await;
    world.twin.add_hook(REPO, DEAD).unwrap();
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    world.twin.open_issue("bob", REPO, "Split it", "").unwrap();
    let note = world.twin.comment("bob", REPO, 1, "/protocol new").unwrap();
    world.twin.edit_comment("bob", REPO, note, "/protocol status").unwrap();
    world.twin.internal_note("ann", REPO, 1, "between us").unwrap();
    world.twin.push_as("bob", REPO, "work", &[("a.txt", Some("a\n"))]).unwrap();
    let spec = PullSpec { title: "Work", body: "", head: "work", base: "main", draft: true };
    let number = world.twin.open_pull("bob", REPO, &spec).unwrap();
    world.twin.ready_pull("bob", REPO, number).unwrap();
    world.twin.push_as("bob", REPO, "work", &[("a.txt", Some("b\n"))]).unwrap();
    world.twin.merge_pull("ann", REPO, number).unwrap();
    let expected = [
        "Issue Hook open",
        "Note Hook create",
        "Note Hook update",
        "Confidential Note Hook create",
        "Push Hook",
        "Job Hook pending",
        "Pipeline Hook pending",
        "Merge Request Hook open",
        "Merge Request Hook update",
        "Push Hook",
        "Merge Request Hook update",
        "Job Hook pending",
        "Pipeline Hook pending",
        "Merge Request Hook merge",
        "Push Hook",
    ];
    assert_eq!(world.names(), expected);
    let waiting = world.waiting();
    let about = |place: usize| &waiting[place].1["object_attributes"];
    assert_eq!(about(2)["note"], "/protocol status");
    assert_eq!(waiting[8].1["changes"]["draft"], json!({ "previous": true, "current": false }));
    assert_eq!(about(8)["oldrev"], Value::Null);
    assert_eq!((about(10)["oldrev"].as_str().unwrap().len(), &about(10)["iid"]), (40, &json!(1)));
    assert_eq!(waiting[4].1["ref"], "refs/heads/work");
    assert_eq!(about(13)["state"], "merged");
}

#[tokio::test]
async fn four_failures_switch_a_hook_off_and_a_good_test_switches_it_on() {
    let world = World::new().await;
    world.twin.grant(REPO, &world.bot.login, Role::Maintain).unwrap();
    let receiver = Receiver::start();
    let hook = CreateHook::builder().project(REPO).url("http://127.0.0.1:9/").issues_events(true).build();
    let made: Value = hook.unwrap().query_async(&world.lab).await.unwrap();
    let id = made["id"].as_u64().unwrap();
    assert_eq!((&made["alert_status"], &made["note_events"]), (&json!("executable"), &json!(false)));
    for n in 0..5 {
        world.twin.open_issue("bob", REPO, &format!("Issue {n}"), "").unwrap();
        world.twin.deliver_all(&world.http).await;
    }
    let [view] = world.twin.hooks(REPO).unwrap().try_into().unwrap();
    assert_eq!((view.on, view.failures), (false, 4));
    let (_, seen) = world.bot_asks(&format!("GET /projects/:id/hooks/{id}"), Value::Null).await;
    assert_eq!(
        (&seen["alert_status"], &seen["disabled_until"]),
        (&json!("temporarily_disabled"), &json!("2027-01-15T08:01:00.000Z"))
    );
    let test = format!("POST /projects/:id/hooks/{id}/test/push_events");
    assert_eq!(world.bot_asks(&test, json!({})).await.0, 422);
    let edit = json!({ "url": receiver.url, "issues_events": true });
    assert_eq!(world.bot_asks(&format!("PUT /projects/:id/hooks/{id}"), edit).await.0, 200);
    assert_eq!(world.bot_asks(&test, json!({})).await.0, 201);
    assert_eq!(receiver.seen()[0].header("x-gitlab-event"), "Push Hook");
    assert!(world.twin.hooks(REPO).unwrap()[0].on);
    world.twin.open_issue("bob", REPO, "At last", "").unwrap();
    assert_eq!(world.names(), ["Issue Hook open"]);
}

#[tokio::test]
async fn groups_and_the_server_hear_of_what_is_below_them() {
    let world = World::new().await;
    let group = world.twin.add_group_hook("acme", DEAD);
    let server = world.twin.add_system_hook(DEAD);
    world.twin.open_issue("bob", REPO, "Split it", "").unwrap();
    world.twin.rename(REPO, "rest").unwrap();
    let heard: Vec<(u64, String)> = world.twin.pending().into_iter().map(|h| (h.app, h.event)).collect();
    assert_eq!(heard, [(group, "Issue Hook".to_owned()), (server, "System Hook".to_owned())]);
    let (_, body) = world.waiting().pop().unwrap();
    assert_eq!((&body["event_name"], &body["project_id"]), (&json!("project_rename"), &json!(world.id)));
    assert_eq!(
        (&body["old_path_with_namespace"], &body["path_with_namespace"]),
        (&json!(REPO), &json!("acme/core/rest"))
    );
}

#[tokio::test]
async fn a_hook_of_a_group_is_made_by_its_owner() {
    let world = World::new().await;
    let owner = world.twin.group_token("acme/core", "owner", Role::Admin).token;
    let (status, group) = world.ask(&owner, "GET /groups/acme%2Fcore?with_projects=false", Value::Null).await;
    assert_eq!((status, &group["full_path"]), (200, &json!("acme/core")));
    let hooks = format!("/groups/{}/hooks", group["id"]);
    let new = json!({ "url": "http://127.0.0.1:9/", "issues_events": true, "push_events": false });
    let (status, made) = world.ask(&owner, &format!("POST {hooks}"), new).await;
    assert_eq!((status, &made["group_id"]), (201, &group["id"]));
    let (_, listed) = world.ask(&owner, &format!("GET {hooks}"), Value::Null).await;
    assert_eq!(listed[0]["id"], made["id"]);
    world.twin.open_issue("bob", REPO, "Split it", "").unwrap();
    assert_eq!(world.names(), ["Issue Hook open"]);
    let developer = world.twin.group_token("acme", "developer", Role::Write).token;
    assert_eq!(world.ask(&developer, &format!("GET {hooks}"), Value::Null).await.0, 403);
}

#[tokio::test]
async fn notes_on_commits_and_tags_are_told_too() {
    let world = World::new().await;
    world.twin.add_hook(REPO, DEAD).unwrap();
    let sha = world.tip("main");
    world.twin.note_on_commit("bob", REPO, &sha, "/step retry").unwrap();
    let (name, body) = world.waiting().pop().unwrap();
    assert_eq!((name.as_str(), &body["commit"]["id"]), ("Note Hook create", &json!(sha)));
    assert_eq!(body["object_attributes"]["noteable_type"], "Commit");
    let folder = tempfile::tempdir().unwrap();
    let place = world.twin.url().replace("http://", &format!("http://x:{}@", world.bot.token));
    for args in [
        vec!["clone", "--quiet", &format!("{place}/{REPO}.git"), "."],
        vec!["tag", "v1"],
        vec!["push", "--quiet", "origin", "v1"],
    ] {
        let mut git = tokio::process::Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("NO_PROXY", "127.0.0.1").current_dir(folder.path());
        assert!(git.args(&args).status().await.unwrap().success(), "{args:?}");
    }
    let (name, body) = world.waiting().pop().unwrap();
    assert_eq!((name.as_str(), &body["ref"]), ("Tag Push Hook", &json!("refs/tags/v1")));
    assert_eq!(body["after"], sha);
}
