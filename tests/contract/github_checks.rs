//! Check runs of ours, results of others.

use crate::github_server::{Scripted, by_line, plain, reply, repo, sha};
use serde_json::{Value, json};
use tasksgodzilla::domain::ci::{CiResult, CiState};
use tasksgodzilla::domain::colour::Colour;
use tasksgodzilla::forge::{Button, CheckReport, Checks, ForgeError};

fn check_report(colour: Colour) -> CheckReport {
    CheckReport {
        branch: "0007-split-importer".to_owned(),
        name: "TasksGodzilla / plan".to_owned(),
        sha: sha("a"),
        colour,
        external_id: "7:plan:1".to_owned(),
        details_url: "https://bot.example/p/7".to_owned(),
        title: "Planned".to_owned(),
        summary: "Three steps".to_owned(),
        text: None,
        buttons: vec![Button { label: "Run", description: "Run all steps", identifier: "run".to_owned() }],
    }
}

#[tokio::test]
async fn a_new_check_run_is_created_with_everything_it_shows() {
    let server = Scripted::start(by_line(&[
        ("GET /repos/acme/api/commits/", 200, r#"{ "check_runs": [] }"#),
        ("POST /repos/acme/api/check-runs", 201, r#"{ "id": 31 }"#),
    ]));
    let mut report = check_report(Colour::ActionRequired);
    report.text = Some("The plan".to_owned());
    assert_eq!(server.client("").put_check(&repo(), None, &report).await.unwrap(), 31);
    let told: String = server.seen().iter().map(|seen| format!("{}\n{:#}\n", seen.line, seen.body)).collect();
    insta::assert_snapshot!(told, @r#"
    GET /repos/acme/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/check-runs?check_name=TasksGodzilla%20%2F%20plan&app_id=42&filter=all&per_page=100
    null
    POST /repos/acme/api/check-runs
    {
      "name": "TasksGodzilla / plan",
      "status": "completed",
      "external_id": "7:plan:1",
      "details_url": "https://bot.example/p/7",
      "output": {
        "title": "Planned",
        "summary": "Three steps",
        "text": "The plan"
      },
      "actions": [
        {
          "label": "Run",
          "description": "Run all steps",
          "identifier": "run"
        }
      ],
      "conclusion": "action_required",
      "head_sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    }
    "#);
}

#[tokio::test]
async fn every_run_of_ours_with_that_name_is_updated_instead() {
    let server = Scripted::start(by_line(&[
        (
            "GET /repos/acme/api/commits/",
            200,
            r#"{ "check_runs": [
                { "id": 40, "name": "TasksGodzilla / plan", "status": "queued", "conclusion": null, "app": { "id": 7 } },
                { "id": 33, "name": "TasksGodzilla / plan", "status": "queued", "conclusion": null, "app": { "id": 42 } },
                { "id": 32, "name": "TasksGodzilla / plan", "status": "queued", "conclusion": null, "app": { "id": 42 } }
            ] }"#,
        ),
        ("PATCH /repos/acme/api/check-runs/33", 200, r#"{ "id": 33 }"#),
        ("PATCH /repos/acme/api/check-runs/32", 200, r#"{ "id": 32 }"#),
    ]));
    let report = check_report(Colour::Success);
    assert_eq!(server.client("").put_check(&repo(), None, &report).await.unwrap(), 33);
    let told = server.seen().iter().filter(|seen| seen.line.starts_with("PATCH")).count();
    assert_eq!(told, 2, "there should be one, but nobody may see another that says something else");
}

#[tokio::test]
async fn each_colour_has_its_status_and_conclusion() {
    let server = Scripted::start(by_line(&[("PATCH /repos/acme/api/check-runs/31", 200, r#"{ "id": 31 }"#)]));
    let github = server.client("");
    for colour in [
        Colour::Queued,
        Colour::Running,
        Colour::Success,
        Colour::Failure,
        Colour::ActionRequired,
        Colour::Cancelled,
        Colour::Neutral,
    ] {
        github.put_check(&repo(), Some(31), &check_report(colour)).await.unwrap();
    }
    let told: String = server
        .seen()
        .iter()
        .map(|seen| format!("{} {}\n", seen.body["status"], seen.body["conclusion"]))
        .collect();
    insta::assert_snapshot!(told, @r#"
    "queued" null
    "in_progress" null
    "completed" "success"
    "completed" "failure"
    "completed" "action_required"
    "completed" "cancelled"
    "completed" "neutral"
    "#);
    assert!(server.seen().iter().all(|seen| seen.body.get("head_sha").is_none()));
    assert!(server.seen()[0].body.get("conclusion").is_none(), "nothing, not null: null is invalid");
}

#[tokio::test]
async fn results_of_others_count_and_ours_and_empty_suites_do_not() {
    let server = Scripted::start(by_line(&[
        (
            "GET /repos/acme/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/check-runs?filter=latest&per_page=100",
            200,
            r#"{ "check_runs": [
                { "id": 1, "name": "build", "status": "completed", "conclusion": "success", "html_url": "https://ci.example/1", "app": { "id": 7 } },
                { "id": 2, "name": "TasksGodzilla / plan", "status": "completed", "conclusion": "failure", "app": { "id": 42 } }
            ] }"#,
        ),
        (
            "GET /repos/acme/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/check-suites?per_page=100",
            200,
            r#"{ "check_suites": [
                { "id": 1, "status": "queued", "conclusion": null, "latest_check_runs_count": 0, "app": { "id": 8, "name": "Idle" } },
                { "id": 2, "status": "completed", "conclusion": "action_required", "latest_check_runs_count": 0, "app": { "id": 7, "name": "GitHub Actions" } },
                { "id": 3, "status": "completed", "conclusion": "action_required", "latest_check_runs_count": 2, "app": { "id": 7, "name": "Other" } }
            ] }"#,
        ),
        (
            "GET /repos/acme/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/status?per_page=100",
            200,
            r#"{ "state": "failure", "statuses": [
                { "context": "ci/old", "state": "error", "target_url": null },
                { "context": "ci/slow", "state": "pending", "target_url": "https://ci.example/2" }
            ] }"#,
        ),
    ]));
    let result = |name: &str, state, url: Option<&str>| CiResult {
        name: name.to_owned(),
        state,
        url: url.map(str::to_owned),
        job: None,
    };
    let page = format!("https://github.example/acme/api/commit/{}/checks", sha("a"));
    assert_eq!(
        server.client("").ci_results(&repo(), &sha("a")).await.unwrap(),
        [
            CiResult { job: Some(1), ..result("build", CiState::Passed, Some("https://ci.example/1")) },
            result("GitHub Actions", CiState::NeedsPerson, Some(&page)),
            result("ci/old", CiState::Failed, None),
            result("ci/slow", CiState::Pending, Some("https://ci.example/2")),
        ]
    );
}

/// A GitHub with a run of this App, whose log lies on `store`.
fn with_log(app: &'static str, store: String) -> Scripted {
    Scripted::start(move |seen| match seen.line.as_str() {
        "GET /repos/acme/api/check-runs/7" => Some(reply(
            200,
            json!({
                "id": 7, "name": "build", "app": { "id": 9, "slug": app },
                "output": { "title": "failed", "summary": "2 tests failed", "text": null },
            }),
        )),
        "GET /repos/acme/api/actions/jobs/7/logs" => {
            Some(reply(302, json!({})).with("location", format!("{store}/log?sig=x")))
        }
        _ => None,
    })
}

#[tokio::test]
async fn the_log_of_a_job_of_actions_lies_elsewhere_and_is_fetched_without_credentials() {
    let store = Scripted::start(|_| Some(plain("2026-11-28T14:00:00.1234567Z make: *** [test] Error 2\n")));
    let server = with_log("github-actions", format!("http://{}", store.host()));
    let log = server.client("").job_log(&repo(), 7).await.unwrap();
    assert_eq!(log.as_deref(), Some("make: *** [test] Error 2"));
    assert_eq!(store.all()[0].header("authorization"), "");
    let rights: Vec<Value> = server.mints().iter().map(|seen| seen.body["permissions"].clone()).collect();
    assert_eq!(rights[1], json!({ "actions": "read", "metadata": "read" }));
}

#[tokio::test]
async fn what_a_check_run_says_stands_in_for_a_log_that_cannot_be_had() {
    let store = Scripted::start(|_| None);
    for app in ["github-actions", "jenkins"] {
        let server = with_log(app, format!("http://{}", store.host()));
        let said = server.client("").job_log(&repo(), 7).await.unwrap();
        assert_eq!(said.as_deref(), Some("2 tests failed"), "{app}");
    }
    assert_eq!(store.all().len(), 1, "only a job of Actions has a log");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let store = Scripted::start(|_| Some(plain(vec![b'x'; (16 << 20) + 1])));
    let server = with_log("github-actions", format!("http://{}", store.host()));
    let error = server.client("").job_log(&repo(), 7).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unreadable { .. }), "{error:?}");
}
