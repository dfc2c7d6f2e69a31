//! Who is let in, and what is hidden from whom.

use super::world::{NOW, REPO, World};
use serde_json::{Value, json};
use tasksgodzilla::sandbox::Role;
use tasksgodzilla::sandbox::gitlab::Scope;

#[tokio::test]
async fn a_private_project_is_not_there_for_strangers() {
    let world = World::new().await;
    let stranger = world.twin.user("sam");
    let ask = async |token: &str, call: &str| world.ask(token, call, Value::Null).await;
    assert_eq!(
        ask(&stranger, "GET /projects/:id").await,
        (404, json!({ "message": "404 Project Not Found" }))
    );
    assert_eq!(ask("", "GET /projects/:id").await, (401, json!({ "message": "401 Unauthorized" })));
    assert_eq!(ask("glpat-invented", "GET /user").await.0, 401);
    let (status, project) = ask(&world.bot.token, "GET /projects/acme%2Fcore%2Fapi").await;
    assert_eq!((status, project["path_with_namespace"].as_str()), (200, Some(REPO)));
    assert_eq!(project["id"], world.id);
    assert_eq!(ask(&world.bot.token, "GET /projects/99").await.0, 404);
    assert_eq!(ask(&world.bot.token, "GET /nothing").await, (404, json!({ "error": "404 Not Found" })));
}

#[tokio::test]
async fn a_role_opens_what_it_opens() {
    let world = World::new().await;
    let guest = world.twin.user("vera");
    let code = "GET /projects/:id/repository/branches/main";
    assert_eq!(world.ask(&guest, "GET /projects/:id", Value::Null).await.0, 200);
    assert_eq!(world.ask(&guest, code, Value::Null).await, (403, json!({ "message": "403 Forbidden" })));
    let status = format!("POST /projects/:id/statuses/{}", world.tip("main"));
    assert_eq!(world.ask(&guest, &status, json!({ "state": "success" })).await.0, 403);
    assert_eq!(world.bot_asks("GET /projects/:id/hooks", Value::Null).await.0, 403);
    world.twin.grant(REPO, &world.bot.login, Role::Maintain).unwrap();
    assert_eq!(world.bot_asks("GET /projects/:id/hooks", Value::Null).await, (200, json!([])));
}

#[tokio::test]
async fn a_token_ends_on_its_day_and_does_what_its_scopes_say() {
    let world = World::new().await;
    let (_, token) = world.bot_asks("GET /personal_access_tokens/self", Value::Null).await;
    assert_eq!((&token["expires_at"], &token["scopes"]), (&json!("2028-01-15"), &json!(["api"])));
    world.twin.narrow(&world.bot, &[Scope::ReadApi]);
    assert_eq!(world.bot_asks("GET /projects/:id", Value::Null).await.0, 200);
    let (status, answer) = world.bot_asks("POST /projects/:id/issues", json!({ "title": "x" })).await;
    assert_eq!((status, answer["error"].as_str()), (403, Some("insufficient_scope")));
    world.twin.expire(&world.bot, NOW);
    let (status, answer) = world.bot_asks("GET /projects/:id", Value::Null).await;
    assert_eq!((status, answer["error"].as_str()), (401, Some("invalid_token")));
}

#[tokio::test]
async fn a_group_gives_roles_in_all_that_is_below_it() {
    let world = World::new().await;
    let token = world.twin.group_token("acme", "all of acme", Role::Write).token;
    let (status, user) = world.ask(&token, "GET /user", Value::Null).await;
    assert_eq!((status, &user["bot"]), (200, &json!(true)));
    let member = format!("GET /projects/:id/members/all/{}", user["id"]);
    let (status, member) = world.ask(&token, &member, Value::Null).await;
    assert_eq!((status, &member["access_level"]), (200, &json!(30)));
    let (_, all) = world.ask(&token, "GET /projects/:id/members/all", Value::Null).await;
    let levels: Vec<(&str, u64)> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|member| (member["username"].as_str().unwrap(), member["access_level"].as_u64().unwrap()))
        .collect();
    for known in [("ann", 50), ("bob", 30), ("vera", 10)] {
        assert!(levels.contains(&known), "{levels:?}");
    }
}
