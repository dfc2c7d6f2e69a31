//! Wake-ups between processes, over Redis: "jobs may have come, look at the table". They carry nothing else.
//!
//! Every process with workers has an inbox of its own, a queue of apalis-redis, and every process writes to all of them, so
//! that a busy process cannot swallow what an idle one should hear. The store's table stays the only memory: a wake-up that
//! is lost costs one poll interval, and all of Redis may stop, be emptied or be absent at any moment. A Redis error ends an
//! apalis worker and drops what it runs, so the one here runs nothing but the look itself, outside the workers' monitor.

mod listen;
mod registry;
mod send;

use super::SourceError;
use crate::domain::ids::Moment;
use redis::Client;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use registry::Registry;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How often a process shows that it lives, and learns who else does.
const PULSE: Duration = Duration::from_secs(1);
/// How long to wait after something failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How long leaving may take.
const LEAVING: Duration = Duration::from_secs(1);
/// The longest wait between two tries to connect.
const RECONNECT: Duration = Duration::from_millis(500);

/// What a relay connects.
pub struct RelaySettings {
    /// `redis://` or `rediss://`, with user, password and database number as needed.
    pub url: SecretString,
    /// Rises when this process committed jobs: the others are told.
    pub commits: watch::Receiver<u64>,
    /// Has this process' workers look; `None` where there are none, and then nobody sends anything here.
    pub wake: Option<Arc<dyn Fn() + Send + Sync>>,
    pub now: Arc<dyn Fn() -> Moment + Send + Sync>,
}

/// The address is none that Redis' client knows.
#[derive(Debug, thiserror::Error)]
#[error(
    "TASKSGODZILLA_REDIS_URL is no address of a Redis; it must be redis://host:port/number or rediss://…"
)]
pub struct BadAddress {
    #[source]
    source: redis::RedisError,
}

/// Whether Redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    Connected { since: Moment },
    Lost { since: Moment, why: String },
}

/// What a relay did, for whoever watches the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayState {
    pub link: Link,
    /// Processes with workers that showed themselves within the last seconds, this one included.
    pub processes: usize,
    /// Wake-ups written to other processes' inboxes since the start.
    pub sent: u64,
    /// Wake-ups that came from other processes since the start.
    pub heard: u64,
}

/// A process' way to the others. Dropped without [`Relay::leave`], it stops at once and the others forget it after a minute.
pub struct Relay {
    registry: Registry,
    reach: watch::Receiver<Reach>,
    counts: Arc<Counts>,
    tasks: Vec<AbortOnDropHandle<()>>,
}

/// Tells how a relay is, also while somebody else has it. Clones watch the same one.
#[derive(Clone)]
pub struct RelayWatch {
    reach: watch::Receiver<Reach>,
    counts: Arc<Counts>,
}

impl RelayWatch {
    /// What the relay did so far, and whether Redis answers.
    pub fn state(&self) -> RelayState {
        let Reach { link, live, .. } = self.reach.borrow().clone();
        RelayState {
            link,
            processes: live.len(),
            sent: self.counts.sent.load(Ordering::Relaxed),
            heard: self.counts.heard.load(Ordering::Relaxed),
        }
    }
}

/// How many processes with workers show themselves on a Redis now. Looks only: this process shows itself to nobody.
pub async fn count_processes(url: &SecretString) -> Result<usize, SourceError> {
    let processes = Registry::new(connect(url)?, false).pulse().await?;
    Ok(processes.live.len())
}

/// A way to Redis that is looked for when it is first used.
fn connect(url: &SecretString) -> Result<ConnectionManager, BadAddress> {
    let client = Client::open(url.expose_secret()).map_err(|source| BadAddress { source })?;
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_max_delay(RECONNECT)
        .set_min_delay(RECONNECT / 5);
    client.get_connection_manager_lazy(config).map_err(|source| BadAddress { source })
}

/// Whom this process reaches.
#[derive(Debug, Clone)]
struct Reach {
    link: Link,
    /// Whether the log has said that it is lost.
    is_told: bool,
    /// The inboxes of all live processes with workers.
    live: Vec<String>,
}

impl Reach {
    fn is_connected(&self) -> bool {
        matches!(self.link, Link::Connected { .. })
    }
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    heard: AtomicU64,
}

impl Relay {
    /// Starts it. Redis need not be there; it is looked for until it is.
    pub fn start(settings: RelaySettings) -> Result<Self, BadAddress> {
        let RelaySettings { url, commits, wake, now } = settings;
        let registry = Registry::new(connect(&url)?, wake.is_some());

        let lost = Link::Lost { since: now(), why: "not connected yet".to_owned() };
        let (told, reach) = watch::channel(Reach { link: lost, is_told: false, live: Vec::new() });
        let counts = Arc::new(Counts::default());
        let mut tasks = vec![
            spawn(pulse(registry.clone(), told, now)),
            spawn(send::send(registry.clone(), reach.clone(), commits, counts.clone())),
        ];
        if let Some(wake) = wake {
            let heard = listen::Heard { wake, counts: counts.clone() };
            tasks.push(spawn(listen::listen(registry.clone(), reach.clone(), heard)));
        }
        Ok(Self { registry, reach, counts, tasks })
    }

    /// What it did so far, and whether Redis answers.
    pub fn state(&self) -> RelayState {
        self.watch().state()
    }

    /// For whoever watches it from elsewhere.
    pub fn watch(&self) -> RelayWatch {
        RelayWatch { reach: self.reach.clone(), counts: self.counts.clone() }
    }

    /// Stops, and takes this process out of the others' list. Takes a second at most.
    pub async fn leave(self) {
        drop(self.tasks);
        let connected = self.reach.borrow().is_connected();
        let me = self.registry.me().to_owned();
        let forgetting = tokio::time::timeout(LEAVING, self.registry.forget(&me));
        if connected && !matches!(forgetting.await, Ok(Ok(()))) {
            tracing::debug!("Redis was not told that this process stops; the others notice within a minute");
        }
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// Shows that this process lives, learns who else does, and clears away after those that do no more.
async fn pulse(registry: Registry, told: watch::Sender<Reach>, now: Arc<dyn Fn() -> Moment + Send + Sync>) {
    loop {
        match registry.pulse().await {
            Ok(processes) => {
                told.send_if_modified(|reach| connected(reach, processes.live, now()));
                for gone in &processes.gone {
                    if let Err(error) = registry.forget(gone).await {
                        tracing::debug!(%error, "the inbox of a process that is gone could not be cleared");
                    }
                }
            }
            Err(error) => {
                told.send_if_modified(|reach| lost(reach, error.to_string(), now()));
            }
        }
        tokio::time::sleep(PULSE).await;
    }
}

/// Notes an answer of Redis. Returns whether anything changed.
fn connected(reach: &mut Reach, live: Vec<String>, now: Moment) -> bool {
    let back = !reach.is_connected();
    if back {
        tracing::info!("Redis answers: wake-ups go between processes");
        reach.link = Link::Connected { since: now };
        reach.is_told = false;
    }
    let changed = back || reach.live != live;
    reach.live = live;
    changed
}

/// Notes that Redis does not answer. Returns whether that is news. The log says it once; why may change from try to try.
fn lost(reach: &mut Reach, why: String, now: Moment) -> bool {
    match reach.is_told {
        false => tracing::warn!(
            error = why,
            "Redis does not answer: jobs of other processes are found by looking every second"
        ),
        true => tracing::debug!(error = why, "Redis does not answer"),
    }
    reach.is_told = true;
    match &mut reach.link {
        Link::Lost { why: known, .. } => {
            *known = why;
            false
        }
        Link::Connected { .. } => {
            *reach = Reach { link: Link::Lost { since: now, why }, is_told: true, live: Vec::new() };
            true
        }
    }
}
