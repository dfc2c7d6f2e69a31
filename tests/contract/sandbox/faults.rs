//! The twin's fault desk: calls go wrong as ordered, before or after the thing was done, and no others do.

use super::world::{REPO, World};
use serde_json::{Value, json};
use std::time::Duration;
use tasksgodzilla::sandbox::github::{Fault, TwinOptions, Which};

const COMMENTS: &str = "POST /repos/{owner}/{repo}/issues/{number}/comments";
const NOW: i64 = 1_800_000_000_000;

async fn with_issue() -> World {
    let world = World::with(TwinOptions { now: Some(NOW), ..TwinOptions::default() }).await;
    world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    world
}

async fn comment(world: &World) -> u16 {
    world.send("POST", &format!("/repos/{REPO}/issues/1/comments"), json!({ "body": "hello" })).await.0
}

fn comments(world: &World) -> usize {
    world.twin.thread(REPO, 1).unwrap().len()
}

/// What a plain client sees: the status, or that there was no answer while it had the patience to wait.
async fn blunt(world: &World, token: &str, patience_s: u64) -> Result<u16, reqwest::Error> {
    let url = format!("{}/repos/{REPO}/issues/1/comments", world.twin.api_url());
    let request = world.http.post(url).bearer_auth(token).timeout(Duration::from_secs(patience_s));
    Ok(request.json(&json!({ "body": "hello" })).send().await?.status().as_u16())
}

#[tokio::test]
async fn only_the_calls_that_were_named_go_wrong() {
    let world = with_issue().await;
    world.twin.order(COMMENTS, Which::Nth(2), Fault::Fails(502));
    assert_eq!((comment(&world).await, comment(&world).await, comment(&world).await), (201, 502, 201));
    assert_eq!(comments(&world), 2);
    world.twin.order(COMMENTS, Which::First(2), Fault::Fails(500));
    world.twin.order("* *", Which::Every, Fault::Fails(503));
    let token = world.mint(&json!({})).await;
    assert!(token.is_err(), "every call means every call");
    world.twin.heal();
    assert_eq!(comment(&world).await, 201);
    assert_eq!(world.twin.met().first().map(|met| met.fault), Some(Fault::Fails(502)));
}

#[tokio::test]
async fn a_thing_may_be_done_although_nobody_is_told() {
    let world = with_issue().await;
    let token = world.token().await;
    for (fault, done) in [
        (Fault::FailsAfter(502), 1),
        (Fault::Cut, 1),
        (Fault::CutAfter, 2),
        (Fault::Hangs, 2),
        (Fault::HangsAfter, 3),
    ] {
        world.twin.order(COMMENTS, Which::Next, fault);
        let patience = if matches!(fault, Fault::Hangs | Fault::HangsAfter) { 5 } else { 60 };
        let seen = blunt(&world, &token, patience).await;
        match fault {
            Fault::FailsAfter(_) => assert_eq!(seen.unwrap(), 502),
            Fault::Hangs | Fault::HangsAfter => assert!(seen.unwrap_err().is_timeout(), "{fault:?}"),
            _ => assert!(!seen.unwrap_err().is_timeout(), "{fault:?}"),
        }
        assert_eq!(comments(&world), done, "{fault:?}");
    }
    assert_eq!(blunt(&world, &token, 60).await.unwrap(), 201);
}

#[tokio::test]
async fn limits_are_told_as_github_tells_them() {
    let world = with_issue().await;
    let token = world.token().await;
    let path = format!("/repos/{REPO}/issues/1");
    let any = "GET /repos/{owner}/{repo}/issues/{number}";
    world.twin.order(any, Which::Next, Fault::Limited { status: 429, retry_after: Some(7) });
    let answer = world.get(&path, &token).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    world.twin.order(any, Which::Next, Fault::Limited { status: 403, retry_after: None });
    let answer = world.get(&path, &token).await;
    assert!(answer.headers().get("retry-after").is_none());
    assert!(answer.text().await.unwrap().contains("secondary rate limit"));
    world.twin.order(any, Which::Next, Fault::UsedUp { status: 403, reset_in: 60 });
    let answer = world.get(&path, &token).await;
    let remaining: Vec<_> = answer.headers().get_all("x-ratelimit-remaining").iter().collect();
    assert_eq!(remaining, ["0"], "told once");
}

#[tokio::test]
async fn a_revoked_token_stays_revoked() {
    let world = with_issue().await;
    let token = world.token().await;
    world.twin.order(COMMENTS, Which::Next, Fault::Revoked);
    assert_eq!(blunt(&world, &token, 60).await.unwrap(), 401);
    assert_eq!(blunt(&world, &token, 60).await.unwrap(), 401);
    let token = world.token().await;
    assert_eq!(blunt(&world, &token, 60).await.unwrap(), 201);
    world.twin.revoke_tokens();
    assert_eq!(blunt(&world, &token, 60).await.unwrap(), 401);
}

#[tokio::test]
async fn a_replica_that_lies_behind_does_not_know_the_newest() {
    let world = with_issue().await;
    let old = world.main();
    let token = world.token().await;
    world.twin.advance(Duration::from_secs(60));
    world.twin.order("* *", Which::Every, Fault::Lags(Duration::from_secs(10)));
    let new = world.twin.push_as("acme", REPO, "main", &[("new.txt", Some("new\n"))]).unwrap();
    world.twin.comment("vera", REPO, 1, "just now").unwrap();
    let read = async |path: &str| {
        let answer = world.get(&format!("/repos/{REPO}{path}"), &token).await;
        (answer.status().as_u16(), serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap())
    };
    assert_eq!(read("/git/ref/heads/main").await.1["object"]["sha"], old.as_str());
    assert_eq!(read(&format!("/commits/{new}/check-runs")).await.0, 422);
    assert_eq!(read("/issues/1/comments").await.1, json!([]));
    let branches = git_branches(&world, &token);
    assert!(branches.contains(&old) && !branches.contains(&new), "{branches}");
    world.twin.advance(Duration::from_secs(11));
    assert_eq!(read("/git/ref/heads/main").await.1["object"]["sha"], new.as_str());
    assert_eq!(read(&format!("/commits/{new}/check-runs")).await.0, 200);
    assert_eq!(read("/issues/1/comments").await.1[0]["body"], "just now");
    assert!(git_branches(&world, &token).contains(&new));
}

/// What `git ls-remote` sees.
fn git_branches(world: &World, token: &str) -> String {
    let host = world.twin.url().replace("http://", &format!("http://x-access-token:{token}@"));
    let mut git = std::process::Command::new("git");
    git.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("GIT_CONFIG_NOSYSTEM", "1");
    let listed = git.args(["ls-remote", &format!("{host}/{REPO}.git")]).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).unwrap()
}

#[tokio::test]
async fn the_log_of_deliveries_goes_back_three_days_and_has_pages() {
    let world = with_issue().await;
    while world.twin.lose_next(502).is_some() {}
    world.twin.advance(Duration::from_secs(2 * 86_400));
    for text in ["one", "two"] {
        world.twin.comment("vera", REPO, 1, text).unwrap();
    }
    assert_eq!(world.twin.lose_next(200).unwrap().event, "issue_comment");
    assert_eq!(world.twin.lose_next(502).unwrap().event, "issue_comment");
    let log: Value = world.as_app().get("/app/hook/deliveries?per_page=2", None::<&()>).await.unwrap();
    let codes: Vec<_> = log.as_array().unwrap().iter().map(|entry| entry["status_code"].clone()).collect();
    assert_eq!(codes, [json!(502), json!(200)], "newest first");
    let next = format!("/app/hook/deliveries?per_page=2&cursor=v1_{}", log[1]["id"]);
    let rest: Value = world.as_app().get(&next, None::<&()>).await.unwrap();
    assert_eq!(rest[0]["event"], "issues");
    world.twin.advance(Duration::from_secs(86_400 + 1));
    let rest: Value = world.as_app().get(&next, None::<&()>).await.unwrap();
    assert_eq!(rest, json!([]), "older than three days");
}
