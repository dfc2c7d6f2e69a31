//! Statuses of ours and results of others, as GitLab is asked for them.

use crate::github_server::{Reply, Scripted, Seen, plain, reply, sha};
use crate::gitlab_server::{BOT, asked, client, repo, start};
use serde_json::{Value, json};
use std::sync::Mutex;
use tasksgodzilla::domain::ci::{CiResult, CiState};
use tasksgodzilla::domain::colour::Colour;
use tasksgodzilla::domain::retry::{OUTAGE, Retry};
use tasksgodzilla::forge::{CheckReport, Checks, ForgeError};

fn report(colour: Colour) -> CheckReport {
    CheckReport {
        name: "TasksGodzilla / protocol".to_owned(),
        sha: sha("a"),
        branch: "0001-split".to_owned(),
        colour,
        external_id: "protocol-1:1".to_owned(),
        details_url: "https://bot.example/protocols/1".to_owned(),
        title: "2 of 4 steps done".to_owned(),
        summary: "not shown".to_owned(),
        text: None,
        buttons: Vec::new(),
    }
}

fn pipelines(list: &[(i64, &str)]) -> Reply {
    let list: Vec<Value> = list
        .iter()
        .map(|(id, source)| json!({ "id": id, "ref": source, "source": source, "status": "running" }))
        .collect();
    reply(200, json!(list))
}

fn set(pipeline: i64) -> Reply {
    reply(201, json!({ "id": 1, "name": "n", "status": "running", "pipeline_id": pipeline }))
}

/// A commit with these pipelines and no status, and the pipeline that one gets which is set.
fn fresh(list: &'static [(i64, &'static str)], pipeline: i64) -> Scripted {
    start(move |seen| {
        Some(match seen.line.starts_with("POST") {
            true => set(pipeline),
            false if is_statuses(seen) => ours(&[]),
            false => pipelines(list),
        })
    })
}

/// What was posted: state, and pipeline or ref.
fn posted(server: &Scripted) -> Vec<String> {
    let posts = server.all().into_iter().filter(|seen| seen.line.starts_with("POST"));
    posts
        .map(|seen| match seen.body["pipeline_id"].as_i64() {
            Some(id) => format!("{} in {id}", seen.body["state"].as_str().unwrap()),
            None => format!("{} for {}", seen.body["state"].as_str().unwrap(), seen.body["ref"]),
        })
        .collect()
}

#[tokio::test]
async fn a_status_joins_the_pipeline_that_the_merge_request_looks_at() {
    let server = fresh(&[(33, "push"), (31, "merge_request_event"), (30, "external")], 31);
    let pipeline = client(&server).put_check(&repo(), None, &report(Colour::Running)).await.unwrap();
    assert_eq!(pipeline, 31);
    insta::assert_snapshot!(asked(&server), @r#"
    GET /api/v4/projects/700/pipelines?sha=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&per_page=100&page=1
    POST /api/v4/projects/700/statuses/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      {"state":"running","name":"TasksGodzilla / protocol","description":"2 of 4 steps done","pipeline_id":31,"target_url":"https://bot.example/protocols/1"}
    GET /api/v4/projects/700/repository/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/statuses?all=true&name=TasksGodzilla%20%2F%20protocol&per_page=100&page=1
    "#);
}

#[tokio::test]
async fn without_a_pipeline_the_branch_gets_one() {
    let server = fresh(&[], 40);
    let gitlab = client(&server);
    assert_eq!(gitlab.put_check(&repo(), None, &report(Colour::Queued)).await.unwrap(), 40);
    assert_eq!(posted(&server), [r#"pending for "0001-split""#]);
    assert_eq!(gitlab.check_home(&repo(), &sha("a")).await.unwrap(), None);
}

#[tokio::test]
async fn each_colour_has_its_state() {
    let server = fresh(&[(40, "push")], 40);
    let gitlab = client(&server);
    for colour in [
        Colour::Queued,
        Colour::Running,
        Colour::Success,
        Colour::Failure,
        Colour::ActionRequired,
        Colour::Cancelled,
        Colour::Neutral,
    ] {
        gitlab.put_check(&repo(), Some(40), &report(colour)).await.unwrap();
    }
    let states = ["pending", "running", "success", "failed", "canceled", "canceled", "skipped"];
    assert_eq!(posted(&server), states.map(|state| format!("{state} in 40")));
}

#[tokio::test]
async fn long_words_and_addresses_are_kept_within_gitlabs_limits() {
    let server = fresh(&[], 40);
    let mut long = report(Colour::Running);
    long.title = "é".repeat(300);
    long.details_url = format!("https://bot.example/{}", "p".repeat(300));
    client(&server).put_check(&repo(), None, &long).await.unwrap();
    let sent = &server.all()[1].body;
    assert_eq!(sent["description"].as_str().unwrap().chars().count(), 255);
    assert!(sent.get("target_url").is_none());
}

#[tokio::test]
async fn a_status_whose_pipeline_is_not_shown_yet_is_asked_for_again() {
    let server = start(|seen| match seen.line.starts_with("POST") {
        true => Some(reply(201, json!({ "id": 1, "name": "n", "status": "running" }))),
        false => Some(pipelines(&[])),
    });
    let error = client(&server).put_check(&repo(), None, &report(Colour::Running)).await.unwrap_err();
    assert!(matches!(error, ForgeError::Behind { .. }), "{error}");
    assert!(error.to_string().ends_with(" does not know the pipeline of `TasksGodzilla / protocol` yet"));
}

/// Statuses of ours as a list, newest last: id, status, pipeline.
fn ours(list: &[(i64, &str, i64)]) -> Reply {
    let list: Vec<Value> = list
        .iter()
        .map(|(id, status, pipeline)| {
            json!({
                "id": id, "name": "TasksGodzilla / protocol", "status": status, "pipeline_id": pipeline,
                "author": { "id": BOT },
            })
        })
        .collect();
    reply(200, json!(list))
}

fn is_statuses(seen: &Seen) -> bool {
    seen.line.contains("/statuses?")
}

#[tokio::test]
async fn a_check_moves_to_the_pipeline_that_counts_and_is_finished_where_it_was() {
    let server = start(|seen| {
        if is_statuses(seen) {
            return Some(ours(&[(1, "running", 40)]));
        }
        match seen.line.starts_with("POST") {
            true => Some(set(seen.body["pipeline_id"].as_i64().unwrap())),
            false => Some(pipelines(&[(40, "external"), (41, "push")])),
        }
    });
    let gitlab = client(&server);
    assert_eq!(gitlab.check_home(&repo(), &sha("a")).await.unwrap(), Some(41));
    let moved = gitlab.put_check(&repo(), Some(40), &report(Colour::Running)).await.unwrap();
    assert_eq!(moved, 41);
    assert_eq!(posted(&server), ["running in 41", "canceled in 40"]);
    let last = server.all().pop().unwrap();
    assert_eq!(last.body["description"], "Goes on in a newer pipeline");
    gitlab.put_check(&repo(), Some(40), &report(Colour::Success)).await.unwrap();
    assert_eq!(posted(&server)[2..], ["success in 41", "success in 40"]);
}

#[tokio::test]
async fn what_is_finished_in_an_older_pipeline_is_left_there() {
    let server = start(|seen| {
        if is_statuses(seen) {
            return Some(ours(&[(1, "success", 40)]));
        }
        match seen.line.starts_with("POST") {
            true => Some(set(seen.body["pipeline_id"].as_i64().unwrap())),
            false => Some(pipelines(&[(41, "push")])),
        }
    });
    client(&server).put_check(&repo(), Some(40), &report(Colour::Success)).await.unwrap();
    assert_eq!(posted(&server), ["success in 41"]);
}

/// The answer to the first attempt may have been lost, and CI's pipeline come meanwhile.
#[tokio::test]
async fn what_was_begun_and_not_remembered_is_finished() {
    let server = start(|seen| {
        Some(match seen.line.starts_with("POST") {
            true => set(41),
            false if is_statuses(seen) => ours(&[(1, "running", 40), (2, "running", 41)]),
            false => pipelines(&[(40, "external"), (41, "push")]),
        })
    });
    assert_eq!(client(&server).put_check(&repo(), None, &report(Colour::Running)).await.unwrap(), 41);
    assert_eq!(posted(&server), ["running in 41", "canceled in 40"]);
}

/// GitLab's answer where a status cannot go on from where it stands.
fn no_way() -> Reply {
    let words =
        "Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")";
    reply(400, json!({ "message": words }))
}

#[tokio::test]
async fn a_status_that_stands_there_already_is_success() {
    let server = start(|seen| {
        if is_statuses(seen) {
            return Some(ours(&[(1, "pending", 40), (2, "running", 40), (3, "success", 39)]));
        }
        match seen.line.starts_with("POST") {
            true => Some(no_way()),
            false => Some(pipelines(&[(40, "push")])),
        }
    });
    let pipeline = client(&server).put_check(&repo(), Some(40), &report(Colour::Running)).await.unwrap();
    assert_eq!((pipeline, posted(&server)), (40, vec!["running in 40".to_owned()]));
}

#[tokio::test]
async fn where_there_is_no_way_back_the_status_is_closed_and_begun_anew() {
    let refused_once = Mutex::new(false);
    let server = start(move |seen| {
        if is_statuses(seen) {
            return Some(ours(&[(2, "running", 40)]));
        }
        if !seen.line.starts_with("POST") {
            return Some(pipelines(&[(40, "push")]));
        }
        let first = !std::mem::replace(&mut *refused_once.lock().unwrap(), true);
        Some(if first { no_way() } else { set(40) })
    });
    client(&server).put_check(&repo(), Some(40), &report(Colour::Queued)).await.unwrap();
    assert_eq!(posted(&server), ["pending in 40", "canceled in 40", "pending in 40"]);
}

#[tokio::test]
async fn two_at_once_get_in_each_others_way_for_now_only() {
    let server = start(|seen| match seen.line.starts_with("POST") {
        true => Some(reply(409, json!({ "message": "409 Conflict" }))),
        false => Some(pipelines(&[(40, "push")])),
    });
    let error = client(&server).put_check(&repo(), Some(40), &report(Colour::Running)).await.unwrap_err();
    assert!(matches!(error, ForgeError::Broken { status: 409, .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::WhenThere(OUTAGE));
}

fn result(name: &str, state: CiState, url: Option<&str>) -> CiResult {
    CiResult { name: name.to_owned(), state, url: url.map(str::to_owned), job: None }
}

fn of_job(job: i64, result: CiResult) -> CiResult {
    CiResult { job: Some(job), ..result }
}

#[tokio::test]
async fn the_log_of_a_job_is_read_to_its_last_lines() {
    let server = start(|seen| match seen.line.rsplit('/').next() {
        Some("51") => {
            Some(reply(200, json!({ "id": 51, "artifacts": [{ "file_type": "trace", "size": 90 }] })))
        }
        Some("trace") => {
            Some(plain("section_start:1:test\r\u{1b}[0K$ make test\n\u{1b}[31;1mfailed\u{1b}[0;m\n"))
        }
        _ => None,
    });
    let log = client(&server).job_log(&repo(), 51).await.unwrap();
    assert_eq!(log.as_deref(), Some("$ make test\nfailed"));
    insta::assert_snapshot!(asked(&server), @r"
    GET /api/v4/projects/700/jobs/51
    GET /api/v4/projects/700/jobs/51/trace
    ");
    assert_eq!(client(&server).job_log(&repo(), 52).await.unwrap(), None, "it was deleted, or is a bridge");
}

#[tokio::test]
async fn a_log_that_is_too_long_is_not_read() {
    let artifacts =
        json!([{ "file_type": "archive", "size": 9 }, { "file_type": "trace", "size": 99_000_000 }]);
    let server = start(move |_| Some(reply(200, json!({ "id": 51, "artifacts": artifacts }))));
    assert_eq!(client(&server).job_log(&repo(), 51).await.unwrap(), None);
    assert_eq!(server.all().len(), 1);
}

#[tokio::test]
async fn jobs_bridges_and_statuses_of_others_count_and_ours_do_not() {
    let server = start(|seen| {
        let job = |id: i64, name: &str, status: &str| {
            json!({
                "id": id, "name": name, "status": status, "allow_failure": false,
                "web_url": format!("https://lab.example/jobs/{id}"),
            })
        };
        let status = |id: i64, name: &str, status: &str, author: i64| json!({ "id": id, "name": name, "status": status, "target_url": null, "author": { "id": author } });
        let line = seen.line.split('?').next()?;
        Some(reply(
            200,
            match line.rsplit('/').next()? {
                // The older pipeline of the same ref was run again as 42.
                "pipelines" => json!([
                    { "id": 42, "ref": "0001-split", "source": "web", "status": "running" },
                    { "id": 41, "ref": "0001-split", "source": "push", "status": "failed" },
                    { "id": 43, "ref": "0001-split", "source": "external", "status": "running" },
                ]),
                "jobs" if line.contains("/42/") => {
                    json!([job(1, "test", "failed"), job(2, "lint", "success")])
                }
                "bridges" if line.contains("/42/") => json!([job(3, "deploy", "running")]),
                // The jobs are by us, for we pushed the commit.
                "statuses" => json!([
                    status(1, "test", "failed", BOT),
                    status(2, "lint", "success", BOT),
                    status(3, "deploy", "running", BOT),
                    status(4, "TasksGodzilla / protocol", "failed", BOT),
                    status(5, "jenkins", "success", 11),
                ]),
                _ => return None,
            },
        ))
    });
    let mut results = client(&server).ci_results(&repo(), &sha("a")).await.unwrap();
    results.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(
        results,
        [
            of_job(3, result("deploy", CiState::Pending, Some("https://lab.example/jobs/3"))),
            result("jenkins", CiState::Passed, None),
            of_job(2, result("lint", CiState::Passed, Some("https://lab.example/jobs/2"))),
            of_job(1, result("test", CiState::Failed, Some("https://lab.example/jobs/1"))),
        ]
    );
}

#[tokio::test]
async fn a_pipeline_that_came_to_no_job_speaks_for_itself() {
    for (status, expected) in [
        ("failed", vec![result("pipeline 42", CiState::Failed, Some("https://lab.example/42"))]),
        ("created", vec![result("pipeline 42", CiState::Pending, Some("https://lab.example/42"))]),
        ("skipped", vec![]),
    ] {
        let server = start(move |seen| {
            let pipeline = json!({ "id": 42, "ref": "a", "source": "push", "status": status, "web_url": "https://lab.example/42" });
            Some(reply(200, if seen.line.contains("/pipelines?") { json!([pipeline]) } else { json!([]) }))
        });
        assert_eq!(client(&server).ci_results(&repo(), &sha("a")).await.unwrap(), expected, "{status}");
    }
}

#[tokio::test]
async fn a_pipeline_of_the_merged_result_is_found_by_its_merge_request() {
    let server = start(|seen| {
        let line = seen.line.split('?').next()?;
        Some(reply(
            200,
            match line.rsplit('/').next()? {
                "merge_requests" => json!([{ "iid": 9 }]),
                "9" => json!({
                    "sha": sha("a"),
                    "head_pipeline": { "id": 44, "ref": "refs/merge-requests/9/merge", "sha": sha("b"), "status": "success" },
                }),
                "jobs" => json!([{ "id": 1, "name": "test", "status": "success" }]),
                _ => json!([]),
            },
        ))
    });
    let results = client(&server).ci_results(&repo(), &sha("a")).await.unwrap();
    assert_eq!(results, [of_job(1, result("test", CiState::Passed, None))]);
}
