//! Twenty thousand jobs that are all due at once.

use crate::server::Server;
use crate::world::{Kept, World};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tasksgodzilla::app::{StoredJobs, system_clock};
use tasksgodzilla::domain::claim::Claimed;
use tasksgodzilla::domain::ids::ProtocolId;
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::queue::{Handler, Relay, RelaySettings, WorkerSettings, Workers};
use tasksgodzilla::store::{Store, StoreSettings, job};
use tokio::sync::watch;

const JOBS: i64 = 20_000;

/// Counts how often each job ran.
struct Counting {
    ran: Mutex<HashMap<i64, u32>>,
    done: watch::Sender<usize>,
}

#[async_trait]
impl Handler for Counting {
    async fn handle(&self, work: Claimed) -> JobEnd {
        let Job::Publish { protocol } = work.job else { return JobEnd::Done };
        *self.ran.lock().unwrap().entry(protocol.0).or_default() += 1;
        self.done.send_modify(|done| *done += 1);
        JobEnd::Done
    }
}

async fn push_all(store: &Store) {
    for begin in (0..JOBS).step_by(1000) {
        let mut tx = store.begin().await.unwrap();
        let now = tx.now();
        for protocol in begin..begin + 1000 {
            job::push(&mut tx, Job::Publish { protocol: ProtocolId(protocol) }, now).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

/// Two processes' worth of workers, connected by a Redis if there is one.
async fn drained(world: &World, redis: Option<&Server>) -> Duration {
    let handler = Arc::new(Counting { ran: Mutex::default(), done: watch::Sender::new(0) });
    let settings = StoreSettings { pool: 8, ..world.settings.clone() };
    let mut parts = Vec::new();
    for _ in 0..2 {
        let store = Store::open(&settings, system_clock()).await.unwrap();
        let woken = store.clone();
        let relay = redis.map(|redis| {
            let wake = Some(Arc::new(move || woken.wake_workers()) as Arc<dyn Fn() + Send + Sync>);
            let (url, commits) = (redis.redis_url().into(), store.commits());
            Relay::start(RelaySettings { url, commits, wake, now: system_clock() }).unwrap()
        });
        parts.push((store, relay));
    }
    parts[0].0.migrate().await.unwrap();
    push_all(&parts[0].0).await;
    let began = Instant::now();
    let working = WorkerSettings { concurrency: 16, ..WorkerSettings::default() };
    let workers: Vec<Workers> = parts
        .iter()
        .map(|(store, _)| {
            Workers::start(Arc::new(StoredJobs(store.clone())), handler.clone(), working.clone())
        })
        .collect();
    let all = usize::try_from(JOBS).unwrap();
    let mut done = handler.done.subscribe();
    let waited = tokio::time::timeout(Duration::from_secs(180), done.wait_for(|done| *done >= all)).await;
    waited.expect("every job runs").unwrap();
    let took = began.elapsed();
    for workers in workers {
        workers.shutdown().await;
    }
    let ran = handler.ran.lock().unwrap();
    assert_eq!(ran.len(), all);
    assert!(ran.values().all(|times| *times == 1), "none ran twice");
    took
}

fn tell(what: &str, took: Duration) {
    eprintln!(
        "20,000 due jobs on {what}: {:.1} s, {:.0} a second",
        took.as_secs_f64(),
        20_000.0 / took.as_secs_f64()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_due_jobs_run_once_each_with_redis() {
    let world = World::empty(Kept::Postgres).await;
    let redis = Server::redis().await;
    tell("Postgres with Redis", drained(&world, Some(&redis)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_due_jobs_run_once_each_without_redis() {
    let world = World::empty(Kept::Sqlite).await;
    tell("SQLite", drained(&world, None).await);
}
