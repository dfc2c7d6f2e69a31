//! `serve`: web and workers in one process, until SIGTERM or SIGINT.

use super::{Failure, telemetry};
use crate::app::{self, StoredJobs};
use crate::config::{Needs, Raw, Settings};
use crate::domain::job::Job;
use crate::http::{self, Counters, Web};
use crate::jobs::Worker;
use crate::queue::{WorkerSettings, Workers};
use crate::services::Ctx;
use crate::store::{self, StoreError};
use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// How often everything that may have been lost is looked for.
const RECONCILE: Duration = Duration::from_secs(30);

pub(super) async fn run() -> Result<(), Failure> {
    let settings = Settings::check(&Raw::from_environment(), Needs::Forge).map_err(Failure::settings)?;
    telemetry::start(&settings)?;
    let bot = Bot::start(&settings).await?;
    tracing::info!(address = %bot.address, "listening");
    asked_to_stop().await?;
    tracing::info!("stopping: running jobs may end, nothing new starts");
    bot.stop().await;
    Ok(())
}

/// A running bot.
pub(super) struct Bot {
    pub(super) address: Url,
    pub(super) ctx: Ctx,
    web: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    workers: Workers,
    _timer: AbortOnDropHandle<()>,
}

impl Bot {
    /// Listens, puts the bot together, and starts its workers.
    pub(super) async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((settings.host, settings.port))
            .with_context(|| format!("cannot listen on {}:{}; is it taken?", settings.host, settings.port))?;
        let address = Url::parse(&format!("http://{}", listener.local_addr()?))?;
        let ctx = app::compose(settings, app::system_clock(), &address).await?;
        let github = settings.github.as_ref().context("the GitHub App is not set")?;
        let web = Web {
            ctx: ctx.clone(),
            secrets: github.webhook_secrets.clone(),
            api_token: settings.api_token.clone(),
            counters: Arc::new(Counters::default()),
        };
        let server = http::serve(web, listener)?;
        let handle = server.handle();
        let serving = tokio::spawn(server);
        let working = WorkerSettings {
            concurrency: settings.workers,
            lease: settings.lease,
            shutdown: settings.shutdown,
            ..WorkerSettings::default()
        };
        let source = Arc::new(StoredJobs(ctx.store.clone()));
        let workers = Workers::start(source, Arc::new(Worker::new(ctx.clone())), working);
        let timer = AbortOnDropHandle::new(tokio::spawn(reconcile(ctx.clone())));
        Ok(Self { address, ctx, web: handle, serving, workers, _timer: timer })
    }

    /// Takes nothing new, lets running jobs end within the limit, and hands the others back.
    pub(super) async fn stop(self) {
        self.web.stop(true).await;
        self.workers.shutdown().await;
        if let Ok(Err(error)) = self.serving.await {
            tracing::error!(%error, "the web server ended badly");
        }
        self.ctx.store.close().await;
    }
}

/// Queues the look for lost things, now and by the clock.
async fn reconcile(ctx: Ctx) {
    loop {
        if let Err(error) = push_reconcile(&ctx).await {
            tracing::warn!(%error, "the regular look for lost things could not be queued");
        }
        tokio::time::sleep(RECONCILE).await;
    }
}

async fn push_reconcile(ctx: &Ctx) -> Result<(), StoreError> {
    let mut tx = ctx.store.begin().await?;
    store::job::push(&mut tx, Job::Reconcile, ctx.now()).await?;
    tx.commit().await
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn asked_to_stop() -> anyhow::Result<()> {
    StopSignals::listen()?.heard().await;
    Ok(())
}

/// SIGTERM and SIGINT; from the start of listening neither kills the process.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub(super) async fn heard(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
