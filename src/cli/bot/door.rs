//! The door: webhooks in, pages out; of a process that only works a small one, for those who watch it.

use super::Duty;
use crate::app;
use crate::cli::Failure;
use crate::config::Settings;
use crate::http::{self, Web};
use crate::queue::{Pulse, RelayWatch};
use crate::services::Ctx;
use actix_web::dev::ServerHandle;
use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};
use tokio::task::JoinHandle;

pub(super) struct Door {
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
}

/// What the process has beside its door, for those who watch it.
pub(super) struct Beside {
    /// The sign of life of its workers.
    pub(super) workers: Option<Pulse>,
    pub(super) relay: Option<RelayWatch>,
}

/// `setting` names the port, without the prefix.
pub(super) fn listen(host: IpAddr, port: u16, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind((host, port)).map_err(|why| {
        let todo = match why.kind() {
            ErrorKind::AddrInUse => "to a port that is free, or stop what listens there",
            ErrorKind::AddrNotAvailable => {
                "to a port, and TASKSGODZILLA_API_HOST to an address of this machine"
            }
            _ => "to a port that the bot may listen on",
        };
        Failure::asked(format!("cannot listen on {host}:{port}: {why}"))
            .hint(format!("set TASKSGODZILLA_{setting} {todo}"))
    })
}

impl Door {
    pub(super) fn open(
        duty: Duty,
        settings: &Settings,
        ctx: &Ctx,
        listener: TcpListener,
        beside: Beside,
    ) -> anyhow::Result<Self> {
        let web = Web {
            ctx: ctx.clone(),
            secrets: settings.github.iter().flat_map(|github| github.webhook_secrets.clone()).collect(),
            gitlab: app::gitlab_secrets(settings),
            ci_tokens: settings.ci_tokens.clone(),
            api_token: settings.api_token.clone(),
            workers: beside.workers,
            relay: beside.relay,
        };
        let server = match duty {
            Duty::Worker { .. } => http::serve_watchers(web, listener)?,
            Duty::Web | Duty::WebAndWorker => http::serve(web, listener)?,
        };
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
