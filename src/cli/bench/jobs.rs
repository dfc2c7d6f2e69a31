//! Jobs: the real workers on the real queue, and a handler that does nothing. Between processes, too: a child works on what
//! this process pushes, and is killed while it works.

use super::process;
use super::report::{Figures, Goal, median};
use super::{Args, Size};
use crate::app::{StoredJobs, system_clock};
use crate::cli::output;
use crate::domain::claim::Claimed;
use crate::domain::ids::DeliveryId;
use crate::domain::job::Job;
use crate::domain::retry::JobEnd;
use crate::queue::{Handler, Relay, RelaySettings, WorkerSettings, Workers};
use crate::store::{self, Store, StoreSettings, StoreUrl};
use anyhow::{Context as _, bail};
use async_trait::async_trait;
use futures::future::join_all;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Between two pushes whose latency is measured.
const PACE: Duration = Duration::from_millis(20);
/// How long a job may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// Jobs at once.
const PLACES: usize = 8;
/// The job that a worker never ends.
const STUCK: i64 = -1;

struct Counts {
    pushes: i64,
    bulk: i64,
    rounds: usize,
    lease: Duration,
}

impl Counts {
    fn of(size: Size) -> Self {
        size.pick(
            Self { pushes: 10, bulk: 50, rounds: 1, lease: Duration::from_secs(1) },
            Self { pushes: 500, bulk: 5_000, rounds: 5, lease: Duration::from_secs(10) },
        )
    }
}

/// Which store a worker in another process works on.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    sqlite: PathBuf,
    postgres: Option<String>,
    redis: Option<String>,
    lease: Duration,
}

/// Tells which job started, and ends it; the stuck one it keeps.
struct Told(UnboundedSender<i64>);

#[async_trait]
impl Handler for Told {
    async fn handle(&self, work: Claimed) -> JobEnd {
        if let Job::ProcessDelivery { delivery, .. } = work.job {
            // Whoever measured is gone then.
            let _ = self.0.send(delivery.0);
            if delivery.0 == STUCK {
                std::future::pending::<()>().await;
            }
        }
        JobEnd::Done
    }
}

pub(super) async fn measure(args: &Args) -> anyhow::Result<Figures> {
    let counts = Counts::of(args.size);
    let folder = tempfile::Builder::new().prefix("tasksgodzilla-bench-").tempdir()?;
    let order = Order {
        sqlite: folder.path().join("jobs.sqlite"),
        postgres: args.postgres.clone(),
        redis: args.redis.clone(),
        lease: counts.lease,
    };
    let store = open(&order).await?;
    store.migrate().await?;
    let mut figures = Figures::default();
    embedded(&store, &order, &counts, &mut figures).await?;
    throughput(&store, &order, &counts, &mut figures).await?;
    between(&store, &order, &counts, &mut figures).await?;
    store.close().await;
    Ok(figures)
}

/// From push to start with workers in this process.
async fn embedded(
    store: &Store,
    order: &Order,
    counts: &Counts,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let (workers, mut started) = workers(store, order);
    let mut times = Histogram::<u64>::new(3)?;
    for number in 1..=counts.pushes {
        let began = Instant::now();
        push(store, &[number]).await?;
        next(&mut started).await?;
        times.record(u64::try_from(began.elapsed().as_micros())?)?;
        tokio::time::sleep(PACE).await;
    }
    workers.shutdown().await;
    figures.add("start_p50", at(&times, 0.5), "ms", Goal::None);
    figures.add("start_p99", at(&times, 0.99), "ms", Goal::AtMost(15.0));
    figures.add("start_max", at(&times, 1.0), "ms", Goal::None);
    Ok(())
}

/// Many jobs that wait: the workers beside bare claims and ends in the store, in turns.
async fn throughput(
    store: &Store,
    order: &Order,
    counts: &Counts,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let bulk: Vec<i64> = (1..=counts.bulk).collect();
    let (mut rates, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..counts.rounds {
        push(store, &bulk).await?;
        let began = Instant::now();
        let (workers, mut started) = workers(store, order);
        for _ in &bulk {
            next(&mut started).await?;
        }
        workers.shutdown().await;
        rates.push(counts.bulk as f64 / began.elapsed().as_secs_f64());
        push(store, &bulk).await?;
        let began = Instant::now();
        by_hand(store, order.lease).await?;
        limits.push(counts.bulk as f64 / began.elapsed().as_secs_f64());
    }
    let ratios: Vec<f64> = rates.iter().zip(&limits).map(|(rate, limit)| rate / limit).collect();
    figures.add("per_second", median(rates), "1/s", Goal::None);
    figures.add("by_hand_per_second", median(limits), "1/s", Goal::None);
    figures.add("ratio_to_by_hand", median(ratios), "", Goal::None);
    Ok(())
}

/// Claims and ends every job that waits, as many at once as the workers do.
async fn by_hand(store: &Store, lease: Duration) -> anyhow::Result<()> {
    loop {
        let places = u32::try_from(PLACES)?;
        let claimed = store::job::claim(store, "by-hand", places, lease).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let ends = claimed.iter().map(|work| store::job::finish(store, work.hold(), &JobEnd::Done));
        for ended in join_all(ends).await {
            ended?;
        }
    }
}

/// From push here to start in another process; then how soon a killed worker's job starts again in a third one.
async fn between(store: &Store, order: &Order, counts: &Counts, figures: &mut Figures) -> anyhow::Result<()> {
    let relay = relay(store, order, false)?;
    let mut there = Elsewhere::start(order).await?;
    // The first one may find the other process still starting.
    push(store, &[0]).await?;
    there.started().await?;
    let mut times = Histogram::<u64>::new(3)?;
    // Without Redis each one waits for the other process to look.
    let most = if order.redis.is_some() { 200 } else { 20 };
    for number in 1..=counts.pushes.min(most) {
        tokio::time::sleep(PACE).await;
        let began = Instant::now();
        push(store, &[number]).await?;
        there.started().await?;
        times.record(u64::try_from(began.elapsed().as_micros())?)?;
    }
    let goal = if order.redis.is_some() { Goal::AtMost(25.0) } else { Goal::None };
    figures.add("between_p50", at(&times, 0.5), "ms", Goal::None);
    figures.add("between_p99", at(&times, 0.99), "ms", goal);
    push(store, &[STUCK]).await?;
    there.started().await?;
    let mut other = Elsewhere::start(order).await?;
    there.child.kill().await?;
    let killed = Instant::now();
    other.started().await?;
    figures.add("recovery", killed.elapsed().as_secs_f64(), "s", Goal::AtMost(15.0));
    if let Some(relay) = relay {
        relay.leave().await;
    }
    Ok(())
}

/// A worker in a process of its own, which prints the number of each job that starts there.
struct Elsewhere {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Elsewhere {
    async fn start(order: &Order) -> anyhow::Result<Self> {
        let mut child = process::ordered("worker", order).await?;
        let output = child.stdout.take().context("a child without standard output")?;
        Ok(Self { child, lines: BufReader::new(output).lines() })
    }

    async fn started(&mut self) -> anyhow::Result<()> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line())
            .await
            .context("a job does not start")??;
        line.map(drop).context("the other worker has ended")
    }
}

/// What the child of [`Elsewhere`] does, until it is killed.
pub(super) async fn work() -> anyhow::Result<()> {
    let order: Order = process::order()?;
    let store = open(&order).await?;
    let _relay = relay(&store, &order, true)?;
    let (_workers, mut started) = workers(&store, &order);
    while let Some(number) = started.recv().await {
        output::data(number)?;
    }
    Ok(())
}

async fn open(order: &Order) -> anyhow::Result<Store> {
    let url = match &order.postgres {
        Some(url) => StoreUrl::Postgres(url.clone().into()),
        None => StoreUrl::Sqlite(Path::new(&order.sqlite).to_owned()),
    };
    Ok(Store::open(&StoreSettings::new(url, 5), system_clock()).await?)
}

fn workers(store: &Store, order: &Order) -> (Workers, UnboundedReceiver<i64>) {
    let (tell, started) = unbounded_channel();
    let settings = WorkerSettings { concurrency: PLACES, lease: order.lease, ..WorkerSettings::default() };
    (Workers::start(Arc::new(StoredJobs(store.clone())), Arc::new(Told(tell)), settings), started)
}

fn relay(store: &Store, order: &Order, works: bool) -> anyhow::Result<Option<Relay>> {
    let Some(url) = order.redis.clone() else {
        return Ok(None);
    };
    let woken = store.clone();
    let wake = works.then(|| Arc::new(move || woken.wake_workers()) as Arc<dyn Fn() + Send + Sync>);
    let settings = RelaySettings { url: url.into(), commits: store.commits(), wake, now: system_clock() };
    Ok(Some(Relay::start(settings)?))
}

async fn push(store: &Store, numbers: &[i64]) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    for number in numbers {
        let job = Job::ProcessDelivery { delivery: DeliveryId(*number), repo: None };
        store::job::push(&mut tx, job, store.now()).await?;
    }
    Ok(tx.commit().await?)
}

async fn next(started: &mut UnboundedReceiver<i64>) -> anyhow::Result<()> {
    match tokio::time::timeout(PATIENCE, started.recv()).await {
        Ok(Some(_)) => Ok(()),
        _ => bail!("a job does not start"),
    }
}

/// Milliseconds.
fn at(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1e3
}
