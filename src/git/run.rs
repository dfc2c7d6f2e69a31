//! The one place that starts git: cleared environment, pinned configuration, own process group, limits.

use super::error::{GitError, classify};
use super::mirror::{Held, Mirror};
use super::remote::Remote;
use super::settings::{Git, Limits};
use super::worktree::Worktree;
use crate::domain::witness::{Act, Witness};
use crate::meter::Meters;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use secrecy::{ExposeSecret, SecretString};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Settings that no repository may change: given on the command line, they win over every file.
const PINNED: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.autocrlf=false",
    "core.safecrlf=false",
    "core.quotePath=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.alternateRefsCommand=",
    "credential.helper=",
    "diff.external=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "gc.auto=0",
    "maintenance.auto=false",
    "worktree.useRelativePaths=false",
    "i18n.logOutputEncoding=UTF-8",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
];

const FIXED_ENVIRONMENT: &[(&str, &str)] = &[
    ("LANG", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_PAGER", "cat"),
    ("GIT_EDITOR", "false"),
];

/// Bytes of git's own words that are kept, from the end. Twice as much is read, so that the cut never leaves half a
/// secret that redaction would not know.
const WORDS: usize = 4096;

/// One git call that was not started yet.
pub(super) struct Call {
    command: Command,
    name: String,
    stdin: Input,
    limits: Limits,
    limit: Duration,
    keep: Keep,
    secret: Option<SecretString>,
    witness: Arc<dyn Witness>,
    meters: Meters,
    /// What others see of it; `None` while it stays on this machine.
    act: Option<Act>,
}

/// What a call reads.
enum Input {
    Nothing,
    Bytes(Vec<u8>),
    /// Nothing either: the lock that the call works under, in the place of its input.
    Lock(std::fs::File),
}

/// How much output a call may have.
#[derive(Clone, Copy)]
enum Keep {
    All,
    First(usize),
}

/// What a finished call left behind. `code` is -1 when a signal ended it.
pub(super) struct Finished {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) cut: bool,
    pub(super) words: String,
}

impl Git {
    /// A call outside any repository.
    pub(super) fn call(&self, args: &[&str]) -> Call {
        let settings = &self.settings;
        let mut command = Command::new(&settings.program);
        command.env_clear().envs(settings.environment.iter().map(|(name, value)| (name, value)));
        command.envs(FIXED_ENVIRONMENT.iter().copied());
        command.env("HOME", self.home()).env("GIT_ASKPASS", self.askpass());
        command.env("GIT_CEILING_DIRECTORIES", &settings.root).current_dir(self.home());
        let protocols = if settings.allow_file { "https:http:file" } else { "https:http" };
        command.env("GIT_ALLOW_PROTOCOL", protocols);
        command.args(PINNED.iter().flat_map(|pin| ["-c", pin])).args(args);
        Call {
            command,
            name: args.first().copied().unwrap_or_default().to_owned(),
            stdin: Input::Nothing,
            limits: settings.limits,
            limit: settings.limits.local,
            keep: Keep::All,
            secret: None,
            witness: settings.witness.clone(),
            meters: settings.meters.clone(),
            act: None,
        }
    }

    pub(super) fn in_mirror(&self, mirror: &Mirror, args: &[&str]) -> Call {
        self.call(args).env("GIT_DIR", &mirror.path)
    }

    /// Names git's directory and the work tree itself, so that whatever `.git` is in there is not asked.
    pub(super) fn in_worktree(&self, tree: &Worktree, args: &[&str]) -> Call {
        self.call(args).env("GIT_DIR", &tree.git_dir).env("GIT_WORK_TREE", &tree.path).inside(&tree.path)
    }
}

impl Call {
    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(super) fn inside(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(super) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Input::Bytes(bytes.into());
        self
    }

    /// Lets the call share the hold that it works under, so that nobody gets it before this git is over, also when we die.
    ///
    /// For calls that read nothing: the lock is handed over as their input.
    pub(super) fn holding(mut self, held: &Held) -> Result<Self, GitError> {
        let lock = held.file.try_clone().map_err(GitError::disk("share the mirror's lock"))?;
        self.stdin = Input::Lock(lock);
        Ok(self)
    }

    /// Stops the call after `bytes` of output and keeps those; without it, too much output is an error.
    pub(super) fn first(mut self, bytes: usize) -> Self {
        self.keep = Keep::First(bytes);
        self
    }

    /// Gives a call that stays on this machine the time of one that does not.
    pub(super) fn patient(mut self) -> Self {
        self.limit = self.limits.network;
        self
    }

    /// Makes the call an outward act, with the time of the network and, in its environment, the secret of `remote`.
    pub(super) fn talking_to(mut self, remote: &Remote) -> Self {
        self.act = Some(Act::git(&self.name));
        self.limit = self.limits.network;
        self.secret = remote.secret().cloned();
        self.command.envs(remote.askpass_environment());
        self
    }

    /// Runs to the end and returns trimmed output; any other exit than 0 is an error.
    pub(super) async fn text(self) -> Result<String, GitError> {
        let finished = self.ok().await?;
        Ok(String::from_utf8_lossy(&finished.stdout).trim_end_matches('\n').to_owned())
    }

    /// Runs to the end; any other exit than 0 is an error. A call that was cut short counts as well ended.
    pub(super) async fn ok(self) -> Result<Finished, GitError> {
        let name = self.name.clone();
        let finished = self.run().await?;
        if finished.code == 0 || finished.cut {
            return Ok(finished);
        }
        Err(classify(&name, &finished.words))
    }

    /// Runs to the end, whatever the exit code.
    pub(super) async fn run(mut self) -> Result<Finished, GitError> {
        let Some(act) = self.act.take() else {
            return self.run_within_limit().await;
        };
        let witness = self.witness.clone();
        witness.before(&act);
        let finished = self.run_within_limit().await;
        witness.after(&act);
        finished
    }

    async fn run_within_limit(mut self) -> Result<Finished, GitError> {
        let began = Instant::now();
        let started = self.start()?;
        let (name, limit, meters) = (self.name.clone(), self.limit, self.meters.clone());
        let finished = tokio::time::timeout(limit, self.attend(started)).await;
        meters.git(&name, began.elapsed());
        finished.unwrap_or(Err(GitError::TimedOut { command: name, limit }))
    }

    fn start(&mut self) -> Result<Started, GitError> {
        let input = match std::mem::replace(&mut self.stdin, Input::Nothing) {
            Input::Nothing => Stdio::null(),
            Input::Lock(file) => Stdio::from(file),
            bytes @ Input::Bytes(_) => {
                self.stdin = bytes;
                Stdio::piped()
            }
        };
        self.command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.command.process_group(0).kill_on_drop(true).spawn().map_err(|error| {
            let program = self.command.as_std().get_program().to_string_lossy().into_owned();
            match error.kind() {
                std::io::ErrorKind::NotFound => GitError::Absent { program },
                _ => GitError::Disk { what: format!("start {program}"), source: error },
            }
        })?;
        Ok(Started { child, running: true })
    }

    async fn attend(self, mut started: Started) -> Result<Finished, GitError> {
        let child = &mut started.child;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let most = match self.keep {
            Keep::All => self.limits.output,
            Keep::First(bytes) => bytes,
        };
        let feeding = async {
            if let (Some(mut pipe), Input::Bytes(bytes)) = (stdin, &self.stdin) {
                // A child that does not want its input says why by its exit code.
                let _ = pipe.write_all(bytes).await;
            }
        };
        let talking = async {
            let (stdout, ()) = tokio::join!(head(stdout, most), feeding);
            if stdout.as_ref().is_ok_and(|(_, cut)| *cut) {
                started.kill();
            }
            stdout
        };
        let (stdout, words) = tokio::join!(talking, tail(stderr, 2 * WORDS));
        let (stdout, cut) = stdout.map_err(GitError::disk("read from git"))?;
        let status = started.child.wait().await.map_err(GitError::disk("wait for git"))?;
        started.running = false;
        if cut && matches!(self.keep, Keep::All) {
            let why =
                format!("git {} said more than {most} bytes; the repository is too big for us", self.name);
            return Err(GitError::Refused { why });
        }
        let words = redact(&words, self.secret.as_ref());
        let words = words[words.ceil_char_boundary(words.len().saturating_sub(WORDS))..].to_owned();
        Ok(Finished { code: status.code().unwrap_or(-1), stdout, cut, words })
    }
}

/// A running git with everything it started; killed as a whole when the call is given up.
struct Started {
    child: Child,
    running: bool,
}

impl Started {
    fn kill(&self) {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = group.filter(|_| self.running) {
            // It may have ended by itself in the meantime.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads at most `most` bytes; says whether there was more.
async fn head(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else {
        return Ok((bytes, false));
    };
    pipe.take(most as u64 + 1).read_to_end(&mut bytes).await?;
    let cut = bytes.len() > most;
    bytes.truncate(most);
    Ok((bytes, cut))
}

/// Reads everything and keeps the last `most` bytes.
async fn tail(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> String {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut chunk = vec![0; 8192];
    while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..read]);
        kept.drain(..kept.len().saturating_sub(most));
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// Takes the secret, and whatever stands before an `@` in a URL, out of git's words.
fn redact(words: &str, secret: Option<&SecretString>) -> String {
    let secret = secret.map(ExposeSecret::expose_secret).filter(|s| !s.is_empty());
    let words = secret.map_or_else(|| words.to_owned(), |s| words.replace(s, "[redacted]"));
    let mut parts = words.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority = part.find(['/', '\'', '"', ' ', '\n']).unwrap_or(part.len());
        let host = part[..authority].rfind('@').map_or(0, |at| at + 1);
        clean.push_str("://");
        clean.push_str(&part[host..]);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_words() {
        let secret = SecretString::from("ghs_hush");
        let words = "fatal: ghs_hush at 'https://bot:other@host/x@y' and https://host/a";
        let clean = redact(words, Some(&secret));
        assert_eq!(clean, "fatal: [redacted] at 'https://host/x@y' and https://host/a");
    }

    #[tokio::test]
    async fn only_the_end_of_long_words_is_kept() {
        let words = format!("{}end", "x".repeat(100_000));
        assert_eq!(tail(Some(words.as_bytes()), 5).await, "xxend");
        assert_eq!(head(Some(words.as_bytes()), 2).await.unwrap(), (b"xx".to_vec(), true));
        assert_eq!(head(Some(&b"xx"[..]), 2).await.unwrap(), (b"xx".to_vec(), false));
    }
}
