//! The workers of this process, and the timers that belong to them.

use crate::app::StoredJobs;
use crate::config::Settings;
use crate::domain::job::Job;
use crate::jobs::Worker;
use crate::queue::{Pulse, WorkerSettings, Workers};
use crate::services::{Ctx, credentials, leftovers, reconcile};
use crate::store::{self, StoreError};
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

pub(super) struct Work {
    workers: Workers,
    _timers: [AbortOnDropHandle<()>; 4],
}

impl Work {
    /// Runs so many jobs at once; `pulse` shows that it does.
    pub(super) fn start(settings: &Settings, ctx: &Ctx, concurrency: usize, pulse: Pulse) -> Self {
        let working = WorkerSettings {
            name: format!("{}-{}", ctx.rules.host, std::process::id()),
            concurrency,
            lease: settings.lease,
            shutdown: settings.shutdown,
            pulse,
            meters: ctx.meters.clone(),
            ..WorkerSettings::default()
        };
        let source = Arc::new(StoredJobs(ctx.store.clone()));
        let workers = Workers::start(source, Arc::new(Worker::new(ctx.clone())), working);
        let timers = [
            AbortOnDropHandle::new(tokio::spawn(see_to_reconcile(ctx.clone()))),
            AbortOnDropHandle::new(tokio::spawn(clear_leftovers(ctx.clone()))),
            AbortOnDropHandle::new(tokio::spawn(tidy_disks(ctx.clone()))),
            AbortOnDropHandle::new(tokio::spawn(watch_credentials(ctx.clone()))),
        ];
        Self { workers, _timers: timers }
    }

    /// Claims nothing more, lets running jobs end within the limit, and hands the others back.
    pub(super) async fn end(self) {
        self.workers.shutdown().await;
    }
}

/// Sees to it that the look for lost things is queued. A pass queues the next one, so that there is one for all processes
/// together, however many of them see to it.
async fn see_to_reconcile(ctx: Ctx) {
    loop {
        if let Err(error) = queue_if_missing(&ctx).await {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::warn!(error, "the regular look for lost things could not be queued");
        }
        tokio::time::sleep(reconcile::EVERY).await;
    }
}

/// Looks when credentials end.
async fn watch_credentials(ctx: Ctx) {
    loop {
        credentials::look(&ctx).await;
        tokio::time::sleep(credentials::EVERY).await;
    }
}

/// Clears what is left on this machine: at the start, after a crash perhaps, and regularly. Other machines cannot.
async fn clear_leftovers(ctx: Ctx) {
    loop {
        if let Err(error) = leftovers::clear(&ctx).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "what was left on this machine could not be cleared"
            );
        }
        tokio::time::sleep(reconcile::EVERY).await;
    }
}

/// Removes from this machine what nobody needs any more, once an hour.
async fn tidy_disks(ctx: Ctx) {
    loop {
        if let Err(error) = leftovers::tidy(&ctx).await {
            tracing::warn!(error = format!("{error:#}"), "this machine's disks could not be tidied");
        }
        tokio::time::sleep(leftovers::TIDY_EVERY).await;
    }
}

async fn queue_if_missing(ctx: &Ctx) -> Result<(), StoreError> {
    let mut tx = ctx.store.begin().await?;
    store::job::push_if_missing(&mut tx, Job::Reconcile).await?;
    tx.commit().await
}
