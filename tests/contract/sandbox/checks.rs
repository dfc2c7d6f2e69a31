//! Check runs, suites, statuses, and the App that plays CI.

use super::world::{REPO, World, spec_named};
use serde_json::{Value, json};
use std::time::Duration;
use tasksgodzilla::sandbox::github::{CheckConclusion, CheckStatus, Ci, Hooks, TwinOptions};

fn runs() -> String {
    format!("/repos/{REPO}/check-runs")
}

#[tokio::test]
async fn a_run_goes_from_queued_to_done_and_back() {
    let world = World::new().await;
    let sha = world.main();
    let body = json!({ "name": "TasksGodzilla / protocol", "head_sha": sha, "external_id": "g1" });
    let (status, run) = world.send("POST", &runs(), body).await;
    assert_eq!((status, &run["status"], &run["conclusion"]), (201, &json!("queued"), &Value::Null));
    let path = format!("{}/{}", runs(), run["id"]);
    let action = json!({ "label": "Run", "description": "Run the plan", "identifier": "run" });
    let output = json!({ "title": "Waiting", "summary": "Read the plan." });
    let done = json!({ "conclusion": "action_required", "output": output, "actions": [action] });
    let (status, run) = world.send("PATCH", &path, done).await;
    assert_eq!((status, &run["status"]), (200, &json!("completed")));
    assert!(run["completed_at"].is_string());
    let id = run["id"].as_u64().unwrap();
    assert!(world.twin.press_button("vera", id, "run").is_err(), "a reader has no buttons");
    world.twin.press_button("acme", id, "run").unwrap();
    assert!(world.twin.press_button("acme", id, "merge").is_err(), "there is no such button");
    world.twin.rerun_check("acme", id).unwrap();
    world.twin.rerun_suite("acme", id).unwrap();
    let fired = ["check_run.created", "check_run.completed", "check_suite.completed"];
    let pressed = ["check_run.requested_action", "check_run.rerequested", "check_suite.rerequested"];
    assert_eq!(world.hooks(), [fired, pressed].concat());
    let hook: Value = serde_json::from_slice(&world.twin.pending()[3].body).unwrap();
    assert_eq!(hook["requested_action"]["identifier"], "run");
    assert_eq!(hook["check_run"]["check_suite"]["head_branch"], "main");
    let (_, run) = world.send("PATCH", &path, json!({ "status": "queued", "external_id": "g2" })).await;
    assert_eq!(
        (&run["status"], &run["conclusion"], &run["completed_at"]),
        (&json!("queued"), &Value::Null, &Value::Null)
    );
    let seen = &world.twin.checks(REPO, &sha).unwrap()[0];
    assert_eq!(
        (seen.external_id.as_str(), seen.status, seen.app_slug.as_str()),
        ("g2", CheckStatus::Queued, "godzilla")
    );
}

#[tokio::test]
async fn what_github_refuses_in_a_run_is_refused() {
    let world = World::new().await;
    let sha = world.main();
    let check = async |status: u16, more: Value| {
        let mut body = json!({ "name": "x", "head_sha": sha });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (is, answer) = world.send("POST", &runs(), body).await;
        assert_eq!(is, status, "{more:.200} {answer}");
        if status == 422 {
            assert!(answer["message"].is_string());
        }
    };
    let output = |field: &str, value: Value| {
        let mut output = json!({ "title": "t", "summary": "s" });
        output[field] = value;
        json!({ "output": output })
    };
    let action = |field: &str, value: &str| {
        let mut action = json!({ "label": "l", "description": "d", "identifier": "i" });
        action[field] = json!(value);
        json!({ "actions": [action] })
    };
    check(422, json!({ "status": "completed" })).await;
    check(422, json!({ "status": "done" })).await;
    check(422, json!({ "conclusion": "stale" })).await;
    check(422, json!({ "name": 7 })).await;
    check(422, json!({ "head_sha": "0123456789012345678901234567890123456789" })).await;
    check(422, json!({ "head_sha": "--output=here" })).await;
    check(422, json!({ "head_sha": null })).await;
    check(422, json!({ "started_at": "yesterday" })).await;
    check(422, json!({ "details_url": "javascript:alert(1)" })).await;
    check(201, output("summary", json!("e".repeat(65_535)))).await;
    check(422, output("summary", json!("é".repeat(40_000)))).await;
    check(422, output("text", json!("e".repeat(65_536)))).await;
    check(422, output("title", Value::Null)).await;
    check(422, json!({ "output": { "title": "t" } })).await;
    let note =
        json!({ "path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m" });
    check(201, output("annotations", json!(vec![note.clone(); 50]))).await;
    check(422, output("annotations", json!(vec![note; 51]))).await;
    check(422, output("annotations", json!([{ "path": "a" }]))).await;
    check(201, action("label", &"é".repeat(20))).await;
    check(422, action("label", &"l".repeat(21))).await;
    check(422, action("description", &"d".repeat(41))).await;
    check(422, action("identifier", &"i".repeat(21))).await;
    let button = json!({ "label": "l", "description": "d", "identifier": "i" });
    check(422, json!({ "actions": vec![button; 4] })).await;
}

#[tokio::test]
async fn only_the_app_that_made_a_run_may_change_it() {
    let world = World::new().await;
    let other = world.twin.register_app(&spec_named("Other")).unwrap();
    let installation = world.twin.install(other.app_id, &[REPO]).unwrap();
    let (_, run) = world.send("POST", &runs(), json!({ "name": "ours", "head_sha": world.main() })).await;
    let stranger = World { app: other, installation, ..world };
    let (status, answer) =
        stranger.send("PATCH", &format!("{}/{}", runs(), run["id"]), json!({ "name": "theirs" })).await;
    assert_eq!(status, 403, "{answer}");
    let token = stranger.twin.user("acme");
    let create = stranger.http.post(format!("{}{}", stranger.twin.api_url(), runs()));
    let body = json!({ "name": "x", "head_sha": stranger.main() }).to_string();
    assert_eq!(
        create.bearer_auth(token).body(body).send().await.unwrap().status(),
        403,
        "people make no runs"
    );
}

#[tokio::test]
async fn runs_are_listed_by_commit_name_app_and_suite() {
    let world = World::new().await;
    let sha = world.main();
    for name in ["a", "b", "a"] {
        world.send("POST", &runs(), json!({ "name": name, "head_sha": sha })).await;
    }
    let token = world.token().await;
    let count = async |query: &str| {
        let path = format!("/repos/{REPO}/commits/main/check-runs{query}");
        let answer: Value = world.get(&path, &token).await.json().await.unwrap();
        answer["total_count"].as_u64().unwrap()
    };
    assert_eq!(count("").await, 2);
    assert_eq!(count("?filter=all").await, 3);
    assert_eq!(count("?filter=all&check_name=a").await, 2);
    assert_eq!(count("?app_id=1").await, 0);
    assert_eq!(count("?status=completed").await, 0);
    let bot = world.as_bot();
    let checks = bot.checks("acme", "api");
    let commit = octocrab::params::repos::Commitish(sha);
    let suites = checks.list_check_suites_for_git_ref(commit.clone()).send().await.unwrap();
    assert_eq!(suites.total_count, 1);
    let in_suite = checks.list_check_runs_in_a_check_suite(suites.check_suites[0].id).send().await.unwrap();
    assert_eq!(in_suite.total_count, 2);
    assert_eq!(checks.list_check_runs_for_git_ref(commit).send().await.unwrap().check_runs.len(), 2);
}

#[tokio::test]
async fn statuses_come_to_one_state() {
    let world = World::new().await;
    let path = format!("/repos/{REPO}/statuses/{}", world.main());
    let token = world.token().await;
    let combined = async || {
        let answer: Value =
            world.get(&format!("/repos/{REPO}/commits/main/status"), &token).await.json().await.unwrap();
        answer["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(combined().await, "pending", "no statuses at all");
    assert_eq!(world.send("POST", &path, json!({ "state": "failure", "context": "lint" })).await.0, 201);
    assert_eq!(combined().await, "failure");
    world.send("POST", &path, json!({ "state": "success", "context": "lint" })).await;
    assert_eq!(combined().await, "success");
    assert_eq!(world.twin.statuses(REPO, &world.main()).unwrap().len(), 2);
    assert_eq!(world.send("POST", &path, json!({ "state": "green" })).await.0, 422);
    let long = json!({ "state": "success", "description": "d".repeat(141) });
    assert_eq!(world.send("POST", &path, long).await.0, 422);
    assert_eq!(world.hooks(), ["status", "status"]);
}

#[tokio::test]
async fn ci_is_red_once_and_then_green() {
    let world = World::new().await;
    world.twin.set_ci(REPO, Ci::RedOnce).unwrap();
    let first = world.twin.push_as("acme", REPO, "work", &[("a", Some("1"))]).unwrap();
    assert_eq!(world.hooks().split_off(3), ["check_run.created", "workflow_run.requested"]);
    assert_eq!(world.twin.play_ci(), 1);
    let played = [
        "workflow_run.in_progress",
        "check_run.completed",
        "check_suite.completed",
        "workflow_run.completed",
    ];
    assert_eq!(world.hooks().split_off(5), played);
    let second = world.twin.push_as("acme", REPO, "work", &[("a", Some("2"))]).unwrap();
    assert_eq!((world.twin.play_ci(), world.twin.play_ci()), (1, 0));
    let conclusion = |sha: &str| world.twin.checks(REPO, sha).unwrap()[0].conclusion;
    assert_eq!(conclusion(&first), Some(CheckConclusion::Failure));
    assert_eq!(conclusion(&second), Some(CheckConclusion::Success));
    let run = world.twin.checks(REPO, &first).unwrap()[0].id;
    world.twin.rerun_check("acme", run).unwrap();
    assert_eq!(world.twin.play_ci(), 1);
    assert_eq!(conclusion(&first), Some(CheckConclusion::Success));
}

#[tokio::test]
async fn ci_can_be_silent_absent_or_made_of_statuses() {
    let world = World::new().await;
    let push = |branch: &str| world.twin.push_as("acme", REPO, branch, &[("a", Some(branch))]).unwrap();
    let none = push("none");
    assert!(world.twin.checks(REPO, &none).unwrap().is_empty());
    world.twin.set_ci(REPO, Ci::Silent).unwrap();
    let silent = push("silent");
    assert_eq!(world.twin.play_ci(), 0);
    assert_eq!(world.twin.checks(REPO, &silent).unwrap()[0].status, CheckStatus::Queued);
    world.twin.set_ci(REPO, Ci::Statuses).unwrap();
    let statuses = push("statuses");
    world.twin.play_ci();
    let states: Vec<String> =
        world.twin.statuses(REPO, &statuses).unwrap().into_iter().map(|s| s.state).collect();
    assert_eq!(states, ["pending", "success"]);
}

#[tokio::test]
async fn ci_plays_by_itself_when_webhooks_are_sent() {
    let options = TwinOptions { hooks: Hooks::Send, ci_delay: Duration::ZERO, ..TwinOptions::default() };
    let world = World::with(options).await;
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    let sha = world.twin.push_as("acme", REPO, "work", &[("a", Some("1"))]).unwrap();
    let played = async {
        while world.twin.checks(REPO, &sha).unwrap()[0].conclusion != Some(CheckConclusion::Success) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), played).await.unwrap();
}
