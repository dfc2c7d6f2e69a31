//! The database goes away: deliveries are refused, work waits, and everything goes on when it is back.

use crate::server::Server;
use crate::store_bench::delivery;
use crate::until::until;
use async_trait::async_trait;
use nix::sys::signal::Signal;
use sqlx::{Connection as _, PgConnection};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tasksgodzilla::app::{StoredJobs, system_clock};
use tasksgodzilla::domain::claim::Claimed;
use tasksgodzilla::domain::ids::ProtocolId;
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::queue::{Handler, WorkerSettings, Workers};
use tasksgodzilla::store::job::{self, JobStatus};
use tasksgodzilla::store::{Accepted, Store, StoreError, StoreSettings, StoreUrl};

async fn open(server: &Server) -> Store {
    let settings = StoreSettings::new(StoreUrl::Postgres(server.postgres_url().into()), 4);
    let store = Store::open(&settings, system_clock()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// Notes in the store, under its lease, how often each job came to its end; a job that was lost on the way notes nothing.
struct Careful {
    store: Store,
    ended: Mutex<BTreeMap<String, u32>>,
}

#[async_trait]
impl Handler for Careful {
    async fn handle(&self, work: Claimed) -> JobEnd {
        match self.store.begin_held(work.hold()).await {
            Ok(tx) => tx.commit().await.map_or_else(
                |error| again(&error),
                |()| {
                    *self.ended.lock().unwrap().entry(work.job.key()).or_default() += 1;
                    JobEnd::Done
                },
            ),
            Err(error) => again(&error),
        }
    }
}

fn again(error: &StoreError) -> JobEnd {
    JobEnd::Later { at: (system_clock())(), why: error.to_string() }
}

async fn push(store: &Store, protocols: std::ops::Range<i64>) {
    let mut tx = store.begin().await.unwrap();
    let now = tx.now();
    for protocol in protocols {
        job::push(&mut tx, Job::Publish { protocol: ProtocolId(protocol) }, now).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn done(store: &Store) -> u64 {
    let Ok(mut db) = store.read().await else { return 0 };
    let counts = job::count_by_status(&mut db).await.unwrap_or_default();
    counts.iter().filter(|count| count.status == JobStatus::Done).map(|count| count.count).sum()
}

fn work(store: &Store, handler: &Arc<Careful>) -> Workers {
    let lease = Duration::from_secs(3);
    let settings = WorkerSettings { lease, poll: Duration::from_millis(200), ..WorkerSettings::default() };
    Workers::start(Arc::new(StoredJobs(store.clone())), handler.clone(), settings)
}

/// Every delivery is either stored or refused as unavailable; what was refused can be sent again.
async fn refused(store: &Store, guid: &str) {
    match store.accept(delivery(guid)).await {
        Err(StoreError::Unavailable { .. }) => {}
        other => panic!("{other:?} without a database"),
    }
}

async fn taken_again(store: &Store, guid: &str) {
    until(30, "deliveries are taken again", async || store.accept(delivery(guid)).await.is_ok()).await;
    assert_eq!(store.accept(delivery(guid)).await.unwrap(), Accepted::Duplicate);
}

#[tokio::test]
async fn deliveries_are_refused_and_work_waits_while_postgres_is_away() {
    let mut server = Server::postgres().await;
    let store = open(&server).await;
    let handler = Arc::new(Careful { store: store.clone(), ended: Mutex::default() });
    let workers = work(&store, &handler);
    push(&store, 0..50).await;
    until(30, "the first jobs are done", async || done(&store).await == 50).await;

    server.stop();
    refused(&store, "while-away").await;
    server.start().await;
    taken_again(&store, "while-away").await;

    push(&store, 100..150).await;
    // The delivery's own job is among them.
    until(30, "the rest is done", async || done(&store).await == 101).await;
    workers.shutdown().await;
    let ended = handler.ended.lock().unwrap().clone();
    assert!(ended.values().all(|times| *times == 1), "{ended:?}");
}

#[tokio::test]
async fn nothing_hangs_on_a_postgres_that_stands_still() {
    let server = Server::postgres().await;
    let store = open(&server).await;
    let handler = Arc::new(Careful { store: store.clone(), ended: Mutex::default() });
    let workers = work(&store, &handler);
    server.signal(Signal::SIGSTOP);
    refused(&store, "still").await;
    server.signal(Signal::SIGCONT);
    taken_again(&store, "still").await;
    push(&store, 0..20).await;
    until(30, "work goes on", async || done(&store).await == 21).await;
    workers.shutdown().await;
}

#[tokio::test]
async fn cut_connections_cost_no_job() {
    let server = Server::postgres().await;
    let store = open(&server).await;
    let handler = Arc::new(Careful { store: store.clone(), ended: Mutex::default() });
    let workers = work(&store, &handler);
    let mut operator = PgConnection::connect(&server.postgres_url()).await.unwrap();
    for round in 0..10 {
        push(&store, round * 20..(round + 1) * 20).await;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                   AND backend_type = 'client backend'";
        sqlx::raw_sql(cut).execute(&mut operator).await.unwrap();
        // The first one to use a cut connection is told so.
        until(30, "a new connection is had", async || store.begin().await.is_ok()).await;
    }
    until(60, "every job is done", async || done(&store).await == 200).await;
    workers.shutdown().await;
    let ended = handler.ended.lock().unwrap().clone();
    assert_eq!(ended.len(), 200);
}

#[tokio::test]
async fn a_transaction_that_stands_still_does_not_hold_its_job_for_ever() {
    let server = Server::postgres().await;
    let (here, there) = (open(&server).await, open(&server).await);
    push(&here, 0..1).await;
    let work = job::claim(&here, "here", 1, Duration::from_millis(1)).await.unwrap().pop().unwrap();
    let stuck = here.begin_held(work.hold()).await.unwrap();
    until(30, "another worker takes the job over", async || {
        job::claim(&there, "there", 1, Duration::from_secs(60)).await.unwrap().len() == 1
    })
    .await;
    assert!(stuck.commit().await.is_err(), "the late transaction is over");
    assert!(matches!(
        here.begin_held(work.hold()).await,
        Err(StoreError::LeaseLost | StoreError::Unavailable { .. })
    ));
}
