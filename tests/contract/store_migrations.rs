//! Forward only, on data: rows that were legal before a migration are read by the store after it.

use crate::store_bench::Bench;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use tasksgodzilla::domain::ids::{DeliveryId, JobId, Moment, ProjectId, ProtocolId, RunId};
use tasksgodzilla::store::effect::EffectStatus;
use tasksgodzilla::store::job::JobStatus;
use tasksgodzilla::store::{self, Session};

/// The numbers that the names of a folder's files begin with.
fn numbers(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    files.map(|file| file.unwrap().file_name().to_str().unwrap()[..4].to_owned()).collect()
}

#[test]
fn every_migration_but_the_first_comes_with_rows() {
    let mut migrations = numbers("migrations/sqlite");
    assert!(migrations.remove("0001"));
    assert_eq!(migrations, numbers("tests/data/migrations"));
}

#[tokio::test]
async fn rows_of_every_version_are_read_by_this_one() {
    for number in numbers("tests/data/migrations") {
        for bench in [Bench::sqlite_before(&number).await, Bench::postgres_before(&number).await] {
            let rows = read_all(&mut bench.store.read().await.unwrap()).await;
            assert!(rows > 0, "no row is left of those before migration {number}");
            bench.deliver("new").await.unwrap();
        }
    }
}

/// Reads rows of every table through the store; returns how many there were.
async fn read_all(db: &mut Session) -> usize {
    let projects = store::project::all(db).await.unwrap();
    let protocols = store::protocol::list(db, 100).await.unwrap();
    let mut rows = projects.len() + protocols.len();
    for project in &projects {
        rows += store::effect::open(db, project.id).await.unwrap().len();
    }
    for protocol in &protocols {
        rows += store::step::of_protocol(db, protocol.id).await.unwrap().len();
        rows += store::run::of_protocol(db, protocol.id, 100).await.unwrap().len();
        rows += store::event::of_protocol(db, protocol.id, 100).await.unwrap().len();
        rows += store::posted::checks(db, protocol.id).await.unwrap().len();
        rows += usize::from(store::posted::comment(db, protocol.id, "sticky").await.unwrap().is_some());
    }
    for id in 1..=100 {
        rows += usize::from(store::delivery::load(db, DeliveryId(id)).await.unwrap().is_some());
        rows += usize::from(store::job::load(db, JobId(id)).await.unwrap().is_some());
        rows += store::run::artifacts(db, RunId(id)).await.unwrap().len();
    }
    rows
}

#[tokio::test]
async fn rows_before_the_sweeps_count_as_shown_and_not_as_failing() {
    for bench in [Bench::sqlite_before("0005").await, Bench::postgres_before("0005").await] {
        let mut db = bench.store.read().await.unwrap();
        let always = Moment(i64::MAX);
        let behind = store::protocol::unpublished(&mut db, always, 10).await.unwrap();
        assert_eq!(behind, [], "an ended protocol is published; the open one has its job");
        assert_eq!(store::protocol::head_since(&mut db, ProtocolId(1)).await.unwrap(), None);
        assert_eq!(store::told_push::last(&mut db, ProtocolId(1)).await.unwrap(), None);
        let open = store::effect::open(&mut db, ProjectId(1)).await.unwrap();
        assert_eq!((open.len(), open[0].status, open[0].sending_at), (1, EffectStatus::Sending, None));
        assert_eq!(store::mark::at(&mut db, "delivery_log:github").await.unwrap(), None);
        let queued = store::job::load(&mut db, JobId(2)).await.unwrap().unwrap();
        assert_eq!(
            (queued.status, queued.attempt, queued.error.as_str()),
            (JobStatus::Queued, 2, "no answer")
        );
        drop(db);
        bench.clock.advance(Duration::from_secs(3600));
        let claimed = bench.claim(10).await;
        let failing: Vec<_> = claimed.iter().map(|claimed| claimed.failing_since).collect();
        assert_eq!(failing, [None, None], "{claimed:?}");
    }
}
