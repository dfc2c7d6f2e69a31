//! Wake-ups between processes over a real Redis, which is stopped, emptied and started again at will.

use crate::server::Server;
use crate::store_bench::{Bench, on_both};
use crate::until::until;
use async_trait::async_trait;
use redis::Commands as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tasksgodzilla::app::StoredJobs;
use tasksgodzilla::domain::claim::Claimed;
use tasksgodzilla::domain::ids::{Moment, ProtocolId};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::queue::{Handler, Link, Relay, RelaySettings, WorkerSettings, Workers};
use tasksgodzilla::store::{Store, job};
use tokio::sync::{Semaphore, watch};

/// A poll that does not come within a test: what is started was started by a wake-up.
const NEVER: Duration = Duration::from_secs(3600);

/// A process as the relay sees it: it commits, and its workers look when they are told.
struct Process {
    relay: Relay,
    commits: watch::Sender<u64>,
    looks: Arc<AtomicU64>,
}

impl Process {
    fn start(redis: &Server) -> Self {
        Self::at(&redis.redis_url())
    }

    fn at(url: &str) -> Self {
        let (commits, looks) = (watch::Sender::new(0), Arc::new(AtomicU64::new(0)));
        let count = looks.clone();
        let wake = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let relay = relay(url, commits.subscribe(), Some(wake));
        Self { relay, commits, looks }
    }

    fn commits(&self) {
        self.commits.send_modify(|count| *count += 1);
    }

    fn heard(&self) -> u64 {
        self.relay.state().heard
    }

    fn is_connected(&self) -> bool {
        matches!(self.relay.state().link, Link::Connected { .. })
    }

    /// Every one of `all` knows of all.
    async fn know_each_other(all: &[&Self]) {
        let known = || all.iter().all(|process| process.relay.state().processes == all.len());
        until(20, "all processes know of each other", async || known()).await;
    }

    /// A commit here comes to all of `others`, however many wake-ups they had before.
    async fn is_heard_by(&self, others: &[&Self]) {
        let before: Vec<u64> = others.iter().map(|other| other.heard()).collect();
        self.commits();
        let told = || others.iter().zip(&before).all(|(other, before)| other.heard() > *before);
        until(10, "a commit is heard by all others", async || told()).await;
    }
}

fn relay(url: &str, commits: watch::Receiver<u64>, wake: Option<Arc<dyn Fn() + Send + Sync>>) -> Relay {
    let now = Arc::new(|| Moment(1_000_000));
    Relay::start(RelaySettings { url: url.into(), commits, wake, now }).unwrap()
}

/// Keys by name, without those that apalis-redis lists for all of its users.
fn keys(redis: &Server) -> Vec<String> {
    let mut link = redis::Client::open(redis.redis_url()).unwrap().get_connection().unwrap();
    let mut keys: Vec<String> = link.keys("*").unwrap();
    keys.sort();
    keys
}

fn link(redis: &Server) -> redis::Connection {
    redis::Client::open(redis.redis_url()).unwrap().get_connection().unwrap()
}

#[tokio::test]
async fn a_commit_of_one_process_is_heard_by_every_other_and_not_by_itself() {
    let redis = Server::redis().await;
    let [a, b, c] = [Process::start(&redis), Process::start(&redis), Process::start(&redis)];
    Process::know_each_other(&[&a, &b, &c]).await;
    for _ in 0..20 {
        a.is_heard_by(&[&b, &c]).await;
    }
    let before = b.relay.state().sent;
    b.is_heard_by(&[&a, &c]).await;
    assert_eq!(b.relay.state().sent - before, 2, "one for each of the others");
    assert!(a.looks.load(Ordering::SeqCst) <= a.heard() + 1, "only wake-ups and the start make it look");
}

#[tokio::test]
async fn a_process_without_workers_tells_and_is_not_told() {
    let redis = Server::redis().await;
    let worker = Process::start(&redis);
    let commits = watch::Sender::new(0);
    let web = relay(&redis.redis_url(), commits.subscribe(), None);
    until(10, "it sees the worker", async || web.state().processes == 1).await;
    commits.send_modify(|count| *count += 1);
    until(10, "the worker hears of it", async || worker.heard() > 0).await;
    for _ in 0..5 {
        worker.commits();
    }
    worker.is_heard_by(&[]).await;
    assert_eq!(web.state().heard, 0);
}

#[tokio::test]
async fn it_starts_without_redis_and_connects_once_that_is_there() {
    let mut redis = Server::redis().await;
    redis.stop();
    let [a, b] = [Process::start(&redis), Process::start(&redis)];
    until(
        10,
        "why is told",
        async || matches!(a.relay.state().link, Link::Lost { why, .. } if why.contains("refused")),
    )
    .await;
    a.commits();
    redis.start().await;
    Process::know_each_other(&[&a, &b]).await;
    a.is_heard_by(&[&b]).await;
}

#[tokio::test]
async fn it_comes_back_whenever_redis_does() {
    let mut redis = Server::redis().await;
    let [a, b] = [Process::start(&redis), Process::start(&redis)];
    Process::know_each_other(&[&a, &b]).await;
    for _ in 0..2 {
        redis.stop();
        until(10, "the loss is noticed", async || !a.is_connected() && !b.is_connected()).await;
        a.commits();
        redis.start().await;
        let before = b.looks.load(Ordering::SeqCst);
        // Full speed within five seconds after it answers; the sixth is for a busy machine.
        until(6, "both are back", async || a.is_connected() && b.is_connected()).await;
        until(6, "what was missed is looked for", async || b.looks.load(Ordering::SeqCst) > before).await;
        Process::know_each_other(&[&a, &b]).await;
        a.is_heard_by(&[&b]).await;
        b.is_heard_by(&[&a]).await;
    }
}

#[tokio::test]
async fn it_lives_through_the_loss_of_every_key() {
    let redis = Server::redis().await;
    let [a, b] = [Process::start(&redis), Process::start(&redis)];
    for _ in 0..3 {
        Process::know_each_other(&[&a, &b]).await;
        a.is_heard_by(&[&b]).await;
        let () = redis::cmd("FLUSHALL").query(&mut link(&redis)).unwrap();
        let before = b.looks.load(Ordering::SeqCst);
        until(6, "it begins again, with a look", async || b.looks.load(Ordering::SeqCst) > before).await;
    }
}

#[tokio::test]
async fn the_inbox_of_a_process_that_does_not_read_stays_small() {
    let redis = Server::redis().await;
    let [a, b, deaf] = [Process::start(&redis), Process::start(&redis), Process::start(&redis)];
    Process::know_each_other(&[&a, &b, &deaf]).await;
    drop(deaf);
    for _ in 0..200 {
        a.is_heard_by(&[&b]).await;
    }
    let mut link = link(&redis);
    let mut waiting = 0;
    for key in keys(&redis) {
        waiting += match key.rsplit(':').next() {
            Some("scheduled") => link.zcard::<_, usize>(key).unwrap(),
            Some("active") => link.llen::<_, usize>(key).unwrap(),
            _ => 0,
        };
    }
    assert!(
        (1..=3).contains(&waiting),
        "one from each writer, and perhaps one that b has not read: {waiting}"
    );
}

#[tokio::test]
async fn a_process_that_leaves_leaves_nothing() {
    let redis = Server::redis().await;
    let [a, b] = [Process::start(&redis), Process::start(&redis)];
    Process::know_each_other(&[&a, &b]).await;
    for _ in 0..5 {
        a.is_heard_by(&[&b]).await;
        b.is_heard_by(&[&a]).await;
    }
    b.relay.leave().await;
    until(10, "the other sees that", async || a.relay.state().processes == 1).await;
    a.relay.leave().await;
    assert_eq!(keys(&redis), [""; 0]);
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared_away_by_the_others() {
    let redis = Server::redis().await;
    let mut link = link(&redis);
    let () = link.zadd("tasksgodzilla:processes", "dead", 1_000_000).unwrap();
    let () = link.rpush("tasksgodzilla:inbox:dead:active", "01ARZ").unwrap();
    let () = link.zadd("core:apalis:queues:list", "tasksgodzilla:inbox:dead:workers", 1).unwrap();
    let a = Process::start(&redis);
    until(10, "nothing of it is left", async || keys(&redis).iter().all(|key| !key.contains("dead"))).await;
    let queues: Vec<String> = link.zrange("core:apalis:queues:list", 0, -1).unwrap();
    assert!(queues.iter().all(|queue| !queue.contains("dead")), "{queues:?}");
    assert_eq!(a.relay.state().processes, 1);
}

#[tokio::test]
async fn a_password_is_used_and_a_wrong_one_is_told() {
    let redis = Server::redis_with(&["--requirepass", "hush"]).await;
    let with_password = |password: &str| redis.redis_url().replace("//", &format!("//:{password}@"));
    let right = Process::at(&format!("{}/3", with_password("hush")));
    until(10, "it is let in", async || right.is_connected()).await;
    let wrong = Process::at(&with_password("loud"));
    until(10, "why is told", async || {
        matches!(wrong.relay.state().link, Link::Lost { why, .. } if why.contains("WRONGPASS") || why.contains("authentication"))
    })
    .await;
}

on_both!(a_push_in_one_process_starts_at_once_in_another, no_job_is_lost_or_stopped_when_redis_is);

/// Counts what it ran, and holds each job until the gate is open.
struct Held {
    gate: Semaphore,
    ran: watch::Sender<(u64, u64)>,
}

impl Held {
    fn new(open: usize) -> Arc<Self> {
        Arc::new(Self { gate: Semaphore::new(open), ran: watch::Sender::new((0, 0)) })
    }

    /// Waits until so many jobs began and ended.
    async fn until(&self, began: u64, ended: u64) {
        let mut ran = self.ran.subscribe();
        let waited =
            tokio::time::timeout(Duration::from_secs(20), ran.wait_for(|ran| *ran == (began, ended)));
        let last = || *self.ran.borrow();
        waited
            .await
            .unwrap_or_else(|_| panic!("{began} began and {ended} ended, but now: {:?}", last()))
            .unwrap();
    }
}

#[async_trait]
impl Handler for Held {
    async fn handle(&self, _: Claimed) -> JobEnd {
        self.ran.send_modify(|(began, _)| *began += 1);
        self.gate.acquire().await.unwrap().forget();
        self.ran.send_modify(|(_, ended)| *ended += 1);
        JobEnd::Done
    }
}

async fn push(store: &Store, protocols: std::ops::Range<i64>) {
    let mut tx = store.begin().await.unwrap();
    let now = tx.now();
    for protocol in protocols {
        job::push(&mut tx, Job::Publish { protocol: ProtocolId(protocol) }, now).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn connect(store: &Store, redis: &Server) -> Relay {
    let woken = store.clone();
    relay(&redis.redis_url(), store.commits(), Some(Arc::new(move || woken.wake_workers())))
}

fn work(store: &Store, handler: &Arc<Held>, poll: Duration) -> Workers {
    let settings = WorkerSettings { concurrency: 4, poll, ..WorkerSettings::default() };
    Workers::start(Arc::new(StoredJobs(store.clone())), handler.clone(), settings)
}

async fn a_push_in_one_process_starts_at_once_in_another(bench: Bench) {
    let redis = Server::redis().await;
    let (here, there) = (bench.store.clone(), bench.another_process().await);
    let (near, far) = (connect(&here, &redis), connect(&there, &redis));
    until(10, "they know each other", async || near.state().processes == 2 && far.state().processes == 2)
        .await;
    let handler = Held::new(1000);
    let workers = work(&there, &handler, NEVER);
    for n in 1..=20 {
        push(&here, n..n + 1).await;
        handler.until(n.cast_unsigned(), n.cast_unsigned()).await;
    }
    workers.shutdown().await;
}

async fn no_job_is_lost_or_stopped_when_redis_is(bench: Bench) {
    let mut redis = Server::redis().await;
    let (here, there) = (bench.store.clone(), bench.another_process().await);
    let (near, far) = (connect(&here, &redis), connect(&there, &redis));
    until(10, "they know each other", async || near.state().processes == 2 && far.state().processes == 2)
        .await;
    let handler = Held::new(0);
    let workers = work(&there, &handler, Duration::from_millis(200));
    push(&here, 0..4).await;
    handler.until(4, 0).await;

    redis.stop();
    until(10, "the loss is noticed", async || matches!(far.state().link, Link::Lost { .. })).await;
    push(&here, 10..14).await;
    handler.gate.add_permits(4);
    // What ran goes on to its end, and what came meanwhile is found by looking.
    handler.until(8, 4).await;

    redis.start().await;
    until(10, "Redis is back", async || matches!(near.state().link, Link::Connected { .. })).await;
    handler.gate.add_permits(1000);
    push(&here, 20..24).await;
    handler.until(12, 12).await;
    workers.shutdown().await;
}
