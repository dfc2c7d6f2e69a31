//! Forges in a box: in-process twins of the parts of GitHub and GitLab that the bot uses, over real HTTP on loopback.
//!
//! The `demo` command shows the bot on one, and the stories drive the bot through one. A twin is an independent judge:
//! it knows nothing of the bot but how one is introduced to it (`account.rs`), refuses what the real forge refuses, and
//! writes down every request.
//! What is deliberately absent: durability, performance under load, and everything the bot never asks for.
//!
//! Both hosts share the model of people, repositories and threads, and what can be done to it:
//!
//! - `model/`: what it knows · `acts/`: what can be done to it · `events.rs`: what is said about it
//! - `git.rs`: the bare repositories · `hooks.rs`: the queue of webhooks · `http/`: the front door, faults, git, pages
//! - `people/`: what a person or an operator does · `views.rs`: what one can see
//!
//! The dialects are `github/` and `gitlab/`: routes, JSON, rights, the shape of webhooks, checks. Start with [`Twin::start`].
//! What goes wrong, and with which calls, is ordered by [`Twin::order`].

mod account;
mod acts;
mod events;
mod git;
pub mod github;
pub mod gitlab;
mod hooks;
mod http;
mod model;
mod people;
mod views;

pub use account::Account;
pub use hooks::{Delivered, Hooks};
pub use http::{Fault, Met, Which};
pub use model::{CheckConclusion, CheckStatus, Ci, Role, UserKind};
pub use people::{PullSpec, SandboxError};
pub use views::{
    CheckView, CommentView, CommitView, PendingHook, PullView, ReactionView, RequestView, StatusView,
};

use actix_web::dev::ServerHandle;
use github::AssertionClock;
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

/// Which forge a twin plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Host {
    #[default]
    Github,
    Gitlab,
}

/// How a twin is set up.
#[derive(Debug, Clone)]
pub struct TwinOptions {
    pub host: Host,
    pub hooks: Hooks,
    /// Where the REST API of GitHub lies, such as `/api/v3`, empty as on github.com; where all of GitLab lies, such as
    /// `/gitlab`, empty as on gitlab.com.
    pub prefix: String,
    /// Milliseconds since the Unix epoch at which the clock stands still; the machine's clock without it.
    pub now: Option<i64>,
    /// Of GitHub only.
    pub assertion_clock: AssertionClock,
    /// How long CI takes in `Hooks::Send`.
    pub ci_delay: Duration,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// As whom a visitor of the pages writes.
    pub visitor: String,
}

impl Default for TwinOptions {
    fn default() -> Self {
        Self {
            host: Host::default(),
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
            .name("twin".to_owned())
            .spawn(move || serve(&inside, listener, started, (orders, delay)))
            .map_err(failed("start a thread"))?;
        let server =
            ready.await.map_err(|_| SandboxError::Git("the twin's server did not start".to_owned()))?;
        Ok(Self { shared, server, chores, thread: Some(thread), _root: root })
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        lock(&self.shared)
    }

    /// Which forge it plays.
    pub fn host(&self) -> Host {
        self.model().host
    }

    /// The root of the host: pages and git. No slash at the end.
    pub fn url(&self) -> String {
        self.model().root()
    }

    /// Where whoever opens the pages comments on an issue, with the comment as the body of a POST.
    pub fn comment_url(&self, repo: &str, issue: u64) -> String {
        let model = self.model();
        let apart = if model.host == Host::Gitlab { "/-" } else { "" };
        format!("{}/sandbox/{repo}{apart}/issues/{issue}/comments", model.root())
    }

    /// Where git finds a repository, with the person's credentials.
    pub fn clone_url(&self, login: &str, repo: &str) -> String {
        let token = self.user(login);
        self.url().replacen("://", &format!("://{login}:{token}@"), 1) + &format!("/{repo}.git")
    }

    /// The base of the REST API, without a trailing slash.
    pub fn api_url(&self) -> String {
        self.model().api()
    }

    /// Where GitHub answers GraphQL.
    pub fn graphql_url(&self) -> String {
        let model = self.model();
        format!("{}{}", model.site.url, github::routes::graphql_path(&model.site.prefix))
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
        host: options.host,
        site,
        clock: options.now.map_or(Clock::Machine, Clock::Set),
        counters: BTreeMap::new(),
        users: Vec::<User>::new(),
        repos: Vec::new(),
        tokens: HashMap::new(),
        workflows: Vec::new(),
        deliveries: Vec::new(),
        waiting: VecDeque::new(),
        requests: Vec::new(),
        faults: http::FaultDesk::default(),
        moves: Vec::new(),
        hooks: options.hooks,
        chores,
        visitor: options.visitor.clone(),
        github: github::Desk { assertion_clock: options.assertion_clock, ..github::Desk::default() },
        gitlab: gitlab::Desk::default(),
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
    let Ok(client) = hooks::client() else { return };
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
