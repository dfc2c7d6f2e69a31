//! CI of others: waited for, read again, and never believed too early.

use super::telling::{PULL, checks, events, head, planned, says, shown, timeline};
use super::world::{REPO, World};
use insta::assert_snapshot;
use std::time::Duration;
use tasksgodzilla::domain::event::EventKind;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::sandbox::github::{CheckConclusion, CheckStatus, Ci};

/// A planned protocol where CI behaves so from the beginning; CI of the plan's commit is over.
async fn with_ci(ci: Ci) -> World {
    let mut world = World::new().await;
    world.twin.set_ci(REPO, ci).unwrap();
    planned(&mut world, &["parser"]).await;
    if ci != Ci::Silent {
        world.ci_finishes().await;
    }
    world
}

async fn finish(mut world: World) {
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

/// Bob's own script reports on a commit.
async fn status(world: &World, sha: &str, state: &str) {
    let url = format!("{}/repos/{REPO}/statuses/{sha}", world.twin.api_url());
    let body = format!(r#"{{"state":"{state}","context":"bobs-script"}}"#);
    let sent = world.client.post(url).bearer_auth(world.twin.user("bob")).body(body).send().await.unwrap();
    assert_eq!(sent.status(), 201);
}

fn executed(world: &World) -> usize {
    world.engine.calls().iter().filter(|call| call.phase == Phase::Execute).count()
}

#[actix_web::test]
async fn without_ci_nobody_waits() {
    let mut world = World::new().await;
    planned(&mut world, &["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert!(!events(&world).await.iter().any(|event| event.kind == EventKind::CiWaiting));
    assert!(world.headline(PULL).contains("waiting for the merge"));
    finish(world).await;
}

#[actix_web::test]
async fn the_next_step_starts_only_after_ci_of_the_one_before() {
    let mut world = with_ci(Ci::Green).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_eq!(executed(&world), 1);
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    assert_eq!(world.twin.play_ci(), 1);
    world.settle().await;
    assert_eq!(executed(&world), 2);
    world.ci_finishes().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    finish(world).await;
}

#[actix_web::test]
async fn a_red_run_blocks_with_its_name_and_a_rerun_unblocks() {
    let mut world = with_ci(Ci::Green).await;
    world.twin.set_ci(REPO, Ci::RedOnce).unwrap();
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    assert_eq!(world.twin.play_ci(), 1);
    world.settle().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    let all = world.twin.checks(REPO, &head(&world)).unwrap();
    let build = all.iter().find(|check| check.name == "build").unwrap();
    assert_eq!(build.conclusion, Some(CheckConclusion::Failure));
    world.twin.rerun_check("bob", build.id).unwrap();
    world.settle().await;
    world.ci_finishes().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    assert_snapshot!(timeline(&world).await, @"");
    finish(world).await;
}

#[actix_web::test]
async fn a_failure_after_a_pass_takes_the_green_away() {
    let mut world = with_ci(Ci::Green).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    let all = world.twin.checks(REPO, &head(&world)).unwrap();
    let build = all.iter().find(|check| check.name == "build").unwrap().id;
    world.twin.set_ci(REPO, Ci::Red).unwrap();
    world.twin.rerun_check("bob", build).unwrap();
    world.settle().await;
    world.ci_finishes().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    says(&mut world, "bob", PULL, "/protocol merge").await;
    assert!(!world.twin.pull(REPO, PULL).unwrap().merged);
    finish(world).await;
}

#[actix_web::test]
async fn statuses_count_like_runs() {
    let mut world = with_ci(Ci::Statuses).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn silence_is_no_ci_after_a_minute() {
    let mut world = with_ci(Ci::Green).await;
    world.twin.set_ci(REPO, Ci::None).unwrap();
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(50)).await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(10)).await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    assert!(timeline(&world).await.contains("no CI for step 0"));
    finish(world).await;
}

#[actix_web::test]
async fn files_of_ci_are_reason_to_wait() {
    let mut world = World::new().await;
    let file = [(".github/workflows/ci.yml", Some("on: push\n"))];
    world.twin.push_as("ann", REPO, "main", &file).unwrap();
    planned(&mut world, &["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(60)).await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn a_run_that_never_ends_needs_a_person() {
    let mut world = with_ci(Ci::Silent).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    world.passes(Duration::from_secs(3500)).await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(110)).await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn results_of_superseded_commits_are_ignored() {
    let mut world = with_ci(Ci::Green).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    let old = head(&world);
    world.ci_finishes().await;
    let old_run = world.twin.checks(REPO, &old).unwrap();
    let old_run = old_run.iter().find(|check| check.name == "build").unwrap().id;
    says(&mut world, "bob", PULL, "/protocol run").await;
    world.ci_finishes().await;
    world.twin.set_ci(REPO, Ci::Red).unwrap();
    world.twin.rerun_check("bob", old_run).unwrap();
    world.settle().await;
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn the_first_green_stage_completes_nothing() {
    let mut world = with_ci(Ci::Green).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    let sha = head(&world);
    status(&world, &sha, "pending").await;
    world.settle().await;
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    let protocol = world.twin.checks(REPO, &sha).unwrap();
    let protocol = protocol.iter().find(|check| check.name == "TasksGodzilla / protocol").unwrap();
    assert_eq!(protocol.status, CheckStatus::InProgress);
    status(&world, &sha, "success").await;
    world.settle().await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    finish(world).await;
}
