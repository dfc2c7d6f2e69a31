//! What is counted of the store when somebody looks, and how the database is.

use crate::store_bench::{Bench, LEASE, new_protocol, on_both};
use secrecy::ExposeSecret as _;
use std::time::Duration;
use tasksgodzilla::domain::ids::{ProtocolId, StepId};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::protocol::ProtocolStatus;
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::store::job::{self, JobStatus};
use tasksgodzilla::store::{self, Store, StoreSettings, StoreUrl};

on_both!(
    open_jobs_are_counted_by_kind_and_status,
    the_oldest_due_job_is_one_that_a_worker_could_take,
    open_protocols_are_counted_by_status,
    the_last_time_of_a_regular_job_is_known,
    jobs_that_keep_failing_are_counted,
    a_database_of_this_version_is_well,
    a_database_of_another_version_is_told,
);

async fn push(bench: &Bench, job: Job) {
    let mut tx = bench.store.begin().await.unwrap();
    let now = tx.now();
    job::push(&mut tx, job, now).await.unwrap();
    tx.commit().await.unwrap();
}

fn execute(step: i64) -> Job {
    Job::ExecuteStep { step: StepId(step), protocol: ProtocolId(1) }
}

async fn open_jobs_are_counted_by_kind_and_status(bench: Bench) {
    for protocol in 1..=3 {
        push(&bench, Job::Publish { protocol: ProtocolId(protocol) }).await;
    }
    push(&bench, execute(1)).await;
    let claimed = bench.claim(3).await;
    let error = "broken".to_owned();
    assert!(job::finish(&bench.store, claimed[0].hold(), &JobEnd::Dead { error }).await.unwrap());
    assert!(job::finish(&bench.store, claimed[1].hold(), &JobEnd::Done).await.unwrap());
    let counts = job::count_open(&mut bench.store.read().await.unwrap()).await.unwrap();
    let counts: Vec<(&str, JobStatus, u64)> =
        counts.iter().map(|count| (count.kind.as_str(), count.status, count.count)).collect();
    let expected = [
        ("execute_step", JobStatus::Queued, 1),
        ("publish", JobStatus::Dead, 1),
        ("publish", JobStatus::Running, 1),
    ];
    assert_eq!(counts, expected);
}

async fn the_oldest_due_job_is_one_that_a_worker_could_take(bench: Bench) {
    let oldest = async || job::oldest_due(&mut bench.store.read().await.unwrap()).await.unwrap();
    assert_eq!(oldest().await, None);
    push(&bench, execute(1)).await;
    assert_eq!(bench.claim(1).await.len(), 1);
    push(&bench, execute(2)).await;
    assert_eq!(oldest().await, None, "its lane is busy");
    bench.clock.advance(Duration::from_secs(5));
    let since = bench.store.now();
    push(&bench, Job::Publish { protocol: ProtocolId(1) }).await;
    bench.clock.advance(Duration::from_secs(4));
    push(&bench, Job::Reconcile).await;
    assert_eq!(oldest().await, Some(since));
    let mut tx = bench.store.begin().await.unwrap();
    let later = tx.now().plus(LEASE);
    job::push(&mut tx, Job::Merge { protocol: ProtocolId(5) }, later).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(oldest().await, Some(since), "what is not due waits for nobody");
}

async fn open_protocols_are_counted_by_status(bench: Bench) {
    let project = bench.project().await;
    for _ in 0..3 {
        let mut tx = bench.store.begin().await.unwrap();
        store::protocol::create(&mut tx, new_protocol(&project)).await.unwrap();
        tx.commit().await.unwrap();
    }
    let done = "UPDATE protocol SET status = 'completed' WHERE number = 1";
    bench.tamper(done, done).await;
    let counts = store::protocol::count_open(&mut bench.store.read().await.unwrap()).await.unwrap();
    assert_eq!(counts, [(ProtocolStatus::Pending, 2)]);
}

async fn the_last_time_of_a_regular_job_is_known(bench: Bench) {
    let last = async || job::last_done(&mut bench.store.read().await.unwrap(), "reconcile").await.unwrap();
    assert_eq!(last().await, None);
    push(&bench, Job::Reconcile).await;
    let work = bench.claim(1).await.remove(0);
    assert_eq!(last().await, None);
    bench.clock.advance(Duration::from_secs(2));
    assert!(job::finish(&bench.store, work.hold(), &JobEnd::Done).await.unwrap());
    assert_eq!(last().await, Some(bench.store.now()));
}

async fn jobs_that_keep_failing_are_counted(bench: Bench) {
    push(&bench, Job::Publish { protocol: ProtocolId(1) }).await;
    for _ in 0..2 {
        let work = bench.claim(1).await.remove(0);
        let at = bench.store.now();
        let end = JobEnd::Retry { at, error: "broken".to_owned() };
        assert!(job::finish(&bench.store, work.hold(), &end).await.unwrap());
    }
    push(&bench, Job::Publish { protocol: ProtocolId(2) }).await;
    let failing = async |attempts| job::count_failing(&mut bench.store.read().await.unwrap(), attempts).await;
    assert_eq!(failing(2).await.unwrap(), 1);
    assert_eq!(failing(3).await.unwrap(), 0);
}

async fn a_database_of_this_version_is_well(bench: Bench) {
    bench.store.ping().await.unwrap();
    bench.store.try_writing().await.unwrap();
    bench.store.try_writing().await.expect("nothing was left behind");
    let condition = bench.store.condition().await.unwrap();
    assert_eq!((condition.missing, condition.unknown), (vec![], vec![]));
    match bench.settings().url {
        StoreUrl::Sqlite(_) => {
            assert!(condition.program.starts_with("SQLite 3."), "{}", condition.program);
            assert_eq!(condition.journal.as_deref(), Some("wal"));
        }
        StoreUrl::Postgres(_) => {
            assert!(condition.program.starts_with("PostgreSQL "), "{}", condition.program);
            assert_eq!(condition.journal, None);
        }
    }
    bench.store.close().await;
    assert!(bench.store.ping().await.is_err());
}

async fn a_database_of_another_version_is_told(bench: Bench) {
    let sql = "DELETE FROM _sqlx_migrations WHERE version = 4";
    bench.tamper(sql, sql).await;
    assert_eq!(bench.store.condition().await.unwrap().missing, [4]);
    let sql = "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1";
    bench.tamper(sql, sql).await;
    assert_eq!(bench.store.condition().await.unwrap().unknown, [9999]);
    let sql = "DROP TABLE _sqlx_migrations";
    bench.tamper(sql, sql).await;
    let condition = bench.store.condition().await.unwrap();
    assert!(condition.missing.contains(&1) && condition.unknown.is_empty(), "{condition:?}");
}

/// On SQLite a transaction takes the write lock; here the server is told to refuse writes.
#[tokio::test]
async fn a_postgres_that_takes_no_writes_is_told() {
    let bench = Bench::postgres().await;
    let StoreUrl::Postgres(url) = &bench.settings().url else { panic!("a Postgres") };
    let url = format!("{}&options=-c%20default_transaction_read_only%3Don", url.expose_secret());
    let settings = StoreSettings::new(StoreUrl::Postgres(url.into()), 5);
    let store =
        Store::open(&settings, std::sync::Arc::new(|| tasksgodzilla::domain::ids::Moment(0))).await.unwrap();
    let refused = store.try_writing().await.unwrap_err();
    assert!(format!("{:#}", anyhow::Error::from(refused)).contains("read-only"));
}
