//! `tasksgodzilla jobs`: what is queued, running and dead, and bringing dead ones back.

use super::place::Place;
use insta::assert_snapshot;
use serde_json::Value;
use std::time::Duration;
use tasksgodzilla::domain::ids::{DeliveryId, ProtocolId};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::store::{Store, job};

/// A dead publish, a running merge and a delivery that waits.
async fn busy(store: &Store) {
    let jobs = [
        Job::Publish { protocol: ProtocolId(7) },
        Job::Merge { protocol: ProtocolId(8) },
        Job::ProcessDelivery { delivery: DeliveryId(9), repo: None },
    ];
    for job in jobs {
        let mut tx = store.begin().await.unwrap();
        let now = tx.now();
        job::push(&mut tx, job, now).await.unwrap();
        tx.commit().await.unwrap();
    }
    let claimed = job::claim(store, "w-1", 2, Duration::from_secs(3600)).await.unwrap();
    let error = "github.com has no thread #1\nand the operator reads on".to_owned();
    assert!(job::finish(store, claimed[0].hold(), &JobEnd::Dead { error }).await.unwrap());
}

fn without_times(text: &str) -> String {
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").unwrap();
    let seconds = regex::Regex::new(r"waits for \d+ s").unwrap();
    seconds.replace(&time.replace_all(text, "<time>"), "waits for <n> s").into_owned()
}

#[tokio::test]
async fn the_queue_is_listed_by_state() {
    let place = Place::new().await;
    let none = place.run(&["jobs"]).await;
    assert_eq!(none.code, Some(1));
    assert_snapshot!(none.err.replace(&place.path(""), "<place>/"), @r"
    error: there is no database <place>/bot.sqlite yet
    hint: `tasksgodzilla serve` makes it; where it is, TASKSGODZILLA_DB_PATH says
    ");

    let store = place.store().await;
    busy(&store).await;
    let listed = place.run(&["jobs"]).await;
    assert_eq!((listed.code, listed.err.as_str()), (Some(0), ""));
    assert_snapshot!(without_times(&listed.out), @r"
    1 queued, 1 running, 1 dead; the oldest due job waits for <n> s

    dead
           1  publish           protocol 7        attempt 1, since <time>
              github.com has no thread #1
              and the operator reads on

    running
           2  merge             protocol 8        attempt 1, held by w-1

    queued
           3  process_delivery  delivery 9        attempt 0, due <time>
    ");
    let dead = place.run(&["jobs", "--state", "dead", "--json"]).await;
    let dead: Value = serde_json::from_str(&dead.out).unwrap();
    assert_eq!((&dead["dead"], &dead["queued"]), (&1.into(), &1.into()));
    let jobs = dead["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!((&jobs[0]["kind"], &jobs[0]["payload"]["protocol"]), (&"publish".into(), &7.into()));
}

#[tokio::test]
async fn dead_jobs_are_queued_again() {
    let place = Place::new().await;
    let store = place.store().await;
    busy(&store).await;
    let alive = place.run(&["jobs", "retry", "3", "99"]).await;
    assert_eq!((alive.code, alive.out.as_str()), (Some(1), "0 queued again\n"));
    assert_snapshot!(alive.err, @r"
    error: no dead job has the id 3, 99
    hint: `tasksgodzilla jobs --state dead` lists them
    ");
    let again = place.run(&["jobs", "retry", "1"]).await;
    assert_eq!((again.code, again.out.as_str()), (Some(0), "1 queued again\n"));
    let loaded =
        job::load(&mut store.read().await.unwrap(), tasksgodzilla::domain::ids::JobId(1)).await.unwrap();
    assert_eq!(loaded.unwrap().status, job::JobStatus::Queued);
    assert_eq!(place.run(&["jobs", "retry", "--all"]).await.out, "0 queued again\n");
    assert_eq!(place.run(&["jobs", "retry"]).await.code, Some(2));
}

/// As `tasksgodzilla jobs | head` does once it has seen enough.
#[tokio::test]
async fn whoever_reads_may_stop_reading() {
    let place = Place::new().await;
    let store = place.store().await;
    busy(&store).await;
    for args in [&["jobs"][..], &["jobs", "--json"], &["jobs", "retry", "1"], &["doctor"]] {
        let mut command = place.command_of(env!("CARGO_BIN_EXE_tasksgodzilla").as_ref(), args);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = command.stdout(writer).output().await.unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert!(!err.contains("panicked"), "{args:?}: {err}");
        assert!(ended.status.code().is_some_and(|code| code <= 1), "{args:?}: {}", ended.status);
    }
}
