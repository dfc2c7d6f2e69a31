//! Worktrees: one per protocol, kept between jobs, put back to a known commit before each.

use super::error::GitError;
use super::mirror::{Held, Mirror, bytes_path, records};
use super::names;
use super::settings::Git;
use crate::domain::ids::Sha;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A checked-out directory at `<root>/<project>/worktrees/<name>` on the local branch of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    pub name: String,
    pub path: PathBuf,
    pub mirror: Mirror,
    /// Git's own directory for it, inside the mirror.
    pub(super) git_dir: PathBuf,
}

/// The right to work in a worktree of this name. It ends when it is dropped, and with the process.
#[derive(Debug)]
pub struct Workplace {
    /// For [`Git::worktree`] and [`Git::find`].
    pub name: String,
    _lock: fs::File,
}

/// A directory found among a project's worktrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// For [`Git::remove`].
    pub name: String,
    /// It was damaged and put aside; nothing uses it any more.
    pub aside: bool,
}

impl Kept {
    /// The branch that it was made for. Protocols' branches have no dots, and everything that is added begins with one.
    pub fn branch(&self) -> &str {
        branch_of(&self.name)
    }
}

fn branch_of(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

impl Git {
    /// Finds a name for the worktree of `branch` that nobody else on this disk works under: the branch's own, else
    /// `<branch>.2` and so on.
    ///
    /// A worker that lost its job may stand still with its worktree in use and go on later; whoever took the job over is
    /// then in another one, with another index and another local branch.
    pub fn workplace(&self, mirror: &Mirror, branch: &str) -> Result<Workplace, GitError> {
        let locks = mirror.path.with_file_name("in-use");
        fs::create_dir_all(&locks).map_err(GitError::disk("make the folder of locks"))?;
        for n in 1_u32.. {
            let name = if n == 1 { branch.to_owned() } else { format!("{branch}.{n}") };
            let path = locks.join(names::worktree_name(&name)?);
            let lock = fs::File::create(path).map_err(GitError::disk("open a worktree's lock"))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Workplace { name, _lock: lock }),
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => return Err(GitError::disk("lock a worktree")(error)),
            }
        }
        Err(GitError::Busy { words: "every worktree of the branch is in use".to_owned() })
    }

    /// Removes every worktree of `branch` that nobody works in, with its local branch. Nothing there is fine; of what was
    /// removed by half the rest is removed.
    pub async fn remove_all(&self, mirror: &Mirror, branch: &str) -> Result<(), GitError> {
        let kept = self.kept(mirror)?.into_iter().map(|kept| kept.name);
        let mut names: BTreeSet<String> = kept.filter(|name| branch_of(name) == branch).collect();
        names.insert(branch.to_owned());
        for name in &names {
            let lock = mirror.path.with_file_name("in-use").join(name);
            let free = fs::File::open(&lock).map_or(true, |held| held.try_lock().is_ok());
            if free {
                self.remove(mirror, name).await?;
                // It may never have been there.
                let _ = fs::remove_file(lock);
            }
        }
        Ok(())
    }

    /// Gives a clean worktree of `start` by the name `name`.
    ///
    /// A kept one is reset, with everything in it that is not in `start` deleted; save that first with
    /// [`Git::find`] and [`Git::patch`]. One that is damaged, foreign or still locked by a git that may be running is
    /// renamed to `<name>.aside-<n>`. Submodules are not initialised.
    pub async fn worktree(&self, mirror: &Mirror, name: &str, start: &Sha) -> Result<Worktree, GitError> {
        let path = mirror.worktrees().join(names::worktree_name(name)?);
        if self.commit_at(mirror, start.as_str()).await?.is_none() {
            return Err(GitError::Missing { what: format!("commit {}; fetch first", start.short()) });
        }
        if let Some(kept) = self.find(mirror, name) {
            match self.reset(&kept, start).await {
                Ok(()) => return Ok(kept),
                Err(error) => tracing::warn!(worktree.name = name, %error, "a kept worktree cannot be reset"),
            }
        }
        let held = self.hold(mirror).await?;
        put_aside(&path)?;
        self.add_worktree(mirror, &held, &path, start).await?;
        self.find(mirror, name).ok_or_else(|| GitError::Fault {
            command: "worktree".to_owned(),
            words: format!("{} is not what was asked for", path.display()),
        })
    }

    /// The kept worktree as it stands; `None` when there is none, or none that can be trusted.
    pub fn find(&self, mirror: &Mirror, name: &str) -> Option<Worktree> {
        let path = mirror.worktrees().join(names::worktree_name(name).ok()?);
        let link = path.join(".git");
        let registered =
            |dir: &PathBuf| first_line(&dir.join("gitdir")).is_some_and(|l| Path::new(&l) == link);
        let entries = fs::read_dir(mirror.path.join("worktrees")).ok()?;
        let git_dir = entries.flatten().map(|entry| entry.path()).find(registered)?;

        let is_dir = fs::symlink_metadata(&path).ok()?.is_dir();
        let is_linked = fs::symlink_metadata(&link).ok()?.is_file()
            && first_line(&link)? == format!("gitdir: {}", git_dir.display());
        let is_ours = first_line(&git_dir.join("commondir"))? == "../..";
        let is_idle = !git_dir.join("index.lock").exists();
        let (name, mirror) = (name.to_owned(), mirror.clone());
        (is_dir && is_linked && is_ours && is_idle).then_some(Worktree { name, path, mirror, git_dir })
    }

    /// Removes a worktree, or what was put aside, with its local branch. Nothing there is fine.
    pub async fn remove(&self, mirror: &Mirror, name: &str) -> Result<(), GitError> {
        let path = mirror.worktrees().join(names::worktree_name(name)?);
        let held = self.hold(mirror).await?;
        self.drop_stale_locks(mirror);
        remove_tree(&path)?;
        self.prune(mirror, &held).await?;
        let branch = format!("refs/heads/{name}");
        self.in_mirror(mirror, &["update-ref", "-d", &branch]).holding(&held)?.ok().await.map(drop)
    }

    /// Everything among the project's worktrees, in name order.
    pub fn kept(&self, mirror: &Mirror) -> Result<Vec<Kept>, GitError> {
        let entries = fs::read_dir(mirror.worktrees()).map_err(GitError::disk("list the worktrees"))?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<Kept> = names.map(|name| Kept { aside: name.contains(".aside-"), name }).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Puts a worktree to `to` and deletes everything else in it, ignored files and nested repositories too.
    pub(super) async fn reset(&self, tree: &Worktree, to: &Sha) -> Result<(), GitError> {
        let branch = format!("refs/heads/{}", tree.name);
        self.in_worktree(tree, &["symbolic-ref", "HEAD", &branch]).ok().await?;
        self.in_worktree(tree, &["reset", "--quiet", "--hard", to.as_str()]).ok().await?;
        self.in_worktree(tree, &["clean", "-ffdxq"]).ok().await?;
        for submodule in self.submodules(tree).await? {
            let path = tree.path.join(submodule);
            remove_tree(&path)?;
            fs::create_dir_all(&path).map_err(GitError::disk("empty a submodule's directory"))?;
        }
        Ok(())
    }

    /// Paths at which the index has a commit of another repository.
    async fn submodules(&self, tree: &Worktree) -> Result<Vec<PathBuf>, GitError> {
        let listed = self.in_worktree(tree, &["ls-files", "-z", "--stage"]).ok().await?.stdout;
        let links = records(&listed).filter(|record| record.starts_with(b"160000 "));
        let path = |record: &[u8]| Some(bytes_path(record.splitn(2, |b| *b == b'\t').nth(1)?));
        Ok(links.filter_map(path).collect())
    }

    async fn add_worktree(
        &self,
        mirror: &Mirror,
        held: &Held,
        path: &Path,
        start: &Sha,
    ) -> Result<(), GitError> {
        self.drop_stale_locks(mirror);
        self.prune(mirror, held).await?;
        let name = path.file_name().unwrap_or_default();
        let call = self.in_mirror(mirror, &["worktree", "add", "--quiet", "--force", "--no-track", "-B"]);
        let call = call.arg(name).arg(path).arg(start.as_str()).patient();
        call.holding(held)?.ok().await.map(drop)
    }

    /// Makes git forget worktrees whose directory is gone.
    async fn prune(&self, mirror: &Mirror, held: &Held) -> Result<(), GitError> {
        let call = self.in_mirror(mirror, &["worktree", "prune", "--expire=now"]);
        call.holding(held)?.ok().await.map(drop)
    }
}

fn first_line(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim_end_matches('\n').to_owned())
}

/// Renames whatever is at `path`, so that its place is free and nothing in it is lost.
fn put_aside(path: &Path) -> Result<(), GitError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let free = (1..)
        .map(|n| path.with_file_name(format!("{name}.aside-{n}")))
        .find(|p| fs::symlink_metadata(p).is_err());
    let aside = free.expect("numbers do not end");
    tracing::warn!(path = %aside.display(), "a worktree cannot be used as it is; putting it aside");
    fs::rename(path, aside).map_err(GitError::disk("put a damaged worktree aside"))
}

/// Deletes a file or directory, also where somebody (a package manager's cache) took the right to write away.
pub(super) fn remove_tree(path: &Path) -> Result<(), GitError> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let gone = if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    let gone = gone.or_else(|_| {
        make_writable(path);
        fs::remove_dir_all(path)
    });
    gone.map_err(GitError::disk(format!("delete {}", path.display())))
}

fn make_writable(path: &Path) {
    // What cannot be changed makes the deletion fail, and that is reported.
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}
