//! What was asked wrongly, or cannot be: each is told with its setting and what to do, and not as a fault of ours.

use super::place::{Place, free_port};
use crate::postgres;
use insta::assert_snapshot;
use std::net::TcpListener;

/// Exit codes: 1 the answer is no, 2 it was asked wrongly.
async fn told(place: &Place, args: &[&str], code: i32) -> String {
    let ended = place.run(args).await;
    assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.err);
    ended.err.replace(&place.path(""), "<place>/")
}

#[tokio::test]
async fn a_database_without_its_folder_is_a_wrong_setting() {
    let mut place = Place::new().await;
    place.set("DB_PATH", place.path("nowhere/bot.sqlite"));
    let words = told(&place, &["migrate"], 2).await;
    assert!(words.contains("TASKSGODZILLA_DB_PATH") && words.contains("folder"), "{words}");
    assert!(!words.contains("DB_URL"), "{words}");
    let findings = super::doctor::doctor(&place).await;
    let found = super::doctor::about(&findings, "database");
    assert!(found.starts_with("wrong: ") && found.contains("TASKSGODZILLA_DB_PATH"), "{found}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_a_wrong_setting() {
    let place = Place::new().await;
    std::fs::write(
        place.path("bot.sqlite"),
        "no database at all, but long enough to be taken for one ".repeat(9),
    )
    .unwrap();
    let words = told(&place, &["migrate"], 2).await;
    assert!(words.contains("TASKSGODZILLA_DB_PATH") && words.contains("not a database"), "{words}");
    assert!(!words.contains("user") && !words.contains("DB_URL"), "{words}");
    let findings = super::doctor::doctor(&place).await;
    let found = super::doctor::about(&findings, "database");
    assert!(found.contains("TASKSGODZILLA_DB_PATH") && !found.contains("DB_URL"), "{found}");
}

#[tokio::test]
async fn a_postgres_that_lets_nobody_in_is_a_wrong_setting() {
    let mut place = Place::new().await;
    let server = postgres::schema().await;
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path("/not_there");
    place.set("DB_URL", url.as_str());
    let words = told(&place, &["migrate"], 2).await;
    assert!(words.contains("TASKSGODZILLA_DB_URL") && words.contains("not_there"), "{words}");
    let findings = super::doctor::doctor(&place).await;
    let found = super::doctor::about(&findings, "database");
    assert!(found.contains("-> correct TASKSGODZILLA_DB_URL"), "{found}");
}

#[tokio::test]
async fn a_postgres_that_is_away_is_no_fault_of_ours() {
    let mut place = Place::new().await;
    place.set("DB_URL", format!("postgres://nobody:pw@127.0.0.1:{}/none", free_port()));
    let words = told(&place, &["jobs"], 1).await;
    assert!(words.contains("does not answer") && words.contains("TASKSGODZILLA_DB_URL"), "{words}");
    let findings = super::doctor::doctor(&place).await;
    let found = super::doctor::about(&findings, "database");
    assert!(found.contains("-> start it, or correct TASKSGODZILLA_DB_URL"), "{found}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_its_setting() {
    let mut place = Place::new().await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    place.set("API_PORT", port.as_str());
    let words = told(&place, &["serve"], 2).await;
    assert!(words.contains("hint: set TASKSGODZILLA_API_PORT"), "{words}");
    place.set("WORKER_PORT", port);
    let words = told(&place, &["worker"], 2).await;
    assert!(words.contains("hint: set TASKSGODZILLA_WORKER_PORT"), "{words}");
}

#[tokio::test]
async fn folders_that_cannot_be_written_are_told_at_the_start_and_all_at_once() {
    let mut place = Place::new().await;
    std::fs::write(place.path("file"), "").unwrap();
    place.set("RUNS_DIR", place.path("file"));
    let words = told(&place, &["serve"], 2).await;
    assert!(words.contains("TASKSGODZILLA_RUNS_DIR") && !words.contains("PROJECTS_ROOT"), "{words}");
    place.set("PROJECTS_ROOT", place.path("file/below"));
    let words = told(&place, &["serve"], 2).await;
    for name in ["RUNS_DIR", "PROJECTS_ROOT"] {
        assert!(words.contains(&format!("TASKSGODZILLA_{name}")), "{words}");
    }
}

#[tokio::test]
async fn a_forge_that_is_not_served_has_nothing_to_replay() {
    let place = Place::new().await;
    std::fs::write(place.path("hook.json"), "{}").unwrap();
    let words = told(&place, &["replay", "hook.json", "--event", "Note Hook", "--forge", "gitlab"], 2).await;
    assert_snapshot!(words, @r"
    error: GitLab is not served
    hint: set TASKSGODZILLA_GITLAB_TOKEN and TASKSGODZILLA_GITLAB_WEBHOOK_TOKEN, as docs/gitlab.md tells, or choose another --forge
    ");
}

#[tokio::test]
async fn a_stage_at_the_address_of_a_forge_that_is_not_served_is_told_so() {
    let mut place = Place::new().await;
    place.set("CI_TOKEN", "of-ci");
    let serving = place.serve().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let stage = r#"{"object_kind":"pipeline","object_attributes":{"status":"success","ref":"0001-split"}}"#;
    let post = http.post(place.address("/webhooks/gitlab")).header("x-gitlab-event", "Pipeline Hook");
    let told = post.header("x-gitlab-token", "of-ci").body(stage).send().await.unwrap();
    assert_eq!(told.status(), 404);
    let words = told.text().await.unwrap();
    assert_snapshot!(words, @r#"{"error":"gitlab is not served here; post to the forge that has the repository"}"#);
    let log = serving.stop().await.join("\n");
    assert!(!log.contains("could not be stored"), "{log}");
}
