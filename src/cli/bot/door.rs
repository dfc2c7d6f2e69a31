//! The door: webhooks in, pages out.

use crate::config::Settings;
use crate::http::{self, Counters, Web};
use crate::services::Ctx;
use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use std::net::TcpListener;
use std::sync::Arc;
use tokio::task::JoinHandle;

pub(super) struct Door {
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
}

pub(super) fn listen(settings: &Settings) -> anyhow::Result<TcpListener> {
    TcpListener::bind((settings.host, settings.port))
        .with_context(|| format!("cannot listen on {}:{}; is it taken?", settings.host, settings.port))
}

impl Door {
    pub(super) fn open(settings: &Settings, ctx: &Ctx, listener: TcpListener) -> anyhow::Result<Self> {
        let github = settings.github.as_ref().context("the GitHub App is not set")?;
        let web = Web {
            ctx: ctx.clone(),
            secrets: github.webhook_secrets.clone(),
            api_token: settings.api_token.clone(),
            counters: Arc::new(Counters::default()),
        };
        let server = http::serve(web, listener)?;
        Ok(Self { server: server.handle(), serving: tokio::spawn(server) })
    }

    /// Takes no more requests, and answers those that are there.
    pub(super) async fn close(self) {
        self.server.stop(true).await;
        if let Ok(Err(error)) = self.serving.await {
            tracing::error!(%error, "the web server ended badly");
        }
    }
}
