//! Statuses from outside, pipelines, and CI that plays itself.

use super::world::{REPO, World};
use gitlab::api::AsyncQuery;
use gitlab::api::projects::pipelines::{PipelineJobs, Pipelines};
use gitlab::api::projects::repository::commits::{CommitStatusState, CreateCommitStatus};
use serde_json::{Value, json};
use tasksgodzilla::sandbox::{CheckConclusion, CheckStatus, Ci};

async fn set(world: &World, sha: &str, state: CommitStatusState) -> Value {
    let status = CreateCommitStatus::builder()
        .project(REPO)
        .commit(sha)
        .state(state)
        .name("godzilla / plan")
        .ref_("main")
        .description("Step 1 of 3")
        .target_url("https://bot.example/p/1")
        .build();
    status.unwrap().query_async(&world.lab).await.unwrap()
}

#[tokio::test]
async fn a_status_makes_an_external_pipeline_and_goes_only_forward() {
    let world = World::new().await;
    let sha = world.tip("main");
    let first = set(&world, &sha, CommitStatusState::Pending).await;
    let running = set(&world, &sha, CommitStatusState::Running).await;
    assert_eq!((&first["id"], &first["pipeline_id"]), (&running["id"], &running["pipeline_id"]));
    let path = format!("POST /projects/:id/statuses/{sha}");
    let body = |state: &str| json!({ "state": state, "name": "godzilla / plan", "ref": "main", "description": "Step 2" });
    let (status, answer) = world.bot_asks(&path, body("pending")).await;
    assert_eq!(status, 400);
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .starts_with("Cannot transition status via :enqueue from :running")
    );
    let done = set(&world, &sha, CommitStatusState::Success).await;
    assert_eq!((&done["id"], &done["status"]), (&first["id"], &json!("success")));
    let again = set(&world, &sha, CommitStatusState::Running).await;
    assert_ne!(again["id"], first["id"]);
    let [check] = world.twin.checks(REPO, &sha).unwrap().try_into().unwrap();
    assert_eq!(
        (check.name.as_str(), check.status, check.conclusion),
        ("godzilla / plan", CheckStatus::InProgress, None)
    );
    assert_eq!(check.details_url.as_deref(), Some("https://bot.example/p/1"));
    assert_eq!(world.twin.statuses(REPO, &sha).unwrap().len(), 2);
    world.conforms();
}

#[tokio::test]
async fn a_status_that_cannot_be_is_refused() {
    let world = World::new().await;
    let path = format!("POST /projects/:id/statuses/{}", world.tip("main"));
    let refused = async |body: Value| world.bot_asks(&path, body).await;
    assert_eq!(refused(json!({})).await, (400, json!({ "error": "state is missing" })));
    assert_eq!(refused(json!({ "state": "green" })).await.0, 400);
    let long = json!({ "state": "success", "description": "x".repeat(256) });
    let why = json!({ "message": { "description": ["is too long (maximum is 255 characters)"] } });
    assert_eq!(refused(long).await, (400, why));
    assert_eq!(refused(json!({ "state": "success", "target_url": "javascript:x" })).await.0, 400);
    let elsewhere = json!({ "message": "404 Pipeline for pipeline_id, sha and ref Not Found" });
    assert_eq!(refused(json!({ "state": "success", "pipeline_id": 5 })).await, (404, elsewhere));
    let unknown = format!("POST /projects/:id/statuses/{}", "a".repeat(40));
    assert_eq!(world.bot_asks(&unknown, json!({ "state": "success" })).await.0, 404);
}

#[tokio::test]
async fn a_push_starts_a_pipeline_that_statuses_join() {
    let world = World::new().await;
    world.twin.set_ci(REPO, Ci::RedOnce).unwrap();
    let sha = world.twin.push_as("bob", REPO, "work", &[("a.txt", Some("a\n"))]).unwrap();
    let pipelines = Pipelines::builder().project(REPO).sha(sha.as_str()).build().unwrap();
    let found: Value = pipelines.query_async(&world.lab).await.unwrap();
    assert_eq!((&found[0]["status"], &found[0]["source"]), (&json!("pending"), &json!("push")));
    let id = found[0]["id"].as_u64().unwrap();
    let path = format!("POST /projects/:id/statuses/{sha}");
    let (_, joined) =
        world.bot_asks(&path, json!({ "state": "success", "name": "plan", "pipeline_id": id })).await;
    assert_eq!(joined["pipeline_id"], id);
    assert_eq!(world.twin.play_ci(), 1);
    let jobs = PipelineJobs::builder().project(REPO).pipeline(id).build().unwrap();
    let jobs: Value = jobs.query_async(&world.lab).await.unwrap();
    assert_eq!((jobs.as_array().unwrap().len(), &jobs[0]["status"]), (1, &json!("failed")));
    let job = jobs[0]["id"].as_u64().unwrap();
    let trace = format!("{}/projects/{}/jobs/{job}/trace", world.twin.api_url(), world.id);
    let trace =
        world.http.get(trace).bearer_auth(&world.bot.token).send().await.unwrap().text().await.unwrap();
    assert!(trace.contains("adds_two_numbers"));
    assert_eq!(world.bot_asks(&format!("POST /projects/:id/jobs/{job}/retry"), Value::Null).await.0, 201);
    assert_eq!(world.twin.play_ci(), 1);
    let (_, pipeline) = world.bot_asks(&format!("GET /projects/:id/pipelines/{id}"), Value::Null).await;
    assert_eq!(pipeline["status"], "success");
    let checks = world.twin.checks(REPO, &sha).unwrap();
    let build = checks.iter().find(|check| check.name == "build").unwrap();
    assert_eq!((build.conclusion, build.app_slug.as_str()), (Some(CheckConclusion::Success), "ci"));
}

#[tokio::test]
async fn ci_plays_stages_one_by_one_and_statuses_from_outside() {
    let world = World::new().await;
    world.twin.set_ci(REPO, Ci::Staged).unwrap();
    let sha = world.twin.push_as("bob", REPO, "stages", &[("a.txt", Some("a\n"))]).unwrap();
    world.twin.play_ci();
    let done = |sha: &str| {
        let checks = world.twin.checks(REPO, sha).unwrap();
        checks.iter().map(|c| (c.name.clone(), c.conclusion.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(done(&sha), [("lint".to_owned(), true), ("test".to_owned(), false)]);
    world.twin.set_ci(REPO, Ci::Statuses).unwrap();
    let sha = world.twin.push_as("bob", REPO, "outside", &[("b.txt", Some("b\n"))]).unwrap();
    world.twin.play_ci();
    let statuses = world.twin.statuses(REPO, &sha).unwrap();
    assert_eq!((statuses[0].context.as_str(), statuses[0].state.as_str()), ("ci/build", "success"));
}
