//! Hearing wake-ups: a small apalis worker whose whole job is to say "look".

use super::registry::{InboxError, Look, Registry};
use super::{Counts, PAUSE, Reach};
use apalis_core::backend::ext::poll_strategy::{PollSnapshot, PollStrategy, PollWith};
use apalis_core::error::WorkerError;
use apalis_core::worker::builder::WorkerBuilder;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

/// How often the inbox is looked into: the better half of what a wake-up takes.
const TICK: Duration = Duration::from_millis(20);
/// How often what apalis-redis keeps of heard wake-ups is removed.
const TIDY: Duration = Duration::from_secs(60);

/// What hearing a wake-up does.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
    pub(super) counts: Arc<Counts>,
}

/// Listens for ever. After an error a new worker, under a new name, begins with an empty inbox and a look: whatever waited
/// there is served by it.
pub(super) async fn listen(registry: Registry, mut reach: watch::Receiver<Reach>, heard: Heard) {
    for start in 0_u64.. {
        if reach.wait_for(Reach::is_connected).await.is_err() {
            return;
        }
        if let Err(error) = consume(&registry, start, &heard).await {
            tracing::debug!(error, "listening to wake-ups ended; it begins again");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn consume(registry: &Registry, start: u64, heard: &Heard) -> Result<(), InboxError> {
    registry.clear(registry.me()).await?;
    (heard.wake)();
    let told = heard.clone();
    let hear = move |_: Look| {
        told.counts.heard.fetch_add(1, Ordering::Relaxed);
        (told.wake)();
        std::future::ready(Ok::<(), Infallible>(()))
    };
    let worker = WorkerBuilder::new(format!("{}-{start}", registry.me()))
        .backend(PollWith::new(registry.inbox(registry.me()), Tick::new()))
        .build(hear);
    let running: BoxFuture<'static, Result<(), WorkerError>> = worker.run().boxed();
    tokio::select! {
        ended = running => Ok(ended?),
        failed = tidy(registry) => Err(failed),
    }
}

/// Tidies up every minute; returns why it could not.
async fn tidy(registry: &Registry) -> InboxError {
    loop {
        tokio::time::sleep(TIDY).await;
        if let Err(error) = registry.tidy().await {
            return error;
        }
    }
}

/// Looks at even intervals. The strategy that comes with apalis loses its timer when an answer comes at once, and sleeps.
struct Tick(Interval);

impl Tick {
    fn new() -> Self {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(interval)
    }
}

impl PollStrategy for Tick {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut due = Poll::Pending;
        // Until it is pending, so that the next tick wakes us.
        while self.0.poll_tick(cx).is_ready() {
            due = Poll::Ready(Some(()));
        }
        due
    }
}
