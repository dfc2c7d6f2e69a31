//! Starting and stopping the workers of a process.

use super::backend::JobBackend;
use super::{Handler, JobSource, Pulse, chain};
use crate::domain::claim::Claimed;
use crate::domain::retry::JobEnd;
use crate::meter::Meters;
use apalis::prelude::WorkerBuilderExt;
use apalis_core::backend::BackendConfig;
use apalis_core::error::BoxDynError;
use apalis_core::monitor::Monitor;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::ext::parallelize::ParallelizeExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// How a process works.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Shown as the holder of a job; made unique with every start.
    pub name: String,
    /// Most jobs that run at once.
    pub concurrency: usize,
    /// How long a job stays ours without a sign of life. A lost worker's job starts again after at most this.
    pub lease: Duration,
    /// How often to look for jobs when nothing is said.
    pub poll: Duration,
    /// How long running jobs may go on after the shutdown began.
    pub shutdown: Duration,
    /// Shows that the workers live; made for their lease.
    pub pulse: Pulse,
    /// Where leases are counted.
    pub meters: Meters,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        let lease = Duration::from_secs(10);
        Self {
            name: "worker".to_owned(),
            concurrency: 8,
            lease,
            poll: Duration::from_secs(1),
            shutdown: Duration::from_secs(30),
            pulse: Pulse::new(lease, Instant::now()),
            meters: Meters::default(),
        }
    }
}

/// The running workers of a process. Dropped without [`Workers::shutdown`], they stop at once and their jobs start again
/// elsewhere when their leases ran out.
pub struct Workers {
    name: String,
    source: Arc<dyn JobSource>,
    looks: TaskTracker,
    stopping: CancellationToken,
    running: AbortOnDropHandle<()>,
}

impl Workers {
    pub fn start(source: Arc<dyn JobSource>, handler: Arc<dyn Handler>, settings: WorkerSettings) -> Self {
        let name = format!("{}-{}", settings.name, uuid::Uuid::new_v4().simple());
        let stopping = CancellationToken::new();
        let looks = TaskTracker::new();
        let limit = settings.shutdown;
        let monitor = {
            let (name, source, looks, told) = (name.clone(), source.clone(), looks.clone(), handler.clone());
            let backend =
                move || JobBackend::new(source.clone(), told.clone(), settings.clone(), looks.clone());
            monitor(name, backend, handler).shutdown_timeout(limit)
        };
        let running = tokio::spawn(run(monitor, stopping.clone()));
        Self { name, source, looks, stopping, running: AbortOnDropHandle::new(running) }
    }

    /// Claims nothing more, lets running jobs end within the limit, stops the others, and gives their jobs back.
    pub async fn shutdown(self) {
        self.stopping.cancel();
        if let Err(error) = self.running.await {
            tracing::error!(error = %error, "the workers did not end in order");
        }
        // A claim that is still under way would take its jobs after they were given back.
        self.looks.close();
        self.looks.wait().await;
        give_back(&*self.source, &self.name).await;
    }
}

async fn give_back(source: &dyn JobSource, name: &str) {
    match source.release_all(name).await {
        Ok(0) => {}
        Ok(jobs) => tracing::info!(jobs, "jobs were stopped and given back"),
        Err(error) => {
            tracing::warn!(error = chain(error), "jobs cannot be given back; their leases run out instead")
        }
    }
}

fn monitor(
    name: String,
    backend: impl Fn() -> JobBackend + Send + Sync + 'static,
    handler: Arc<dyn Handler>,
) -> Monitor {
    let worker = move |restarts: usize| {
        let handler = handler.clone();
        let backend = backend();
        let places = backend.config().concurrency.max(1);
        WorkerBuilder::new(format!("{name}-{restarts}"))
            .backend(backend)
            .concurrency(places)
            .parallelize(spawn_abortable)
            .build(move |work: Claimed| {
                let handler = handler.clone();
                async move { Ok::<JobEnd, BoxDynError>(handler.handle(work).await) }
            })
    };
    Monitor::new().register(worker).should_restart(|_, _| true)
}

/// Each attempt is a task of its own; dropping its handle, as a lost lease or the end of the monitor does, aborts it.
fn spawn_abortable<F>(attempt: F) -> AbortOnDropHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(attempt))
}

async fn run(monitor: Monitor, stopping: CancellationToken) {
    let signal = async move {
        stopping.cancelled().await;
        Ok(())
    };
    if let Err(error) = monitor.run_with_signal(signal).await {
        tracing::error!(error = %error, "the workers ended with an error");
    }
}
