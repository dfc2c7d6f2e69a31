//! Doors and workers apart, and how each of them ends.

use crate::process::{Process, with_token};
use crate::server::Server;
use crate::until::until;
use crate::world::{Kept, World, door};
use nix::sys::signal::Signal;
use std::time::Instant;
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::project::PullState;
use tasksgodzilla::store::job::{JobStatus, StoredJob};

/// An engine that works until it is stopped, with a child in a session of its own.
const ENDLESS: &str = r#"["/bin/sh", "-c", "read -r request; setsid sleep 3600 & sleep 3600"]"#;

/// A door, and a request that waits for a worker.
async fn asked(kept: Kept) -> (World, Process) {
    let mut world = World::new(kept).await;
    let port = door();
    let web = world.start_web("web", port, &["--no-worker"]);
    world.install(&[port]).await;
    world.expects(1);
    world.asks("Split the importer");
    until(30, "the request is stored", async || {
        world.deliver().await;
        world.twin.pending().is_empty()
    })
    .await;
    (world, web)
}

/// The job of a kind that runs.
async fn runs(world: &World, is_it: fn(&Job) -> bool) -> StoredJob {
    let mut found = None;
    until(60, "the job runs", async || {
        found = world.running().await.into_iter().find(|job| is_it(&job.job));
        found.is_some()
    })
    .await;
    found.unwrap()
}

fn is_planning(job: &Job) -> bool {
    matches!(job, Job::PlanProtocol { .. })
}

fn nothing_is_left(world: &World) {
    assert_eq!(with_token(&world.folder().join("worker").to_string_lossy()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_alone_takes_in_what_a_worker_alone_does() {
    let (world, mut web) = asked(Kept::PostgresAndRedis).await;
    assert!(web.log().contains("not working"), "{}", web.log());
    assert_eq!(world.protocols().await.len(), 0, "nobody has looked at the request");

    let mut worker = world.start("worker", &["worker", "--concurrency", "2"], &[]);
    worker.logs(30, "concurrency=2").await;
    until(60, "the plan is on the forge", async || {
        world.deliver().await;
        world.has_pull(PullState::Draft).await
    })
    .await;
    for process in [&mut web, &mut worker] {
        process.signal(Signal::SIGTERM);
        assert!(process.ended(30).await.success());
    }
    nothing_is_left(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_ends_what_it_runs() {
    let (world, _web) = asked(Kept::Postgres).await;
    let mut worker = world.start("worker", &["worker"], &[]);
    let job = runs(&world, is_planning).await;
    worker.signal(Signal::SIGTERM);
    assert!(worker.ended(30).await.success());
    let ended = world.job(job.id).await;
    assert_eq!((ended.status, ended.attempt), (JobStatus::Done, 1));
    nothing_is_left(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_handed_back_and_its_engine_ends() {
    let (world, _web) = asked(Kept::Postgres).await;
    let settings = [("COMMAND_ENGINE", ENDLESS), ("SHUTDOWN_SECONDS", "1")];
    let mut worker = world.start("worker", &["worker"], &settings);
    let job = runs(&world, is_planning).await;
    until(30, "the engine runs", async || engine_runs(&world)).await;
    worker.signal(Signal::SIGTERM);
    assert!(worker.ended(30).await.success());
    let back = world.job(job.id).await;
    assert_eq!((back.status, back.attempt), (JobStatus::Queued, 0), "{back:?}");
    nothing_is_left(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_ends_a_worker_at_once() {
    for second in [Signal::SIGTERM, Signal::SIGINT] {
        let (world, _web) = asked(Kept::Postgres).await;
        let settings = [("COMMAND_ENGINE", ENDLESS), ("SHUTDOWN_SECONDS", "3600")];
        let mut worker = world.start("worker", &["worker"], &settings);
        runs(&world, is_planning).await;
        until(30, "the engine runs", async || engine_runs(&world)).await;
        worker.signal(Signal::SIGTERM);
        worker.logs(30, "stopping").await;
        worker.signal(second);
        assert_eq!(worker.ended(30).await.code(), Some(1));
        assert!(worker.log().contains("error: it was ended before its jobs had ended"), "{}", worker.log());
        nothing_is_left(&world);
    }
}

/// Something with the worker's folder in its environment besides the worker: its engine's home lies there.
fn engine_runs(world: &World) -> bool {
    with_token(&world.folder().join("worker/runs").to_string_lossy())
        .iter()
        .any(|line| line.contains("sleep"))
}

/// With the settings as they come. How long it took is printed; it depends on the lease of ten seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_job_starts_again() {
    let (world, _web) = asked(Kept::Postgres).await;
    let lease = [("LEASE_SECONDS", "10"), ("COMMAND_ENGINE", ENDLESS)];
    let mut lost = world.start("worker", &["worker"], &lease);
    let job = runs(&world, is_planning).await;
    until(30, "the engine runs", async || engine_runs(&world)).await;
    let other = world.start("other", &["worker"], &[("LEASE_SECONDS", "10")]);
    other.logs(30, "working").await;
    lost.kill();
    let killed = Instant::now();
    until(60, "the other worker has the job", async || {
        world.job(job.id).await.worker.is_some_and(|worker| worker.contains(&format!("-{}-", other.pid())))
    })
    .await;
    eprintln!("a killed worker's job started again after {:.1} s", killed.elapsed().as_secs_f64());
    until(30, "the lost worker's engine is gone", async || !engine_runs(&world)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_start_at_once_on_an_empty_database() {
    for kept in [Kept::Sqlite, Kept::Postgres] {
        let world = World::empty(kept).await;
        let workers: Vec<Process> =
            (0..4).map(|n| world.start(&format!("worker-{n}"), &["worker"], &[])).collect();
        for mut worker in workers {
            worker.logs(60, "working").await;
            worker.signal(Signal::SIGTERM);
            let ended = worker.ended(30).await;
            assert!(ended.success(), "{}", worker.log());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency_has_its_limits() {
    let world = World::empty(Kept::Sqlite).await;
    for wrong in ["0", "65", "many"] {
        let mut refused = world.start("worker", &["worker", "--concurrency", wrong], &[]);
        assert_eq!(refused.ended(30).await.code(), Some(2));
        assert!(refused.log().contains("--concurrency"), "{}", refused.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_be_reached_by_tls_only_with_a_certificate_that_is_trusted() {
    let world = World::empty(Kept::Sqlite).await;
    let (cert, key) = certificate(&world);
    let port = door().to_string();
    let tls =
        ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let _redis = Server::redis_with(&tls).await;
    let url = format!("rediss://localhost:{port}");
    let stranger = world.start("stranger", &["worker"], &[("REDIS_URL", &url)]);
    stranger.logs(30, "Redis does not answer").await;
    let friend = world.start_with(
        "friend",
        &["worker"],
        &[("TASKSGODZILLA_REDIS_URL", &url), ("SSL_CERT_FILE", &cert)],
    );
    friend.logs(30, "Redis answers").await;
    assert!(!stranger.log().contains("Redis answers"));
}

/// A certificate for localhost that signed itself, and its key.
fn certificate(world: &World) -> (String, String) {
    let path = |name: &str| world.folder().join(name).to_string_lossy().into_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            &key,
            "-out",
            &cert,
        ])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (cert, key)
}
