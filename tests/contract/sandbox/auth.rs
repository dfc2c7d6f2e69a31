//! Who may do what: assertions of Apps, tokens, their narrowing and their end.

use super::world::{REPO, World};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn assertion(pem: &str, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
}

#[track_caller]
fn error_of<T: std::fmt::Debug>(answer: octocrab::Result<T>) -> (u16, String) {
    match answer.unwrap_err() {
        octocrab::Error::GitHub { source, .. } => (source.status_code.as_u16(), source.message),
        other => panic!("not an answer of the forge: {other:?}"),
    }
}

#[tokio::test]
async fn an_app_sees_itself_and_its_installation() {
    let world = World::new().await;
    let app = world.as_app();
    assert_eq!(app.current().app().await.unwrap().slug.as_deref(), Some("godzilla"));
    let found = app.apps().get_repository_installation("acme", "api").await.unwrap();
    assert_eq!(found.id.into_inner(), world.installation);
    assert_eq!(found.permissions.issues.as_deref(), Some("write"));
}

#[tokio::test]
async fn assertions_that_break_a_rule_are_refused() {
    let world = World::new().await;
    let (id, now) = (world.app.app_id, now());
    let other = world.twin.register_app(&super::world::spec_named("Other")).unwrap();
    let ask =
        async |pem: &str, claims: Value| world.get("/app", &assertion(pem, &claims)).await.status().as_u16();
    let pem = &world.app.private_key_pem;
    assert_eq!(ask(pem, json!({ "iss": id, "iat": now - 60, "exp": now + 540 })).await, 200);
    assert_eq!(ask(pem, json!({ "iss": id.to_string(), "iat": now, "exp": now + 60 })).await, 200);
    assert_eq!(ask(pem, json!({ "iss": id, "iat": now, "exp": now + 700 })).await, 401, "too long");
    assert_eq!(ask(pem, json!({ "iss": id, "iat": now - 700, "exp": now - 1 })).await, 401, "over");
    assert_eq!(
        ask(pem, json!({ "iss": id, "iat": now + 120, "exp": now + 300 })).await,
        401,
        "from the future"
    );
    assert_eq!(ask(pem, json!({ "iss": id, "iat": now })).await, 401, "endless");
    assert_eq!(
        ask(&other.private_key_pem, json!({ "iss": id, "iat": now, "exp": now + 60 })).await,
        401,
        "forged"
    );
    assert_eq!(ask(pem, json!({ "iss": 999, "iat": now, "exp": now + 60 })).await, 401, "unknown");
}

#[tokio::test]
async fn a_token_has_the_new_format_and_ends_after_an_hour() {
    let world = World::new().await;
    let token = world.token().await;
    assert!(token.starts_with(&format!("ghs_{}_", world.app.app_id)), "{token}");
    assert!(token.contains('.') && (515..=525).contains(&token.len()), "{}", token.len());
    let path = format!("/repos/{REPO}");
    assert_eq!(world.get(&path, &token).await.status(), 200);
    world.twin.advance(Duration::from_secs(3599));
    assert_eq!(world.get(&path, &token).await.status(), 200);
    world.twin.advance(Duration::from_secs(1));
    assert_eq!(world.get(&path, &token).await.status(), 401);
}

#[tokio::test]
async fn a_narrowed_token_reaches_only_what_it_was_made_for() {
    let world = World::new().await;
    world.twin.repository("acme", "web", None).unwrap();
    world.twin.install(world.app.app_id, &["acme/web"]).unwrap();
    let issue = world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    let minted =
        world.mint(&json!({ "repositories": ["api"], "permissions": { "issues": "read" } })).await.unwrap();
    let token = minted["token"].as_str().unwrap();
    assert_eq!(minted["permissions"], json!({ "issues": "read", "metadata": "read" }));
    assert_eq!(minted["repositories"][0]["full_name"], REPO);
    assert_eq!(world.get(&format!("/repos/{REPO}/issues/{issue}"), token).await.status(), 200);
    assert_eq!(world.get("/repos/acme/web", token).await.status(), 404);
    let write = world.http.post(format!("{}/repos/{REPO}/issues/{issue}/comments", world.twin.api_url()));
    let refused = write.bearer_auth(token).body(json!({ "body": "hi" }).to_string()).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let answer: Value = refused.json().await.unwrap();
    assert_eq!(answer["message"], "Resource not accessible by integration");
}

#[tokio::test]
async fn a_token_cannot_ask_for_more_than_the_app_has() {
    let world = World::new().await;
    let (status, message) = error_of(world.mint(&json!({ "permissions": { "workflows": "write" } })).await);
    assert_eq!(
        (status, message.as_str()),
        (422, "The permissions requested are not granted to this installation.")
    );
    let (status, _) = error_of(world.mint(&json!({ "repositories": ["nothing"] })).await);
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_suspended_installation_is_shut_out() {
    let world = World::new().await;
    let token = world.token().await;
    world.twin.suspend(world.installation);
    assert_eq!(world.get(&format!("/repos/{REPO}"), &token).await.status(), 403);
    assert_eq!(error_of(world.mint(&json!({})).await).0, 403);
    world.twin.unsuspend(world.installation);
    assert_eq!(world.get(&format!("/repos/{REPO}"), &token).await.status(), 200);
}

#[tokio::test]
async fn nobody_is_asked_who_they_are() {
    let world = World::new().await;
    let url = format!("{}/app", world.twin.api_url());
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(world.get("/app", "ghs_made.up").await.status(), 401);
    assert_eq!(world.get("/nowhere", &world.token().await).await.status(), 404);
    let nameless = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(
        nameless.get(format!("{}/rate_limit", world.twin.api_url())).send().await.unwrap().status(),
        403
    );
}

#[tokio::test]
async fn rights_of_people_are_told_in_all_three_forms() {
    use tasksgodzilla::sandbox::github::Role;
    let world = World::new().await;
    world.twin.grant(REPO, "vera", Role::Maintain).unwrap();
    let token = world.token().await;
    let path = format!("/repos/{REPO}/collaborators/vera/permission");
    let answer: Value = world.get(&path, &token).await.json().await.unwrap();
    assert_eq!((&answer["permission"], &answer["role_name"]), (&json!("write"), &json!("maintain")));
    assert_eq!(answer["user"]["permissions"]["maintain"], true);
    assert_eq!(answer["user"]["permissions"]["admin"], false);
    let stranger = world.get(&format!("/repos/{REPO}/collaborators/nobody/permission"), &token).await;
    assert_eq!(stranger.status(), 404);
}

#[tokio::test]
async fn the_api_may_lie_under_a_prefix() {
    use tasksgodzilla::sandbox::github::TwinOptions;
    let world = World::with(TwinOptions { prefix: "/api/v3".to_owned(), ..TwinOptions::default() }).await;
    assert!(world.twin.api_url().ends_with("/api/v3"));
    assert!(world.twin.graphql_url().ends_with("/api/graphql"));
    let issue = world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    let seen = world.as_bot().issues("acme", "api").get(issue).await.unwrap();
    assert!(seen.url.as_str().contains("/api/v3/repos/acme/api/issues/"), "{}", seen.url);
    assert!(!seen.html_url.as_str().contains("/api/v3"), "{}", seen.html_url);
}
