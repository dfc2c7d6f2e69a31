//! Issues, comments, reactions, and the webhooks they fire.

use super::world::{REPO, Receiver, World};
use hmac::{Hmac, KeyInit, Mac};
use octocrab::models::CommentId;
use serde_json::{Value, json};
use tasksgodzilla::sandbox::github::Hooks;
use tasksgodzilla::sandbox::github::TwinOptions;

#[tokio::test]
async fn the_bot_and_a_person_talk() {
    let world = World::new().await;
    let number = world.twin.open_issue("vera", REPO, "Split the importer", "It is too big.").unwrap();
    let bot = world.as_bot();
    let issues = bot.issues("acme", "api");
    let seen = issues.get(number).await.unwrap();
    assert_eq!((seen.title.as_str(), seen.user.login.as_str()), ("Split the importer", "vera"));
    let made = issues.create_comment(number, "On it.").await.unwrap();
    issues.update_comment(made.id, "Done.").await.unwrap();
    let asked = world.twin.comment("vera", REPO, number, "/bot ping").unwrap();
    let thread = world.twin.thread(REPO, number).unwrap();
    let said: Vec<_> = thread.iter().map(|c| (c.author.as_str(), c.body.as_str(), c.edits)).collect();
    assert_eq!(said, [("godzilla[bot]", "Done.", 1), ("vera", "/bot ping", 0)]);
    assert_eq!(issues.get_comment(CommentId(asked)).await.unwrap().body.as_deref(), Some("/bot ping"));
    issues.delete_comment(made.id).await.unwrap();
    assert_eq!(world.twin.thread(REPO, number).unwrap().len(), 1);
    let fired = ["issues.opened", "issue_comment.created", "issue_comment.edited", "issue_comment.created"];
    assert_eq!(world.hooks(), [&fired[..], &["issue_comment.deleted"]].concat());
    let senders: Vec<Value> = world.twin.pending().iter().map(|h| sender(&h.body)).collect();
    assert_eq!(senders[1], json!(["godzilla[bot]", "Bot"]));
    assert_eq!(senders[3], json!(["vera", "User"]));
}

fn sender(body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap();
    json!([body["sender"]["login"], body["sender"]["type"]])
}

#[tokio::test]
async fn a_webhook_is_signed_and_logged() {
    let world = World::new().await;
    let receiver = Receiver::start();
    world.twin.set_webhook(world.app.app_id, &receiver.url);
    world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    assert_eq!(world.hooks(), ["ping", "issues.opened"]);
    let delivered = world.twin.deliver_all(&world.http).await;
    assert_eq!(delivered.iter().map(|d| d.status).collect::<Vec<_>>(), [202, 202]);
    let hook = &receiver.seen()[1];
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(world.app.webhook_secret.as_bytes()).unwrap();
    mac.update(&hook.body);
    let signature = hook.header("x-hub-signature-256").strip_prefix("sha256=").unwrap().to_owned();
    mac.verify_slice(&hex::decode(signature).unwrap()).unwrap();
    assert_eq!(hook.header("x-github-event"), "issues");
    assert_eq!(hook.header("x-github-delivery"), delivered[1].guid);
    assert_eq!(hook.header("x-github-hook-installation-target-id"), world.app.app_id.to_string());
    assert!(hook.header("user-agent").starts_with("GitHub-Hookshot/"));
    assert_eq!(hook.header("content-type"), "application/json");
    let body: Value = serde_json::from_slice(&hook.body).unwrap();
    assert_eq!(body["installation"]["id"], world.installation);
    assert_eq!(body["repository"]["full_name"], REPO);
    let log: Value = world.as_app().get("/app/hook/deliveries?per_page=1", None::<&()>).await.unwrap();
    assert_eq!((log.as_array().unwrap().len(), &log[0]["event"]), (1, &json!("issues")));
    let route = format!("/app/hook/deliveries/{}", log[0]["id"]);
    let full: Value = world.as_app().get(&route, None::<&()>).await.unwrap();
    assert_eq!(full["request"]["payload"]["issue"]["title"], "Split it");
}

#[tokio::test]
async fn a_lost_webhook_can_be_asked_for_again_under_its_old_name() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    let failed = world.twin.deliver_next(&world.http).await.unwrap();
    assert_eq!(failed.status, 502);
    let receiver = Receiver::start();
    world.twin.set_webhook(world.app.app_id, &receiver.url);
    world.twin.drop_next();
    let app = world.as_app();
    let log: Value = app.get("/app/hook/deliveries", None::<&()>).await.unwrap();
    assert_eq!(log[0]["status_code"], 502);
    let attempts = format!("/app/hook/deliveries/{}/attempts", log[0]["id"]);
    let _: Value = app.post(attempts, None::<&()>).await.unwrap();
    let again = world.twin.deliver_next(&world.http).await.unwrap();
    assert_eq!((again.guid, again.status), (failed.guid, 202));
    let log: Value = app.get("/app/hook/deliveries", None::<&()>).await.unwrap();
    assert_eq!((&log[0]["redelivery"], &log[1]["redelivery"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn held_webhooks_can_be_lost_doubled_and_turned_round() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "one", "").unwrap();
    world.twin.comment("vera", REPO, 1, "two").unwrap();
    world.twin.duplicate_next();
    assert_eq!(world.hooks(), ["issues.opened", "issue_comment.created", "issues.opened"]);
    world.twin.postpone_next();
    assert_eq!(world.hooks(), ["issue_comment.created", "issues.opened", "issues.opened"]);
    assert_eq!(world.twin.drop_next().unwrap().event, "issue_comment");
    let guids: Vec<String> = world.twin.pending().into_iter().map(|h| h.guid).collect();
    assert_eq!(guids[0], guids[1]);
}

#[tokio::test]
async fn webhooks_can_also_be_sent_by_the_twin() {
    let world = World::with(TwinOptions { hooks: Hooks::Send, ..TwinOptions::default() }).await;
    let receiver = Receiver::start();
    world.twin.set_webhook(world.app.app_id, &receiver.url);
    world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    let arrived = async {
        while receiver.seen().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), arrived).await.unwrap();
    assert_eq!(receiver.seen()[1].header("x-github-event"), "issues");
}

#[tokio::test]
async fn the_same_reaction_twice_is_one_reaction() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    let comment = world.twin.comment("vera", REPO, 1, "/bot ping").unwrap();
    let path = format!("/repos/{REPO}/issues/comments/{comment}/reactions");
    let (status, first) = world.send("POST", &path, json!({ "content": "eyes" })).await;
    assert_eq!(status, 201);
    let (status, again) = world.send("POST", &path, json!({ "content": "eyes" })).await;
    assert_eq!((status, &again["id"]), (200, &first["id"]));
    assert_eq!(world.send("POST", &path, json!({ "content": "meh" })).await.0, 422);
    let on_issue = format!("/repos/{REPO}/issues/1/reactions");
    assert_eq!(world.send("POST", &on_issue, json!({ "content": "rocket" })).await.0, 201);
    assert_eq!(world.twin.reactions(REPO, 1).unwrap()[0].content, "rocket");
    assert_eq!(world.send("DELETE", &format!("{path}/{}", first["id"]), Value::Null).await.0, 204);
    assert!(world.twin.thread(REPO, 1).unwrap()[0].reactions.is_empty());
}

#[tokio::test]
async fn bodies_that_github_refuses_are_refused() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    let path = format!("/repos/{REPO}/issues/1/comments");
    let status = async |body: Value| world.send("POST", &path, body).await.0;
    assert_eq!(status(json!({ "body": "é".repeat(65_536) })).await, 201, "characters, not bytes");
    assert_eq!(status(json!({ "body": "e".repeat(65_537) })).await, 422);
    assert_eq!(status(json!({ "body": " \n" })).await, 422);
    assert_eq!(status(json!({ "body": 7 })).await, 422);
    assert_eq!(status(json!({})).await, 422);
    let (status, answer) =
        world.send("POST", &format!("/repos/{REPO}/issues/99/comments"), json!({ "body": "x" })).await;
    assert_eq!((status, &answer["message"]), (404, &json!("Not Found")));
}

#[tokio::test]
async fn long_threads_come_in_pages_with_absolute_links() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    for n in 1..=130 {
        world.twin.comment("vera", REPO, 1, &format!("comment {n}")).unwrap();
    }
    let token = world.token().await;
    let path = format!("/repos/{REPO}/issues/1/comments");
    let second = world.get(&format!("{path}?per_page=50&page=2"), &token).await;
    let url = format!("{}{path}", world.twin.api_url());
    let link = second.headers()["link"].to_str().unwrap().to_owned();
    let named = |page: u8, rel: &str| format!("<{url}?per_page=50&page={page}>; rel=\"{rel}\"");
    let expected = [named(1, "prev"), named(1, "first"), named(3, "next"), named(3, "last")].join(", ");
    assert_eq!(link, expected);
    let comments: Value = second.json().await.unwrap();
    assert_eq!((&comments[0]["body"], comments.as_array().unwrap().len()), (&json!("comment 51"), 50));
    let capped: Value = world.get(&format!("{path}?per_page=500"), &token).await.json().await.unwrap();
    assert_eq!(capped.as_array().unwrap().len(), 100);
    let bot = world.as_bot();
    let first = bot.issues("acme", "api").list_comments(1).per_page(100).send().await.unwrap();
    assert_eq!((first.items.len(), first.next.is_some()), (100, true));
}
