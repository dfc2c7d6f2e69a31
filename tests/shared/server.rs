//! A private server of a test, that the test may stop and start again: Redis, or Postgres by `postgres_server.rs`.
//!
//! Servers of the whole run, which nobody stops, come from `scripts/with-postgres` and `scripts/with-redis`.

use crate::until::until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// A server on a port of its own. Killed when it is dropped, and when the test is killed.
pub(crate) struct Server {
    pub(crate) child: Option<Child>,
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

    pub(crate) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn postgres_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
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

    pub(crate) async fn started(line: Vec<String>, port: u16, room: TempDir) -> Self {
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

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
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
