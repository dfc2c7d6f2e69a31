//! A private Postgres of a test.

use crate::server::{Server, free_port, words};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

impl Server {
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

#[track_caller]
fn run(line: &[String], more: &[&str]) {
    let done = Command::new(&line[0]).args(&line[1..]).args(more).current_dir("/").output();
    let done = done.unwrap_or_else(|error| panic!("{}: {error}", line[0]));
    assert!(done.status.success(), "{line:?}: {}", String::from_utf8_lossy(&done.stderr));
}
