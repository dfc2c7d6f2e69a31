//! A place where the program is installed: its settings, its folder, and a GitHub in a box.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tasksgodzilla::app::{self, Observers};
use tasksgodzilla::config::{self, Manifest, Needs, Raw, Settings};
use tasksgodzilla::sandbox::github::{Access, AppCredentials, AppSpec};
use tasksgodzilla::sandbox::{Account, Delivered, Role, Twin, TwinOptions};
use tasksgodzilla::store::{Store, job};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

pub(super) const REPO: &str = "acme/api";
pub(super) const API_TOKEN: &str = "api-token-of-the-operator";
/// How long the program may take for anything before the test has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Place {
    pub(super) twin: Twin,
    pub(super) app: AppCredentials,
    pub(super) installation: u64,
    pub(super) folder: TempDir,
    pub(super) port: u16,
    env: BTreeMap<String, String>,
}

/// How a run of the program ended.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Place {
    /// Everything as it should be; the engine needs no credentials.
    pub(super) async fn new() -> Self {
        Self::with(TwinOptions::default()).await
    }

    pub(super) async fn with(options: TwinOptions) -> Self {
        let twin = Twin::start(options).await.unwrap();
        twin.organization("acme");
        twin.user("bob");
        twin.repository("acme", "api", None).unwrap();
        twin.make_private(REPO).unwrap();
        twin.grant(REPO, "bob", Role::Write).unwrap();
        twin.push_as("acme", REPO, "main", &[("README.md", Some("# API\n"))]).unwrap();
        let port = free_port();
        let (permissions, events) = wanted();
        let permissions: Vec<_> = permissions.iter().map(|(name, access)| (name.as_str(), *access)).collect();
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        let hook = format!("http://127.0.0.1:{port}/webhooks/github");
        let spec =
            AppSpec { name: "Godzilla", permissions: &permissions, events: &events, webhook: Some(&hook) };
        let app = twin.register_app(&spec).unwrap();
        let installation = twin.install(app.app_id, &[REPO]).unwrap();
        twin.open_issue("bob", REPO, "Split the importer", "It does too much.").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut place = Self { twin, app, installation, folder, port, env: BTreeMap::new() };
        place.furnish();
        place
    }

    fn furnish(&mut self) {
        let inside = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        let port = self.port;
        let settings = [
            ("PUBLIC_URL", format!("http://127.0.0.1:{port}")),
            ("API_PORT", port.to_string()),
            ("API_TOKEN", API_TOKEN.to_owned()),
            ("DB_PATH", inside("bot.sqlite")),
            ("PROJECTS_ROOT", inside("projects")),
            ("RUNS_DIR", inside("runs")),
            ("DEFAULT_ENGINE_ID", "demo".to_owned()),
        ];
        self.env = Account::Github(self.app.clone()).settings(&self.twin, Raw::default()).0;
        for (name, text) in settings {
            self.set(name, text);
        }
        self.env.insert("PATH".to_owned(), std::env::var("PATH").unwrap());
    }

    /// Sets one of our settings, named without its prefix.
    pub(super) fn set(&mut self, name: &str, text: impl Into<String>) {
        self.env.insert(format!("TASKSGODZILLA_{name}"), text.into());
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.env.remove(&format!("TASKSGODZILLA_{name}")).unwrap();
    }

    /// Sets a variable that is not ours.
    pub(super) fn set_foreign(&mut self, name: &str, text: impl Into<String>) {
        self.env.insert(name.to_owned(), text.into());
    }

    /// GitHub sends what it has to say.
    pub(super) async fn delivers(&self) -> Vec<Delivered> {
        self.twin.deliver_all(&reqwest::Client::builder().no_proxy().build().unwrap()).await
    }

    /// Bob comments, and GitHub tells the bot.
    pub(super) async fn comments(&self, thread: u64, body: &str) {
        self.twin.comment("bob", REPO, thread, body).unwrap();
        let delivered = self.delivers().await;
        assert!(delivered.iter().all(|hook| hook.status == 202), "{delivered:?}");
    }

    pub(super) fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn command(&self, args: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_tasksgodzilla")), args)
    }

    pub(super) fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.env).current_dir(self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end. Whatever it says, no secret is in it.
    pub(super) async fn run(&self, args: &[&str]) -> Ended {
        let output =
            tokio::time::timeout(PATIENCE, self.command(args).output()).await.expect("it ends").unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        self.holds_no_secret(&out);
        self.holds_no_secret(&err);
        Ended { code: output.status.code(), out, err }
    }

    #[track_caller]
    pub(super) fn holds_no_secret(&self, text: &str) {
        let key = self.app.private_key_pem.lines().nth(1).unwrap();
        for secret in [self.app.webhook_secret.as_str(), API_TOKEN, key, "ghs_"] {
            assert!(!text.contains(secret), "a secret is told: {text}");
        }
    }

    /// Starts the bot, and returns when it listens.
    pub(super) async fn serve(&self) -> Serving {
        self.start(&["serve"]).await
    }

    pub(super) async fn start(&self, args: &[&str]) -> Serving {
        Self::listens(&mut self.command(args)).await
    }

    pub(super) async fn listens(command: &mut Command) -> Serving {
        command.stdout(Stdio::null());
        let mut serving = Serving::of(command.spawn().unwrap());
        serving.says("listening").await;
        serving
    }

    pub(super) fn settings(&self) -> Settings {
        Settings::check(&Raw(self.env.clone()), Needs::Forge).unwrap()
    }

    /// The bot's store, made if it is not there.
    pub(super) async fn store(&self) -> Store {
        app::open_store(&self.settings(), app::system_clock(), &Observers::default()).await.unwrap()
    }

    /// Waits until a worker has done the regular pass.
    pub(super) async fn until_worked(&self) {
        let store = self.store().await;
        let mut again = tokio::time::interval(Duration::from_millis(20));
        let worked = tokio::time::timeout(PATIENCE, async {
            while job::last_done(&mut store.read().await.unwrap(), "reconcile").await.unwrap().is_none() {
                again.tick().await;
            }
        });
        worked.await.expect("somebody works");
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }
}

/// The rights and events of the manifest, as the twin takes them.
pub(super) fn wanted() -> (Vec<(String, Access)>, Vec<String>) {
    let manifest = Manifest::embedded();
    let granted = |access: &config::Access| match access {
        config::Access::Read => Access::Read,
        config::Access::Write => Access::Write,
    };
    let permissions = manifest.default_permissions.iter();
    (permissions.map(|(name, access)| (name.clone(), granted(access))).collect(), manifest.default_events)
}

/// A port that is free now. Somebody may take it before it is used; then the test fails, and says so.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Looks again and again until `look` finds something.
pub(super) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut again = tokio::time::interval(Duration::from_millis(20));
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            again.tick().await;
            if let Some(found) = look() {
                return found;
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("it never came to be that {what}"))
}

/// A program that may be run, with this text.
pub(super) fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A running bot and its log. Killed when it is dropped.
pub(super) struct Serving {
    child: Child,
    coming: mpsc::UnboundedReceiver<String>,
    /// What was read so far.
    pub(super) lines: Vec<String>,
}

impl Serving {
    fn of(mut child: Child) -> Self {
        let (line, coming) = mpsc::unbounded_channel();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        tokio::spawn(async move {
            while let Ok(Some(text)) = log.next_line().await {
                if line.send(text).is_err() {
                    return;
                }
            }
        });
        Self { child, coming, lines: Vec::new() }
    }

    /// Waits for a line of the log that holds `words`, and returns it.
    #[track_caller]
    pub(super) fn says(&mut self, words: &str) -> impl Future<Output = String> {
        self.says_what(words.to_owned(), std::panic::Location::caller())
    }

    async fn says_what(&mut self, words: String, place: &'static std::panic::Location<'static>) -> String {
        let found = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.coming.recv().await {
                self.lines.push(line.clone());
                if line.contains(&words) {
                    return Some(line);
                }
            }
            None
        });
        let found = found.await.unwrap_or_default();
        found.unwrap_or_else(|| panic!("{place}: the log never says {words:?}: {:#?}", self.lines))
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Stops the bot in order, and returns all that it logged.
    pub(super) async fn stop(mut self) -> Vec<String> {
        let pid = nix::unistd::Pid::from_raw(self.pid().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let ended = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.coming.recv().await {
                self.lines.push(line);
            }
            self.child.wait().await.unwrap()
        });
        let status = ended.await.expect("it stops");
        assert!(status.success(), "{status}: {:#?}", self.lines);
        self.lines
    }
}
