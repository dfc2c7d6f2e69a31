//! The running bot: a door for webhooks and browsers, workers, and a way to the other processes; each may be left out.

mod door;
mod work;

use crate::app;
use crate::cli::Failure;
use crate::config::Settings;
use crate::queue::{Pulse, Relay, RelaySettings};
use crate::services::Ctx;
use door::{Beside, Door};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;
use url::Url;
use work::Work;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    WebAndWorker,
    /// Takes deliveries in and shows pages.
    Web,
    /// Works, so many jobs at once if not as many as the settings say.
    Worker {
        concurrency: Option<usize>,
    },
}

impl Duty {
    /// The port to listen on; `None` for a process that nobody asks anything.
    fn port(self, settings: &Settings) -> Option<u16> {
        match self {
            Self::Worker { .. } => settings.worker_port,
            Self::Web | Self::WebAndWorker => Some(settings.port),
        }
    }

    /// What names that port, without the prefix.
    fn port_setting(self) -> &'static str {
        match self {
            Self::Worker { .. } => "WORKER_PORT",
            Self::Web | Self::WebAndWorker => "API_PORT",
        }
    }

    /// Jobs at once; `None` for a process that does not work.
    fn concurrency(self, settings: &Settings) -> Option<usize> {
        match self {
            Self::Web => None,
            Self::WebAndWorker => Some(settings.workers),
            Self::Worker { concurrency } => Some(concurrency.unwrap_or(settings.workers)),
        }
    }
}

/// A running bot. Dropped without [`Bot::stop`], it ends at once, with its engines.
pub(super) struct Bot {
    /// Where it listens; for a worker, where the settings say that others do.
    pub(super) address: Url,
    pub(super) ctx: Ctx,
    door: Option<Door>,
    work: Option<Work>,
    relay: Option<Relay>,
}

impl Bot {
    /// Listens, puts the bot together, and starts its parts.
    pub(super) async fn start(settings: &Settings, duty: Duty) -> Result<Self, Failure> {
        let port = duty.port(settings);
        let listener = port.map(|port| door::listen(settings.host, port, duty.port_setting())).transpose()?;
        let (listening, address) = addresses(settings, duty, listener.as_ref())?;
        let ctx = app::compose(settings, app::system_clock(), &address).await?;
        let concurrency = duty.concurrency(settings);
        let relay = relay(settings, &ctx, concurrency)?;
        let pulse = Pulse::new(settings.lease, Instant::now());
        let beside =
            Beside { workers: concurrency.map(|_| pulse.clone()), relay: relay.as_ref().map(Relay::watch) };
        let door = listener.map(|listener| Door::open(duty, settings, &ctx, listener, beside)).transpose()?;
        let work = concurrency.map(|concurrency| Work::start(settings, &ctx, concurrency, pulse));
        match concurrency {
            Some(concurrency) => tracing::info!(concurrency, "working"),
            None => tracing::info!("not working: jobs are left to `worker` processes on the same database"),
        }
        if let Some(address) = listening {
            tracing::info!(%address, "listening");
        }
        Ok(Self { address, ctx, door, work, relay })
    }

    /// Takes nothing new, lets running jobs end within the limit, and hands the others back.
    pub(super) async fn stop(self) {
        let closing = async {
            if let Some(door) = self.door {
                door.close().await;
            }
        };
        let ending = async {
            if let Some(work) = self.work {
                work.end().await;
            }
        };
        tokio::join!(closing, ending);
        if let Some(relay) = self.relay {
            relay.leave().await;
        }
        self.ctx.store.close().await;
    }
}

/// Where it listens, and where others find it.
fn addresses(
    settings: &Settings,
    duty: Duty,
    listener: Option<&TcpListener>,
) -> anyhow::Result<(Option<SocketAddr>, Url)> {
    let listening = listener.map(TcpListener::local_addr).transpose()?;
    let address = match (duty, listening) {
        (Duty::Web | Duty::WebAndWorker, Some(listening)) => format!("http://{listening}"),
        _ => format!("http://{}:{}", settings.host, settings.port),
    };
    Ok((listening, Url::parse(&address)?))
}

/// The way to the other processes, where the settings name a Redis.
fn relay(settings: &Settings, ctx: &Ctx, concurrency: Option<usize>) -> anyhow::Result<Option<Relay>> {
    let Some(url) = settings.redis.clone() else {
        return Ok(None);
    };
    let wake = concurrency.map(|_| {
        let store = ctx.store.clone();
        Arc::new(move || store.wake_workers()) as Arc<dyn Fn() + Send + Sync>
    });
    let settings = RelaySettings { url, commits: ctx.store.commits(), wake, now: ctx.clock.clone() };
    Ok(Some(Relay::start(settings)?))
}
