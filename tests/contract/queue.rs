//! Workers over the real store: each job once, by lease, and in order at the end.

use crate::store_bench::{Bench, on_both};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tasksgodzilla::domain::claim::{Claimed, Hold};
use tasksgodzilla::domain::ids::{Moment, ProtocolId};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::meter::{Meters, Readings};
use tasksgodzilla::queue::{Handler, JobSource, Pulse, SourceError, Wake, WorkerSettings, Workers, drain};
use tasksgodzilla::store::Store;
use tasksgodzilla::store::job::{self, JobStatus, ListedJob};
use tokio::sync::{Semaphore, watch};

on_both!(
    a_pushed_job_starts_without_waiting_for_the_poll,
    two_processes_run_each_job_once,
    no_more_jobs_are_claimed_than_there_are_places,
    a_panic_is_retried_and_in_the_end_kept_with_its_message,
    a_lost_lease_stops_the_job_and_another_worker_runs_it,
    a_lease_is_renewed_while_its_job_runs,
    shutdown_lets_running_jobs_end_and_claims_nothing_more,
    shutdown_stops_what_takes_too_long_and_gives_it_back,
    dropped_workers_stop_at_once,
    workers_show_that_they_live,
    workers_that_cannot_claim_show_no_sign_of_life,
    leases_are_counted,
    a_backlog_of_one_lane_is_worked_off_in_order,
    draining_runs_what_is_due_and_what_comes_of_it,
    draining_survives_a_panic,
    draining_ends_when_a_job_is_always_due_again,
);

/// How long anything here may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// A poll that does not come within a test: what is started by it was started by something else.
const NEVER: Duration = Duration::from_secs(3600);

struct StoreSource(Store);

#[async_trait]
impl JobSource for StoreSource {
    fn now(&self) -> Moment {
        self.0.now()
    }

    fn wake(&self) -> Box<dyn Wake> {
        Box::new(self.0.wakes())
    }

    async fn claim(&self, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Claimed>, SourceError> {
        Ok(job::claim(&self.0, worker, limit, lease).await?)
    }

    async fn renew(&self, hold: Hold, lease: Duration) -> Result<bool, SourceError> {
        Ok(job::renew(&self.0, hold, lease).await?)
    }

    async fn finish(&self, hold: Hold, end: &JobEnd) -> Result<bool, SourceError> {
        Ok(job::finish(&self.0, hold, end).await?)
    }

    async fn release_all(&self, worker: &str) -> Result<u64, SourceError> {
        Ok(job::release_all(&self.0, worker).await?)
    }

    async fn next_due(&self, since: Moment) -> Result<Option<Moment>, SourceError> {
        let mut db = self.0.read().await?;
        Ok(job::next_due(&mut db, since).await?)
    }
}

/// What a job does here.
#[derive(Clone, Copy)]
enum Act {
    Succeed,
    Panic,
    /// Waits until the test opens the gate.
    Wait,
}

/// A handler that does the same with every job, and tells what it did.
struct Scripted {
    act: Act,
    gate: Semaphore,
    seen: watch::Sender<Seen>,
}

#[derive(Default, Clone, Debug)]
struct Seen {
    /// How often each job started.
    started: BTreeMap<String, u32>,
    /// In the order they started.
    order: Vec<String>,
    ended: usize,
    dropped: usize,
    running: usize,
    most_running: usize,
}

impl Scripted {
    fn new(act: Act) -> Arc<Self> {
        Arc::new(Self { act, gate: Semaphore::new(0), seen: watch::Sender::new(Seen::default()) })
    }

    /// Waits until what was seen is as expected.
    async fn until(&self, expected: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.subscribe();
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(|seen| expected(seen))).await;
        let last = || self.seen.borrow().clone();
        waited.unwrap_or_else(|_| panic!("did not come to be; last seen: {:?}", last())).unwrap().clone()
    }

    fn open_gate(&self) {
        self.gate.add_permits(1000);
    }
}

/// Counts an attempt as dropped unless it ended.
struct Attempt<'a> {
    seen: &'a watch::Sender<Seen>,
    ended: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.seen.send_modify(|seen| {
            seen.running -= 1;
            match self.ended {
                true => seen.ended += 1,
                false => seen.dropped += 1,
            }
        });
    }
}

#[async_trait]
impl Handler for Scripted {
    async fn handle(&self, work: Claimed) -> JobEnd {
        self.seen.send_modify(|seen| {
            *seen.started.entry(work.job.key()).or_default() += 1;
            seen.order.push(work.job.key());
            seen.running += 1;
            seen.most_running = seen.most_running.max(seen.running);
        });
        let mut attempt = Attempt { seen: &self.seen, ended: false };
        match self.act {
            Act::Succeed => tokio::task::yield_now().await,
            Act::Panic => panic!("the {} is broken", work.job.kind()),
            Act::Wait => self.gate.acquire().await.unwrap().forget(),
        }
        attempt.ended = true;
        JobEnd::Done
    }
}

fn settings() -> WorkerSettings {
    WorkerSettings {
        name: "test".to_owned(),
        concurrency: 4,
        lease: Duration::from_secs(10),
        poll: Duration::from_millis(10),
        shutdown: PATIENCE,
        ..WorkerSettings::default()
    }
}

fn start(store: &Store, handler: &Arc<Scripted>, settings: WorkerSettings) -> Workers {
    Workers::start(Arc::new(StoreSource(store.clone())), handler.clone(), settings)
}

fn publish(protocol: i64) -> Job {
    Job::Publish { protocol: ProtocolId(protocol) }
}

async fn push(store: &Store, jobs: &[Job]) {
    let mut tx = store.begin().await.unwrap();
    let now = tx.now();
    for job in jobs {
        job::push(&mut tx, *job, now).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn count(store: &Store, status: JobStatus) -> u64 {
    let mut db = store.read().await.unwrap();
    let counts = job::count_by_status(&mut db).await.unwrap();
    counts.iter().filter(|count| count.status == status).map(|count| count.count).sum()
}

async fn dead(store: &Store) -> Vec<ListedJob> {
    let mut db = store.read().await.unwrap();
    job::list(&mut db, JobStatus::Dead, 10).await.unwrap()
}

async fn a_pushed_job_starts_without_waiting_for_the_poll(bench: Bench) {
    let handler = Scripted::new(Act::Succeed);
    let patient = WorkerSettings { poll: NEVER, ..settings() };
    let workers = start(&bench.store, &handler, patient);
    for n in 1..=20 {
        push(&bench.store, &[publish(n)]).await;
        handler.until(|seen| seen.ended >= usize::try_from(n).unwrap()).await;
    }
    workers.shutdown().await;
    assert_eq!(count(&bench.store, JobStatus::Done).await, 20);
}

async fn two_processes_run_each_job_once(bench: Bench) {
    let jobs: Vec<Job> = (0..120).map(publish).collect();
    push(&bench.store, &jobs).await;
    let handler = Scripted::new(Act::Succeed);
    let other = bench.another_process().await;
    let here = start(&bench.store, &handler, settings());
    let there = start(&other, &handler, settings());
    let seen = handler.until(|seen| seen.ended == 120).await;
    here.shutdown().await;
    there.shutdown().await;
    assert!(seen.started.values().all(|times| *times == 1), "{seen:?}");
    assert_eq!(count(&bench.store, JobStatus::Done).await, 120);
}

async fn no_more_jobs_are_claimed_than_there_are_places(bench: Bench) {
    let jobs: Vec<Job> = (0..20).map(publish).collect();
    push(&bench.store, &jobs).await;
    let handler = Scripted::new(Act::Wait);
    let workers = start(&bench.store, &handler, settings());
    handler.until(|seen| seen.running == 4).await;
    assert_eq!(count(&bench.store, JobStatus::Running).await, 4);
    assert_eq!(count(&bench.store, JobStatus::Queued).await, 16);
    handler.open_gate();
    let seen = handler.until(|seen| seen.ended == 20).await;
    assert_eq!(seen.most_running, 4);
    workers.shutdown().await;
}

async fn a_panic_is_retried_and_in_the_end_kept_with_its_message(bench: Bench) {
    push(&bench.store, &[Job::Merge { protocol: ProtocolId(1) }]).await;
    let handler = Scripted::new(Act::Panic);
    let workers = start(&bench.store, &handler, settings());
    for attempt in 1..=3 {
        handler.until(|seen| seen.dropped == attempt).await;
        until(&bench.store, |running| running == 0, JobStatus::Running).await;
        bench.clock.advance(Duration::from_secs(60));
    }
    workers.shutdown().await;
    let dead = dead(&bench.store).await;
    assert_eq!(dead[0].error, "panicked: the merge is broken");
    assert_eq!(dead[0].attempt, 3);
}

/// Waits until the store counts as many jobs of a status as expected; each look lets the workers go on.
async fn until(store: &Store, expected: impl Fn(u64) -> bool, status: JobStatus) {
    let looked = tokio::time::timeout(PATIENCE, async {
        while !expected(count(store, status).await) {
            tokio::task::yield_now().await;
        }
    });
    looked.await.unwrap_or_else(|_| panic!("the number of {status:?} jobs is not as expected"));
}

async fn a_lost_lease_stops_the_job_and_another_worker_runs_it(bench: Bench) {
    push(&bench.store, &[publish(1)]).await;
    let short = WorkerSettings { concurrency: 1, lease: Duration::from_millis(90), ..settings() };
    let stuck = Scripted::new(Act::Wait);
    let here = start(&bench.store, &stuck, short);
    stuck.until(|seen| seen.running == 1).await;

    let mut taken = Vec::new();
    // The worker may renew between the two; then its new lease runs out in the next round.
    for _ in 0..100 {
        bench.clock.advance(NEVER);
        taken.extend(job::claim(&bench.store, "other", 1, NEVER * 1000).await.unwrap());
    }
    assert_eq!(taken.len(), 1);
    stuck.until(|seen| seen.dropped == 1).await;
    let finished = job::finish(&bench.store, taken[0].hold(), &JobEnd::Done).await;
    assert!(finished.unwrap());
    here.shutdown().await;
    assert_eq!(stuck.seen.borrow().ended, 0);
    assert_eq!(count(&bench.store, JobStatus::Done).await, 1);
}

async fn a_lease_is_renewed_while_its_job_runs(bench: Bench) {
    push(&bench.store, &[publish(1)]).await;
    let handler = Scripted::new(Act::Wait);
    let short = WorkerSettings { lease: Duration::from_millis(1500), ..settings() };
    let workers = start(&bench.store, &handler, short);
    handler.until(|seen| seen.running == 1).await;
    // The clock stands still, so the lease moves only when the clock was moved and the lease was renewed after that.
    for _ in 0..3 {
        bench.clock.advance(Duration::from_millis(500));
        let expected = bench.store.now().plus(Duration::from_millis(1500));
        let renewed = tokio::time::timeout(PATIENCE, async {
            while lease_until(&bench.store).await != Some(expected) {
                tokio::task::yield_now().await;
            }
        });
        renewed.await.expect("the lease is renewed");
    }
    handler.open_gate();
    handler.until(|seen| seen.ended == 1).await;
    workers.shutdown().await;
    assert_eq!(handler.seen.borrow().started["publish:1"], 1);
}

async fn lease_until(store: &Store) -> Option<Moment> {
    let mut db = store.read().await.unwrap();
    let jobs = job::open_of_protocol(&mut db, ProtocolId(1)).await.unwrap();
    jobs.first().and_then(|job| job.lease_until)
}

async fn shutdown_lets_running_jobs_end_and_claims_nothing_more(bench: Bench) {
    let jobs: Vec<Job> = (0..10).map(publish).collect();
    push(&bench.store, &jobs).await;
    let handler = Scripted::new(Act::Wait);
    let workers = start(&bench.store, &handler, settings());
    handler.until(|seen| seen.running == 4).await;
    let stopping = tokio::spawn(workers.shutdown());
    tokio::task::yield_now().await;
    handler.open_gate();
    stopping.await.unwrap();
    let seen = handler.seen.borrow().clone();
    assert_eq!((seen.ended, seen.dropped), (4, 0));
    assert_eq!(count(&bench.store, JobStatus::Done).await, 4);
    assert_eq!(count(&bench.store, JobStatus::Queued).await, 6);
}

async fn shutdown_stops_what_takes_too_long_and_gives_it_back(bench: Bench) {
    push(&bench.store, &[publish(1), publish(2)]).await;
    let handler = Scripted::new(Act::Wait);
    let hasty = WorkerSettings { shutdown: Duration::from_millis(1), ..settings() };
    let workers = start(&bench.store, &handler, hasty);
    handler.until(|seen| seen.running == 2).await;
    workers.shutdown().await;
    handler.until(|seen| seen.dropped == 2).await;
    assert_eq!(count(&bench.store, JobStatus::Queued).await, 2);
    let again = bench.claim(2).await;
    assert!(again.iter().all(|work| work.attempt == 1), "{again:?}");
}

async fn dropped_workers_stop_at_once(bench: Bench) {
    push(&bench.store, &[publish(1)]).await;
    let handler = Scripted::new(Act::Wait);
    let workers = start(&bench.store, &handler, settings());
    handler.until(|seen| seen.running == 1).await;
    drop(workers);
    handler.until(|seen| seen.dropped == 1).await;
}

/// Workers that were silent for a minute when they begin.
fn silent() -> Pulse {
    let began = Instant::now().checked_sub(Duration::from_secs(60)).expect("the machine runs for longer");
    Pulse::new(Duration::from_secs(1), began)
}

async fn until_heard(pulse: &Pulse) {
    let heard = tokio::time::timeout(PATIENCE, async {
        while pulse.silence().is_some() {
            tokio::task::yield_now().await;
        }
    });
    heard.await.expect("the workers show that they live");
}

async fn workers_show_that_they_live(bench: Bench) {
    let handler = Scripted::new(Act::Wait);
    let pulse = silent();
    assert!(pulse.silence().is_some());
    let workers = start(&bench.store, &handler, WorkerSettings { pulse: pulse.clone(), ..settings() });
    until_heard(&pulse).await;
    workers.shutdown().await;

    push(&bench.store, &[publish(1)]).await;
    let pulse = silent();
    let busy = WorkerSettings {
        concurrency: 1,
        lease: Duration::from_millis(90),
        poll: NEVER,
        pulse: pulse.clone(),
        ..settings()
    };
    let workers = start(&bench.store, &handler, busy);
    handler.until(|seen| seen.running == 1).await;
    // The look that claimed has been heard; from here on only renewals are.
    until_heard(&pulse).await;
    handler.open_gate();
    workers.shutdown().await;
}

/// A source that cannot be written: every claim fails, and is counted.
struct Failing {
    store: StoreSource,
    looks: watch::Sender<u32>,
}

#[async_trait]
impl JobSource for Failing {
    fn now(&self) -> Moment {
        self.store.now()
    }

    fn wake(&self) -> Box<dyn Wake> {
        self.store.wake()
    }

    async fn claim(&self, _: &str, _: u32, _: Duration) -> Result<Vec<Claimed>, SourceError> {
        self.looks.send_modify(|looks| *looks += 1);
        Err("read-only".into())
    }

    async fn renew(&self, hold: Hold, lease: Duration) -> Result<bool, SourceError> {
        self.store.renew(hold, lease).await
    }

    async fn finish(&self, hold: Hold, end: &JobEnd) -> Result<bool, SourceError> {
        self.store.finish(hold, end).await
    }

    async fn release_all(&self, worker: &str) -> Result<u64, SourceError> {
        self.store.release_all(worker).await
    }

    async fn next_due(&self, since: Moment) -> Result<Option<Moment>, SourceError> {
        self.store.next_due(since).await
    }
}

async fn workers_that_cannot_claim_show_no_sign_of_life(bench: Bench) {
    let pulse = silent();
    let source = Arc::new(Failing { store: StoreSource(bench.store.clone()), looks: watch::Sender::new(0) });
    let mut looks = source.looks.subscribe();
    let settings = WorkerSettings { pulse: pulse.clone(), ..settings() };
    let workers = Workers::start(source, Scripted::new(Act::Succeed), settings);
    // When a look begins, the one before it has been judged.
    tokio::time::timeout(PATIENCE, looks.wait_for(|looks| *looks >= 2)).await.unwrap().unwrap();
    assert!(pulse.silence().is_some());
    workers.shutdown().await;
}

async fn leases_are_counted(bench: Bench) {
    let count = |meters: &Meters, name: &str| {
        let text = meters.text(&Readings::default()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("tasksgodzilla_{name} ")));
        line.unwrap().parse::<u64>().unwrap()
    };
    push(&bench.store, &[publish(1)]).await;
    let stuck = Scripted::new(Act::Wait);
    let meters = Meters::default();
    let short = WorkerSettings {
        concurrency: 1,
        lease: Duration::from_millis(90),
        meters: meters.clone(),
        ..settings()
    };
    let workers = start(&bench.store, &stuck, short);
    stuck.until(|seen| seen.running == 1).await;
    assert_eq!((count(&meters, "leases_held"), count(&meters, "leases_lost_total")), (1, 0));
    let mut taken = Vec::new();
    for _ in 0..100 {
        bench.clock.advance(NEVER);
        taken.extend(job::claim(&bench.store, "other", 1, NEVER * 1000).await.unwrap());
    }
    stuck.until(|seen| seen.dropped == 1).await;
    workers.shutdown().await;
    assert_eq!((count(&meters, "leases_held"), count(&meters, "leases_lost_total")), (0, 1));
    assert!(count(&bench.settings().meters, "leases_expired_total") >= 1);
}

async fn a_backlog_of_one_lane_is_worked_off_in_order(bench: Bench) {
    let guids: Vec<String> = (0..100).map(|n| format!("g{n}")).collect();
    for guid in &guids {
        bench.deliver(guid).await.unwrap();
    }
    let handler = Scripted::new(Act::Succeed);
    let patient = WorkerSettings { poll: NEVER, ..settings() };
    let workers = start(&bench.store, &handler, patient);
    let seen = handler.until(|seen| seen.ended == 100).await;
    workers.shutdown().await;
    assert_eq!(seen.most_running, 1);
    let number = |key: &String| -> i64 { key.rsplit(':').next().unwrap().parse().unwrap() };
    let order: Vec<i64> = seen.order.iter().map(number).collect();
    assert!(order.is_sorted(), "{order:?}");
}

/// Publishing a protocol that is above zero asks for the one below it.
struct Countdown {
    store: Store,
    ran: Mutex<Vec<i64>>,
}

#[async_trait]
impl Handler for Countdown {
    async fn handle(&self, work: Claimed) -> JobEnd {
        let Job::Publish { protocol } = work.job else {
            return JobEnd::Done;
        };
        self.ran.lock().unwrap().push(protocol.0);
        if protocol.0 > 0 {
            push(&self.store, &[publish(protocol.0 - 1)]).await;
        }
        JobEnd::Later { at: self.store.now().plus(Duration::from_secs(1)), why: "again".to_owned() }
    }
}

async fn draining_runs_what_is_due_and_what_comes_of_it(bench: Bench) {
    push(&bench.store, &[publish(3)]).await;
    let handler = Countdown { store: bench.store.clone(), ran: Mutex::default() };
    let source = StoreSource(bench.store.clone());
    assert_eq!(drain(&source, &handler).await.unwrap(), 4);
    assert_eq!(*handler.ran.lock().unwrap(), [3, 2, 1, 0]);
    assert_eq!(drain(&source, &handler).await.unwrap(), 0);
    assert_eq!(count(&bench.store, JobStatus::Queued).await, 4);
}

/// Never does its job, and wants it back at once.
struct Restless(Moment);

#[async_trait]
impl Handler for Restless {
    async fn handle(&self, _: Claimed) -> JobEnd {
        JobEnd::Later { at: self.0, why: "now".to_owned() }
    }
}

async fn draining_ends_when_a_job_is_always_due_again(bench: Bench) {
    push(&bench.store, &[publish(1)]).await;
    let source = StoreSource(bench.store.clone());
    let told = drain(&source, &Restless(bench.store.now())).await.unwrap_err();
    assert_eq!(told.to_string(), "1000 jobs ran and the queue does not come to rest");
}

async fn draining_survives_a_panic(bench: Bench) {
    push(&bench.store, &[publish(1), publish(2)]).await;
    let handler = Scripted::new(Act::Panic);
    let source = StoreSource(bench.store.clone());
    assert_eq!(drain(&source, &*handler).await.unwrap(), 2);
    let mut db = bench.store.read().await.unwrap();
    let jobs = job::open_of_protocol(&mut db, ProtocolId(1)).await.unwrap();
    assert_eq!(jobs[0].error, "panicked: the publish is broken");
}
