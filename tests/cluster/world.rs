//! A GitHub in a box, a database, a Redis perhaps, and any number of bots beside each other on all of these.

use crate::postgres;
use crate::process::{Process, with_token};
use crate::server::{Server, free_port};
use crate::until::until;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tasksgodzilla::app::system_clock;
use tasksgodzilla::config::{Manifest, Raw};
use tasksgodzilla::domain::drive;
use tasksgodzilla::domain::ids::JobId;
use tasksgodzilla::domain::project::{Protocol, PullState};
use tasksgodzilla::domain::protocol::ProtocolStatus;
use tasksgodzilla::sandbox::github::AppCredentials;
use tasksgodzilla::sandbox::{Account, CheckStatus, Ci, Role, Twin, TwinOptions};
use tasksgodzilla::store::job::{self, JobStatus, StoredJob};
use tasksgodzilla::store::{self, Store, StoreSettings, StoreUrl};
use tempfile::TempDir;

pub(crate) const REPO: &str = "acme/api";

pub(crate) struct World {
    pub(crate) twin: Twin,
    pub(crate) store: Store,
    pub(crate) settings: StoreSettings,
    pub(crate) redis: Option<Server>,
    app: AppCredentials,
    client: reqwest::Client,
    env: BTreeMap<String, String>,
    asked: BTreeMap<i64, Vec<&'static str>>,
    expected: usize,
    folder: TempDir,
}

/// Where a world's bots keep what they know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Sqlite,
    Postgres,
    PostgresAndRedis,
}

impl World {
    /// `acme/api` with a CI that is green, and bob who may do everything. Leases last three seconds.
    pub(crate) async fn new(kept: Kept) -> Self {
        let world = Self::empty(kept).await;
        world.store.migrate().await.unwrap();
        world
    }

    /// The same, with a database that no bot has seen.
    pub(crate) async fn empty(kept: Kept) -> Self {
        let folder = tempfile::Builder::new().prefix("cluster-").tempdir().unwrap();
        let twin = Twin::start(TwinOptions::default()).await.unwrap();
        let app = furnish(&twin);
        let (url, setting) = match kept {
            Kept::Sqlite => {
                let path = folder.path().join("bot.sqlite");
                (StoreUrl::Sqlite(path.clone()), ("DB_PATH", path.to_string_lossy().into_owned()))
            }
            Kept::Postgres | Kept::PostgresAndRedis => {
                let url = postgres::schema().await;
                (StoreUrl::Postgres(url.clone().into()), ("DB_URL", url))
            }
        };
        let redis = match kept {
            Kept::PostgresAndRedis => Some(Server::redis().await),
            Kept::Sqlite | Kept::Postgres => None,
        };
        let settings = StoreSettings::new(url, 2);
        let store = Store::open(&settings, system_clock()).await.unwrap();
        let engine = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/engine.sh");
        let mut env = Account::Github(app.clone()).settings(&twin, Raw::default()).0;
        let mut set =
            |name: &str, text: &str| drop(env.insert(format!("TASKSGODZILLA_{name}"), text.to_owned()));
        set("PUBLIC_URL", "https://bot.example");
        set(setting.0, &setting.1);
        set("DEFAULT_ENGINE_ID", "command");
        set("COMMAND_ENGINE", &serde_json::json!(["/bin/sh", engine]).to_string());
        set("DECOMPOSE", "false");
        set("LEASE_SECONDS", "3");
        set("LOG_LEVEL", "info,tasksgodzilla=debug");
        if let Some(redis) = &redis {
            set("REDIS_URL", &redis.redis_url());
        }
        // Like GitHub it gives up on a door that does not answer, only sooner.
        let client =
            reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(Duration::from_secs(3));
        let client = client.build().unwrap();
        Self { twin, store, settings, redis, app, client, env, asked: BTreeMap::new(), expected: 0, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn app_id(&self) -> u64 {
        self.app.app_id
    }

    /// Starts a bot as a machine of its own would: with folders of its own, by its name.
    pub(crate) fn start(&self, name: &str, args: &[&str], settings: &[(&str, &str)]) -> Process {
        let ours: Vec<_> =
            settings.iter().map(|(name, text)| (format!("TASKSGODZILLA_{name}"), *text)).collect();
        let ours: Vec<(&str, &str)> = ours.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        self.start_with(name, args, &ours)
    }

    /// The same, with variables of any name.
    pub(crate) fn start_with(&self, name: &str, args: &[&str], variables: &[(&str, &str)]) -> Process {
        let home = self.folder.path().join(name);
        std::fs::create_dir_all(&home).unwrap();
        let inside = |what: &str| home.join(what).to_string_lossy().into_owned();
        let mut env = self.env.clone();
        env.insert("TASKSGODZILLA_PROJECTS_ROOT".to_owned(), inside("projects"));
        env.insert("TASKSGODZILLA_RUNS_DIR".to_owned(), inside("runs"));
        env.extend(variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        Process::start(args, &env, self.log_of(name))
    }

    pub(crate) fn log_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// Starts a door on this port; see [`door`].
    pub(crate) fn start_web(&self, name: &str, port: u16, args: &[&str]) -> Process {
        self.start(name, &[&["serve"], args].concat(), &[("API_PORT", &port.to_string())])
    }

    /// Installs the App, once its doors are open; webhooks go to each of them in turn.
    pub(crate) async fn install(&mut self, doors: &[u16]) {
        for port in doors {
            until(30, "the door is open", async || self.client.get(health(*port)).send().await.is_ok()).await;
        }
        let front = front(doors.to_vec()).await;
        self.twin.set_webhook(self.app.app_id, &format!("http://127.0.0.1:{front}/webhooks/github"));
        self.twin.install(self.app.app_id, &[REPO]).unwrap();
    }

    /// Delivers every webhook that waits. What was not taken is sent again later, as the button in the App's settings does.
    pub(crate) async fn deliver(&self) {
        for _ in 0..self.twin.pending().len() {
            let Some(delivered) = self.twin.deliver_next(&self.client).await else { return };
            if delivered.status != 202 {
                self.twin.redeliver(&delivered.guid).unwrap();
            }
        }
    }

    /// Bob opens an issue and asks for a protocol.
    pub(crate) fn asks(&self, title: &str) -> u64 {
        let issue = self.twin.open_issue("bob", REPO, title, "It does too much.").unwrap();
        self.twin.comment("bob", REPO, issue, "/protocol new").unwrap();
        issue
    }

    /// Bob looks at every protocol and says what comes next; CI finishes what it began.
    pub(crate) async fn goes_on(&mut self) {
        self.twin.play_ci();
        for protocol in self.protocols().await {
            let steps =
                store::step::of_protocol(&mut self.store.read().await.unwrap(), protocol.id).await.unwrap();
            let ready = protocol.pull.as_ref().is_some_and(|pull| pull.state == PullState::Ready);
            let words = match protocol.status() {
                ProtocolStatus::Planned if !drive::all_done(&steps) => "/protocol run",
                ProtocolStatus::Planned if ready => "/protocol merge",
                ProtocolStatus::Blocked | ProtocolStatus::Failed => {
                    panic!(
                        "{} is {:?}: {:?}\n{}",
                        protocol.branch(),
                        protocol.status(),
                        protocol.state.reasons,
                        self.logs()
                    )
                }
                _ => continue,
            };
            let asked = self.asked.entry(protocol.id.0).or_default();
            if !asked.contains(&words) {
                asked.push(words);
                self.twin.comment("bob", REPO, protocol.asked_in.number, words).unwrap();
            }
        }
    }

    pub(crate) async fn protocols(&self) -> Vec<Protocol> {
        let Ok(mut db) = self.store.read().await else { return Vec::new() };
        store::protocol::list(&mut db, 100).await.unwrap_or_default()
    }

    /// Bob says it on the issue of the only protocol, if he has not yet.
    pub(crate) async fn says_once(&mut self, words: &'static str) {
        let protocol = self.protocols().await.pop().expect("there is a protocol");
        let asked = self.asked.entry(protocol.id.0).or_default();
        if protocol.status() == ProtocolStatus::Planned && !asked.contains(&words) {
            asked.push(words);
            self.twin.comment("bob", REPO, protocol.asked_in.number, words).unwrap();
        }
    }

    /// Whether the only protocol has a pull request in this state.
    pub(crate) async fn has_pull(&self, state: PullState) -> bool {
        let protocol = self.protocols().await.pop();
        protocol.and_then(|protocol| protocol.pull).is_some_and(|pull| pull.state == state)
    }

    /// The number of the only protocol's pull request.
    pub(crate) async fn pull(&self) -> u64 {
        self.protocols().await.pop().unwrap().pull.unwrap().number
    }

    /// The head of the only protocol.
    pub(crate) async fn head(&self) -> String {
        self.protocols().await.pop().unwrap().head.unwrap().as_str().to_owned()
    }

    pub(crate) async fn job(&self, id: JobId) -> StoredJob {
        job::load(&mut self.store.read().await.unwrap(), id).await.unwrap().unwrap()
    }

    /// How many protocols this story has in the end.
    pub(crate) fn expects(&mut self, protocols: usize) {
        self.expected = protocols;
    }

    /// Every protocol that is expected is there and completed.
    pub(crate) async fn is_done(&self) -> bool {
        let all = self.protocols().await;
        let completed = all.iter().filter(|protocol| protocol.status() == ProtocolStatus::Completed).count();
        completed == self.expected
    }

    /// How everything stands, one line each.
    pub(crate) async fn shown(&self) -> String {
        let mut lines = Vec::new();
        for protocol in self.protocols().await {
            lines.push(format!("{} {:?}", protocol.branch(), protocol.status()));
            let Ok(mut db) = self.store.read().await else { continue };
            for step in store::step::of_protocol(&mut db, protocol.id).await.unwrap_or_default() {
                lines.push(format!("  step {} {:?}, CI {:?}", step.number, step.status, step.ci));
            }
            for job in job::open_of_protocol(&mut db, protocol.id).await.unwrap_or_default() {
                lines.push(format!(
                    "  {} {:?} attempt {} {}",
                    job.job.kind(),
                    job.status,
                    job.attempt,
                    job.error
                ));
            }
        }
        lines.join("\n")
    }

    /// Jobs that run now.
    pub(crate) async fn running(&self) -> Vec<StoredJob> {
        let mut running = Vec::new();
        let Ok(mut db) = self.store.read().await else { return running };
        for protocol in store::protocol::list(&mut db, 100).await.unwrap_or_default() {
            let open = job::open_of_protocol(&mut db, protocol.id).await.unwrap_or_default();
            running.extend(open.into_iter().filter(|job| job.status == JobStatus::Running));
        }
        running
    }

    /// Nothing runs, nothing is due but the regular look, and no webhook waits.
    pub(crate) async fn is_quiet(&self) -> bool {
        let mut db = self.store.read().await.unwrap();
        let counts = job::count_by_status(&mut db).await.unwrap();
        let open =
            counts.iter().filter(|count| matches!(count.status, JobStatus::Running | JobStatus::Queued));
        let is_regular = |kind: &str| ["reconcile", "read_deliveries", "tidy"].contains(&kind);
        let is_idle = open.map(|count| count.kind.as_str()).all(is_regular);
        is_idle && self.twin.pending().is_empty()
    }

    pub(crate) async fn count(&self, kind: &str) -> u64 {
        let counts = job::count_by_status(&mut self.store.read().await.unwrap()).await.unwrap();
        counts.iter().filter(|count| count.kind == kind).map(|count| count.count).sum()
    }

    /// The ends of all logs, for whoever has to find out what went wrong.
    pub(crate) fn logs(&self) -> String {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().flatten().map(|entry| entry.path());
        let logs = entries.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
        let end = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(60).collect();
            format!("==== {}\n{}", path.display(), lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
        };
        logs.map(end).collect::<Vec<_>>().join("\n")
    }

    /// What people see in the end, and what is left on the machine, once every protocol is completed and every bot ended.
    pub(crate) async fn ended_well(&self) {
        let protocols = self.protocols().await;
        let pulls = self.twin.pulls(REPO).unwrap();
        assert_eq!(pulls.len(), protocols.len(), "a pull request for each protocol");
        for protocol in &protocols {
            assert_eq!(protocol.status(), ProtocolStatus::Completed);
            self.has_each_commit_once(protocol).await;
            self.has_each_comment_once(protocol);
        }
        self.has_no_dead_job().await;
        assert_eq!(with_token(&self.folder.path().to_string_lossy()), [""; 0], "processes are left");
        assert_eq!(self.worktrees(), [""; 0], "worktrees are left");
    }

    async fn has_each_commit_once(&self, protocol: &Protocol) {
        let base = protocol.base_sha.as_ref().unwrap().as_str().to_owned();
        let commits = self.commits(&base, &protocol.branch()).await;
        let mut subjects: Vec<&str> = commits.iter().map(|(_, subject)| subject.as_str()).collect();
        assert_eq!(subjects.len(), 4, "a plan and three steps: {subjects:?}");
        subjects.sort_unstable();
        subjects.dedup();
        assert_eq!(subjects.len(), 4, "each once: {subjects:?}");
        for (sha, _) in &commits {
            let checks = self.twin.checks(REPO, sha).unwrap();
            let ours: Vec<_> = checks.iter().filter(|check| check.app == self.app.app_id).collect();
            let mut names: Vec<&str> = ours.iter().map(|check| check.name.as_str()).collect();
            let open: Vec<_> = ours.iter().filter(|check| check.status != CheckStatus::Completed).collect();
            assert!(open.is_empty(), "in progress for ever: {open:?}");
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "each check once on {sha}: {names:?}");
        }
    }

    /// Commits of a branch over a commit, oldest first: id and subject.
    async fn commits(&self, base: &str, branch: &str) -> Vec<(String, String)> {
        let url = format!("{}/{REPO}.git", self.twin.url());
        let clone = self.folder.path().join(format!("look-{branch}"));
        let token = self.twin.user("bob");
        let auth = format!("http.extraHeader=Authorization: Basic {}", basic("bob", &token));
        git(
            &["-c", &auth, "clone", "-q", "--bare", &url, &clone.to_string_lossy()],
            &self.folder.path().to_path_buf(),
        );
        let listed = git(&["log", "--reverse", "--format=%H %s", &format!("{base}..{branch}")], &clone);
        listed
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(sha, s)| (sha.to_owned(), s.to_owned()))
            .collect()
    }

    fn has_each_comment_once(&self, protocol: &Protocol) {
        let bot = format!("{}[bot]", self.app.slug);
        let mark = regex::Regex::new("<!-- (tasksgodzilla:[^>]*) -->").unwrap();
        for thread in [protocol.asked_in.number, protocol.pull.as_ref().unwrap().number] {
            let comments = self.twin.thread(REPO, thread).unwrap();
            let ours = comments.iter().filter(|comment| comment.author == bot);
            let mut marks: Vec<&str> = ours
                .map(|comment| mark.captures(&comment.body).expect("a mark").get(1).unwrap().as_str())
                .collect();
            assert!(!marks.is_empty(), "the bot says something in #{thread}");
            marks.sort_unstable();
            let all = marks.len();
            marks.dedup();
            assert_eq!(marks.len(), all, "each comment once in #{thread}: {marks:?}");
        }
    }

    async fn has_no_dead_job(&self) {
        let dead = job::list(&mut self.store.read().await.unwrap(), JobStatus::Dead, 10).await.unwrap();
        let dead: Vec<String> = dead.iter().map(|job| format!("{}: {}", job.kind, job.error)).collect();
        assert_eq!(dead, [""; 0], "jobs died");
        let counts = job::count_by_status(&mut self.store.read().await.unwrap()).await.unwrap();
        let running: Vec<_> = counts.iter().filter(|count| count.status == JobStatus::Running).collect();
        assert!(running.is_empty(), "{running:?}");
    }

    /// Everything in the worktree folders of all bots.
    pub(crate) fn worktrees(&self) -> Vec<String> {
        let mut found = Vec::new();
        for bot in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
            for project in std::fs::read_dir(bot.path().join("projects")).into_iter().flatten().flatten() {
                let trees =
                    std::fs::read_dir(project.path().join("worktrees")).into_iter().flatten().flatten();
                found.extend(trees.map(|tree| tree.path().to_string_lossy().into_owned()));
            }
        }
        found
    }
}

/// Listens before these doors and hands each connection to the next of them. Where nobody opens, it is closed.
async fn front(doors: Vec<u16>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for door in doors.into_iter().cycle() {
            let Ok((mut from, _)) = listener.accept().await else { return };
            tokio::spawn(async move {
                if let Ok(mut to) = tokio::net::TcpStream::connect(("127.0.0.1", door)).await {
                    // Either side may end it.
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    });
    port
}

fn health(port: u16) -> String {
    format!("http://127.0.0.1:{port}/health")
}

/// A port for a door, which keeps it when it is started again.
pub(crate) fn door() -> u16 {
    free_port()
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
}

fn git(args: &[&str], dir: &PathBuf) -> String {
    let done = std::process::Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output();
    let done = done.unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn furnish(twin: &Twin) -> AppCredentials {
    twin.user("bob");
    twin.organization("acme");
    twin.repository("acme", "api", None).unwrap();
    twin.make_private(REPO).unwrap();
    twin.grant(REPO, "bob", Role::Admin).unwrap();
    let files = [("README.md", Some("# API\n")), ("src/lib.rs", Some("\n"))];
    twin.push_as("bob", REPO, "main", &files).unwrap();
    twin.set_ci(REPO, Ci::Green).unwrap();
    twin.register_manifest(&Manifest::embedded()).unwrap()
}
