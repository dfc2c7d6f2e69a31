//! The shape of webhooks, held against real ones where those lie beside the project.

use super::world::{REPO, World};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use tasksgodzilla::sandbox::gitlab::HookSpec;
use tasksgodzilla::sandbox::{Ci, PullSpec};

/// A real webhook for each kind, and the kind.
const REAL: [(&str, &str); 7] = [
    ("Issue Hook", "go-gitlab--issue.json"),
    ("Note Hook on an issue", "go-gitlab--note_issue.json"),
    ("Note Hook on a merge request", "docs--note_merge_request.json"),
    ("Merge Request Hook", "go-gitlab--merge_request.json"),
    ("Pipeline Hook", "go-gitlab--pipeline.json"),
    ("Job Hook", "go-gitlab--job.json"),
    ("Push Hook", "go-gitlab--push.json"),
];

/// What these real ones carry and the twin does not: who is asked to do or to review something, and pipelines of pipelines.
const LEFT_OUT: [&str; 4] = ["assignee", "reviewers", "source_pipeline", "build_queued_duration"];

fn busy_day(world: &World) {
    let twin = &world.twin;
    twin.add_hook(REPO, HookSpec { url: "http://127.0.0.1:9/", token: None, signing: None }).unwrap();
    twin.set_ci(REPO, Ci::Green).unwrap();
    twin.open_issue("bob", REPO, "Split it", "It does too much.").unwrap();
    twin.comment("bob", REPO, 1, "/protocol new").unwrap();
    twin.push_as("bob", REPO, "work", &[("a.txt", Some("a\n"))]).unwrap();
    let spec = PullSpec { title: "Work", body: "It works.", head: "work", base: "main", draft: true };
    twin.open_pull("bob", REPO, &spec).unwrap();
    twin.comment("bob", REPO, 2, "/protocol status").unwrap();
    twin.play_ci();
}

#[tokio::test]
async fn every_webhook_looks_like_a_real_one() {
    let world = World::new().await;
    busy_day(&world);
    let mut seen = BTreeSet::new();
    for (name, body) in world.waiting() {
        let kind = match (body["object_kind"].as_str(), body["issue"].is_object()) {
            (Some("note"), true) => "Note Hook on an issue",
            (Some("note"), false) => "Note Hook on a merge request",
            _ => name.split(" Hook").next().unwrap(),
        };
        let (kind, file) = REAL.iter().find(|(known, _)| known.starts_with(kind)).unwrap();
        seen.insert(*kind);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gitlab").join(file);
        let Ok(text) = std::fs::read(file) else { continue };
        let real: Value = serde_json::from_slice(&text).unwrap();
        let lacking = real.as_object().unwrap().keys().filter(|field| body.get(field).is_none());
        let lacking: Vec<&String> = lacking.filter(|field| !LEFT_OUT.contains(&field.as_str())).collect();
        assert!(lacking.is_empty(), "{kind} lacks {lacking:?}");
        assert_eq!(misfits(&real, &body, ""), Vec::<String>::new(), "{kind}");
    }
    assert_eq!(seen.len(), REAL.len(), "{seen:?}");
}

/// Fields that both have, and that are of another type here.
fn misfits(real: &Value, ours: &Value, place: &str) -> Vec<String> {
    match (real, ours) {
        (Value::Null, _) | (_, Value::Null) => Vec::new(),
        (Value::Object(real), Value::Object(ours)) => {
            let both = real.iter().filter_map(|(name, value)| Some((name, value, ours.get(name)?)));
            both.flat_map(|(name, real, ours)| misfits(real, ours, &format!("{place}.{name}"))).collect()
        }
        (Value::Array(real), Value::Array(ours)) => match (real.first(), ours.first()) {
            (Some(real), Some(ours)) => misfits(real, ours, &format!("{place}[]")),
            _ => Vec::new(),
        },
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => Vec::new(),
        _ => vec![format!("{place}: {ours} in place of {real}")],
    }
}

#[test]
fn another_type_is_a_misfit() {
    let real = serde_json::json!({ "id": 1, "user": { "name": "x" }, "list": [1] });
    assert!(misfits(&real, &real, "").is_empty());
    let ours = serde_json::json!({ "id": "1", "user": { "name": true }, "list": ["a"], "more": 1 });
    assert_eq!(misfits(&real, &ours, "").len(), 3);
}
