//! The world of a story: a GitHub in a box, the bot over real HTTP, a clock that stands still, and an engine with a script.

use super::host::{self, Call, told_on};
use super::luck::{Fate, Way};
use super::scripted::Scripted;
use actix_web::dev::ServerHandle;
use secrecy::ExposeSecret as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tasksgodzilla::app::{self, StoredJobs};
use tasksgodzilla::config::{Database, Needs, Raw, Settings};
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::git::{Git, GitSettings, Identity};
use tasksgodzilla::http::{self, Web};
use tasksgodzilla::jobs::Worker;
use tasksgodzilla::queue::{self, Handler as _, JobSource as _};
use tasksgodzilla::sandbox::github::AppCredentials;
use tasksgodzilla::sandbox::{Account, CheckView, Fault, Host, Role, Twin, TwinOptions, Which};
use tasksgodzilla::services::Ctx;
use tasksgodzilla::store::{self, job::JobStatus};
use tempfile::TempDir;
use url::Url;

/// The repository of a story.
pub const REPO: &str = "acme/api";
/// What the clock shows when a story begins: 2027-01-15 08:00:00 UTC.
const BEGIN: i64 = 1_800_000_000_000;
/// How far `settle` moves the clock by itself, so that gathered reports go out, in milliseconds.
const SOON: i64 = 2_000;

pub struct World {
    pub twin: Twin,
    pub ctx: Ctx,
    pub engine: Arc<Scripted>,
    pub account: Account,
    pub address: Url,
    pub client: reqwest::Client,
    /// How webhooks travel.
    pub way: Way,
    database: Database,
    worker: Arc<Worker>,
    clock: Arc<AtomicI64>,
    web: ServerHandle,
    read: BTreeMap<u64, String>,
    forgiven: Vec<String>,
    folder: TempDir,
}

impl World {
    /// `acme/api` with one commit, an issue #1 by ann (admin), bob (write) and vera (read); the App is installed.
    pub async fn new() -> Self {
        Self::with(|raw| raw).await
    }

    /// The same, with other settings.
    pub async fn with(settings: impl FnOnce(Raw) -> Raw) -> Self {
        Self::built(told_on(), settings, Way::Open).await
    }

    /// The same, with a bot that no webhook reaches: it reads the forge's log of them every 15 seconds.
    pub async fn behind_a_firewall() -> Self {
        let pull = |raw: Raw| raw.with("GITHUB_INTAKE", "pull").with("GITHUB_WEBHOOK_SECRET", "");
        let mut world = Self::built(Host::Github, pull, Way::Closed).await;
        world.reconciles().await;
        world
    }

    async fn built(host: Host, settings: impl FnOnce(Raw) -> Raw, way: Way) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = TwinOptions { host, now: Some(BEGIN), ..TwinOptions::default() };
        let twin = Twin::start(options).await.unwrap();
        furnish(&twin);
        let account = Account::open(&twin, REPO).unwrap();
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let raw =
            settings(raw(account.settings(&twin, Raw::default()), &folder).with("DB_URL", database().await));
        let settings = Settings::check(&raw, Needs::Forge).unwrap();
        let hands = clock.clone();
        let now = Arc::new(move || Moment(hands.load(Ordering::SeqCst)));
        let mut ctx = app::compose(&settings, now, &address).await.unwrap();
        let engine = Arc::new(Scripted::default());
        ctx.engines.insert("demo", engine.clone());
        // How full the disk of the tests is makes no difference.
        ctx.free_space = Arc::new(|_| Ok(u64::MAX));
        let web = Web {
            gitlab: app::gitlab_secrets(&settings),
            ci_tokens: settings.ci_tokens.clone(),
            ctx: ctx.clone(),
            secrets: settings.github.iter().flat_map(|github| github.webhook_secrets.clone()).collect(),
            api_token: settings.api_token,
            workers: None,
            relay: None,
        };
        let server = http::serve(web, listener).unwrap();
        let web = server.handle();
        tokio::spawn(server);
        account.install(&twin, REPO, &address).unwrap();
        account.watch_server(&twin, &address);
        twin.open_issue("ann", REPO, "Split the importer", "It does too much.").unwrap();
        let mut world = Self {
            worker: Arc::new(Worker::new(ctx.clone())),
            client: client(),
            way,
            database: settings.database,
            read: BTreeMap::new(),
            forgiven: Vec::new(),
            folder,
            twin,
            ctx,
            engine,
            account,
            address,
            clock,
            web,
        };
        world.settle().await;
        world
    }

    /// Changes the database without the bot.
    pub async fn alters(&self, sql: &'static str) {
        match &self.database {
            Database::Sqlite(path) => {
                let mut db = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
                sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
            }
            Database::Postgres(url) => {
                let mut db = PgConnection::connect(url.expose_secret()).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
            }
        }
    }

    /// The same, with a bot that does not wait long for a forge that is silent.
    pub async fn impatient() -> Self {
        let mut world = Self::new().await;
        let patience = Duration::from_secs(3);
        let forge = host::client(&world.account, &world.twin, patience);
        world.ctx.forges.insert(forge.kind().as_str(), forge);
        let identity = Identity { name: "TasksGodzilla".to_owned(), email: "bot@example.invalid".to_owned() };
        let mut git = GitSettings::new(world.folder.path().join("projects"), identity);
        git.limits.network = patience;
        world.ctx.git = Arc::new(Git::new(git).unwrap());
        world.hires();
        world
    }

    /// The bot's App, in stories that only GitHub has.
    pub fn app(&self) -> &AppCredentials {
        match &self.account {
            Account::Github(app) => app,
            Account::Gitlab(_) => panic!("there are no Apps on GitLab"),
        }
    }

    /// Has `which` of these calls go wrong.
    pub fn order(&self, call: Call, which: Which, fault: Fault) {
        host::order(&self.twin, call, which, fault);
    }

    /// How often the bot asked this since the `from`th request.
    pub fn counts(&self, call: Call, from: usize) -> usize {
        self.twin.requests()[from..].iter().filter(|request| call.is(self.twin.host(), request)).count()
    }

    /// A text of the bot, with GitHub's words and without what differs between runs.
    pub fn clean(&self, text: &str) -> String {
        clean(&host::plain(&self.account, &self.twin, text))
    }

    /// The same, on disks of which a story says how many bytes are free.
    pub async fn with_room(free: Arc<AtomicU64>) -> Self {
        let mut world = Self::new().await;
        world.ctx.free_space = Arc::new(move |_| Ok(free.load(Ordering::SeqCst)));
        world.hires();
        world
    }

    /// Another worker, who knows the world as it is now.
    fn hires(&mut self) {
        self.worker = Arc::new(Worker::new(self.ctx.clone()));
    }

    /// Somebody comments; returns the comment's id.
    pub fn comments(&self, login: &str, thread: u64, body: &str) -> u64 {
        self.twin.comment(login, REPO, thread, body).unwrap()
    }

    /// Hooks are delivered and jobs run until nothing is left but what waits for a later time.
    pub async fn settle(&mut self) {
        for _ in 0..500 {
            if self.turn().await > 0 {
                continue;
            }
            let mut db = self.ctx.store.read().await.unwrap();
            match store::job::next_due(&mut db, Moment(self.now())).await.unwrap() {
                Some(Moment(at)) if at <= self.now() + SOON => self.set_now(at),
                _ => return,
            }
        }
        panic!("the world does not settle");
    }

    /// Delivers what waits and runs what is due, once; returns how much that was.
    pub async fn turn(&self) -> usize {
        let heard = self.hears().await;
        heard + self.drain().await
    }

    /// Delivers what waits, and does nothing about it yet.
    pub async fn hears(&self) -> usize {
        let mut heard = 0;
        while !self.twin.pending().is_empty() {
            match self.way.fate() {
                Fate::Postponed => self.twin.postpone_next(),
                Fate::Lost(status) => {
                    self.twin.lose_next(status);
                }
                fate => {
                    if matches!(fate, Fate::Doubled) {
                        self.twin.duplicate_next();
                    }
                    let delivered = self.twin.deliver_next(&self.client).await.unwrap();
                    assert_eq!(delivered.status, 202, "{} {:?}", delivered.event, delivered.action);
                    heard += 1;
                }
            }
        }
        heard
    }

    /// The timer's look for whatever was lost; the world settles.
    pub async fn reconciles(&mut self) {
        self.pushes(Job::Reconcile).await;
        self.settle().await;
    }

    /// Queues a job that is due now.
    pub async fn pushes(&self, job: Job) {
        let mut tx = self.ctx.store.begin().await.unwrap();
        store::job::push(&mut tx, job, self.ctx.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Runs the jobs that are due.
    pub async fn drain(&self) -> usize {
        queue::drain(&StoredJobs(self.ctx.store.clone()), self.worker.as_ref()).await.unwrap()
    }

    /// Runs the one job that is due first; `false` when none is.
    pub async fn drain_one(&self) -> bool {
        let source = StoredJobs(self.ctx.store.clone());
        let claimed = source.claim("one", 1, Duration::from_secs(60)).await.unwrap();
        let Some(work) = claimed.into_iter().next() else {
            return false;
        };
        let end = self.worker.handle(work.clone()).await;
        source.finish(work.hold(), &end).await.unwrap()
    }

    /// Runs jobs beside the story, for engines that work until they are stopped.
    pub fn drain_beside(&self) -> tokio::task::JoinHandle<usize> {
        let (source, worker) = (StoredJobs(self.ctx.store.clone()), self.worker.clone());
        tokio::spawn(async move { queue::drain(&source, worker.as_ref()).await.unwrap() })
    }

    /// CI finishes what it began, and the world settles, until CI has nothing left.
    pub async fn ci_finishes(&mut self) {
        while self.twin.play_ci() > 0 {
            self.settle().await;
        }
    }

    /// Time passes, and CI finishes what it began, until no job is left but those that come round regularly.
    pub async fn rests(&mut self) {
        for _ in 0..500 {
            self.settle().await;
            if self.twin.play_ci() > 0 {
                continue;
            }
            if !self.is_busy().await {
                return;
            }
            let mut db = self.ctx.store.read().await.unwrap();
            let due = store::job::next_due(&mut db, Moment(self.now())).await.unwrap();
            self.set_now(due.expect("a queued job becomes due").0);
        }
        panic!("the world does not come to rest: {:?}", self.twin.met().last());
    }

    async fn is_busy(&self) -> bool {
        let counts = store::job::count_by_status(&mut self.ctx.store.read().await.unwrap()).await.unwrap();
        let open =
            counts.iter().filter(|count| matches!(count.status, JobStatus::Queued | JobStatus::Running));
        open.map(|count| count.kind.as_str())
            .any(|kind| !["reconcile", "read_deliveries", "tidy"].contains(&kind))
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub fn set_now(&self, ms: i64) {
        self.clock.store(ms, Ordering::SeqCst);
        self.twin.set_now(ms);
    }

    /// Time passes, and the world settles.
    pub async fn passes(&mut self, time: Duration) {
        self.set_now(self.now() + i64::try_from(time.as_millis()).unwrap());
        self.settle().await;
    }

    /// Reads the bot's comments of a thread, oldest first, as people see them: folded ones count as read but are left out.
    pub fn reads(&mut self, thread: u64) -> Vec<String> {
        let bot = self.bot();
        let all = self.twin.thread(REPO, thread).unwrap();
        let ours: Vec<_> = all.into_iter().filter(|comment| comment.author == bot).collect();
        for comment in &ours {
            self.read.insert(comment.id, comment.body.clone());
        }
        ours.iter()
            .filter(|comment| !host::hides(&self.account, comment))
            .map(|comment| self.clean(&comment.body))
            .collect()
    }

    /// Somebody comments and the world settles; returns the bot's reactions and its [`news`](Self::news).
    pub async fn asks(&mut self, login: &str, thread: u64, body: &str) -> String {
        let comment = self.comments(login, thread, body);
        self.settle().await;
        let reactions = self.reactions(thread, comment).join(" ");
        [reactions, self.news()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// Somebody asks for a protocol on issue #1 and gets a plan of two steps and pull request #2.
    pub async fn planned() -> Self {
        let mut world = Self::new().await;
        world.asks("bob", 1, "/protocol new").await;
        world
    }

    /// What the bot said or changed since it was last read, in every thread: answers as a whole, of the comments that
    /// are kept current the first line.
    pub fn news(&mut self) -> String {
        let bot = self.bot();
        let mut news = Vec::new();
        for thread in 1.. {
            let Ok(comments) = self.twin.thread(REPO, thread) else { break };
            for comment in comments.into_iter().filter(|comment| comment.author == bot) {
                if self.read.insert(comment.id, comment.body.clone()).as_ref() == Some(&comment.body) {
                    continue;
                }
                if host::hides(&self.account, &comment) {
                    continue;
                }
                let is_answer = comment.body.contains("<!-- tasksgodzilla:answer=");
                let body = self.clean(&comment.body);
                let shown = if is_answer { &body } else { body.lines().next().unwrap_or_default() };
                news.push(format!("#{thread} {shown}"));
            }
        }
        news.join("\n")
    }

    /// The bot's check of this name on the head of a branch.
    pub fn check(&self, branch: &str, name: &str) -> CheckView {
        let head = self.twin.branch_head(REPO, branch).unwrap().unwrap();
        let checks = self.twin.checks(REPO, &head).unwrap();
        let mut ours = checks.into_iter().filter(|check| self.account.owns(check) && check.name == name);
        let check = ours.next().unwrap();
        assert!(ours.next().is_none(), "two check runs are called {name}");
        check
    }

    /// The first line of the comment that is kept current in a thread.
    pub fn headline(&mut self, thread: u64) -> String {
        let comments = self.reads(thread);
        comments.first().and_then(|body| body.lines().next()).unwrap_or_default().to_owned()
    }

    /// The bot's reactions to a comment.
    pub fn reactions(&self, thread: u64, comment: u64) -> Vec<String> {
        let comments = self.twin.thread(REPO, thread).unwrap();
        let comment = comments.iter().find(|candidate| candidate.id == comment).unwrap();
        comment.reactions.iter().map(|reaction| reaction.content.clone()).collect()
    }

    fn line(&self, check: &CheckView) -> String {
        let conclusion = host::conclusion(&self.account, check);
        let conclusion = conclusion.map(|conclusion| format!(" {conclusion:?}")).unwrap_or_default();
        let title = check.title.clone().unwrap_or_default();
        format!("{}: {:?}{conclusion}, {}", check.name, check.status, self.clean(&title))
    }

    /// The bot's checks on the head of a branch, one a line: name, state, title.
    pub fn checks(&self, branch: &str) -> String {
        let head = self.twin.branch_head(REPO, branch).unwrap().unwrap();
        let checks = self.twin.checks(REPO, &head).unwrap();
        let mut lines: Vec<String> =
            checks.iter().filter(|check| self.account.owns(check)).map(|check| self.line(check)).collect();
        lines.sort();
        lines.join("\n")
    }

    pub fn bot(&self) -> String {
        self.account.login()
    }

    /// What people call the bot by, after the `@`.
    pub fn slug(&self) -> String {
        self.bot().trim_end_matches("[bot]").to_owned()
    }

    /// The jobs that failed for good, with their errors; the story expects them.
    pub async fn forgives_dead_jobs(&mut self) -> Vec<String> {
        self.forgiven = self.dead().await;
        self.forgiven.clone()
    }

    async fn dead(&self) -> Vec<String> {
        let mut db = self.ctx.store.read().await.unwrap();
        let dead = store::job::list(&mut db, JobStatus::Dead, 10).await.unwrap();
        dead.iter().map(|job| format!("{}: {}", job.kind, job.error)).collect()
    }

    /// Ends the story: every sentence of the bot was read as it stands, GitHub would have taken every request, and no job
    /// failed for good.
    pub async fn finish(self) {
        let bot = self.bot();
        for thread in 1.. {
            let Ok(comments) = self.twin.thread(REPO, thread) else { break };
            for comment in comments.iter().filter(|comment| comment.author == bot) {
                let read = self.read.get(&comment.id);
                assert_eq!(read, Some(&comment.body), "nobody expected this in thread #{thread}");
            }
        }
        let dead = self.dead().await;
        assert_eq!(dead, self.forgiven, "jobs failed for good");
        assert_eq!(host::faults(&self.account, &self.twin), [""; 0], "the forge takes no such requests");
        self.web.stop(false).await;
    }
}

/// On a busy machine the bot may close a connection that was idle for long in the moment in which it is used again.
fn client() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap()
}

/// What differs between runs of a story is replaced: addresses, signatures, commit ids, runs of CI and hidden marks.
pub fn clean(body: &str) -> String {
    let address = regex::Regex::new(r"http://127\.0\.0\.1:\d+([\w./-]*)?(\?[\w=&]+)?").unwrap();
    let sha = regex::Regex::new(r"\b[0-9a-f]{7}([0-9a-f]{33})?\b").unwrap();
    let of_ci = regex::Regex::new(r"/(runs|jobs)/\d{6,}").unwrap();
    let mark = regex::Regex::new(r"\n*<!-- [^>]* -->").unwrap();
    let body = address.replace_all(body, "<$1>");
    let body = sha.replace_all(&body, "<sha>");
    let body = of_ci.replace_all(&body, "/runs/<number>");
    let body = mark.replace_all(&body, "");
    body.replace('\u{200b}', "").trim_end().to_owned()
}

/// The address of a Postgres where `TASKSGODZILLA_TEST_STORE=postgres` says that stories are told on one.
async fn database() -> String {
    match std::env::var("TASKSGODZILLA_TEST_STORE").as_deref() {
        Ok("postgres") => super::postgres::schema().await,
        Ok("sqlite") | Err(_) => String::new(),
        Ok(other) => panic!("TASKSGODZILLA_TEST_STORE is `{other}`; it must be sqlite or postgres"),
    }
}

fn furnish(twin: &Twin) {
    for person in ["ann", "bob", "vera"] {
        twin.user(person);
    }
    twin.organization("acme");
    twin.repository("acme", "api", None).unwrap();
    twin.make_private(REPO).unwrap();
    for (person, role) in [("ann", Role::Admin), ("bob", Role::Write), ("vera", Role::Read)] {
        twin.grant(REPO, person, role).unwrap();
    }
    let files = [("README.md", Some("# API\n")), ("src/lib.rs", Some("\n"))];
    twin.push_as("ann", REPO, "main", &files).unwrap();
    if twin.host() == Host::Gitlab {
        // As on GitHub, where nothing is protected.
        twin.protect(REPO, Role::Write).unwrap();
    }
}

fn raw(account: Raw, folder: &TempDir) -> Raw {
    let inside = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    account
        .with("DB_PATH", inside("bot.sqlite"))
        .with("PROJECTS_ROOT", inside("projects"))
        .with("RUNS_DIR", inside("runs"))
        .with("DEFAULT_ENGINE_ID", "demo")
}
