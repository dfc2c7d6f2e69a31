//! The queue's table: order, lanes, coalescing, leases and fences.

use crate::store_bench::{Bench, LEASE, on_both};
use std::time::Duration;
use tasksgodzilla::domain::claim::{Claimed, Hold};
use tasksgodzilla::domain::ids::{DeliveryId, Moment, ProjectId, ProtocolId, StepId};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::retry::{JobEnd, MAX_LOST};
use tasksgodzilla::store::job::{self, JobStatus, StoredJob};
use tasksgodzilla::store::{Store, StoreError};

on_both!(
    jobs_are_claimed_in_the_order_they_are_due,
    a_lane_runs_one_job_at_a_time_and_in_order,
    a_delivery_does_not_overtake_one_that_waits,
    a_busy_lane_hides_nobody_behind_it,
    a_job_that_waits_is_not_queued_twice,
    a_job_may_be_queued_again_while_it_runs,
    a_missing_job_is_queued_once_whoever_sees_to_it,
    a_retry_joins_the_job_that_was_queued_meanwhile,
    an_expired_lease_is_taken_over_and_the_late_worker_is_refused,
    a_renewed_lease_does_not_expire,
    a_job_that_keeps_losing_its_worker_is_known_and_dies_in_the_end,
    an_attempt_that_ended_in_order_forgets_the_lost_ones,
    a_list_also_has_jobs_of_another_version,
    later_costs_no_attempt_and_a_retry_does,
    the_next_look_is_at_the_next_due_job_or_lease,
    what_a_stopped_worker_held_comes_back_at_no_cost,
    the_process_of_a_lost_attempt_is_known_to_the_next,
    a_dead_job_can_be_revived,
    a_job_of_another_version_dies_alone,
    many_claimers_never_share_a_job_or_a_lane,
    a_transaction_that_is_dropped_leaves_nothing_and_wakes_nobody,
);

fn publish(protocol: i64) -> Job {
    Job::Publish { protocol: ProtocolId(protocol) }
}

fn execute(step: i64, protocol: i64) -> Job {
    Job::ExecuteStep { step: StepId(step), protocol: ProtocolId(protocol) }
}

fn deliver(delivery: i64, repo: Option<i64>) -> Job {
    Job::ProcessDelivery { delivery: DeliveryId(delivery), repo }
}

async fn push(bench: &Bench, jobs: &[Job]) {
    push_in(bench, jobs, Duration::ZERO).await;
}

async fn push_in(bench: &Bench, jobs: &[Job], wait: Duration) {
    let mut tx = bench.store.begin().await.unwrap();
    for job in jobs {
        let at = tx.now().plus(wait);
        job::push(&mut tx, *job, at).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn claim_jobs(bench: &Bench, limit: u32) -> Vec<Job> {
    bench.claim(limit).await.iter().map(|claimed| claimed.job).collect()
}

async fn claim_one(bench: &Bench) -> Claimed {
    let mut claimed = bench.claim(1).await;
    claimed.pop().expect("a job is due")
}

async fn finish(bench: &Bench, work: &Claimed, end: JobEnd) -> bool {
    job::finish(&bench.store, work.hold(), &end).await.unwrap()
}

async fn load(store: &Store, hold: Hold) -> StoredJob {
    let mut db = store.read().await.unwrap();
    job::load(&mut db, hold.job).await.unwrap().unwrap()
}

async fn jobs_are_claimed_in_the_order_they_are_due(bench: Bench) {
    let second = Duration::from_secs(1);
    push_in(&bench, &[publish(1)], second * 2).await;
    push_in(&bench, &[publish(2), publish(3)], second).await;
    push_in(&bench, &[publish(4)], second * 3).await;
    assert_eq!(claim_jobs(&bench, 10).await, []);
    bench.clock.advance(second * 2);
    assert_eq!(claim_jobs(&bench, 2).await, [publish(2), publish(3)]);
    assert_eq!(claim_jobs(&bench, 10).await, [publish(1)]);
    assert_eq!(claim_jobs(&bench, 10).await, []);
}

async fn a_lane_runs_one_job_at_a_time_and_in_order(bench: Bench) {
    let lane = [execute(1, 1), Job::OpenPr { protocol: ProtocolId(1) }, execute(2, 1)];
    push(&bench, &lane).await;
    push(&bench, &[execute(9, 2), publish(1)]).await;
    let first = bench.claim(10).await;
    let jobs: Vec<Job> = first.iter().map(|claimed| claimed.job).collect();
    assert_eq!(jobs, [execute(1, 1), execute(9, 2), publish(1)]);
    assert_eq!(claim_jobs(&bench, 10).await, []);
    assert!(finish(&bench, &first[0], JobEnd::Done).await);
    let second = claim_one(&bench).await;
    assert_eq!(second.job, lane[1]);
    assert!(finish(&bench, &second, JobEnd::Done).await);
    assert_eq!(claim_jobs(&bench, 10).await, [lane[2]]);
}

async fn a_busy_lane_hides_nobody_behind_it(bench: Bench) {
    let crowd: Vec<Job> = (0..200).map(|delivery| deliver(delivery, Some(1))).collect();
    push(&bench, &crowd).await;
    bench.clock.advance(Duration::from_millis(1));
    push(&bench, &[deliver(900, Some(2)), deliver(901, None), deliver(902, None)]).await;
    assert_eq!(claim_jobs(&bench, 4).await, [crowd[0]]);
    let behind = [deliver(900, Some(2)), deliver(901, None), deliver(902, None)];
    assert_eq!(claim_jobs(&bench, 4).await, behind);
    assert_eq!(claim_jobs(&bench, 4).await, []);
}

async fn a_job_that_waits_is_not_queued_twice(bench: Bench) {
    push_in(&bench, &[publish(1)], Duration::from_secs(60)).await;
    push_in(&bench, &[publish(1)], Duration::from_secs(5)).await;
    push_in(&bench, &[publish(1)], Duration::from_secs(90)).await;
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(claim_jobs(&bench, 10).await, [publish(1)]);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(claim_jobs(&bench, 10).await, []);
}

async fn a_job_may_be_queued_again_while_it_runs(bench: Bench) {
    push(&bench, &[publish(1)]).await;
    let first = claim_one(&bench).await;
    push(&bench, &[publish(1), publish(1)]).await;
    assert_eq!(claim_jobs(&bench, 10).await, []);
    assert!(finish(&bench, &first, JobEnd::Done).await);
    let second = claim_one(&bench).await;
    assert_ne!(second.id, first.id);
    assert!(finish(&bench, &second, JobEnd::Done).await);
    assert_eq!(claim_jobs(&bench, 10).await, []);
}

async fn a_missing_job_is_queued_once_whoever_sees_to_it(bench: Bench) {
    let other = bench.another_process().await;
    let see_to_it = async |store: &Store| {
        let mut tx = store.begin().await.unwrap();
        let missing = job::push_if_missing(&mut tx, Job::Reconcile).await.unwrap();
        tx.commit().await.unwrap();
        missing
    };
    assert!(see_to_it(&bench.store).await);
    assert!(!see_to_it(&other).await);
    let pass = claim_one(&bench).await;
    assert!(!see_to_it(&other).await, "it runs");
    push_in(&bench, &[Job::Reconcile], Duration::from_secs(30)).await;
    assert!(finish(&bench, &pass, JobEnd::Done).await);
    assert!(!see_to_it(&other).await, "the next one is queued");
    bench.clock.advance(Duration::from_secs(30));
    assert_eq!(claim_jobs(&bench, 10).await, [Job::Reconcile]);
}

async fn a_retry_joins_the_job_that_was_queued_meanwhile(bench: Bench) {
    push(&bench, &[publish(1)]).await;
    let first = claim_one(&bench).await;
    push(&bench, &[publish(1)]).await;
    let retry =
        JobEnd::Retry { at: bench.store.now().plus(Duration::from_secs(60)), error: "broken".to_owned() };
    assert!(finish(&bench, &first, retry).await);
    assert_eq!(load(&bench.store, first.hold()).await.status, JobStatus::Done);
    let second = claim_one(&bench).await;
    assert_eq!((second.job, second.attempt), (publish(1), 2));
    assert_eq!(load(&bench.store, second.hold()).await.error, "broken");
}

async fn an_expired_lease_is_taken_over_and_the_late_worker_is_refused(bench: Bench) {
    push(&bench, &[execute(1, 1)]).await;
    let late = claim_one(&bench).await;
    bench.clock.advance(LEASE - Duration::from_millis(1));
    assert_eq!(bench.claim(1).await, []);
    bench.clock.advance(Duration::from_millis(1));
    let next = claim_one(&bench).await;
    assert_eq!((next.id, next.attempt), (late.id, 2));
    assert!(next.fence > late.fence);

    assert!(!finish(&bench, &late, JobEnd::Done).await);
    assert!(!job::renew(&bench.store, late.hold(), LEASE).await.unwrap());
    let refused = bench.store.begin_held(late.hold()).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)));
    drop(refused);
    let refused = job::record_process(&bench.store, late.hold(), "pid 1").await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)), "{refused:?}");
    let row = load(&bench.store, next.hold()).await;
    assert_eq!((row.status, row.fence, row.process), (JobStatus::Running, next.fence, None));
    assert!(finish(&bench, &next, JobEnd::Done).await);
    assert!(!finish(&bench, &next, JobEnd::Done).await);
}

async fn a_renewed_lease_does_not_expire(bench: Bench) {
    push(&bench, &[publish(1)]).await;
    let work = claim_one(&bench).await;
    for _ in 0..3 {
        bench.clock.advance(LEASE - Duration::from_secs(1));
        assert!(job::renew(&bench.store, work.hold(), LEASE).await.unwrap());
        assert_eq!(bench.claim(1).await, []);
    }
    assert!(finish(&bench, &work, JobEnd::Done).await);
}

async fn a_job_that_keeps_losing_its_worker_is_known_and_dies_in_the_end(bench: Bench) {
    push(&bench, &[publish(1)]).await;
    let mut last = None;
    for lost in 0..2 * MAX_LOST {
        let work = claim_one(&bench).await;
        assert_eq!((work.attempt, work.lost), (lost + 1, lost));
        bench.clock.advance(LEASE);
        last = Some(work);
    }
    assert_eq!(bench.claim(1).await, []);
    let row = load(&bench.store, last.unwrap().hold()).await;
    assert_eq!(row.status, JobStatus::Dead);
    assert_eq!(row.error, "lost its worker on attempt 6");
}

async fn an_attempt_that_ended_in_order_forgets_the_lost_ones(bench: Bench) {
    push(&bench, &[publish(1)]).await;
    claim_one(&bench).await;
    bench.clock.advance(LEASE);
    // One that was queued meanwhile takes over what is left, the lost workers too.
    push(&bench, &[publish(1)]).await;
    let work = claim_one(&bench).await;
    assert_eq!(work.lost, 1);
    let at = bench.store.now();
    assert!(finish(&bench, &work, JobEnd::Retry { at, error: "broken".to_owned() }).await);
    assert_eq!(claim_one(&bench).await.lost, 0);
}

async fn a_list_also_has_jobs_of_another_version(bench: Bench) {
    push(&bench, &[publish(1), publish(2)]).await;
    let sql = "UPDATE job SET payload = '{\"job\":\"fly\"}', kind = 'fly' WHERE job_key = 'publish:2'";
    bench.tamper(sql, sql).await;
    claim_jobs(&bench, 10).await;
    let mut db = bench.store.read().await.unwrap();
    let dead = job::list(&mut db, JobStatus::Dead, 10).await.unwrap();
    assert_eq!((dead[0].kind.as_str(), dead[0].job), ("fly", None));
    let running = job::list(&mut db, JobStatus::Running, 10).await.unwrap();
    assert_eq!((running[0].kind.as_str(), running[0].job), ("publish", Some(publish(1))));
}

async fn later_costs_no_attempt_and_a_retry_does(bench: Bench) {
    push(&bench, &[publish(1)]).await;
    let wait = Duration::from_secs(30);
    for expected in [1, 1, 2] {
        let work = claim_one(&bench).await;
        assert_eq!(work.attempt, expected);
        let at = bench.store.now().plus(wait);
        let end = match expected {
            1 if bench.store.now() == Moment(1_000_000) => JobEnd::Later { at, why: "limited".to_owned() },
            _ => JobEnd::Retry { at, error: "broken".to_owned() },
        };
        assert!(finish(&bench, &work, end).await);
        assert_eq!(bench.claim(1).await, []);
        bench.clock.advance(wait);
    }
    let work = claim_one(&bench).await;
    assert_eq!(work.attempt, 3);
    let dead = JobEnd::Dead { error: "gave up".to_owned() };
    assert!(finish(&bench, &work, dead).await);
    assert_eq!(bench.claim(1).await, []);
    let mut db = bench.store.read().await.unwrap();
    let dead = job::list(&mut db, JobStatus::Dead, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].id, dead[0].error.as_str()), (work.id, "gave up"));
}

async fn the_next_look_is_at_the_next_due_job_or_lease(bench: Bench) {
    let start = bench.store.now();
    let mut db = bench.store.read().await.unwrap();
    assert_eq!(job::next_due(&mut db, start).await.unwrap(), None);
    push_in(&bench, &[publish(1)], Duration::from_secs(60)).await;
    push(&bench, &[publish(2), publish(3)]).await;
    let in_a_minute = start.plus(Duration::from_secs(60));
    assert_eq!(job::next_due(&mut db, start).await.unwrap(), Some(in_a_minute));
    claim_one(&bench).await;
    assert_eq!(job::next_due(&mut db, start).await.unwrap(), Some(start.plus(LEASE)));
}

async fn what_a_stopped_worker_held_comes_back_at_no_cost(bench: Bench) {
    push(&bench, &[publish(1), publish(2), publish(3)]).await;
    let mine = job::claim(&bench.store, "host-a-0", 1, LEASE).await.unwrap();
    let mine_too = job::claim(&bench.store, "host-a-1", 1, LEASE).await.unwrap();
    let other = job::claim(&bench.store, "host-b-0", 1, LEASE).await.unwrap();
    push(&bench, &[publish(2)]).await;

    assert_eq!(job::release_all(&bench.store, "host-a-").await.unwrap(), 2);
    let again = bench.claim(10).await;
    let seen: Vec<(Job, u32)> = again.iter().map(|work| (work.job, work.attempt)).collect();
    assert_eq!(seen, [(publish(1), 1), (publish(2), 1)]);
    assert!(!finish(&bench, &mine[0], JobEnd::Done).await);
    assert!(!finish(&bench, &mine_too[0], JobEnd::Done).await);
    assert!(finish(&bench, &other[0], JobEnd::Done).await);
}

async fn the_process_of_a_lost_attempt_is_known_to_the_next(bench: Bench) {
    push(&bench, &[execute(1, 1)]).await;
    let lost = claim_one(&bench).await;
    assert_eq!(lost.process, None);
    job::record_process(&bench.store, lost.hold(), "pid 17").await.unwrap();
    push(&bench, &[execute(1, 1)]).await;
    bench.clock.advance(LEASE);
    let next = claim_one(&bench).await;
    assert_eq!(next.process.as_deref(), Some("pid 17"));
    let at = bench.store.now();
    let why = String::new();
    assert!(finish(&bench, &next, JobEnd::Later { at, why }).await);
    let orderly = claim_one(&bench).await;
    assert_eq!(orderly.process, None);
}

/// On SQLite nobody writes beside a transaction anyway.
#[tokio::test]
async fn postgres_passes_a_job_by_while_its_holder_writes() {
    let bench = Bench::postgres().await;
    push(&bench, &[execute(1, 1)]).await;
    let work = claim_one(&bench).await;
    let tx = bench.store.begin_held(work.hold()).await.unwrap();
    bench.clock.advance(LEASE);
    assert_eq!(bench.claim(1).await, []);
    tx.commit().await.unwrap();
    assert_eq!(claim_one(&bench).await.id, work.id);
}

async fn a_dead_job_can_be_revived(bench: Bench) {
    push(&bench, &[publish(1)]).await;
    let work = claim_one(&bench).await;
    let mut tx = bench.store.begin().await.unwrap();
    assert!(!job::revive(&mut tx, work.id).await.unwrap());
    tx.commit().await.unwrap();
    let dead = JobEnd::Dead { error: "gave up".to_owned() };
    assert!(finish(&bench, &work, dead).await);
    let mut tx = bench.store.begin().await.unwrap();
    assert!(job::revive(&mut tx, work.id).await.unwrap());
    tx.commit().await.unwrap();
    let again = claim_one(&bench).await;
    assert_eq!((again.id, again.attempt), (work.id, 1));
}

async fn a_job_of_another_version_dies_alone(bench: Bench) {
    push(&bench, &[publish(1), publish(2)]).await;
    let sql = "UPDATE job SET payload = '{\"job\":\"fly\"}' WHERE job_key = 'publish:1'";
    bench.tamper(sql, sql).await;
    assert_eq!(claim_jobs(&bench, 10).await, [publish(2)]);
    let mut db = bench.store.read().await.unwrap();
    let counts = job::count_by_status(&mut db).await.unwrap();
    let seen: Vec<(&str, JobStatus, u64)> =
        counts.iter().map(|count| (count.kind.as_str(), count.status, count.count)).collect();
    assert_eq!(seen, [("publish", JobStatus::Dead, 1), ("publish", JobStatus::Running, 1)]);
}

async fn many_claimers_never_share_a_job_or_a_lane(bench: Bench) {
    let jobs: Vec<Job> = (0..60).map(|step| execute(step, step % 6)).collect();
    push(&bench, &jobs).await;
    let other = bench.another_process().await;
    let claimers = (0..8).map(|n| {
        let store = if n % 2 == 0 { bench.store.clone() } else { other.clone() };
        tokio::spawn(async move { job::claim(&store, &format!("w{n}"), 3, LEASE).await.unwrap() })
    });
    let claimed: Vec<Claimed> =
        futures::future::join_all(claimers).await.into_iter().flat_map(Result::unwrap).collect();
    let mut lanes: Vec<String> = claimed.iter().filter_map(|work| work.job.lane()).collect();
    lanes.sort();
    let held = lanes.len();
    lanes.dedup();
    assert_eq!(lanes.len(), held, "two jobs of one lane run");
    let rest = bench.claim(10).await.len();
    assert_eq!(held + rest, 6, "a lane stands still");
}

async fn a_transaction_that_is_dropped_leaves_nothing_and_wakes_nobody(bench: Bench) {
    let wakes = bench.store.wakes();
    let mut tx = bench.store.begin().await.unwrap();
    job::push(&mut tx, Job::SendAnswers { project: ProjectId(1) }, Moment(0)).await.unwrap();
    drop(tx);
    assert_eq!(bench.claim(10).await, []);
    assert!(!wakes.has_changed().unwrap());
    push(&bench, &[publish(1)]).await;
    assert!(wakes.has_changed().unwrap());
}

async fn a_delivery_does_not_overtake_one_that_waits(bench: Bench) {
    let (first, second, other) = (deliver(1, Some(7)), deliver(2, Some(7)), deliver(3, Some(8)));
    push(&bench, &[first, second, other, publish(1), publish(2)]).await;
    let claimed = claim_one(&bench).await;
    assert_eq!(claimed.job, first);
    let wait = Duration::from_secs(30);
    let later = JobEnd::Later { at: bench.store.now().plus(wait), why: "the forge is away".to_owned() };
    assert!(job::finish(&bench.store, claimed.hold(), &later).await.unwrap());
    assert_eq!(claim_jobs(&bench, 10).await, [other, publish(1), publish(2)]);
    assert_eq!(claim_jobs(&bench, 10).await, [], "also where lanes are visited one by one");
    bench.clock.advance(wait);
    job::release_all(&bench.store, "w").await.unwrap();
    let mut due = claim_jobs(&bench, 10).await;
    due.retain(|job| job.lane() == first.lane());
    assert_eq!(due, [first]);
}
