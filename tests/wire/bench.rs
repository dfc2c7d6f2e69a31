//! Each bench as one runs it, made tiny: it ends well and tells every figure that docs/benchmarks.md has, and no other.

use crate::postgres;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::process::Command;

#[tokio::test]
async fn intake_is_measured() {
    measures("intake", &[]).await;
}

#[tokio::test]
async fn intake_is_measured_on_postgres() {
    measures("intake", &["--postgres", &postgres::schema().await]).await;
}

#[tokio::test]
async fn jobs_are_measured() {
    measures("jobs", &[]).await;
}

#[tokio::test]
async fn jobs_are_measured_on_postgres_and_redis() {
    let redis = std::env::var("TASKSGODZILLA_TEST_REDIS_URL")
        .expect("this test needs a Redis: run it as `scripts/with-redis cargo test`");
    measures("jobs", &["--postgres", &postgres::schema().await, "--redis", &redis]).await;
}

#[tokio::test]
async fn overhead_is_measured() {
    measures("overhead", &[]).await;
}

#[tokio::test]
async fn status_is_measured() {
    measures("status", &[]).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once() {
    for (bench, option, url) in [
        ("jobs", "--redis", "redis://:hush@127.0.0.1:1"),
        ("intake", "--postgres", "postgres://me:hush@127.0.0.1:1/x"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tasksgodzilla"));
        command.args(["bench", bench, "--size", "tiny", option, url]).kill_on_drop(true);
        let ended = tokio::time::timeout(Duration::from_secs(30), command.output()).await.unwrap().unwrap();
        let words = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{words}");
        assert!(words.contains(&format!("{option} does not answer")) && !words.contains("hush"), "{words}");
        assert!(ended.stdout.is_empty(), "nothing was measured");
    }
}

async fn measures(bench: &str, more: &[&str]) {
    let program = env!("CARGO_BIN_EXE_tasksgodzilla");
    let mut command = Command::new(program);
    command.args(["bench", bench, "--size", "tiny", "--json"]).args(more).kill_on_drop(true);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["bench"], &report["size"]), (&bench.into(), &"tiny".into()));
    assert_eq!(report["store"], if more.contains(&"--postgres") { "postgres" } else { "sqlite" });
    assert_eq!(report["redis"], more.contains(&"--redis"));
    assert!(report["cores"].as_u64() > Some(0) && report["load"].is_number(), "{report}");
    let figures = report["figures"].as_object().unwrap();
    let told: BTreeSet<&str> = figures.keys().map(String::as_str).collect();
    let page = documented(bench);
    assert_eq!(
        told,
        page.iter().map(String::as_str).collect(),
        "docs/benchmarks.md has other figures of {bench}"
    );
    for (name, figure) in figures {
        assert!(figure["value"].as_f64() >= Some(0.0) && figure["unit"].is_string(), "{name}: {figure}");
        assert!(figure["met"].is_null(), "so few say nothing about a goal: {name}: {figure}");
    }
    for name in ["per_second", "cpu", "memory_idle", "planning", "few_p50"] {
        assert!(
            figures.get(name).is_none_or(|figure| figure["value"].as_f64() > Some(0.0)),
            "{name} is zero"
        );
    }
}

/// The figures in the section of that bench.
fn documented(bench: &str) -> BTreeSet<String> {
    let page = include_str!("../../docs/benchmarks.md");
    let section = page.split("\n## ").find(|section| section.starts_with(&format!("{bench}\n"))).unwrap();
    let row = Regex::new(r"(?m)^\| `(\w+)` \|").unwrap();
    row.captures_iter(section).map(|found| found[1].to_owned()).collect()
}
