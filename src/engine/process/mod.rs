//! The one place of the program that starts programs written by others: agent CLIs and a repository's `scripts/ci`.
//!
//! Such a program gets an empty environment plus what it is given, its input, and then nothing; a session and a
//! process tree of its own; limits of time and output. Whatever way it ends, nothing of it is left: neither a
//! command in a session of its own, nor a daemon. git is not started here (room `git` owns it).

mod isolation;
mod lines;
mod tree;

pub use isolation::{Confinement, Isolation, Network, find_program, search_path};
pub use lines::Line;
pub use tree::{identify, kill_orphans, kill_recorded};

use super::{Limits, ProcessIdentity, TimeLimit};
use lines::{Splitter, Tail};
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessSession};
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tree::Tree;

/// A process that inherited a pipe can hold it open after the program ended; so long we read on.
const DRAIN: Duration = Duration::from_secs(2);
/// How often the tree is looked at where the kernel does not hold it together.
const WATCH: Duration = Duration::from_millis(500);
const CHUNK: usize = 64 << 10;

/// A program to run.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    /// A path (a relative one counts from `cwd`), or a name on the search path of `env`.
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub cwd: PathBuf,
    /// The whole environment, but for the mark that finds the tree again; see [`base_env`].
    pub env: Vec<(String, String)>,
    /// Written, then closed. Empty: nothing to read from the start.
    pub stdin: Vec<u8>,
    pub limits: Limits,
    pub stop: CancellationToken,
    pub isolation: Isolation,
    pub confinement: Confinement,
}

/// How a program ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// `None` if a signal ended it; 128 and more in a process namespace.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// The last bytes of standard error.
    pub stderr_tail: String,
    pub wall: Duration,
}

impl Exit {
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }
}

/// Why a program did not start, or did not end by itself.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("there is no program {}", program.display())]
    NotFound { program: PathBuf },
    #[error("there is no directory {}", cwd.display())]
    NoDirectory { cwd: PathBuf },
    #[error("there is no sandbox here; install bubblewrap (bwrap)")]
    NoSandbox,
    #[error("{} cannot be started", program.display())]
    Start { program: PathBuf, source: std::io::Error },
    #[error("its output cannot be read")]
    Pipe { source: std::io::Error },
    #[error("stopped")]
    Stopped,
    #[error("no end after {} s ({kind} limit)", after.as_secs())]
    TimedOut { kind: TimeLimit, after: Duration },
    #[error("more than {limit} bytes of output")]
    TooMuchOutput { limit: usize },
}

/// The environment every program gets: search path, private home and temporary directory, plain output, and a git that
/// neither asks nor reads the machine's configuration. Makes `home`, for our user only.
pub fn base_env(home: &Path) -> std::io::Result<Vec<(String, String)>> {
    use std::os::unix::fs::DirBuilderExt;
    let tmp = home.join("tmp");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&tmp)?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let pairs = [
        ("PATH", search_path()),
        ("HOME", text(home)),
        ("TMPDIR", text(&tmp)),
        ("LANG", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("TERM", "dumb".to_owned()),
        ("NO_COLOR", "1".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_TERMINAL_PROMPT", "0".to_owned()),
    ];
    Ok(pairs.map(|(name, value)| (name.to_owned(), value)).into())
}

/// A program that runs. Ask for lines until there are no more, then [`finish`](Running::finish).
///
/// Limits are watched while a line is awaited. Dropping it kills the whole tree.
pub struct Running {
    tree: Tree,
    child: Box<dyn ChildWrapper>,
    stdout: ChildStdout,
    stderr: ChildStderr,
    _input: Option<AbortOnDropHandle<()>>,
    lines: Splitter,
    tail: Tail,
    limits: Limits,
    stop: CancellationToken,
    began: Instant,
    heard: Instant,
    read: usize,
    open: Open,
    ended: Option<(ExitStatus, Instant)>,
    watched: bool,
    look: Instant,
    out_chunk: Vec<u8>,
    err_chunk: Vec<u8>,
}

/// Which pipes may still bring something.
struct Open {
    stdout: bool,
    stderr: bool,
}

/// What one wait brought.
enum Turn {
    Out(std::io::Result<usize>),
    Err(std::io::Result<usize>),
    Ended(std::io::Result<ExitStatus>),
    Drained,
    Look,
    Over(ProcessError),
}

/// Starts a program.
pub fn start(spec: ProcessSpec) -> Result<Running, ProcessError> {
    if !spec.cwd.is_dir() {
        return Err(ProcessError::NoDirectory { cwd: spec.cwd });
    }
    let path = spec.env.iter().rev().find(|(name, _)| name == "PATH").map_or("", |(_, path)| path);
    let program = find_program(&spec.program, path)
        .ok_or_else(|| ProcessError::NotFound { program: spec.program.clone() })?;
    let line = std::iter::once(program.into_os_string()).chain(spec.args.iter().cloned()).collect();
    let line = spec.isolation.wrap(&spec.confinement, &spec.cwd, line).ok_or(ProcessError::NoSandbox)?;
    let mark = tree::new_mark();
    let mut child = spawn(&line, &spec, &mark)
        .map_err(|source| ProcessError::Start { program: spec.program.clone(), source })?;
    let pid = child.id().unwrap_or_default();
    // A program that is gone already has no identity; its session can still be found by its number.
    let leader = identify(pid).unwrap_or(ProcessIdentity { pid, started_at: 0 });
    let tree = Tree::new(leader, mark);
    let gone = || ProcessError::Pipe { source: std::io::ErrorKind::BrokenPipe.into() };
    let stdout = child.stdout().take().ok_or_else(gone)?;
    let stderr = child.stderr().take().ok_or_else(gone)?;
    let input = child.stdin().take().map(|pipe| AbortOnDropHandle::new(tokio::spawn(feed(pipe, spec.stdin))));
    let began = Instant::now();
    Ok(Running {
        tree,
        child,
        stdout,
        stderr,
        _input: input,
        lines: Splitter::new(spec.limits.line),
        tail: Tail::new(spec.limits.stderr_tail),
        limits: spec.limits,
        stop: spec.stop,
        began,
        heard: began,
        read: 0,
        open: Open { stdout: true, stderr: true },
        ended: None,
        watched: spec.isolation.must_watch(),
        look: began + WATCH,
        out_chunk: vec![0; CHUNK],
        err_chunk: vec![0; CHUNK / 8],
    })
}

/// Runs a program to its end and returns its output, cut to `limits.stdout`, with how it ended.
pub async fn run(spec: ProcessSpec) -> Result<(String, Exit), ProcessError> {
    let mut running = start(spec)?;
    let mut text = String::new();
    while let Some(line) = running.line().await? {
        text.push_str(&line.text);
        text.push('\n');
    }
    Ok((text, running.finish().await?))
}

fn spawn(line: &[OsString], spec: &ProcessSpec, mark: &str) -> std::io::Result<Box<dyn ChildWrapper>> {
    let Some((program, args)) = line.split_first() else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let stdin = if spec.stdin.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut command = CommandWrap::with_new(program, |command| {
        command.args(args).current_dir(&spec.cwd).env_clear();
        command.envs(spec.env.iter().map(|(name, value)| (name, value))).env(tree::MARK, mark);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    });
    // The wrapper's own wait is for the whole group, adopted orphans included; we wait for the program alone.
    Ok(command.wrap(ProcessSession).wrap(KillOnDrop).spawn()?.into_inner())
}

async fn feed(mut pipe: ChildStdin, bytes: Vec<u8>) {
    // A program may end without reading its input; that is its own affair.
    let _ = pipe.write_all(&bytes).await;
    let _ = pipe.shutdown().await;
}

impl Running {
    /// Whom to record, so that a later worker can kill what this one leaves behind.
    pub fn identity(&self) -> ProcessIdentity {
        self.tree.leader()
    }

    /// The next line of standard output, or `None` when there will be no more.
    ///
    /// On a limit, or when stopped, the tree is dead before the error is returned.
    pub async fn line(&mut self) -> Result<Option<Line>, ProcessError> {
        loop {
            // Lines that are waiting do not put off a limit: their reader may be the slow part.
            let in_time = !self.stop.is_cancelled() && self.began.elapsed() < self.limits.wall;
            if let Some(line) = in_time.then(|| self.lines.pop()).flatten() {
                return Ok(Some(line));
            }
            if !self.open.stdout && !self.open.stderr && self.ended.is_some() {
                return Ok(None);
            }
            self.turn().await?;
        }
    }

    /// Waits for the end, kills what the program left behind, and says how it ended.
    pub async fn finish(mut self) -> Result<Exit, ProcessError> {
        while self.line().await?.is_some() {}
        self.tree.kill().await;
        let status = self.ended.map(|(status, _)| status).unwrap_or_default();
        Ok(Exit {
            code: status.code(),
            signal: status.signal(),
            stderr_tail: self.tail.text(),
            wall: self.began.elapsed(),
        })
    }

    /// Kills the tree: a polite request first, so that the program may clean up, then the end for all of it.
    pub async fn kill(&mut self) {
        self.tree.note();
        if self.ended.is_none() {
            self.tree.terminate();
            let _ = timeout(self.limits.grace, self.child.wait()).await;
        }
        self.tree.kill().await;
        let _ = timeout(DRAIN, self.child.wait()).await;
    }

    /// The last bytes of standard error so far.
    pub fn stderr_tail(&self) -> String {
        self.tail.text()
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    async fn turn(&mut self) -> Result<(), ProcessError> {
        match self.wait().await {
            Turn::Out(Ok(count)) if count > 0 => return self.take(count).await,
            Turn::Out(_) => self.close_stdout(),
            Turn::Err(Ok(count)) if count > 0 => {
                self.heard = Instant::now();
                self.tail.push(&self.err_chunk[..count]);
            }
            Turn::Err(_) => self.open.stderr = false,
            Turn::Ended(status) => {
                let status = status.map_err(|source| ProcessError::Pipe { source })?;
                self.ended = Some((status, Instant::now()));
            }
            Turn::Drained => {
                self.close_stdout();
                self.open.stderr = false;
            }
            Turn::Look => {
                self.tree.note();
                self.look = Instant::now() + WATCH;
            }
            Turn::Over(error) => {
                self.kill().await;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn wait(&mut self) -> Turn {
        let wall = self.began + self.limits.wall;
        let idle = self.heard + self.limits.idle;
        let drained = self.ended.map_or(wall, |(_, at)| at + DRAIN);
        let timed_out = |kind, after| Turn::Over(ProcessError::TimedOut { kind, after });
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Turn::Over(ProcessError::Stopped),
            () = sleep_until(wall) => timed_out(TimeLimit::Wall, self.limits.wall),
            () = sleep_until(self.look), if self.watched => Turn::Look,
            count = self.stdout.read(&mut self.out_chunk), if self.open.stdout => Turn::Out(count),
            count = self.stderr.read(&mut self.err_chunk), if self.open.stderr => Turn::Err(count),
            status = self.child.wait(), if self.ended.is_none() => Turn::Ended(status),
            () = sleep_until(drained), if self.ended.is_some() => Turn::Drained,
            () = sleep_until(idle) => timed_out(TimeLimit::Idle, self.limits.idle),
        }
    }

    async fn take(&mut self, count: usize) -> Result<(), ProcessError> {
        self.heard = Instant::now();
        self.read += count;
        if self.read > self.limits.stdout {
            self.kill().await;
            return Err(ProcessError::TooMuchOutput { limit: self.limits.stdout });
        }
        self.lines.push(&self.out_chunk[..count]);
        Ok(())
    }

    fn close_stdout(&mut self) {
        self.open.stdout = false;
        self.lines.end();
    }
}
