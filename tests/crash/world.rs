//! One world: a twin, a bot that is started again whenever it died, and time that only the test moves.

use super::backend::{Backend, Ground};
use super::killer::Fate;
use super::point::Point;
use super::wire::{Hands, Told};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tasksgodzilla::config::Raw;
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::sandbox::{Account, Ci, Host, Role, Twin, TwinOptions};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// The repository of the story.
pub const REPO: &str = "acme/api";
/// When the story begins: 2027-01-15 08:00:00 UTC.
const BEGIN: Moment = Moment(1_800_000_000_000);
/// How far time moves by itself while the bot has nothing to do: over gathered reports and retries.
const SOON: Duration = Duration::from_secs(8);
/// The bot's lease; a dead bot's jobs are free afterwards.
const LEASE: Duration = Duration::from_secs(10);
/// How long anything may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rounds of deliveries, work and waiting after one act of a person.
const ROUNDS: usize = 500;

pub struct World {
    pub twin: Twin,
    pub account: Account,
    pub folder: TempDir,
    pub ground: Ground,
    /// The points that the bot came by, and those at or near which it died, in order.
    pub met: BTreeSet<Point>,
    pub deaths: Vec<Point>,
    destiny: Destiny,
    order: Order,
    buried: usize,
    hands: Hands,
    listener: TcpListener,
    client: reqwest::Client,
    bot: Option<Bot>,
}

/// Whether jobs run one after the other, and only when no delivery comes in, so that it is the same in every world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Kept,
    Free,
}

/// Says, from the deaths so far, how the next process dies.
pub type Destiny = Box<dyn Fn(&[Point]) -> Fate + Send>;

/// A running bot.
struct Bot {
    process: Child,
    /// What it says; read all the time, so that it never waits for somebody to listen.
    told: UnboundedReceiver<Told>,
}

/// What came of waiting for the bot.
enum Heard {
    Idle(Option<Moment>),
    Died,
}

impl World {
    /// `acme/api` with an issue #1 by ann (admin), bob (write) and vera (read).
    pub async fn new(forge: Host, backend: Backend, order: Order, destiny: Destiny) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = TwinOptions { host: forge, now: Some(BEGIN.0), ..TwinOptions::default() };
        let twin = Twin::start(options).await.unwrap();
        furnish(&twin);
        let account = Account::open(&twin, REPO).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let mut world = Self {
            ground: backend.ground(folder.path()).await,
            met: BTreeSet::new(),
            deaths: Vec::new(),
            hands: Hands { now: BEGIN, serial: 1, hold: false },
            client: reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap(),
            bot: None,
            destiny,
            order,
            buried: 0,
            twin,
            account,
            folder,
            listener,
        };
        world.hands.write(&world.file("hands"));
        world.account.install(&world.twin, REPO, &address).unwrap();
        world.twin.open_issue("ann", REPO, "Split the importer", "It does too much.").unwrap();
        world.settle().await;
        world
    }

    /// Somebody comments, and the world settles.
    pub async fn says(&mut self, login: &str, thread: u64, body: &str) {
        if let Err(error) = self.twin.comment(login, REPO, thread, body) {
            let deaths: Vec<String> = self.deaths.iter().map(Point::to_string).collect();
            panic!("{error}, after\n{}\nthe bot says:\n{}", deaths.join("\n"), self.log());
        }
        self.settle().await;
    }

    /// CI finishes what it began, and the world settles, until CI has nothing left.
    pub async fn ci_finishes(&mut self) {
        while self.twin.play_ci() > 0 {
            self.settle().await;
        }
    }

    /// Time passes, and the world settles.
    pub async fn passes(&mut self, time: Duration) {
        self.set(Hands { now: self.hands.now.plus(time), ..self.hands });
        self.settle().await;
    }

    /// Deliveries are made, jobs run, and the bot is started again, until nothing is left but what waits for a later time.
    pub async fn settle(&mut self) {
        for _ in 0..ROUNDS {
            self.wake_up();
            if !self.deliver().await {
                self.bury().await;
                continue;
            }
            match self.listen().await {
                Heard::Died => self.bury().await,
                Heard::Idle(_) if !self.twin.pending().is_empty() => {}
                Heard::Idle(Some(due)) if due <= self.hands.now.plus(SOON) => {
                    self.set(Hands { now: due, ..self.hands });
                }
                Heard::Idle(_) => return,
            }
        }
        panic!("the world does not settle; the bot says:\n{}", self.log());
    }

    /// Posts every webhook that waits. `false` when the bot died of one, which is sent again later.
    async fn deliver(&mut self) -> bool {
        self.set(Hands { hold: self.order == Order::Kept, ..self.hands });
        while let Some(next) = self.twin.pending().into_iter().next() {
            let bot = self.bot.as_mut().unwrap();
            let delivered = tokio::select! {
                delivered = self.twin.deliver_next(&self.client) => delivered.is_some_and(|answer| answer.status == 202),
                _ = bot.process.wait() => false,
            };
            if !delivered {
                self.twin.redeliver(&next.guid).unwrap();
                return false;
            }
        }
        true
    }

    /// Lets the bot work, and waits until it has nothing to do or is dead.
    async fn listen(&mut self) -> Heard {
        self.set(Hands { hold: false, ..self.hands });
        let bot = self.bot.as_mut().unwrap();
        loop {
            let Ok(told) = timeout(PATIENCE, bot.told.recv()).await else {
                panic!("the bot does not come to rest; it says:\n{}", self.log());
            };
            match told {
                None => return Heard::Died,
                Some(Told::Met(point)) => drop(self.met.insert(point)),
                Some(Told::Dies(point)) => self.deaths.push(point),
                Some(Told::Idle { serial, due }) if serial == self.hands.serial => return Heard::Idle(due),
                Some(Told::Idle { .. }) => {}
            }
        }
    }

    /// Starts the bot if there is none.
    fn wake_up(&mut self) {
        if self.bot.is_none() {
            (self.destiny)(&self.deaths).write(&self.file("fate"));
            self.bot = Some(self.start());
        }
    }

    /// Hears the last words of a dead bot, and lets time pass until its jobs are free.
    async fn bury(&mut self) {
        let mut bot = self.bot.take().unwrap();
        while let Some(told) = bot.told.recv().await {
            match told {
                Told::Met(point) => drop(self.met.insert(point)),
                Told::Dies(point) => self.deaths.push(point),
                Told::Idle { .. } => {}
            }
        }
        let status = bot.process.wait().await.unwrap();
        self.buried += 1;
        assert!(
            self.deaths.len() == self.buried,
            "the bot ended by itself with {status}; it says:\n{}",
            self.log()
        );
        self.ground.forgets_the_dead().await;
        self.set(Hands { now: self.hands.now.plus(LEASE + Duration::from_secs(1)), ..self.hands });
    }

    /// Kills the bot, which has nothing to do.
    pub async fn stop(&mut self) {
        let mut bot = self.bot.take().unwrap();
        bot.process.kill().await.unwrap();
    }

    fn start(&self) -> Bot {
        let listener = OwnedFd::from(self.listener.try_clone().unwrap());
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(self.file("log")).unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("bot")
            .args([self.file("hands"), self.file("fate")])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("RUST_BACKTRACE", "1")
            .envs(self.settings())
            .stdin(listener)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (teller, told) = unbounded_channel();
        tokio::spawn(hear(process.stdout.take().unwrap(), teller));
        Bot { process, told }
    }

    /// The bot's settings, in the form of variables.
    fn settings(&self) -> BTreeMap<String, String> {
        let inside = |name: &str| self.file(name).to_string_lossy().into_owned();
        let agent = [std::env::current_exe().unwrap().to_string_lossy().into_owned(), "agent".to_owned()];
        let raw = self
            .account
            .settings(&self.twin, Raw::default())
            .with("PROJECTS_ROOT", inside("projects"))
            .with("RUNS_DIR", inside("runs"))
            .with("LEASE_SECONDS", LEASE.as_secs().to_string())
            .with("DEFAULT_ENGINE_ID", "demo")
            .with("EXEC_ENGINE_ID", "command")
            .with("COMMAND_ENGINE", serde_json::to_string(&agent).unwrap());
        self.ground.settings().into_iter().fold(raw, |raw, (name, text)| raw.with(name, text)).0
    }

    fn set(&mut self, hands: Hands) {
        self.hands = Hands { serial: self.hands.serial + 1, ..hands };
        self.hands.write(&self.file("hands"));
        self.twin.set_now(self.hands.now.0);
    }

    pub fn now(&self) -> Moment {
        self.hands.now
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The end of what all bots of this world wrote to their standard error.
    pub fn log(&self) -> String {
        const TAIL: usize = 20_000;
        let text = std::fs::read_to_string(self.file("log")).unwrap_or_default();
        text[text.ceil_char_boundary(text.len().saturating_sub(TAIL))..].to_owned()
    }
}

async fn hear(stdout: ChildStdout, teller: UnboundedSender<Told>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        // Nobody listens to a bot that was stopped in the end.
        let _ = teller.send(Told::parse(&line));
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
    twin.push_as("ann", REPO, "main", &[("README.md", Some("# API\n"))]).unwrap();
    twin.push_as("ann", REPO, "before", &[("BEFORE.md", Some("For looking at main from here.\n"))]).unwrap();
    twin.set_ci(REPO, Ci::Green).unwrap();
}
