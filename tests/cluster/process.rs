//! The real program as a process of its own, which can be stopped, paused and killed.

use crate::until::until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running `tasksgodzilla`. Killed when it is dropped, and when the test is killed.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it with these arguments, and with nothing in its environment but what is given. Its log goes to a file, which
    /// it adds to if it is there.
    pub(crate) fn start(args: &[&str], env: &BTreeMap<String, String>, log: PathBuf) -> Self {
        let out = File::options().create(true).append(true).open(&log).unwrap();
        // The kernel kills it with the thread that started it: the test's own.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_tasksgodzilla")]).args(args);
        command.env_clear().envs(env).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(out);
        Self { child: command.spawn().unwrap(), log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
    }

    /// Kills it where it stands.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, at most for so many seconds.
    pub(crate) async fn ended(&mut self, seconds: u64) -> ExitStatus {
        let what = format!("process {} ended; its log:\n{}", self.pid(), self.log());
        until(seconds, &what, async || self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }

    /// Everything it logged, with whoever had its name before.
    pub(crate) fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(&text, "").into_owned()
    }

    pub(crate) async fn logs(&self, seconds: u64, words: &str) {
        let what = format!("`{words}` stands in {}", self.log.display());
        until(seconds, &what, async || self.log().contains(words)).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processes of this machine whose environment or command line holds `token`, the test itself left out.
pub(crate) fn with_token(token: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let others = pids.filter(|pid| *pid != std::process::id());
    let holds = |pid: &u32| {
        ["environ", "cmdline"].iter().any(|file| {
            let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).contains(token)
        })
    };
    others.filter(holds).map(|pid| format!("{pid} {}", command_line(pid))).collect()
}

fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
