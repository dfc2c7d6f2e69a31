//! Feeds apalis with what was claimed.

use super::lease::LeaseLayer;
use super::workers::WorkerSettings;
use super::{JobSource, Wake};
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

/// How long to wait after the source failed.
const PAUSE: Duration = Duration::from_secs(1);

/// One worker's way to the source.
///
/// It never fails: an error out of a poll would end the worker and drop everything that it runs.
pub(super) struct JobBackend {
    source: Arc<dyn JobSource>,
    settings: WorkerSettings,
    closing: CancellationToken,
    claims: BoxStream<'static, Claimed>,
}

impl JobBackend {
    pub(super) fn new(source: Arc<dyn JobSource>, settings: WorkerSettings) -> Self {
        Self {
            source,
            settings,
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
        self.claims
            .poll_next_unpin(cx)
            .map(|claimed| claimed.map(|work| Ok(task(work))))
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
            closing: self.closing.clone(),
            ready: VecDeque::new(),
        };
        self.claims = unfold(claims, Claims::next).fuse().boxed();
        LeaseLayer::new(self.source.clone(), self.settings.lease)
    }
}

/// The claim loop.
struct Claims {
    source: Arc<dyn JobSource>,
    wake: Box<dyn Wake>,
    worker: WorkerContext,
    settings: WorkerSettings,
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
            let wait = self.refill().await;
            if self.ready.is_empty() {
                self.idle(wait).await;
            }
        }
    }

    /// Claims for the free places. Returns how long there will be nothing to claim if nothing is said.
    async fn refill(&mut self) -> Duration {
        let asked = self.source.now();
        let free = self.settings.concurrency.saturating_sub(self.worker.task_count());
        let limit = u32::try_from(free.max(1)).unwrap_or(u32::MAX);
        let claimed = self
            .source
            .claim(self.worker.name(), limit, self.settings.lease)
            .await;
        let next_due = match claimed {
            Ok(claimed) if claimed.is_empty() => self.source.next_due(asked).await,
            Ok(claimed) => {
                self.ready.extend(claimed);
                return Duration::ZERO;
            }
            Err(error) => Err(error),
        };
        match next_due {
            Ok(Some(due)) => due.since(self.source.now()).min(self.settings.poll),
            Ok(None) => self.settings.poll,
            Err(error) => {
                tracing::warn!(error = %error, "jobs cannot be claimed; trying again");
                PAUSE
            }
        }
    }

    async fn idle(&mut self, wait: Duration) {
        tokio::select! {
            () = self.wake.said() => {}
            () = tokio::time::sleep(wait) => {}
            () = self.closing.cancelled() => {}
        }
    }
}
