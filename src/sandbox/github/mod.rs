//! A twin of GitHub in this process: REST, GraphQL, webhooks and git over HTTP on a loopback port.
//!
//! - `model/`: what it knows · `acts/`: what can be done to it · `json/`: how it looks
//! - `http/`: the front door; `http/routes.rs` is the table of routes · `rest/`: the handlers
//! - `hooks.rs`: webhooks · `git.rs`: the bare repositories · `keys.rs`: keys of Apps
//! - `people/`: what a person or an operator does · `views.rs`: what one can see
//!
//! Start with `Twin::start`. What goes wrong, and with which calls, is ordered by `Twin::order`. Left out: teams, reviews,
//! labels, search, rate limits that bite by themselves.

mod acts;
mod git;
mod hooks;
mod http;
mod json;
mod keys;
mod model;
mod people;
mod rest;
mod views;

pub use hooks::{Delivered, Hooks};
pub use http::{Fault, Met, Which};
pub use model::{Access, AssertionClock, CheckConclusion, CheckStatus, Ci, Role, UserKind};
pub use people::{AppCredentials, AppSpec, PullSpec, SandboxError};
pub use views::{
    CheckView, CommentView, CommitView, PendingHook, PullView, ReactionView, RequestView, StatusView,
};

use actix_web::dev::ServerHandle;
use hooks::Chore;
use model::{Clock, Model, Site, User};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

pub(crate) type Shared = Arc<Mutex<Model>>;

/// Takes the lock; a handler that panicked left the model as it was at that moment.
pub(crate) fn lock(shared: &Shared) -> MutexGuard<'_, Model> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a twin is set up.
#[derive(Debug, Clone)]
pub struct TwinOptions {
    pub hooks: Hooks,
    /// Where the REST API lies, such as `/api/v3`; empty as on github.com.
    pub prefix: String,
    /// Milliseconds since the Unix epoch at which the clock stands still; the machine's clock without it.
    pub now: Option<i64>,
    pub assertion_clock: AssertionClock,
    /// How long the CI App takes in `Hooks::Send`.
    pub ci_delay: Duration,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// As whom a visitor of the pages writes.
    pub visitor: String,
}

impl Default for TwinOptions {
    fn default() -> Self {
        Self {
            hooks: Hooks::default(),
            prefix: String::new(),
            now: None,
            assertion_clock: AssertionClock::default(),
            ci_delay: Duration::from_secs(3),
            port: 0,
            visitor: "you".to_owned(),
        }
    }
}

/// A running twin. Dropping it stops the server and removes its repositories.
pub struct Twin {
    shared: Shared,
    server: ServerHandle,
    chores: UnboundedSender<Chore>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
    _root: TempDir,
}

impl Twin {
    /// Starts a twin on 127.0.0.1, on threads of its own; it answers when this returns.
    pub async fn start(options: TwinOptions) -> Result<Self, SandboxError> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |source| SandboxError::Io { what, source }
        };
        let root = tempfile::tempdir().map_err(failed("make a directory for the repositories"))?;
        let listener =
            TcpListener::bind(("127.0.0.1", options.port)).map_err(failed("listen on loopback"))?;
        let address = listener.local_addr().map_err(failed("listen on loopback"))?;
        let (chores, orders) = unbounded_channel();
        let site = Site {
            url: format!("http://{address}"),
            prefix: options.prefix.trim_end_matches('/').to_owned(),
            root: root.path().to_owned(),
        };
        let shared = Arc::new(Mutex::new(new_model(site, &options, chores.clone())));
        let (started, ready) = oneshot::channel();
        let inside = Arc::clone(&shared);
        let delay = options.ci_delay;
        let thread = std::thread::Builder::new()
            .name("github-twin".to_owned())
            .spawn(move || serve(&inside, listener, started, (orders, delay)))
            .map_err(failed("start a thread"))?;
        let server =
            ready.await.map_err(|_| SandboxError::Git("the twin's server did not start".to_owned()))?;
        Ok(Self { shared, server, chores, thread: Some(thread), _root: root })
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        lock(&self.shared)
    }

    /// The root of the host: pages and git.
    pub fn url(&self) -> String {
        self.model().site.url.clone()
    }

    /// The base of the REST API, without a trailing slash.
    pub fn api_url(&self) -> String {
        self.model().api()
    }

    pub fn graphql_url(&self) -> String {
        let model = self.model();
        format!("{}{}", model.site.url, http::graphql_path(&model.site.prefix))
    }

    /// Stops the twin's clock at a moment, in milliseconds since the Unix epoch.
    pub fn set_now(&self, ms: i64) {
        self.model().clock = Clock::Set(ms);
    }

    /// Stops the twin's clock and moves it on.
    pub fn advance(&self, by: Duration) {
        let mut model = self.model();
        let now = model.now().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        model.clock = Clock::Set(now);
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        let _ = self.chores.send(Chore::Stop);
        // The order to stop is sent by the call; waiting for it is the thread's end below.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn new_model(site: Site, options: &TwinOptions, chores: UnboundedSender<Chore>) -> Model {
    let mut model = Model {
        site,
        clock: options.now.map_or(Clock::Machine, Clock::Set),
        counters: BTreeMap::new(),
        users: Vec::<User>::new(),
        repos: Vec::new(),
        apps: Vec::new(),
        installations: Vec::new(),
        tokens: HashMap::new(),
        suites: Vec::new(),
        runs: Vec::new(),
        statuses: Vec::new(),
        workflows: Vec::new(),
        deliveries: Vec::new(),
        waiting: VecDeque::new(),
        requests: Vec::new(),
        faults: http::FaultDesk::default(),
        moves: Vec::new(),
        hooks: options.hooks,
        chores,
        visitor: options.visitor.clone(),
        assertion_clock: options.assertion_clock,
    };
    model.add_user(&options.visitor, UserKind::User);
    model
}

/// Runs the server and its background task until both are told to stop.
fn serve(
    shared: &Shared,
    listener: TcpListener,
    started: oneshot::Sender<ServerHandle>,
    (orders, ci_delay): (UnboundedReceiver<Chore>, Duration),
) -> std::io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let data = actix_web::web::Data::new(Arc::clone(shared));
        let app = move || actix_web::App::new().app_data(data.clone()).configure(http::configure);
        let server = actix_web::HttpServer::new(app).on_connect(http::Wire::keep).workers(2);
        let server = server.disable_signals().listen(listener)?.run();
        let chores = actix_web::rt::spawn(run_chores(Arc::clone(shared), orders, ci_delay));
        if started.send(server.handle()).is_err() {
            return Ok(());
        }
        let ended = server.await;
        chores.abort();
        ended
    })
}

/// Posts webhooks in order; CI plays beside it after its delay.
async fn run_chores(shared: Shared, mut orders: UnboundedReceiver<Chore>, ci_delay: Duration) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build();
    let Ok(client) = client else { return };
    while let Some(chore) = orders.recv().await {
        match chore {
            Chore::Post(id) => {
                hooks::post(&shared, &client, id).await;
            }
            Chore::PlayCi => {
                let shared = Arc::clone(&shared);
                actix_web::rt::spawn(async move {
                    tokio::time::sleep(ci_delay).await;
                    lock(&shared).play_ci();
                });
            }
            Chore::Stop => return,
        }
    }
}
