//! Jobs that failed for good: who waits is told, and what nobody waits for is done later.

use super::host::{self, Post};
use super::scripted::Reply;
use super::telling::{BRANCH, PULL, planned, says, shown, timeline, with_plan};
use super::world::{REPO, World, clean};
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tasksgodzilla::app::StoredJobs;
use tasksgodzilla::domain::ids::{JobId, ProtocolId};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::jobs::Worker;
use tasksgodzilla::queue::{self, Handler as _, JobSource as _};
use tasksgodzilla::sandbox::Ci;
use tasksgodzilla::services::Ctx;
use tasksgodzilla::store::job;
use tasksgodzilla::store::job::JobStatus;

/// How long a lost worker's jobs stay its own.
const LEASE: Duration = Duration::from_secs(10);

/// The regular pass, which the timer queues.
async fn passes_by(world: &mut World) {
    let mut tx = world.ctx.store.begin().await.unwrap();
    let now = tx.now();
    job::push(&mut tx, Job::Reconcile, now).await.unwrap();
    tx.commit().await.unwrap();
    world.settle().await;
}

/// A worker whose operator took the forge's settings away works until no delivery waits any more.
async fn works_without_forge(world: &World) {
    let ctx = Ctx { forges: BTreeMap::new(), ..world.ctx.clone() };
    let (source, worker) = (StoredJobs(world.ctx.store.clone()), Worker::new(ctx));
    for _ in 0..200 {
        queue::drain(&source, &worker).await.unwrap();
        let mut db = world.ctx.store.read().await.unwrap();
        let queued = job::list(&mut db, JobStatus::Queued, 100).await.unwrap();
        // The earlier ones may wait behind the one that is tried last.
        let deliveries = queued.iter().filter(|job| job.kind == "process_delivery");
        match deliveries.map(|job| job.next_run_at).max() {
            Some(last) => world.set_now(last.0),
            None => return,
        }
    }
    panic!("the deliveries do not die");
}

/// Does what is due, but whoever takes a job of that kind is lost, three times in a row. Returns the job's id.
async fn loses(world: &World, doomed: impl Fn(Job) -> bool) -> i64 {
    let (source, worker) = (StoredJobs(world.ctx.store.clone()), Worker::new(world.ctx.clone()));
    let mut lost = Vec::new();
    for _ in 0..100 {
        for work in source.claim("doomed", 1, LEASE).await.unwrap() {
            if doomed(work.job) {
                lost.push(work.id.0);
                continue;
            }
            let hold = work.hold();
            let end = worker.handle(work).await;
            source.finish(hold, &end).await.unwrap();
        }
        if lost.len() == 3 {
            world.set_now(world.now() + 10_000);
            assert!(lost.iter().all(|id| *id == lost[0]), "{lost:?}");
            return lost[0];
        }
        world.set_now(world.now() + 1_000);
    }
    panic!("nobody takes such a job");
}

/// The jobs that failed for good, with their errors; the story expects them.
async fn dead(world: &mut World) -> String {
    let forge = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
    clean(&forge.replace_all(&world.forgives_dead_jobs().await.join("\n"), "<forge>"))
}

async fn dead_ids(world: &World) -> Vec<i64> {
    let dead = job::list(&mut world.ctx.store.read().await.unwrap(), JobStatus::Dead, 10).await.unwrap();
    dead.iter().map(|job| job.id.0).collect()
}

#[actix_web::test]
async fn a_report_that_the_forge_refused_is_published_by_a_later_pass() {
    let mut world = World::planned().await;
    world.comments("bob", PULL, "/protocol pause");
    world.turn().await;
    host::shut_out(&world.account, &world.twin);
    world.settle().await;
    assert!(world.headline(PULL).contains("Planned"), "the report is out of date");
    assert_snapshot!(dead(&mut world).await, @"publish: <forge> has no issue #1, or does not let the bot see it");
    host::let_in(&world.account, &world.twin);
    world.passes(Duration::from_secs(30)).await;
    passes_by(&mut world).await;
    assert!(world.headline(PULL).contains("Paused"), "{}", world.headline(PULL));
    assert_eq!(world.forgives_dead_jobs().await, [""; 0]);
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn ci_that_cannot_be_read_is_undecided_and_a_person_must_act() {
    let mut world = World::new().await;
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    planned(&mut world, &["parser"]).await;
    world.ci_finishes().await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    host::shut_out(&world.account, &world.twin);
    world.passes(Duration::from_secs(3_000)).await;
    let mut tx = world.ctx.store.begin().await.unwrap();
    let now = tx.now();
    job::push(&mut tx, Job::ReadCi { protocol: ProtocolId(1) }, now).await.unwrap();
    tx.commit().await.unwrap();
    world.settle().await;
    assert_snapshot!(dead(&mut world).await, @r"
    publish: <forge> has no issue #1, or does not let the bot see it
    read_ci: <forge> has no commit <sha>, or does not let the bot see it
    ");
    assert!(timeline(&world).await.contains("CI could not be read: "));
    host::let_in(&world.account, &world.twin);
    world.passes(Duration::from_secs(4_000)).await;
    passes_by(&mut world).await;
    assert_snapshot!(world.headline(PULL), @"✋ **Blocked: CI of step 0 came to no end.** `/step retry 0` does the step again.");
    world.reads(1);
    world.forgives_dead_jobs().await;
    world.finish().await;
}

#[actix_web::test]
async fn a_command_that_died_is_answered_with_its_job_and_nothing_else_and_can_be_taken_again() {
    let mut world = World::new().await;
    let asked = world.comments("bob", 1, "Please\n\n/bot ping");
    world.hears().await;
    works_without_forge(&world).await;
    let dead = dead_ids(&world).await;
    world.settle().await;
    assert_eq!(world.reactions(1, asked), ["confused"]);
    let answer = world.news();
    assert!(answer.contains(&format!("as job {}. Give", dead[0])), "{answer}");
    assert_snapshot!(answer.replace(&format!("job {}", dead[0]), "job <id>"), @"#1 @bob: a fault of ours stopped this before it was done; the bot's operator finds it in the log as job <id>. Give the command again to try once more.");
    assert!(world.forgives_dead_jobs().await[0].ends_with(" is configured"));

    passes_by(&mut world).await;
    world.passes(Duration::from_secs(3_600)).await;
    passes_by(&mut world).await;
    assert_eq!(dead_ids(&world).await, dead, "nobody asked for it");

    let mut tx = world.ctx.store.begin().await.unwrap();
    assert!(job::revive(&mut tx, JobId(dead[0])).await.unwrap());
    tx.commit().await.unwrap();
    world.settle().await;
    assert!(world.news().contains("pong"));
    assert_eq!(world.reactions(1, asked), ["confused", "eyes", "rocket"]);
    assert_eq!(world.forgives_dead_jobs().await, [""; 0]);
    world.finish().await;
}

#[actix_web::test]
async fn a_button_that_died_is_answered_in_the_protocols_thread() {
    let mut world = with_plan(&["parser"]).await;
    let check = world.check(BRANCH, "TasksGodzilla / protocol");
    world.twin.press_button("bob", check.id, check.actions[0]["identifier"].as_str().unwrap()).unwrap();
    world.hears().await;
    works_without_forge(&world).await;
    world.reads(1);
    world.reads(PULL);
    let dead = dead_ids(&world).await;
    world.settle().await;
    assert_snapshot!(world.news().replace(&format!("job {}", dead[0]), "job <id>"), @"#2 @bob: a fault of ours stopped this before it was done; the bot's operator finds it in the log as job <id>. Give the command again to try once more.");
    world.forgives_dead_jobs().await;
    world.finish().await;
}

#[actix_web::test]
async fn what_passers_by_say_is_taken_in_later() {
    let world = World::new().await;
    world.comments("bob", 1, "I do not know this bot.");
    world.hears().await;
    is_taken_in_later(world).await;
}

#[actix_web::test]
async fn what_bots_say_is_taken_in_later() {
    let world = World::new().await;
    world.comments("bob", 1, "/bot ping");
    let hook = world.twin.drop_next().unwrap();
    let mut said: Value = serde_json::from_slice(&hook.body).unwrap();
    said["sender"]["type"] = "Bot".into();
    let body = serde_json::to_vec(&said).unwrap();
    let secret = world.account.webhook_secret();
    let post = Post { guid: &hook.guid, event: &hook.event, secret, body: &body };
    assert!(post.to(&world).await.starts_with("202 "));
    is_taken_in_later(world).await;
}

/// The one delivery dies, nobody is told of it, and a later pass takes it in.
async fn is_taken_in_later(mut world: World) {
    works_without_forge(&world).await;
    assert_eq!(world.forgives_dead_jobs().await.len(), 1);
    world.settle().await;
    assert_eq!(world.news(), "");
    world.passes(Duration::from_secs(600)).await;
    passes_by(&mut world).await;
    assert_eq!(world.forgives_dead_jobs().await, [""; 0], "nobody waited, so it was taken in later");
    world.news();
    world.finish().await;
}

#[actix_web::test]
async fn a_merge_that_was_heard_of_and_lost_is_taken_in_later() {
    let mut world = World::planned().await;
    world.twin.ready_pull("ann", REPO, PULL).unwrap();
    world.settle().await;
    world.twin.merge_pull("ann", REPO, PULL).unwrap();
    world.hears().await;
    // Whoever claims what is due is lost, also whoever is to give it up.
    for _ in 0..6 {
        let claimed = StoredJobs(world.ctx.store.clone()).claim("lost", 10, LEASE).await.unwrap();
        assert!(claimed.iter().any(|work| matches!(work.job, Job::ProcessDelivery { .. })));
        world.set_now(world.now() + 10_000);
    }
    world.settle().await;
    assert!(!world.forgives_dead_jobs().await.is_empty());
    assert!(!world.headline(PULL).contains("merged"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(3_600)).await;
    passes_by(&mut world).await;
    passes_by(&mut world).await;
    assert_snapshot!(world.headline(PULL), @"✅ **Merged before 3 steps were done.** `/protocol new` starts another.");
    assert_eq!(world.forgives_dead_jobs().await, [""; 0]);
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn a_plan_whose_worker_is_lost_again_and_again_is_given_up() {
    let mut world = World::new().await;
    world.comments("bob", 1, "/protocol new");
    world.hears().await;
    let lost = loses(&world, |job| matches!(job, Job::PlanProtocol { .. })).await;
    world.settle().await;
    assert_eq!(dead_ids(&world).await, [lost]);
    assert_eq!(world.engine.calls().len(), 0);
    assert_snapshot!(world.reads(1).join("\n").replace(&format!("job {lost}"), "job <id>"), @r"
    ✋ **Blocked: no plan was made.** `/protocol replan` plans again.

    - **No plan was made**: planning failed: a fault of ours; the bot's operator finds it in the log as job <id>.

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    ");
    world.forgives_dead_jobs().await;
    world.finish().await;
}

#[actix_web::test]
async fn a_merge_that_dies_is_refused_with_its_job() {
    let mut world = with_plan(&["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    world.reads(1);
    world.news();
    world.comments("bob", PULL, "/protocol merge");
    world.hears().await;
    let lost = loses(&world, |job| matches!(job, Job::Merge { .. })).await;
    world.settle().await;
    assert_snapshot!(world.news().replace(&format!("job {lost}"), "job <id>"), @"#2 @bob: it could not be done: a fault of ours; the bot's operator finds it in the log as job <id>.");
    assert_eq!(dead_ids(&world).await, [lost]);
    world.forgives_dead_jobs().await;
    world.finish().await;
}

#[actix_web::test]
async fn a_panic_is_a_fault_of_ours_with_an_id() {
    let mut world = with_plan(&["parser"]).await;
    for _ in 0..3 {
        world.engine.next(Phase::Execute, Reply::Panic);
    }
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    world.passes(Duration::from_secs(60)).await;
    let dead = dead_ids(&world).await;
    let seen = shown(&mut world, PULL).replace(&format!("job {}", dead[0]), "job <id>");
    assert_snapshot!(seen, @r"
    ❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.

    **What it waits for**

    - **Step 0 failed**: step 0 could not be executed: a fault of ours; the bot's operator finds it in the log as job <id>.

    Or instead: `/step approve 0 <why>` takes the responsibility, `/step skip 0 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/4>>) | ❌ failed | not needed | – | <time> | – |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    ");
    let kept = world.forgives_dead_jobs().await.join("\n").replace(&format!("job {}", dead[0]), "job <id>");
    assert_snapshot!(kept, @r"
    execute_step: a fault of ours; the bot's operator finds it in the log as job <id>
    panicked: nobody foresaw this
    ");
    world.reads(1);
    world.finish().await;
}
