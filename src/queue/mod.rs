//! Workers: they claim jobs from the store, run them under a lease, and say how they ended.
//!
//! The store's table is the queue and the only memory. apalis runs what was claimed (concurrency, restart, shutdown);
//! `backend.rs` feeds it and `lease.rs` keeps the lease and records the end. Wake-ups carry no data and may be lost: a
//! poll timer looks anyway; `relay/` carries them between processes. Deliberately absent: retries in memory, and what the
//! jobs do.

mod backend;
mod drain;
mod lease;
mod pulse;
mod relay;
mod workers;

pub use drain::drain;
pub use pulse::Pulse;
pub use relay::{BadAddress, Link, Relay, RelaySettings, RelayState, RelayWatch, count_processes};
pub use workers::{WorkerSettings, Workers};

use crate::domain::claim::{Claimed, Hold};
use crate::domain::ids::Moment;
use crate::domain::retry::{JobEnd, Retry, after_failure};
use async_trait::async_trait;
use std::time::Duration;
use tokio::sync::watch;

/// What is left out of the log: the workers' own words on what is told here with its ids.
pub const QUIET: &str = "apalis_core=off";

/// What goes wrong with a source; it is logged, and tried again.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// An error with its causes, for the log.
fn chain(error: SourceError) -> String {
    format!("{:#}", anyhow::Error::from_boxed(error))
}

/// Where jobs come from: the queue's side of the store.
#[async_trait]
pub trait JobSource: Send + Sync + 'static {
    fn now(&self) -> Moment;

    /// What says that jobs may have come; one for each listener.
    fn wake(&self) -> Box<dyn Wake>;

    /// At most `limit` due jobs, now leased to `worker`.
    async fn claim(&self, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Claimed>, SourceError>;

    /// Prolongs a lease. `false` when the job belongs to another worker now.
    async fn renew(&self, hold: Hold, lease: Duration) -> Result<bool, SourceError>;

    /// Records how an attempt ended. `false` when the job belongs to another worker now.
    async fn finish(&self, hold: Hold, end: &JobEnd) -> Result<bool, SourceError>;

    /// Gives back, at no cost, what workers whose names begin with `worker` still hold. Returns how many.
    async fn release_all(&self, worker: &str) -> Result<u64, SourceError>;

    /// The earliest moment after `since` at which there will be something to claim.
    async fn next_due(&self, since: Moment) -> Result<Option<Moment>, SourceError>;
}

/// Something that says that jobs may have come: within this process, or between processes.
#[async_trait]
pub trait Wake: Send {
    /// Forgets what was said until now. What is said from here on is not missed.
    fn listen(&mut self);

    /// Waits until something is said after the last [`Wake::listen`]. May be dropped and called again.
    async fn said(&mut self);
}

#[async_trait]
impl Wake for watch::Receiver<u64> {
    fn listen(&mut self) {
        self.mark_unchanged();
    }

    async fn said(&mut self) {
        if self.changed().await.is_err() {
            // Nobody is left who could say anything; the poll timer goes on alone.
            std::future::pending::<()>().await;
        }
    }
}

/// Does the jobs.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Runs one attempt. It is dropped at its next await when the lease is lost or the worker has to stop at once.
    async fn handle(&self, work: Claimed) -> JobEnd;

    /// The lease of an attempt that ran here was lost, and the attempt is over: another worker has the job.
    async fn lost(&self, _work: &Claimed) {}
}

/// What becomes of a job whose handler panicked: our fault, and it may pass.
fn after_panic(work: &Claimed, message: &str, now: Moment) -> JobEnd {
    let error = format!("panicked: {message}");
    after_failure(Retry::Soon, work, error, now)
}

/// What a panic said, if it said something.
pub fn panic_message(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
