//! Which walls this machine offers around a program that others wrote. Found out once, at start.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// The first process of a namespace ignores signals that it does not handle, so a shell takes that place: the program
/// can then be asked to end. One that a signal ended shows as exit code 128 and more.
const FIRST_PROCESS: [&str; 4] = ["/bin/sh", "-c", "\"$@\"; exit $?", "sh"];
/// Used when our own environment has no search path.
const PLAIN_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// What one program may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confinement {
    /// A process tree of its own, else what our user may. For engines, which bring a sandbox of their own.
    OwnTree,
    /// Besides, only these directories can be written. For code of a repository. Refused where there is no sandbox.
    /// The rest of the disk can be *read*.
    Sandbox { writable: Vec<PathBuf>, network: Network },
}

/// Whether a confined program may talk to other machines, and to this one's ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Open,
    Closed,
}

/// The means of this machine, strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    tree: TreeWall,
    bwrap: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TreeWall {
    /// unshare(1): the kernel kills the whole tree with its first process.
    Namespace { unshare: PathBuf, user: bool },
    /// We adopt orphans (prctl(2) `PR_SET_CHILD_SUBREAPER`) and find them in /proc.
    Walk,
}

impl Isolation {
    /// Tries what works here. `bwrap` is bubblewrap's program if it is not on the search path.
    ///
    /// Without process namespaces this process becomes a subreaper, so that it inherits what its programs leave behind.
    pub async fn probe(bwrap: Option<&Path>) -> Self {
        let tree = probe_namespace().await.unwrap_or(TreeWall::Walk);
        if tree == TreeWall::Walk {
            adopt_orphans();
        }
        Self { tree, bwrap: probe_bwrap(bwrap).await }
    }

    /// The weakest means, which work everywhere.
    pub fn walk_only() -> Self {
        adopt_orphans();
        Self { tree: TreeWall::Walk, bwrap: None }
    }

    /// Whether [`Confinement::Sandbox`] can be had.
    pub fn has_sandbox(&self) -> bool {
        self.bwrap.is_some()
    }

    /// For the start-up log and the health page.
    pub fn describe(&self) -> &'static str {
        match (&self.tree, &self.bwrap) {
            (TreeWall::Namespace { .. }, Some(_)) => "process namespaces and bubblewrap",
            (TreeWall::Namespace { .. }, None) => "process namespaces; no sandbox for repository scripts",
            (TreeWall::Walk, Some(_)) => "bubblewrap; engine processes are found by walking /proc",
            (TreeWall::Walk, None) => {
                "processes are found by walking /proc; no sandbox for repository scripts"
            }
        }
    }

    pub(super) fn must_watch(&self) -> bool {
        self.tree == TreeWall::Walk
    }

    /// Puts the walls in front of a command line; `None` if the confinement cannot be had.
    pub(super) fn wrap(
        &self,
        confinement: &Confinement,
        cwd: &Path,
        line: Vec<OsString>,
    ) -> Option<Vec<OsString>> {
        let mut wall = match &self.tree {
            TreeWall::Namespace { unshare, user } => unshare_line(unshare, *user),
            TreeWall::Walk => Vec::new(),
        };
        if let Confinement::Sandbox { writable, network } = confinement {
            wall.extend(bwrap_line(self.bwrap.as_ref()?, *network, writable, cwd));
        }
        Some(wall.into_iter().chain(line).collect())
    }
}

fn adopt_orphans() {
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        tracing::warn!(%error, "orphans of engines cannot be adopted; some may outlive their run");
    }
}

async fn probe_namespace() -> Option<TreeWall> {
    let unshare = find_program(Path::new("unshare"), &search_path())?;
    for user in [false, true] {
        let line = unshare_line(&unshare, user).into_iter().chain(["true".into()]).collect();
        if works(line).await {
            return Some(TreeWall::Namespace { unshare, user });
        }
    }
    None
}

async fn probe_bwrap(given: Option<&Path>) -> Option<PathBuf> {
    let bwrap = find_program(given.unwrap_or(Path::new("bwrap")), &search_path())?;
    let line =
        bwrap_line(&bwrap, Network::Closed, &[], Path::new("/")).into_iter().chain(["true".into()]).collect();
    works(line).await.then_some(bwrap)
}

fn unshare_line(unshare: &Path, user: bool) -> Vec<OsString> {
    let user = user.then_some("--map-current-user").into_iter();
    let rest = ["--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"];
    std::iter::once(unshare.into()).chain(user.chain(rest).chain(FIRST_PROCESS).map(OsString::from)).collect()
}

fn bwrap_line(bwrap: &Path, network: Network, writable: &[PathBuf], cwd: &Path) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec![bwrap.into()];
    let walls = ["--die-with-parent", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--cap-drop", "ALL"];
    let disk = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"];
    line.extend(walls.iter().chain(&disk).map(OsString::from));
    if network == Network::Closed {
        line.push("--unshare-net".into());
    }
    for path in writable {
        line.extend([OsString::from("--bind"), path.into(), path.into()]);
    }
    line.extend([OsString::from("--chdir"), cwd.into(), OsString::from("--")]);
    line
}

async fn works(line: Vec<OsString>) -> bool {
    let Some((program, args)) = line.split_first() else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    matches!(tokio::time::timeout(PROBE_LIMIT, command.status()).await, Ok(Ok(status)) if status.success())
}

/// Where programs are looked for: our own PATH. No secret, and the one thing read from our environment here.
pub fn search_path() -> String {
    std::env::var("PATH").ok().filter(|path| !path.is_empty()).unwrap_or_else(|| PLAIN_PATH.to_owned())
}

/// Finds an executable file: a path as it is, a bare name on `search_path` (empty and relative entries are skipped).
pub fn find_program(program: &Path, search_path: &str) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return is_executable(program).then(|| program.to_path_buf());
    }
    let folders = std::env::split_paths(search_path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
