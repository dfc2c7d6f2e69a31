//! The bot as a process of its own: composed from settings like `serve`, but for its clock, its witness and its engines.
//!
//! It does not clear what other processes left on this machine, so that a lost engine is found by whoever takes over.

use super::agent::{HeldBack, Thinker};
use super::killer::{Frail, Killer};
use super::place::Place;
use super::point::{Key, Point, Side};
use super::wire::{Hands, Told};
use async_trait::async_trait;
use secrecy::SecretString;
use std::collections::HashMap;
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tasksgodzilla::app::{self, StoredJobs};
use tasksgodzilla::config::{Needs, Raw, Settings};
use tasksgodzilla::domain::claim::{Claimed, Hold};
use tasksgodzilla::domain::ids::{JobId, Moment};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::retry::{JobEnd, MAX_ATTEMPTS};
use tasksgodzilla::engine::Engine;
use tasksgodzilla::engine::command::CommandEngine;
use tasksgodzilla::http::{self, Web};
use tasksgodzilla::jobs::Worker;
use tasksgodzilla::queue::{
    Handler, JobSource, Relay, RelaySettings, SourceError, Wake, WorkerSettings, Workers,
};
use tasksgodzilla::services::Ctx;
use tasksgodzilla::store::{self, Clock};
use url::Url;

/// How often the bot looks at the file of the test.
const LOOK: Duration = Duration::from_millis(5);

/// Runs the bot until it is killed. Its listener is its standard input, so that its address outlives it.
pub fn main(mut args: impl Iterator<Item = String>) {
    let hands = PathBuf::from(args.next().unwrap());
    let fate = PathBuf::from(args.next().unwrap());
    let filter = tracing_subscriber::EnvFilter::new("info");
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_env_filter(filter).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let killer = Arc::new(Killer::read(&fate));
    runtime.block_on(serve(hands, killer));
}

async fn serve(hands: PathBuf, killer: Arc<Killer>) {
    let settings = Settings::check(&Raw::from_environment(), Needs::Forge).unwrap();
    let listener = TcpListener::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let address = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let file = hands.clone();
    let clock: Clock = Arc::new(move || Hands::read(&file).now);
    let composing = app::compose_watched(killer.clone(), &settings, clock, &address);
    let mut ctx = Place::new("start", true).around(composing).await.unwrap();
    ctx.engines.insert("demo", Arc::new(Thinker));
    let program = CommandEngine::new(command(&settings), ctx.isolation.clone());
    ctx.engines.insert("command", Arc::new(HeldBack(program)) as Arc<dyn Engine>);
    let web = Web {
        ctx: ctx.clone(),
        secrets: settings.github.iter().flat_map(|github| github.webhook_secrets.clone()).collect(),
        gitlab: app::gitlab_secrets(&settings),
        ci_tokens: Vec::new(),
        api_token: None,
        workers: None,
        relay: None,
    };
    let server = http::serve(web, listener).unwrap();
    let concurrency = if killer.is_crowded() { 4 } else { 1 };
    let stage = Arc::new(Stage {
        jobs: StoredJobs(ctx.store.clone()),
        worker: Worker::new(ctx.clone()),
        ctx: ctx.clone(),
        killer,
        hands,
        held: Mutex::default(),
        said: Mutex::new(0),
        saw_to_it: AtomicBool::new(false),
    });
    let working =
        WorkerSettings { concurrency, lease: settings.lease, poll: LOOK, ..WorkerSettings::default() };
    let _workers = Workers::start(stage.clone(), stage, working);
    let _relay = settings.redis.map(|url| relay(url, &ctx));
    server.await.unwrap();
}

fn command(settings: &Settings) -> tasksgodzilla::engine::command::CommandSettings {
    let (program, args) = settings.command_engine.split_first().unwrap();
    tasksgodzilla::engine::command::CommandSettings {
        id: "command".to_owned(),
        program: PathBuf::from(program),
        args: args.to_vec(),
        env: Vec::new(),
        network: tasksgodzilla::engine::process::Network::Open,
    }
}

fn relay(url: SecretString, ctx: &Ctx) -> Relay {
    let store = ctx.store.clone();
    let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(move || store.wake_workers());
    let settings =
        RelaySettings { url, commits: ctx.store.commits(), wake: Some(wake), now: ctx.clock.clone() };
    Relay::start(settings).unwrap()
}

/// A job that runs.
struct Held {
    name: String,
    /// It survives the loss of this attempt.
    may_be_lost: bool,
    _frail: Option<Frail>,
}

/// Jobs and worker of the program, told to the killer by name.
struct Stage {
    jobs: StoredJobs,
    worker: Worker,
    ctx: Ctx,
    killer: Arc<Killer>,
    hands: PathBuf,
    held: Mutex<HashMap<JobId, Held>>,
    /// The serial of the last time it said that it is idle.
    said: Mutex<u64>,
    /// That the look for lost things is queued.
    saw_to_it: AtomicBool,
}

impl Stage {
    /// What of a job is told apart from others: its kind, and of a delivery what came.
    async fn name(&self, work: &Claimed) -> String {
        let kind = work.job.kind();
        let Job::ProcessDelivery { delivery, .. } = work.job else {
            return kind.to_owned();
        };
        let mut db = self.ctx.store.read().await.unwrap();
        let delivery = store::delivery::load(&mut db, delivery).await.unwrap().unwrap();
        let body: serde_json::Value =
            serde_json::from_slice(&delivery.body.unwrap_or_default()).unwrap_or_default();
        let said = [&body["comment"]["body"], &body["object_attributes"]["note"]];
        let command = said.into_iter().filter_map(|text| text.as_str()).find(|text| text.starts_with('/'));
        format!("{kind} {}", command.unwrap_or(&delivery.event))
    }

    fn placed(&self, job: JobId, ending: &str) -> Place {
        let held = self.held.lock().unwrap();
        Place::new(format!("{}{ending}", held[&job].name), held[&job].may_be_lost)
    }

    /// Sees to it, once, that the look for lost things is queued; it queues the next one itself.
    async fn see_to_reconcile(&self) {
        if !self.saw_to_it.swap(true, Ordering::Relaxed) {
            let mut tx = self.ctx.store.begin().await.unwrap();
            store::job::push_if_missing(&mut tx, Job::Reconcile).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    async fn say_idle(&self, hands: Hands) {
        if hands.serial > *self.said.lock().unwrap() {
            let due = self.jobs.next_due(hands.now).await.unwrap();
            *self.said.lock().unwrap() = hands.serial;
            Told::Idle { serial: hands.serial, due }.say();
        }
    }

    /// What a claim brought is written in the store; nothing of it is done yet.
    async fn claimed(&self, work: &Claimed) {
        let may_be_lost = work.attempt < MAX_ATTEMPTS;
        let name = self.name(work).await;
        let key = Key { place: name.clone(), act: "claim".to_owned(), nth: 1 };
        let _frail = (!may_be_lost).then(|| self.killer.spares());
        self.held.lock().unwrap().insert(work.id, Held { name, may_be_lost, _frail });
        self.killer.pass(Point { key, side: Side::After }, may_be_lost);
    }
}

#[async_trait]
impl Handler for Stage {
    async fn handle(&self, work: Claimed) -> JobEnd {
        self.placed(work.id, "").around(self.worker.handle(work)).await
    }

    async fn lost(&self, work: &Claimed) {
        self.worker.lost(work).await;
    }
}

#[async_trait]
impl JobSource for Stage {
    fn now(&self) -> Moment {
        self.jobs.now()
    }

    fn wake(&self) -> Box<dyn Wake> {
        self.jobs.wake()
    }

    async fn claim(&self, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Claimed>, SourceError> {
        let hands = Hands::read(&self.hands);
        let is_at_rest = self.held.lock().unwrap().is_empty();
        // One that is claimed while another one ends would be lost with it, and nobody would have counted that.
        if hands.hold || !(is_at_rest || self.killer.is_crowded()) {
            return Ok(Vec::new());
        }
        Place::new("timer", true).around(self.see_to_reconcile()).await;
        let _frail = self.killer.spares();
        // Whether a claim that is not committed found anything makes no difference to anybody.
        let claiming = self.jobs.claim(worker, limit, lease);
        let claimed = Place::aside().around(claiming).await?;
        for work in &claimed {
            self.claimed(work).await;
        }
        // What ended while we looked may have left something that we did not see.
        if claimed.is_empty() && is_at_rest {
            self.say_idle(hands).await;
        }
        Ok(claimed)
    }

    async fn renew(&self, hold: Hold, lease: Duration) -> Result<bool, SourceError> {
        Place::aside().around(self.jobs.renew(hold, lease)).await
    }

    async fn finish(&self, hold: Hold, end: &JobEnd) -> Result<bool, SourceError> {
        let finished = self.placed(hold.job, ": end").around(self.jobs.finish(hold, end)).await;
        self.held.lock().unwrap().remove(&hold.job);
        finished
    }

    async fn release_all(&self, worker: &str) -> Result<u64, SourceError> {
        self.jobs.release_all(worker).await
    }

    async fn next_due(&self, since: Moment) -> Result<Option<Moment>, SourceError> {
        self.jobs.next_due(since).await
    }
}
