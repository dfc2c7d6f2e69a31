//! What was lost is looked for: work without a worker, answers without a sender, reports that were never shown.

use super::host::Call;
use super::scripted::Reply;
use super::telling::{BRANCH, PULL, checks, planned, says, shown, with_plan};
use super::world::{REPO, World};
use insta::assert_snapshot;
use std::time::Duration;
use tasksgodzilla::app::StoredJobs;
use tasksgodzilla::domain::ids::ProtocolId;
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::jobs::Worker;
use tasksgodzilla::queue::{Handler as _, JobSource as _};
use tasksgodzilla::sandbox::{Ci, Fault, Which};
use tasksgodzilla::store;

const LEASE: Duration = Duration::from_secs(15);
const MINUTE: Duration = Duration::from_secs(60);

/// The forge is away for so long that work which needs it fails for good.
async fn outlasts_patience(world: &mut World, call: Call) {
    world.order(call, Which::Every, Fault::Fails(500));
    world.settle().await;
    for _ in 0..75 {
        world.passes(MINUTE).await;
    }
    assert!(!world.forgives_dead_jobs().await.is_empty(), "nobody gave up");
    world.twin.heal();
}

#[actix_web::test]
async fn a_step_that_runs_without_a_job_fails_and_can_be_tried_again() {
    let mut world = with_plan(&["parser"]).await;
    world.comments("bob", PULL, "/step run 0");
    world.hears().await;
    world.engine.next(Phase::Execute, Reply::UntilStopped);
    let source = StoredJobs(world.ctx.store.clone());
    let worker = Worker::new(world.ctx.clone());
    while let Some(work) = source.claim("doomed", 1, LEASE).await.unwrap().pop() {
        let (hold, kind) = (work.hold(), work.job.kind());
        let attempt = tokio::spawn({
            let worker = worker.clone();
            async move { worker.handle(work).await }
        });
        let end = if kind == "execute_step" {
            world.engine.working.notified().await;
            attempt.abort();
            JobEnd::Done
        } else {
            attempt.await.unwrap()
        };
        source.finish(hold, &end).await.unwrap();
    }
    world.settle().await;
    assert!(shown(&mut world, PULL).contains("**Running step 0 of 1: Prepare.**"));
    world.reconciles().await;
    assert!(shown(&mut world, PULL).contains("**Running step 0 of 1: Prepare.**"), "it may only be silent");
    world.passes(5 * MINUTE).await;
    world.reconciles().await;
    assert_snapshot!(shown(&mut world, PULL), @r"
    ❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.

    **What it waits for**

    - **Step 0 failed**: the worker of step 0 was lost, and nobody took the step over.

    Or instead: `/step approve 0 <why>` takes the responsibility, `/step skip 0 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ❌ failed | not needed | – | <time> | – |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    ");
    says(&mut world, "bob", PULL, "/step retry").await;
    assert!(shown(&mut world, PULL).contains("Resting: 1 of 2 steps are done"));
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn an_answer_that_nobody_could_send_is_sent_later() {
    let mut world = World::new().await;
    world.comments("vera", 1, "/bot ping");
    outlasts_patience(&mut world, Call::PostComment).await;
    world.settle().await;
    assert_eq!(world.news(), "");
    world.reconciles().await;
    assert!(world.news().contains("pong"));
    assert_eq!(world.forgives_dead_jobs().await, [""; 0]);
    world.finish().await;
}

#[actix_web::test]
async fn a_report_that_nobody_could_publish_is_published_later() {
    let mut world = World::new().await;
    world.comments("bob", 1, "/protocol new");
    outlasts_patience(&mut world, Call::PutCheck).await;
    world.settle().await;
    assert_eq!(world.checks(BRANCH), "");
    world.passes(10 * MINUTE).await;
    world.reconciles().await;
    assert!(world.checks(BRANCH).contains("TasksGodzilla / protocol: Completed ActionRequired"));
    assert_eq!(world.forgives_dead_jobs().await, [""; 0]);
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

#[actix_web::test]
async fn a_check_that_was_left_unfinished_is_finished() {
    let mut world = with_plan(&["parser"]).await;
    let old = super::telling::head(&world);
    says(&mut world, "bob", PULL, "/step run 0").await;
    assert_ne!(super::telling::head(&world), old);
    let mut tx = world.ctx.store.begin().await.unwrap();
    let posted = store::posted::checks(&mut tx, ProtocolId(1)).await.unwrap();
    let mut left =
        posted.into_iter().find(|check| check.sha.as_str() == old && check.name.ends_with("protocol"));
    let left = left.as_mut().unwrap();
    (left.is_final, left.hash) = (false, "of a report that was in progress".to_owned());
    assert!(store::posted::save_check(&mut tx, ProtocolId(1), left).await.unwrap());
    tx.commit().await.unwrap();
    let from = world.twin.requests().len();
    world.reconciles().await;
    assert_eq!(world.counts(Call::MoveCheck, from), 1);
    let mut db = world.ctx.store.read().await.unwrap();
    assert!(store::posted::checks(&mut db, ProtocolId(1)).await.unwrap().iter().all(|check| check.is_final));
    drop(db);
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

#[actix_web::test]
async fn work_without_a_job_gets_one() {
    let mut world = World::new().await;
    world.comments("bob", 1, "/protocol new");
    world.hears().await;
    let source = StoredJobs(world.ctx.store.clone());
    let mut lost = Vec::new();
    for work in source.claim("w", 1, LEASE).await.unwrap() {
        let end = Worker::new(world.ctx.clone()).handle(work.clone()).await;
        source.finish(work.hold(), &end).await.unwrap();
    }
    for work in source.claim("w", 10, LEASE).await.unwrap() {
        let end = match work.job.kind() {
            "plan_protocol" => JobEnd::Done,
            _ => Worker::new(world.ctx.clone()).handle(work.clone()).await,
        };
        lost.push(work.job.kind());
        source.finish(work.hold(), &end).await.unwrap();
    }
    assert!(lost.contains(&"plan_protocol"), "{lost:?}");
    world.settle().await;
    assert!(world.reads(1).join("").contains("Planning"));
    world.reconciles().await;
    assert!(world.reads(1).join("").contains("Planned: 3 steps"));
    world.reads(PULL);
    world.finish().await;
}

#[actix_web::test]
async fn ci_that_went_quiet_is_looked_at() {
    let mut world = World::new().await;
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    planned(&mut world, &["parser"]).await;
    says(&mut world, "bob", PULL, "/step run 0").await;
    while world.twin.play_ci() > 0 {
        while world.twin.lose_next(200).is_some() {}
    }
    world.passes(3 * MINUTE).await;
    world.reconciles().await;
    assert!(
        shown(&mut world, PULL).contains("| passed |"),
        "{}\n{}",
        shown(&mut world, PULL),
        checks(&world)
    );
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn one_sweep_that_fails_does_not_stop_the_others() {
    let mut world = World::new().await;
    world.comments("vera", 1, "/bot ping");
    outlasts_patience(&mut world, Call::PostComment).await;
    world.alters("ALTER TABLE step RENAME TO lost").await;
    let before = world.ctx.now();
    let abandoned = store::step::abandoned(&mut world.ctx.store.read().await.unwrap(), before, 1).await;
    assert!(abandoned.is_err(), "the sweep of steps can read: {abandoned:?}");
    let passed = tasksgodzilla::services::reconcile::pass(&world.ctx).await;
    assert!(passed.is_ok(), "{passed:?}");
    world.alters("ALTER TABLE lost RENAME TO step").await;
    world.settle().await;
    assert!(world.news().contains("pong"));
    assert_eq!(world.forgives_dead_jobs().await, [""; 0]);
    world.finish().await;
}
