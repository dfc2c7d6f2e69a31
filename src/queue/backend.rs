//! Feeds apalis with what was claimed.

use super::lease::LeaseLayer;
use super::workers::WorkerSettings;
use super::{Handler, JobSource, SourceError, Wake, chain};
use crate::domain::claim::Claimed;
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use futures::stream::{BoxStream, StreamExt, unfold};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long to wait after the source failed.
const PAUSE: Duration = Duration::from_secs(1);

/// One worker's way to the source.
///
/// It never fails: an error out of a poll would end the worker and drop everything that it runs.
pub(super) struct JobBackend {
    source: Arc<dyn JobSource>,
    handler: Arc<dyn Handler>,
    settings: WorkerSettings,
    looks: TaskTracker,
    closing: CancellationToken,
    claims: BoxStream<'static, Claimed>,
}

impl JobBackend {
    /// `looks` keeps account of the claims that are under way, which outlive the backend when it is dropped.
    pub(super) fn new(
        source: Arc<dyn JobSource>,
        handler: Arc<dyn Handler>,
        settings: WorkerSettings,
        looks: TaskTracker,
    ) -> Self {
        Self {
            source,
            handler,
            settings,
            looks,
            closing: CancellationToken::new(),
            claims: futures::stream::pending().boxed(),
        }
    }
}

impl Backend for JobBackend {
    type Task = Task<Claimed>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Claimed>, Infallible>>> {
        self.claims.poll_next_unpin(cx).map(|claimed| claimed.map(|work| Ok(task(work))))
    }

    /// Lets a claim that is under way end, so that what it took is seen by whoever gives back this worker's jobs.
    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.closing.cancel();
        while ready!(self.claims.poll_next_unpin(cx)).is_some() {}
        Poll::Ready(Ok(()))
    }
}

/// The id holds the fence: a job that was lost and claimed again may run here beside its own last gasp.
fn task(work: Claimed) -> Task<Claimed> {
    let id = TaskId::from_string(format!("{}-{}", work.id, work.fence));
    TaskBuilder::new(work).task_id(id).build()
}

impl BackendConfig for JobBackend {
    type Args = Claimed;
    type Id = TaskId;
    type Kind = Ephemeral;
    type Config = WorkerSettings;
    type Layer = LeaseLayer;

    fn config(&self) -> &WorkerSettings {
        &self.settings
    }

    fn middleware(&mut self, worker: &mut WorkerContext) -> LeaseLayer {
        let claims = Claims {
            wake: self.source.wake(),
            source: self.source.clone(),
            worker: worker.clone(),
            settings: self.settings.clone(),
            looks: self.looks.clone(),
            closing: self.closing.clone(),
            ready: VecDeque::new(),
        };
        self.claims = unfold(claims, Claims::next).fuse().boxed();
        LeaseLayer::new(self.source.clone(), self.handler.clone(), &self.settings)
    }
}

/// The claim loop.
struct Claims {
    source: Arc<dyn JobSource>,
    wake: Box<dyn Wake>,
    worker: WorkerContext,
    settings: WorkerSettings,
    looks: TaskTracker,
    closing: CancellationToken,
    ready: VecDeque<Claimed>,
}

impl Claims {
    async fn next(mut self) -> Option<(Claimed, Self)> {
        loop {
            if let Some(work) = self.ready.pop_front() {
                return Some((work, self));
            }
            if self.closing.is_cancelled() {
                return None;
            }
            self.wake.listen();
            match self.look().await {
                Look::Claimed(claimed) => self.ready.extend(claimed),
                Look::Nothing { wait } => self.idle(wait).await,
            }
        }
    }

    /// Claims for the free places, in a task of its own: apalis does not poll the stream while it shuts down, and a claim
    /// that stood still with an open transaction would keep every other writer waiting.
    async fn look(&mut self) -> Look {
        let free = self.settings.concurrency.saturating_sub(self.worker.task_count());
        let limit = u32::try_from(free.max(1)).unwrap_or(u32::MAX);
        let (source, settings) = (self.source.clone(), self.settings.clone());
        let worker = self.worker.name().to_owned();
        // What a claim takes longer for than a lease is lost anyway.
        let look = self.looks.spawn(async move {
            tokio::time::timeout(settings.lease, look(&*source, &worker, limit, &settings)).await
        });
        let error: SourceError = match look.await {
            Ok(Ok(Ok(look))) => {
                self.settings.pulse.beat();
                return look;
            }
            Ok(Ok(Err(error))) => error,
            Ok(Err(elapsed)) => elapsed.into(),
            Err(panicked) => panicked.into(),
        };
        tracing::warn!(error = chain(error), "jobs cannot be claimed; trying again");
        Look::Nothing { wait: PAUSE }
    }

    async fn idle(&mut self, wait: Duration) {
        tokio::select! {
            () = self.wake.said() => {}
            () = tokio::time::sleep(wait) => {}
            () = self.closing.cancelled() => {}
        }
    }
}

/// What a look at the source found.
enum Look {
    Claimed(Vec<Claimed>),
    /// Nothing, and there will be nothing for this long if nothing is said.
    Nothing {
        wait: Duration,
    },
}

async fn look(
    source: &dyn JobSource,
    worker: &str,
    limit: u32,
    settings: &WorkerSettings,
) -> Result<Look, SourceError> {
    let asked = source.now();
    let claimed = source.claim(worker, limit, settings.lease).await?;
    if !claimed.is_empty() {
        return Ok(Look::Claimed(claimed));
    }
    let due = source.next_due(asked).await?;
    let wait = due.map_or(settings.poll, |due| due.since(source.now()).min(settings.poll));
    Ok(Look::Nothing { wait })
}
