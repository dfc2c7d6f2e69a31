//! What comes in: who is believed, what is kept, and that nothing happens twice.

use super::host::{self, Post};
use super::world::{REPO, World};
use insta::assert_snapshot;
use secrecy::SecretString;
use serde_json::Value;
use tasksgodzilla::forge::signature::sign_github;

async fn told(answer: reqwest::Response) -> String {
    format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
}

/// How many deliveries came to this outcome.
pub async fn counted(world: &World, outcome: &str) -> u64 {
    let metrics = world.client.get(world.address.join("/metrics").unwrap()).send().await.unwrap();
    let text = metrics.text().await.unwrap();
    let line = format!("tasksgodzilla_deliveries_total{{outcome=\"{outcome}\"}} ");
    text.lines().find_map(|sample| sample.strip_prefix(&line)).unwrap().parse().unwrap()
}

#[actix_web::test]
async fn only_who_knows_the_secret_is_heard() {
    let mut world = World::new().await;
    world.comments("bob", 1, "/protocol new");
    let hook = world.twin.drop_next().unwrap();
    let stored = counted(&world, "stored").await;
    let post = |secret| Post { guid: &hook.guid, event: &hook.event, secret, body: &hook.body };
    let stranger = post("a guess").to(&world).await;
    assert!(stranger.starts_with(r#"401 {"error":"the "#) && stranger.contains("secret"), "{stranger}");
    world.settle().await;
    assert_eq!(counted(&world, "stored").await, stored, "it was stored");
    assert_eq!(counted(&world, "refused").await, 1);
    assert_eq!(world.news(), "");

    assert_snapshot!(post(world.account.webhook_secret()).to(&world).await, @r#"202 {"status":"stored"}"#);
    assert_snapshot!(post(world.account.webhook_secret()).to(&world).await, @r#"202 {"status":"known already"}"#);
    world.settle().await;
    assert_snapshot!(world.news(), @r"
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn the_previous_secret_is_believed_while_it_is_changed() {
    let both = |raw| host::with_previous_secret(host::told_on(), raw, "the old one");
    let world = World::with(both).await;
    let post = Post { guid: "1", event: "star", secret: "the old one", body: b"{\"action\":\"created\"}" };
    assert_snapshot!(post.to(&world).await, @r#"202 {"status":"nothing to do"}"#);
    world.finish().await;
}

#[actix_web::test]
async fn what_is_not_ours_is_counted_and_let_go() {
    let mut world = World::new().await;
    let secret = world.account.webhook_secret().to_owned();
    let post = Post { guid: "1", event: "star", secret: &secret, body: b"{\"action\":\"created\"}" };
    assert_snapshot!(post.to(&world).await, @r#"202 {"status":"nothing to do"}"#);
    assert_eq!(counted(&world, "foreign").await, 1);
    world.settle().await;
    world.finish().await;
}

#[actix_web::test]
async fn what_cannot_be_read_is_refused_in_one_line() {
    let world = World::new().await;
    let secret = world.account.webhook_secret().to_owned();
    let before = counted(&world, "stored").await;
    let post = |body| Post { guid: "1", event: "issue_comment", secret: &secret, body };
    assert_snapshot!(post(b"{\"action\":").to(&world).await, @r#"400 {"error":"the body cannot be read: it ends too early (line 1, column 10)"}"#);
    assert_snapshot!(post(b"[]").to(&world).await, @r#"400 {"error":"the body cannot be read: a field has an unexpected form (line 1, column 2)"}"#);
    assert_snapshot!(post(b"\xff\x00").to(&world).await, @r#"400 {"error":"the body cannot be read: it is not JSON (line 1, column 1)"}"#);
    assert_snapshot!(post(b"").to(&world).await, @r#"400 {"error":"the body cannot be read: it ends too early (line 1, column 0)"}"#);
    assert_eq!(counted(&world, "stored").await, before);
    assert_eq!(counted(&world, "unreadable").await, 4);
    world.finish().await;
}

#[actix_web::test]
async fn a_delivery_needs_its_headers_and_a_bearable_size() {
    let world = World::new().await;
    let target = world.address.join("/webhooks/github").unwrap();
    let signature = sign_github(&SecretString::from(world.account.webhook_secret()), b"{}");
    let bare = world.client.post(target.clone()).header("x-hub-signature-256", signature).body("{}");
    assert_snapshot!(told(bare.send().await.unwrap()).await, @r#"400 {"error":"X-GitHub-Delivery or X-GitHub-Event is missing"}"#);
    let unsigned = world.client.post(target).header("x-github-event", "ping").body("{}");
    assert_snapshot!(told(unsigned.send().await.unwrap()).await, @r#"401 {"error":"the signature is missing or wrong; check the webhook secret"}"#);
    let secret = world.account.webhook_secret().to_owned();
    let huge = vec![b' '; (25 << 20) + 1];
    let huge = Post { guid: "1", event: "push", secret: &secret, body: &huge };
    assert_snapshot!(huge.to(&world).await, @r#"413 {"error":"the body cannot be read or is too large"}"#);
    world.finish().await;
}

/// The recorded payloads lie beside the repository, not in it; without them this tells of our own only.
#[actix_web::test]
async fn recorded_deliveries_of_other_apps_are_taken() {
    let mut world = World::new().await;
    let secret = world.account.webhook_secret().to_owned();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/github");
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap_or_else(|_| "[]".to_owned());
    let index: Vec<Value> = serde_json::from_str(&index).unwrap();
    for (number, entry) in index.iter().enumerate() {
        let body = std::fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap();
        let event = entry["x_github_event"].as_str().unwrap();
        let post = Post { guid: &format!("recorded-{number}"), event, secret: &secret, body: &body };
        let answer = post.to(&world).await;
        assert!(answer.starts_with("202 "), "{}: {answer}", entry["file"]);
    }
    world.settle().await;
    world.finish().await;
}

#[actix_web::test]
async fn the_bot_does_not_answer_itself() {
    let mut world = World::new().await;
    assert_snapshot!(world.asks("bob", 1, "/bot help protocol run").await, @r"
    eyes rocket
    #1 Approve the plan shown and execute it step by step.

    ```
    /protocol run [--to N] [--dry-run]
    ```

    - Needs: write
    - `--to N`: Stop after this step
    - `--dry-run`: Say what would happen, change nothing
    - With several open protocols: name the one you mean, as in `/protocol run #0003`
    - Example: `/protocol run --to 3`
    ");
    world.comments("bob", 1, "/bot ping");
    world.turn().await;
    world.news();
    let own = world.twin.drop_next().unwrap();
    assert_eq!(host::commenter(world.twin.host(), &own), world.bot());
    let body = host::reworded(world.twin.host(), &own, "/bot ping");
    let secret = world.account.webhook_secret();
    let post = Post { guid: "own", event: &own.event, secret, body: &body };
    assert!(post.to(&world).await.starts_with("202 "));
    world.settle().await;
    assert_eq!(world.news(), "");
    world.finish().await;
}

#[actix_web::test]
async fn a_redelivered_comment_acts_once() {
    let mut world = World::new().await;
    world.comments("bob", 1, "/bot ping");
    let guid = world.twin.pending()[0].guid.clone();
    world.twin.duplicate_next();
    world.settle().await;
    world.twin.redeliver(&guid).unwrap();
    world.settle().await;
    assert_snapshot!(world.news(), @"#1 @bob: pong. TasksGodzilla 0.1.0 is here; your comment took 0 s to reach it.");
    world.finish().await;
}

#[actix_web::test]
async fn an_edit_runs_only_what_is_new_in_it() {
    let mut world = World::new().await;
    let asked = world.comments("bob", 1, "/bot ping");
    world.settle().await;
    assert_snapshot!(world.news(), @"#1 @bob: pong. TasksGodzilla 0.1.0 is here; your comment took 0 s to reach it.");
    world.twin.edit_comment("bob", REPO, asked, "Hello!\n\n/bot ping").unwrap();
    world.settle().await;
    assert_eq!(world.news(), "");
    world.twin.edit_comment("bob", REPO, asked, "/bot ping\n/protocol new").unwrap();
    world.settle().await;
    assert_snapshot!(world.news(), @r"
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn an_edit_speaks_with_the_rights_of_who_made_it() {
    let mut world = World::new().await;
    let asked = world.comments("vera", 1, "Hello!");
    world.twin.edit_comment("bob", REPO, asked, "/protocol new").unwrap();
    world.settle().await;
    assert!(world.reads(1).join("\n").contains("asked for by bob"));
    world.reads(2);
    world.finish().await;
}

#[actix_web::test]
async fn what_the_bot_did_itself_is_counted_and_let_go() {
    let mut world = World::new().await;
    world.comments("bob", 1, "/bot ping");
    let hook = world.twin.drop_next().unwrap();
    let mut body: Value = serde_json::from_slice(&hook.body).unwrap();
    let secret = world.app().webhook_secret.clone();
    for (app, expected) in [
        (world.app().app_id, r#"202 {"status":"nothing to do"}"#),
        (world.app().app_id + 1, r#"202 {"status":"stored"}"#),
    ] {
        body["comment"]["performed_via_github_app"] = serde_json::json!({ "id": app });
        let body = serde_json::to_vec(&body).unwrap();
        let post = Post { guid: &format!("by-{app}"), event: &hook.event, secret: &secret, body: &body };
        assert_eq!(post.to(&world).await, expected);
    }
    world.settle().await;
    let alone = counted(&world, "foreign").await;
    assert_snapshot!(world.asks("bob", 1, "/protocol new").await, @r"
    eyes rocket
    #1 @bob: pong. TasksGodzilla 0.1.0 is here; your comment took 0 s to reach it.
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    let own = world.twin.checks(REPO, &world.twin.pull(REPO, 2).unwrap().head_sha).unwrap().len();
    assert!(
        counted(&world, "foreign").await > alone + own as u64,
        "checks and comments come back as webhooks"
    );
    world.finish().await;
}
