//! `tasksgodzilla doctor`: with everything as it should be, and with each thing broken once.

use super::place::{Ended, Place, free_port, script};
use insta::assert_snapshot;
use serde_json::Value;
use std::time::Duration;
use tasksgodzilla::domain::forge_event::RepoFacts;
use tasksgodzilla::domain::ids::ProtocolId;
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::project::{ForgeKind, RepoRef};
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::store::{job, project};

pub(super) async fn doctor(place: &Place) -> Vec<Value> {
    let Ended { code, out, err } = place.run(&["doctor", "--json"]).await;
    let findings: Vec<Value> = serde_json::from_str(&out).expect(&out);
    let wrong = findings.iter().filter(|finding| finding["state"] == "wrong").count();
    assert_eq!(code, Some(i32::from(wrong > 0)), "{out}{err}");
    assert_eq!(err.is_empty(), wrong == 0, "{err}");
    findings
}

/// What is found about one thing: its state, what is said and what to do.
pub(super) fn about(findings: &[Value], about: &str) -> String {
    let lines = findings.iter().filter(|finding| finding["about"] == about);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines
        .map(|it| format!("{}: {} -> {}", text(&it["state"]), text(&it["says"]), text(&it["todo"])))
        .collect::<Vec<_>>()
        .join("\n")
}

/// How the thing is after it was broken.
async fn broken(place: &Place, thing: &str) -> String {
    about(&doctor(place).await, thing)
}

#[tokio::test]
async fn where_all_is_well_nothing_is_wrong() {
    let place = Place::new().await;
    let mut serving = place.serve().await;
    place.comments(1, "/bot ping").await;
    serving.says("a command").await;
    place.until_worked().await;
    let findings = doctor(&place).await;
    // What this machine has of walls and of room is its own affair.
    let of_the_machine = ["sandbox", "projects", "runs", "database's folder"];
    let line = |finding: &Value| {
        let about = finding["about"].as_str().unwrap();
        let state = finding["state"].as_str().unwrap();
        format!("{} {about}", if of_the_machine.contains(&about) { "--" } else { state })
    };
    let lines: Vec<String> = findings.iter().map(line).collect();
    assert_snapshot!(lines.join("\n"), @r"
    ok settings
    ok database
    ok database
    ok queue
    ok failed jobs
    ok workers
    -- projects
    -- runs
    -- database's folder
    ok git
    ok clone
    ok engine demo
    -- sandbox
    ok clock
    ok App
    ok App rights
    ok installation on acme
    ok webhook
    ok deliveries
    ok bot
    ok public address
    ok public repositories
    ");
    let shown = place.run(&["doctor"]).await;
    assert_eq!(shown.out.lines().filter(|line| !line.starts_with(' ')).count(), findings.len());
    assert!(shown.out.contains("ok     App: godzilla (id "), "{}", shown.out);
    serving.stop().await;
}

#[tokio::test]
async fn every_setting_that_is_wrong_is_told_and_the_rest_is_looked_at() {
    let mut place = Place::new().await;
    place.set("WORKERS", "many");
    place.set("DB_POOL_SIZE", "0");
    place.unset("GITHUB_WEBHOOK_SECRET");
    let findings = doctor(&place).await;
    assert_snapshot!(about(&findings, "settings"), @r"
    wrong: TASKSGODZILLA_GITHUB_WEBHOOK_SECRET is missing; `tasksgodzilla setup` registers the App and writes it -> see docs/settings.md
    wrong: TASKSGODZILLA_DB_POOL_SIZE is `0`; it must be a number from 1 to 100 -> see docs/settings.md
    wrong: TASKSGODZILLA_WORKERS is `many`; it must be a number from 1 to 64 -> see docs/settings.md
    ");
    assert!(about(&findings, "database").starts_with("wrong: not looked at"));
    assert!(about(&findings, "App").starts_with("ok: godzilla"));
    assert!(about(&findings, "git").starts_with("ok: version"));
}

#[tokio::test]
async fn a_database_that_is_not_well_is_told() {
    let mut place = Place::new().await;
    assert!(broken(&place, "database").await.starts_with("warn: there is no "));
    std::fs::write(place.path("bot.sqlite"), "not a database, but long enough to look like a file of one")
        .unwrap();
    assert!(broken(&place, "database").await.starts_with("wrong: "));
    std::fs::remove_file(place.path("bot.sqlite")).unwrap();
    place.set("DB_URL", format!("postgres://nobody:pw@127.0.0.1:{}/none", free_port()));
    let told = broken(&place, "database").await;
    assert!(told.starts_with("wrong: the database does not answer"), "{told}");
}

#[tokio::test]
async fn a_queue_that_stands_still_is_told() {
    let place = Place::new().await;
    let store = place.store().await;
    let findings = doctor(&place).await;
    assert!(about(&findings, "workers").starts_with("warn: never worked"));
    assert!(about(&findings, "bot").starts_with("warn: nothing answers"));
    assert!(about(&findings, "public address").starts_with("warn: "));
    let mut tx = store.begin().await.unwrap();
    let long_ago = tasksgodzilla::domain::ids::Moment(tx.now().0 - 3_600_000);
    job::push(&mut tx, Job::Publish { protocol: ProtocolId(1) }, long_ago).await.unwrap();
    job::push(&mut tx, Job::Publish { protocol: ProtocolId(2) }, long_ago).await.unwrap();
    tx.commit().await.unwrap();
    let claimed = job::claim(&store, "w", 1, Duration::from_secs(10)).await.unwrap();
    let dead = JobEnd::Dead { error: "no".to_owned() };
    assert!(job::finish(&store, claimed[0].hold(), &dead).await.unwrap());
    let findings = doctor(&place).await;
    let waits = about(&findings, "queue");
    assert!(waits.starts_with("warn: 1 queued, 0 running; the oldest due job waits for 36"), "{waits}");
    assert_snapshot!(about(&findings, "failed jobs"), @"warn: 1 failed for good -> `tasksgodzilla jobs` says why, `tasksgodzilla jobs retry ID` tries dead ones again");
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_told() {
    let mut place = Place::new().await;
    assert_eq!(broken(&place, "redis").await, "");
    place.set("REDIS_URL", format!("redis://:hush-hush@127.0.0.1:{}", free_port()));
    let told = broken(&place, "redis").await;
    assert!(told.starts_with("warn: does not answer: ") && !told.contains("hush-hush"), "{told}");
    let redis = std::env::var("TASKSGODZILLA_TEST_REDIS_URL")
        .expect("contract tests need a Redis: run them as `scripts/with-redis cargo test --test contract`");
    place.set("REDIS_URL", redis);
    let told = broken(&place, "redis").await;
    assert!(
        told.starts_with("ok: answers; ") && told.contains(" with workers ") && told.ends_with(" on it -> "),
        "{told}"
    );
}

#[tokio::test]
async fn folders_that_cannot_be_used_are_told() {
    let mut place = Place::new().await;
    std::fs::write(place.path("file"), "").unwrap();
    place.set("PROJECTS_ROOT", place.path("file"));
    let told = broken(&place, "projects").await;
    assert!(told.starts_with("wrong: ") && told.contains("TASKSGODZILLA_PROJECTS_ROOT"), "{told}");
}

#[tokio::test]
async fn programs_that_are_missing_are_told() {
    let mut place = Place::new().await;
    place.set("DEFAULT_ENGINE_ID", "command");
    assert!(broken(&place, "engine command").await.starts_with("wrong: is named and not configured"));
    place.set("COMMAND_ENGINE", format!("[\"{}\"]", place.path("engine")));
    assert!(broken(&place, "engine command").await.starts_with("wrong: "));
    script(place.folder.path().join("engine").as_path(), "#!/bin/sh\n");
    assert!(broken(&place, "engine command").await.starts_with("ok: "));
    std::fs::create_dir(place.path("empty")).unwrap();
    place.set_foreign("PATH", place.path("empty"));
    let told = broken(&place, "git").await;
    assert!(told.starts_with("wrong: cannot run `git`"), "{told}");
}

#[tokio::test]
async fn an_engine_without_its_key_is_told() {
    let mut place = Place::new().await;
    let codex = place.folder.path().join("codex");
    script(&codex, "#!/bin/sh\necho codex-cli 0.169.0\n");
    place.set("CODEX_BIN", codex.to_str().unwrap());
    place.set("QA_ENGINE_ID", "codex");
    let told = broken(&place, "engine codex").await;
    assert!(told.starts_with("wrong: version 0.169.0, but ") && told.contains("CODEX_API_KEY"), "{told}");
    place.set_foreign("CODEX_API_KEY", "key-of-a-model");
    assert_eq!(broken(&place, "engine codex").await, "ok: version 0.169.0 -> ");
}

#[tokio::test]
async fn a_repository_that_git_cannot_reach_is_told() {
    let place = Place::new().await;
    let store = place.store().await;
    assert!(broken(&place, "clone").await.starts_with("ok: no repository is known"));
    let repo = RepoRef { id: 404, owner: "acme".to_owned(), name: "gone".to_owned(), installation: 1 };
    let facts =
        RepoFacts { repo, default_branch: Some("main".to_owned()), private: Some(false), archived: false };
    let mut tx = store.begin().await.unwrap();
    project::upsert(&mut tx, ForgeKind::Github, &facts).await.unwrap();
    tx.commit().await.unwrap();
    let findings = doctor(&place).await;
    let told = about(&findings, "clone");
    assert!(told.starts_with("wrong: acme/gone cannot be reached: "), "{told}");
    let told = about(&findings, "public repositories");
    assert!(told.starts_with("warn: are refused, and the bot hears of acme/gone"), "{told}");
}

#[tokio::test]
async fn another_server_in_the_bots_place_is_told() {
    let mut place = Place::new().await;
    place.set("API_PORT", place.twin.url().rsplit(':').next().unwrap());
    place.set("PUBLIC_URL", place.twin.url());
    let findings = doctor(&place).await;
    assert!(
        about(&findings, "bot").starts_with("wrong: something else answers"),
        "{}",
        about(&findings, "bot")
    );
    let told = about(&findings, "public address");
    assert!(told.starts_with("wrong: ") && told.contains("it is not the bot"), "{told}");
    place.unset("PUBLIC_URL");
    let findings = doctor(&place).await;
    assert!(about(&findings, "public address").starts_with("warn: is not set"));
    assert!(about(&findings, "webhook").starts_with("warn: goes to "));
}
