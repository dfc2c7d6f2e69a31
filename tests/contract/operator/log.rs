//! The bot's own log: every line is found by its ids, and none holds a secret, a body or what a model said.

use super::place::{API_TOKEN, Place, REPO};
use crate::github_server::{Scripted, Seen, reply};
use secrecy::SecretString;
use serde_json::{Value, json};
use tasksgodzilla::forge::signature::sign_github;

/// The ids of a line: its own fields and those of the spans that it stands in.
fn ids(line: &Value) -> Value {
    let mut all = serde_json::Map::new();
    let spans = line["spans"].as_array().cloned().unwrap_or_default();
    for part in spans.iter().chain([line]) {
        all.extend(part.as_object().unwrap().clone());
    }
    Value::Object(all)
}

#[tokio::test]
async fn every_line_of_work_is_found_by_its_ids_and_holds_no_words_of_people_or_models() {
    let mut place = Place::new().await;
    place.set("LOG_JSON", "true");
    place.set("LOG_LEVEL", "debug,hyper=info,sqlx=info,actix=info");
    let mut serving = place.serve().await;
    place.comments(1, "/protocol new\n\nPlease split the zebra importer.").await;
    let run = serving.says("a run ended").await;
    let run = ids(&serde_json::from_str(&run).unwrap());
    for id in ["job.id", "job.attempt", "project.id", "protocol.id", "run.id"] {
        assert!(run[id].as_i64().is_some(), "{id}: {run}");
    }
    assert_eq!((&run["job.kind"], &run["status"]), (&json!("plan_protocol"), &json!("succeeded")));

    let lines = serving.stop().await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    let taken = lines.iter().find(|line| line["message"] == "a command").map(ids).unwrap();
    assert_eq!(taken["command.name"], "protocol new");
    assert!(taken["delivery.id"].as_i64().is_some() && taken["delivery.guid"].as_str().is_some(), "{taken}");
    let answered = lines.iter().filter(|line| line["message"] == "answered").map(ids);
    let hooks: Vec<Value> = answered.filter(|line| line["http.route"] == "/webhooks/github").collect();
    assert!(
        hooks.iter().all(|line| line["request.id"].as_str().is_some_and(|id| id.len() == 32)),
        "{hooks:?}"
    );
    assert!(hooks.iter().any(|line| line["delivery.guid"] == taken["delivery.guid"]), "{hooks:?}");
    for line in &lines {
        let text = line.to_string();
        place.holds_no_secret(&text);
        assert!(!text.contains("zebra"), "{text}");
    }
}

#[tokio::test]
async fn a_request_keeps_the_id_that_it_came_with() {
    let mut place = Place::new().await;
    place.set("LOG_LEVEL", "debug,hyper=info,sqlx=info");
    let mut serving = place.serve().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked =
        http.get(place.address("/health/live")).header("x-request-id", "probe-7.A_c").send().await.unwrap();
    assert_eq!(asked.headers()["x-request-id"], "probe-7.A_c");
    assert!(serving.says("answered").await.contains("request.id=\"probe-7.A_c\""));
    let odd = http.get(place.address("/health/live")).header("x-request-id", "a b").send().await.unwrap();
    assert_eq!(odd.headers()["x-request-id"].len(), 32);
    let unnamed = http.get(place.address("/nowhere")).send().await.unwrap();
    assert_eq!(unnamed.headers()["x-request-id"].len(), 32);
    serving.stop().await;
}

/// A GitHub that, for whatever reason, puts a secret of ours into its refusal of a reaction.
fn indiscreet(secret: &'static str) -> Scripted {
    Scripted::start(move |seen: &Seen| match seen.line.as_str() {
        line if line.contains("/reactions") => {
            Some(reply(422, json!({ "message": format!("not with {secret}") })))
        }
        line if line.contains("/collaborators/") => Some(reply(200, json!({ "permission": "write" }))),
        _ => None,
    })
}

async fn redacted(json: &str) {
    let github = indiscreet(API_TOKEN);
    let mut place = Place::new().await;
    place.set("GITHUB_API_URL", format!("http://{}", github.host()));
    place.set("GITHUB_APP_ID", crate::github_server::APP.to_string());
    place.set("LOG_JSON", json);
    let mut serving = place.serve().await;
    let body = json!({
        "action": "created",
        "comment": { "id": 1, "body": "/bot ping" },
        "issue": { "number": 1, "title": "t", "body": null },
        "repository": { "id": 700, "full_name": REPO, "default_branch": "main", "private": true },
        "installation": { "id": 5 },
        "sender": { "id": 9, "login": "bob", "type": "User" },
    });
    let body = body.to_string();
    let signature = sign_github(&SecretString::from(place.app.webhook_secret.clone()), body.as_bytes());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(place.address("/webhooks/github")).header("x-hub-signature-256", signature);
    let request = request.header("x-github-event", "issue_comment").header("x-github-delivery", "d-1");
    assert_eq!(request.body(body).send().await.unwrap().status(), 202);
    let line = serving.says("the forge does not take an answer").await;
    assert!(line.contains("not with [redacted]"), "{line}");
    for line in serving.stop().await {
        place.holds_no_secret(&line);
        assert!(json == "false" || serde_json::from_str::<Value>(&line).is_ok(), "{line}");
    }
}

#[tokio::test]
async fn a_secret_in_an_error_is_not_in_the_log() {
    redacted("false").await;
    redacted("true").await;
}

#[tokio::test]
async fn what_cannot_be_read_leaves_a_line_without_its_content() {
    let mut place = Place::new().await;
    for (name, value) in
        [("GITLAB_URL", "http://127.0.0.1:1"), ("GITLAB_TOKEN", "glpat-x"), ("GITLAB_WEBHOOK_TOKEN", "word")]
    {
        place.set(name, value);
    }
    let mut serving = place.serve().await;
    let post = reqwest::Client::builder().no_proxy().build().unwrap().post(place.address("/webhooks/gitlab"));
    let post = post.header("x-gitlab-token", "word").header("x-gitlab-event", "Note Hook");
    assert_eq!(post.body("words of somebody").send().await.unwrap().status(), 202);
    let line = serving.says("the body of a delivery cannot be read").await;
    assert!(line.contains("WARN") && line.contains("it is not JSON"), "{line}");
    assert!(!line.contains("words of somebody"), "{line}");
    serving.stop().await;
}
