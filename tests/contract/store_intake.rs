//! Taking deliveries in: stored before the answer, once, and none because of another.

use crate::store_bench::{Bench, delivery, on_both};
use std::collections::HashSet;
use tasksgodzilla::domain::ids::DeliveryId;
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::store::delivery::DeliveryStatus;
use tasksgodzilla::store::{self, Accepted, NewDelivery, StoreError};

on_both!(
    an_accepted_delivery_is_stored_with_its_job,
    a_delivery_is_accepted_once,
    a_delivery_that_is_not_ours_makes_no_job,
    a_crowd_is_taken_in_whole,
    a_bad_row_does_not_fail_its_batch,
    nul_bytes_in_text_are_dropped_and_bodies_stay_whole,
    a_closed_store_says_so,
);

fn id(accepted: Accepted) -> DeliveryId {
    match accepted {
        Accepted::New(id) => id,
        Accepted::Duplicate => panic!("expected a new delivery"),
    }
}

async fn an_accepted_delivery_is_stored_with_its_job(bench: Bench) {
    let wakes = bench.store.wakes();
    let id = id(bench.deliver("a").await.unwrap());

    let mut db = bench.store.read().await.unwrap();
    let stored = store::delivery::load(&mut db, id).await.unwrap().unwrap();
    assert_eq!((stored.guid.as_str(), stored.status), ("a", DeliveryStatus::Stored));
    assert_eq!(stored.body.as_deref(), Some(&b"{}"[..]));
    assert_eq!(stored.received_at, bench.store.now());
    assert!(wakes.has_changed().unwrap(), "workers were not woken");
    drop(db);
    let claimed = bench.claim(10).await;
    let jobs: Vec<Job> = claimed.iter().map(|claimed| claimed.job).collect();
    let expected = Job::ProcessDelivery { delivery: id, repo: Some(42) };
    assert_eq!(jobs, [expected]);
}

async fn a_delivery_is_accepted_once(bench: Bench) {
    id(bench.deliver("a").await.unwrap());
    assert_eq!(bench.deliver("a").await.unwrap(), Accepted::Duplicate);
    let together = futures::future::join_all((0..40).map(|_| bench.deliver("b"))).await;
    let new = together.into_iter().filter(|accepted| matches!(accepted, Ok(Accepted::New(_)))).count();
    assert_eq!(new, 1);
    let mut db = bench.store.read().await.unwrap();
    let counts = store::delivery::count_by_status(&mut db).await.unwrap();
    assert_eq!(counts, [(DeliveryStatus::Stored, 2)]);
}

async fn a_delivery_that_is_not_ours_makes_no_job(bench: Bench) {
    let new = NewDelivery { body: None, reason: "no command".to_owned(), ..delivery("a") };
    let id = id(bench.store.accept(new).await.unwrap());
    let mut db = bench.store.read().await.unwrap();
    let stored = store::delivery::load(&mut db, id).await.unwrap().unwrap();
    assert_eq!((stored.status, stored.reason.as_str()), (DeliveryStatus::Ignored, "no command"));
    assert_eq!(store::job::count_by_status(&mut db).await.unwrap(), []);
}

async fn a_crowd_is_taken_in_whole(bench: Bench) {
    let guids: Vec<String> = (0..777).map(|n| format!("crowd-{n}")).collect();
    let all = futures::future::join_all(guids.iter().map(|guid| bench.deliver(guid))).await;
    let ids: HashSet<DeliveryId> = all.into_iter().map(|accepted| id(accepted.unwrap())).collect();
    assert_eq!(ids.len(), guids.len());
    let mut db = bench.store.read().await.unwrap();
    let jobs = store::job::count_by_status(&mut db).await.unwrap();
    assert_eq!(jobs[0].count, 777);
}

async fn a_bad_row_does_not_fail_its_batch(bench: Bench) {
    bench
        .tamper(
            "CREATE TRIGGER bad BEFORE INSERT ON delivery WHEN NEW.guid = 'bad' \
             BEGIN SELECT RAISE(ABORT, 'bad'); END",
            "ALTER TABLE delivery ADD CHECK (guid <> 'bad')",
        )
        .await;
    let guids = (0..100).map(|n| if n == 50 { "bad".to_owned() } else { format!("good-{n}") });
    let guids: Vec<String> = guids.collect();
    let all = futures::future::join_all(guids.iter().map(|guid| bench.deliver(guid))).await;
    for (guid, accepted) in guids.iter().zip(all) {
        match guid.as_str() {
            "bad" => assert!(matches!(accepted, Err(StoreError::Refused { .. })), "{accepted:?}"),
            _ => assert!(matches!(accepted, Ok(Accepted::New(_))), "{guid}: {accepted:?}"),
        }
    }
}

async fn nul_bytes_in_text_are_dropped_and_bodies_stay_whole(bench: Bench) {
    let new = NewDelivery {
        guid: "a\0b".to_owned(),
        reason: "\0why".to_owned(),
        body: Some(b"\0\xff{}\0".to_vec()),
        ..delivery("")
    };
    let id = id(bench.store.accept(new.clone()).await.unwrap());
    assert_eq!(bench.store.accept(new).await.unwrap(), Accepted::Duplicate);
    let mut db = bench.store.read().await.unwrap();
    let stored = store::delivery::load(&mut db, id).await.unwrap().unwrap();
    assert_eq!((stored.guid.as_str(), stored.reason.as_str()), ("ab", "why"));
    assert_eq!(stored.body.as_deref(), Some(&b"\0\xff{}\0"[..]));
    drop(db);

    let mut tx = bench.store.begin().await.unwrap();
    store::delivery::finish(&mut tx, id, DeliveryStatus::Failed, "nul\0 here").await.unwrap();
    let stored = store::delivery::load(&mut tx, id).await.unwrap().unwrap();
    assert_eq!(stored.reason, "nul here");
}

async fn a_closed_store_says_so(bench: Bench) {
    bench.store.close().await;
    let refused = bench.deliver("a").await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
}
