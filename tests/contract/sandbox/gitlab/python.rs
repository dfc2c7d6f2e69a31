//! python-gitlab reads the twin as it would read GitLab: a client that nobody here wrote.

use super::world::{REPO, World};
use serde_json::Value;
use std::path::Path;
use tasksgodzilla::sandbox::{Ci, PullSpec};

/// What it reads, and what it writes once.
const SCRIPT: &str = include_str!("read.py");

#[tokio::test(flavor = "multi_thread")]
async fn python_gitlab_reads_everything_without_an_error() {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/python-gitlab");
    assert!(tools.join("gitlab").is_dir(), "python-gitlab is missing: run `scripts/install-python-gitlab`");
    let world = World::below("/gitlab").await;
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    world.twin.open_issue("bob", REPO, "Split it", "It does too much.").unwrap();
    for n in 0..25 {
        let note = world.twin.comment("ann", REPO, 1, &format!("note {n}")).unwrap();
        world.twin.react("bob", REPO, note, "rocket").unwrap();
    }
    world.twin.push_as("bob", REPO, "work", &[("a.txt", Some("a\n"))]).unwrap();
    let spec = PullSpec { title: "Work", body: "", head: "work", base: "main", draft: false };
    world.twin.open_pull("bob", REPO, &spec).unwrap();
    world.twin.comment("ann", REPO, 2, "looks good").unwrap();
    world.twin.play_ci();
    let output = tokio::process::Command::new("python3")
        .args(["-c", SCRIPT, &world.twin.url(), &world.bot.token, REPO])
        .env("PYTHONPATH", &tools)
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({
        "notes": 25, "emoji": ["rocket"], "merge_request": "Work", "merge_notes": ["looks good"],
        "pipeline": "success", "jobs": ["build"], "trace": "12 tests passed.\n", "statuses": ["build", "python"],
        "members": [["ann", 50], ["bob", 30], ["vera", 10]], "branches": ["main", "work"], "file": "hello\n",
        "discussions": 1, "replies": 2,
    });
    assert_eq!(read, expected);
    world.conforms();
}
