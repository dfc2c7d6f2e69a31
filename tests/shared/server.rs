//! A private server of a test, that the test may stop and start again: Redis or Postgres.
//!
//! Servers of the whole run, which nobody stops, come from `scripts/with-postgres` and `scripts/with-redis`.

use crate::until::until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// A server on a port of its own. Killed when it is dropped, and when the test is killed.
pub(crate) struct Server {
    child: Option<Child>,
    line: Vec<String>,
    port: u16,
    _room: TempDir,
}

impl Server {
    /// A Redis that keeps nothing.
    pub(crate) async fn redis() -> Self {
        Self::redis_with(&[]).await
    }

    /// The same, with more options for redis-server.
    pub(crate) async fn redis_with(more: &[&str]) -> Self {
        let (room, port) = (TempDir::new().unwrap(), free_port());
        let mut line = words(&["redis-server", "--bind", "127.0.0.1", "--save", "", "--port"]);
        line.extend([port.to_string(), "--dir".to_owned(), room.path().to_string_lossy().into_owned()]);
        line.extend(words(more));
        Self::started(line, port, room).await
    }

    /// A Postgres with a database `postgres` that the user `postgres` enters without a password.
    pub(crate) async fn postgres() -> Self {
        let (room, port) = (TempDir::new().unwrap(), free_port());
        let owner = owner();
        if !owner.is_empty() {
            run(&words(&["chown", "postgres"]), &[room.path().to_str().unwrap()]);
        }
        let data = room.path().join("data").to_string_lossy().into_owned();
        let init = [&owner[..], &[postgres_tool("initdb")]].concat();
        let options = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C"];
        run(&init, &[&options[..], &["--pgdata", &data]].concat());
        let mut line = [owner, vec![postgres_tool("postgres")]].concat();
        line.extend(words(&["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100"]));
        line.extend(words(&["-c", "fsync=off", "-k"]));
        line.extend([room.path().to_string_lossy().into_owned(), "-D".to_owned(), data]);
        line.extend(["-p".to_owned(), port.to_string()]);
        Self::started(line, port, room).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn postgres_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Has it, and every process that it started, stand still, or go on.
    pub(crate) fn signal(&self, signal: Signal) {
        let leader = self.child.as_ref().expect("it runs").id();
        let children = std::fs::read_to_string(format!("/proc/{leader}/task/{leader}/children")).unwrap();
        let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
        for pid in std::iter::once(leader.cast_signed()).chain(children) {
            // A child may have ended since.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Kills it where it stands. Postgres takes its children along and says nothing more to anybody.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A Postgres that is killed outright would leave its children, and they its port.
            let signal = if self.is_postgres() { Signal::SIGQUIT } else { Signal::SIGKILL };
            let _ = kill(Pid::from_raw(child.id().cast_signed()), signal);
            child.wait().unwrap();
        }
    }

    /// Starts it again on the same port, with what it kept.
    pub(crate) async fn start(&mut self) {
        self.stop();
        self.child = Some(spawn(&self.line));
        let what = format!("{} answers on port {}", self.line.join(" "), self.port);
        until(30, &what, async || self.answers().await).await;
    }

    async fn started(line: Vec<String>, port: u16, room: TempDir) -> Self {
        let mut server = Self { child: None, line, port, _room: room };
        server.start().await;
        server
    }

    fn is_postgres(&self) -> bool {
        self.line.iter().any(|word| word.ends_with("/postgres"))
    }

    async fn answers(&self) -> bool {
        if self.is_postgres() {
            use sqlx::Connection as _;
            return sqlx::PgConnection::connect(&self.postgres_url()).await.is_ok();
        }
        TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Postgres refuses to run as root.
fn owner() -> Vec<String> {
    match nix::unistd::Uid::effective().is_root() {
        true => words(&["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]),
        false => Vec::new(),
    }
}

fn postgres_tool(name: &str) -> String {
    let mut homes: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    homes.sort();
    let found = homes.pop().map(|home| home.join("bin").join(name)).filter(|tool| tool.exists());
    let found = found.unwrap_or_else(|| panic!("there is no {name}; install the PostgreSQL server"));
    found.to_string_lossy().into_owned()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[track_caller]
fn run(line: &[String], more: &[&str]) {
    let done = Command::new(&line[0]).args(&line[1..]).args(more).current_dir("/").output();
    let done = done.unwrap_or_else(|error| panic!("{}: {error}", line[0]));
    assert!(done.status.success(), "{line:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Should the test be killed, the kernel stops the server. That counts from the death of the thread that started it, so
/// servers are started by the thread of the test.
fn spawn(line: &[String]) -> Child {
    let signal = if line.iter().any(|word| word.ends_with("/postgres")) { "QUIT" } else { "KILL" };
    let mortal = words(&["setpriv", "--pdeathsig", signal]);
    // A change of the user takes the wish back, so it is made first.
    let changed = line.iter().position(|word| word == "--clear-groups").map_or(0, |last| last + 1);
    let line = [&line[..changed], &mortal, &line[changed..]].concat();
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("{line:?}: {error}"))
}
