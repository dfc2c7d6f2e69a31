//! Keeps the lease of a job while it runs, and records how it ended.

use super::workers::WorkerSettings;
use super::{Handler, JobSource, Pulse, SourceError, after_panic, chain, panic_message};
use crate::domain::claim::{Claimed, Hold};
use crate::domain::retry::JobEnd;
use crate::meter::Meters;
use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::Instant;
use tower::{Layer, Service};

/// Wraps every job of a worker; outermost, so that what it does is not counted as the job's place.
#[derive(Clone)]
pub(super) struct LeaseLayer {
    source: Arc<dyn JobSource>,
    handler: Arc<dyn Handler>,
    lease: Duration,
    pulse: Pulse,
    meters: Meters,
}

impl LeaseLayer {
    pub(super) fn new(
        source: Arc<dyn JobSource>,
        handler: Arc<dyn Handler>,
        settings: &WorkerSettings,
    ) -> Self {
        let WorkerSettings { lease, pulse, meters, .. } = settings;
        Self { source, handler, lease: *lease, pulse: pulse.clone(), meters: meters.clone() }
    }
}

impl<S> Layer<S> for LeaseLayer {
    type Service = Leased<S>;

    fn layer(&self, inner: S) -> Leased<S> {
        Leased { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Leased<S> {
    inner: S,
    layer: LeaseLayer,
}

impl<S> Service<Task<Claimed>> for Leased<S>
where
    S: Service<Task<Claimed>, Response = JobEnd>,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<(), S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Claimed>) -> Self::Future {
        let layer = self.layer.clone();
        let work = task.args.clone();
        let attempt = self.inner.call(task);
        Box::pin(async move {
            let _held = layer.meters.lease();
            // Losing the race drops the attempt, which aborts it.
            let end = tokio::select! {
                ended = attempt => match ended {
                    Ok(end) => Some(end),
                    Err(fault) => Some(layer.after_fault(&work, fault.into())),
                },
                () = layer.until_lost(work.hold()) => None,
            };
            match end {
                Some(end) => layer.record(&work, &end).await,
                None => {
                    layer.meters.lease_lost();
                    tracing::warn!(
                        job.id = work.id.0,
                        job.kind = work.job.kind(),
                        "lost the lease; the job was stopped"
                    );
                    layer.handler.lost(&work).await;
                }
            }
            Ok(())
        })
    }
}

impl LeaseLayer {
    /// Renews the lease three times per lease. Returns when it is lost: taken over, or not renewed for its whole length.
    async fn until_lost(&self, hold: Hold) {
        let third = self.lease / 3;
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(third).await;
            let asked = Instant::now();
            // A source that does not answer at all must not keep us from noticing that our time is over.
            let error: SourceError =
                match tokio::time::timeout(third, self.source.renew(hold, self.lease)).await {
                    Ok(Ok(true)) => {
                        renewed = asked;
                        self.pulse.beat();
                        continue;
                    }
                    Ok(Ok(false)) => return,
                    Ok(Err(error)) => error,
                    Err(elapsed) => elapsed.into(),
                };
            tracing::warn!(
                job.id = hold.job.0,
                error = chain(error),
                "a lease cannot be renewed; trying again"
            );
            if renewed.elapsed() >= self.lease {
                return;
            }
        }
    }

    fn after_fault(&self, work: &Claimed, fault: BoxDynError) -> JobEnd {
        let message = match fault.downcast::<JoinError>() {
            Ok(fault) => match fault.try_into_panic() {
                Ok(payload) => panic_message(payload.as_ref()).to_owned(),
                Err(aborted) => aborted.to_string(),
            },
            Err(fault) => fault.to_string(),
        };
        tracing::error!(job.id = work.id.0, job.kind = work.job.kind(), message, "a job panicked");
        after_panic(work, &message, self.source.now())
    }

    /// Tries for as long as the lease may last; after that the job is somebody else's anyway.
    async fn record(&self, work: &Claimed, end: &JobEnd) {
        const TRIES: u32 = 10;
        for _ in 0..TRIES {
            match self.source.finish(work.hold(), end).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::warn!(
                        job.id = work.id.0,
                        "a job ended after its lease was lost; its end is not recorded"
                    );
                    return self.handler.lost(work).await;
                }
                Err(error) => {
                    tracing::warn!(
                        job.id = work.id.0,
                        error = chain(error),
                        "the end of a job cannot be recorded; trying again"
                    );
                    tokio::time::sleep(self.lease / TRIES).await;
                }
            }
        }
    }
}
