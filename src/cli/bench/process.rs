//! Processes of a bench, and what the kernel says they cost.

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// How long a child of a bench may take for anything.
const PATIENCE: Duration = Duration::from_secs(300);
/// Ticks a second of proc(5)'s times, on every Linux.
const TICKS: u64 = 100;

/// A copy of this program with these arguments and no environment but `env`. Killed when it is dropped.
pub(super) fn ourselves(args: &[&str], env: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(args).env_clear().envs(env).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Starts a subcommand of `bench` and hands it its order on standard input.
pub(super) async fn ordered(bench: &str, order: &impl Serialize) -> anyhow::Result<Child> {
    let mut child = ourselves(&["bench", bench], &BTreeMap::new()).spawn().context("cannot start a child")?;
    let mut input = child.stdin.take().context("a child without standard input")?;
    input.write_all(&serde_json::to_vec(order)?).await?;
    Ok(child)
}

/// The order that [`ordered`] handed to this process.
pub(super) fn order<T: DeserializeOwned>() -> anyhow::Result<T> {
    Ok(serde_json::from_reader(std::io::stdin())?)
}

/// Waits for the child's end and reads what it printed.
pub(super) async fn outcome<T: DeserializeOwned>(child: Child) -> anyhow::Result<T> {
    let output =
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await.context("a child does not end")??;
    if !output.status.success() {
        bail!("a child of the bench ended with {}", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs git to its end, seeing no configuration but what it is given, and returns how long it took.
pub(super) async fn git(folder: &Path, args: &[&str]) -> anyhow::Result<Duration> {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"]).args(args);
    git.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let began = Instant::now();
    let output = git.stdin(Stdio::null()).output().await.context("cannot run git")?;
    if !output.status.success() {
        bail!("git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(began.elapsed())
}

/// A port that is free now.
pub(super) fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// What a process took so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Of all its threads, in the program and in the kernel; to 10 ms.
    pub(super) cpu: Duration,
    /// Bytes in memory now.
    pub(super) resident: u64,
    /// The most bytes that were in memory at once.
    pub(super) peak: u64,
}

/// Reads it from proc(5).
pub(super) fn cost(child: &Child) -> anyhow::Result<Cost> {
    let pid = child.id().context("a child of the bench has ended")?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    parse(&stat, &status).context("proc(5) does not say what a child costs")
}

fn parse(stat: &str, status: &str) -> Option<Cost> {
    // The name is in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some(Cost {
        cpu: Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS),
        resident: bytes("VmRSS:")?,
        peak: bytes("VmHWM:")?,
    })
}

/// The machine's load of the last minute; zero where the kernel does not say.
pub(super) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

pub(super) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_read_from_proc() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        let cost = parse(stat, "VmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n").expect("all is there");
        assert_eq!((cost.cpu, cost.resident, cost.peak), (Duration::from_secs(2), 1 << 20, 2 << 20));
    }
}
