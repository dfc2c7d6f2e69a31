//! What becomes of work whose workers are lost again and again. That one may be lost at any moment is `tests/crash`.

use super::scripted::Reply;
use super::telling::{PULL, runs, says, with_plan};
use super::world::World;
use insta::assert_snapshot;
use std::time::Duration;
use tasksgodzilla::app::StoredJobs;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::jobs::Worker;
use tasksgodzilla::queue::{Handler as _, JobSource as _};

const LEASE: Duration = Duration::from_secs(10);

/// A worker does what is due until an engine executes a step, and is lost then. Its lease runs out.
async fn a_worker_is_lost(world: &mut World) {
    world.engine.next(Phase::Execute, Reply::UntilStopped);
    let source = StoredJobs(world.ctx.store.clone());
    let worker = Worker::new(world.ctx.clone());
    while let Some(work) = source.claim("doomed", 1, LEASE).await.unwrap().pop() {
        let (hold, kind) = (work.hold(), work.job.kind());
        let attempt = tokio::spawn({
            let worker = worker.clone();
            async move { worker.handle(work).await }
        });
        if kind == "execute_step" {
            world.engine.working.notified().await;
            attempt.abort();
            break;
        }
        source.finish(hold, &attempt.await.unwrap()).await.unwrap();
    }
    world.set_now(world.now() + i64::try_from(LEASE.as_millis()).unwrap());
}

#[actix_web::test]
async fn a_step_that_lost_three_workers_has_failed_and_can_be_retried() {
    let mut world = with_plan(&["parser"]).await;
    world.comments("bob", PULL, "/protocol run");
    world.hears().await;
    for _ in 0..3 {
        a_worker_is_lost(&mut world).await;
    }
    world.settle().await;
    assert_snapshot!(world.headline(PULL), @"❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.");
    let seen: Vec<_> = runs(&world).await.iter().map(|run| (run.status, run.was_lost())).collect();
    assert_snapshot!(format!("{seen:?}"), @"[(Succeeded, false), (Failed, true), (Failed, true), (Failed, true)]");

    says(&mut world, "bob", PULL, "/step retry 0").await;
    assert_snapshot!(world.headline(PULL), @"✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.");
    world.reads(1);
    world.reads(PULL);
    assert_eq!(world.forgives_dead_jobs().await.len(), 1);
    world.finish().await;
}
