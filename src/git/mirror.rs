//! Bare mirrors: one per project, fetched from its remote, read without a worktree.

use super::error::GitError;
use super::names;
use super::remote::Remote;
use super::run::Call;
use super::settings::Git;
use crate::domain::ids::{ProjectId, Sha};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The bare repository of one project at `<root>/<project>/mirror.git`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    pub project: ProjectId,
    pub path: PathBuf,
}

impl Mirror {
    /// Where the project's worktrees are.
    pub(super) fn worktrees(&self) -> PathBuf {
        self.path.with_file_name("worktrees")
    }
}

/// The branches of a remote as it told them just now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteHeads {
    /// `None` for a repository without a commit, or with a detached `HEAD`.
    pub default_branch: Option<String>,
    pub heads: Vec<(String, Sha)>,
}

impl RemoteHeads {
    pub fn get(&self, branch: &str) -> Option<&Sha> {
        self.heads.iter().find(|(name, _)| name == branch).map(|(_, sha)| sha)
    }
}

/// The whole configuration of a mirror. It is put back when it differs, since an agent without a sandbox could have
/// named drivers or hooks in it.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/// `--update-shallow` takes the borders of a shallow remote over instead of refusing its branches.
const FETCH: &[&str] =
    &["fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--update-shallow", "--"];

const TRACKED: &str = "+refs/heads/*:refs/remotes/origin/*";

impl Git {
    /// Projects that have a mirror on this disk.
    pub fn projects(&self) -> Result<Vec<ProjectId>, GitError> {
        let entries = fs::read_dir(&self.settings.root).map_err(GitError::disk("list the projects"))?;
        let names = entries.flatten().filter(|entry| entry.path().join("mirror.git").is_dir());
        let ids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Ok(ids.map(ProjectId).collect())
    }

    /// Opens the project's mirror, making it first where there is none. Does not talk to the remote.
    pub async fn mirror(&self, project: ProjectId) -> Result<Mirror, GitError> {
        let mirror = self.place_of(project);
        if is_ready(&mirror) {
            return Ok(mirror);
        }
        fs::create_dir_all(mirror.worktrees()).map_err(GitError::disk("make the project's directory"))?;
        let _held = self.hold(&mirror).await?;
        self.make_ready(&mirror).await?;
        Ok(mirror)
    }

    /// Removes a mirror with its worktrees. Whoever needs it next makes it anew; only the lock stays.
    pub async fn forget(&self, mirror: &Mirror) -> Result<(), GitError> {
        let _held = self.hold(mirror).await?;
        super::worktree::remove_tree(&mirror.worktrees())?;
        super::worktree::remove_tree(&mirror.path)
    }

    fn place_of(&self, project: ProjectId) -> Mirror {
        Mirror { project, path: self.settings.root.join(project.to_string()).join("mirror.git") }
    }

    /// Makes what is missing of a mirror; whoever calls this holds it.
    async fn make_ready(&self, mirror: &Mirror) -> Result<(), GitError> {
        if is_ready(mirror) {
            return Ok(());
        }
        fs::create_dir_all(mirror.worktrees()).map_err(GitError::disk("make the project's directory"))?;
        if !mirror.path.join("HEAD").is_file() {
            let fresh = mirror.path.with_file_name("mirror.git.new");
            super::worktree::remove_tree(&fresh)?;
            self.init_bare(&fresh).await?;
            fs::rename(&fresh, &mirror.path).map_err(GitError::disk("put the mirror in its place"))?;
        }
        fs::write(mirror.path.join("config"), CONFIG)
            .map_err(GitError::disk("write the mirror's configuration"))
    }

    /// Brings all branches of the remote into the mirror and forgets those it no longer has.
    ///
    /// One fetch at a time per mirror, also among processes. Shallow and empty remotes are fine.
    pub async fn fetch(&self, mirror: &Mirror, remote: &Remote) -> Result<(), GitError> {
        self.check_allowed(remote)?;
        let held = self.hold(mirror).await?;
        // It may have been forgotten since it was opened.
        self.make_ready(mirror).await?;
        self.drop_stale_locks(mirror);
        self.fetching(mirror, remote, TRACKED).holding(&held)?.ok().await?;
        Ok(())
    }

    /// Asks the remote for its branches; fetches nothing.
    pub async fn remote_heads(&self, remote: &Remote) -> Result<RemoteHeads, GitError> {
        self.list_remote(remote, &["HEAD", "refs/heads/*"]).await
    }

    /// Asks the remote where one branch stands; fetches nothing.
    pub async fn remote_head(&self, remote: &Remote, branch: &str) -> Result<Option<Sha>, GitError> {
        let name = format!("refs/heads/{}", names::branch(branch)?);
        Ok(self.list_remote(remote, &[&name]).await?.get(branch).cloned())
    }

    /// Where the remote's branch stood at the last fetch; `None` when it is unknown or has no commit.
    pub async fn branch_head(&self, mirror: &Mirror, branch: &str) -> Result<Option<Sha>, GitError> {
        let name = format!("refs/remotes/origin/{}", names::branch(branch)?);
        self.commit_at(mirror, &name).await
    }

    /// Whether the mirror has this commit; another machine may have made and pushed it.
    pub async fn has(&self, mirror: &Mirror, commit: &Sha) -> Result<bool, GitError> {
        Ok(self.commit_at(mirror, commit.as_str()).await?.is_some())
    }

    /// Names directly under `dir` in the tree of `at`; empty when there is no such directory.
    pub async fn list_dir(&self, mirror: &Mirror, at: &Sha, dir: &str) -> Result<Vec<String>, GitError> {
        let prefix = format!("{}/", names::tree_path(dir)?);
        let args = ["ls-tree", "-z", "--name-only", at.as_str(), "--", &prefix];
        let listed = self.in_mirror(mirror, &args).ok().await?.stdout;
        Ok(lossy_records(&listed).filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect())
    }

    /// Paths of all files in the tree of `at`, the first `limit` of them in git's order.
    pub async fn files(&self, mirror: &Mirror, at: &Sha, limit: usize) -> Result<Vec<String>, GitError> {
        let args = ["ls-tree", "-r", "-z", "--name-only", at.as_str()];
        let listed = self.in_mirror(mirror, &args).first(self.settings.limits.output).ok().await?.stdout;
        Ok(lossy_records(&listed).take(limit).collect())
    }

    /// The bytes of a regular file in the tree of `at`; `None` for anything else there, symlinks included.
    ///
    /// A file of more than `most` bytes is refused.
    pub async fn read_file(
        &self,
        mirror: &Mirror,
        at: &Sha,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let args = ["ls-tree", "-z", "-l", at.as_str(), "--", names::tree_path(path)?];
        let entry = self.in_mirror(mirror, &args).text().await?;
        let Some((oid, size)) = regular_file(&entry) else {
            return Ok(None);
        };
        if size > most {
            return Err(GitError::refused(format!("`{path}` has {size} bytes; at most {most} are read")));
        }
        Ok(Some(self.in_mirror(mirror, &["cat-file", "blob", oid]).ok().await?.stdout))
    }

    /// Packs the mirror. Ours to call now and then, because git's own housekeeping is off.
    pub async fn maintain(&self, mirror: &Mirror) -> Result<(), GitError> {
        let held = self.hold(mirror).await?;
        self.in_mirror(mirror, &["gc", "--quiet"]).patient().holding(&held)?.ok().await.map(drop)
    }

    pub(super) fn fetching(&self, mirror: &Mirror, remote: &Remote, refspec: &str) -> Call {
        self.in_mirror(mirror, FETCH).arg(remote.url()).arg(refspec).talking_to(remote)
    }

    pub(super) async fn init_bare(&self, path: &Path) -> Result<(), GitError> {
        let args = [
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--initial-branch=main",
            "--object-format=sha1",
            "--",
        ];
        self.call(&args).arg(path).ok().await.map(drop)
    }

    pub(super) async fn commit_at(&self, mirror: &Mirror, name: &str) -> Result<Option<Sha>, GitError> {
        let commit = format!("{name}^{{commit}}");
        let found =
            self.in_mirror(mirror, &["rev-parse", "--quiet", "--verify", "--end-of-options", &commit]);
        let found = found.run().await?;
        Ok(Sha::parse(String::from_utf8_lossy(&found.stdout).trim()))
    }

    pub(super) fn check_allowed(&self, remote: &Remote) -> Result<(), GitError> {
        if remote.is_file() && !self.settings.allow_file {
            return Err(GitError::refused("remotes on this machine's disk are switched off"));
        }
        Ok(())
    }

    async fn list_remote(&self, remote: &Remote, patterns: &[&str]) -> Result<RemoteHeads, GitError> {
        self.check_allowed(remote)?;
        let mut call = self.call(&["ls-remote", "--symref", "--quiet", "--", remote.url()]);
        for pattern in patterns {
            call = call.arg(pattern);
        }
        Ok(parse_heads(&call.talking_to(remote).text().await?))
    }

    /// Waits until nobody else changes the refs of `mirror`. A lock on a file serves among processes and ends with
    /// its holder and the git that works under it (see `Call::holding`); in front of it stands one of this process, so that
    /// waiting costs nothing.
    pub(super) async fn hold(&self, mirror: &Mirror) -> Result<Held, GitError> {
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            gates.entry(mirror.path.clone()).or_default().clone()
        };
        let gate = gate.lock_owned().await;
        let file = fs::File::create(mirror.path.with_file_name("mirror.lock"))
            .map_err(GitError::disk("open the mirror's lock"))?;
        let deadline = Instant::now() + self.settings.limits.network;
        while file.try_lock().is_err() {
            if Instant::now() > deadline {
                return Err(GitError::Busy { words: "another process holds the mirror".to_owned() });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Held { file, _gate: gate })
    }

    /// Removes lock files that a killed git left behind. Call it while holding the mirror.
    ///
    /// Whoever locks what the mirror holds together works under the hold, so such a lock has no owner any more. A branch of a
    /// worktree belongs to whoever works there, and git locks it for a moment only.
    pub(super) fn drop_stale_locks(&self, mirror: &Mirror) {
        let heads = mirror.path.join("refs/heads");
        let mut locks = locks_below(&mirror.path.join("refs"));
        locks.retain(|lock| !lock.starts_with(&heads) || is_older(lock, MOMENT));
        let shared = ["packed-refs.lock", "shallow.lock"].map(|name| mirror.path.join(name));
        // Git locks a worktree while it makes it, which it does under the hold, and neither prunes nor replaces a locked one.
        let made = fs::read_dir(mirror.path.join("worktrees")).into_iter().flatten().flatten();
        let made = made.map(|entry| entry.path().join("locked"));
        locks.extend(shared.into_iter().chain(made).filter(|lock| lock.exists()));
        for lock in &locks {
            tracing::warn!(path = %lock.display(), "a killed git left a lock behind; removing it");
            // If it is gone already, so much the better.
            let _ = fs::remove_file(lock);
        }
    }
}

/// How long a live git may lock one branch.
const MOMENT: Duration = Duration::from_secs(2);

fn locks_below(directory: &Path) -> Vec<PathBuf> {
    let mut locks = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => locks.extend(locks_below(&path)),
            _ if path.extension() == Some(OsStr::new("lock")) => locks.push(path),
            _ => {}
        }
    }
    locks
}

fn is_older(path: &Path, age: Duration) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|found| found.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|elapsed| elapsed > age))
}

fn is_ready(mirror: &Mirror) -> bool {
    let configured = fs::read_to_string(mirror.path.join("config")).is_ok_and(|found| found == CONFIG);
    configured && mirror.path.join("HEAD").is_file() && mirror.worktrees().is_dir()
}

/// The right to change refs of one mirror; ends when dropped.
pub(super) struct Held {
    pub(super) file: fs::File,
    _gate: tokio::sync::OwnedMutexGuard<()>,
}

/// Splits output of `-z` into paths for people; bytes that are not UTF-8 become replacement characters.
pub(super) fn lossy_records(bytes: &[u8]) -> impl Iterator<Item = String> {
    records(bytes).map(|record| String::from_utf8_lossy(record).into_owned())
}

/// Splits output of `-z`; a last record that was cut short is left out.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = bytes.iter().rposition(|b| *b == 0).map_or(0, |end| end + 1);
    bytes[..whole].split(|b| *b == 0).filter(|record| !record.is_empty())
}

pub(super) fn bytes_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Reads `<mode> blob <oid> <size>\t<path>` of `ls-tree -l`.
fn regular_file(entry: &str) -> Option<(&str, usize)> {
    let (facts, _) = entry.split_once('\t')?;
    let mut facts = facts.split_ascii_whitespace();
    let mode = facts.next()?;
    let (Some("blob"), oid, size) = (facts.next(), facts.next()?, facts.next()?) else {
        return None;
    };
    matches!(mode, "100644" | "100755" | "100664").then_some((oid, size.parse().ok()?))
}

fn parse_heads(listed: &str) -> RemoteHeads {
    let mut found = RemoteHeads::default();
    for (value, name) in listed.lines().filter_map(|line| line.split_once('\t')) {
        if let (Some(target), "HEAD") = (value.strip_prefix("ref: "), name) {
            found.default_branch = target.strip_prefix("refs/heads/").map(str::to_owned);
        } else if let (Some(sha), Some(branch)) = (Sha::parse(value), name.strip_prefix("refs/heads/")) {
            found.heads.push((branch.to_owned(), sha));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_that_was_cut_loses_its_last_name_only() {
        assert_eq!(lossy_records(b"a\0b\0c").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(lossy_records(b"").count(), 0);
    }

    #[test]
    fn only_branches_count_as_heads() {
        let sha = "0123456789012345678901234567890123456789";
        let text = format!(
            "ref: refs/heads/trunk\tHEAD\n{sha}\tHEAD\n{sha}\trefs/heads/trunk\n{sha}\trefs/tags/v1\n"
        );
        let heads = parse_heads(&text);
        assert_eq!(heads.default_branch.as_deref(), Some("trunk"));
        assert_eq!(heads.heads.len(), 1);
        assert!(heads.get("trunk").is_some());
    }
}
