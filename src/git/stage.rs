//! From what lies in a worktree to a tree in the object store, by plumbing.
//!
//! `git add` would ask nested repositories for their state, and those run what their own configuration says; here each
//! changed path is staged by itself, and a nested repository is refused. Scratch space is beside the worktree's index, so that
//! what a killed process leaves goes with the worktree.

use super::error::GitError;
use super::inspect::{Change, ChangeKind};
use super::settings::Git;
use super::worktree::Worktree;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

impl Git {
    /// Writes the worktree as it stands into a tree and returns its id; the worktree's own index stays as it is.
    pub(super) async fn tree_as_it_stands(&self, tree: &Worktree) -> Result<String, GitError> {
        let changes = self.status(tree).await?;
        let scratch = tempfile::tempdir_in(&tree.git_dir).map_err(GitError::disk("make scratch space"))?;
        let index = scratch.path().join("index");
        copy_index(&tree.git_dir.join("index"), &index).map_err(GitError::disk("copy the index"))?;
        self.stage(tree, &index, &changes).await?;
        self.write_tree(tree, &index).await
    }

    /// Brings `changes` from the worktree into `index`.
    pub(super) async fn stage(
        &self,
        tree: &Worktree,
        index: &Path,
        changes: &[Change],
    ) -> Result<(), GitError> {
        self.check_changes(tree, changes)?;
        let is_gone = |change: &&Change| change.kind == ChangeKind::Deleted;
        let gone = nul_separated(changes.iter().filter(is_gone));
        let here = nul_separated(changes.iter().filter(|change| !is_gone(change)));
        // Deletions first: a file that an agent took out of the index, but not off the disk, is listed as both.
        for (mode, paths) in [("--force-remove", gone), ("--replace", here)] {
            if !paths.is_empty() {
                let args = ["update-index", "--add", mode, "-z", "--stdin"];
                self.in_worktree(tree, &args).env("GIT_INDEX_FILE", index).stdin(paths).ok().await?;
            }
        }
        Ok(())
    }

    pub(super) async fn write_tree(&self, tree: &Worktree, index: &Path) -> Result<String, GitError> {
        self.in_worktree(tree, &["write-tree"]).env("GIT_INDEX_FILE", index).text().await
    }

    fn check_changes(&self, tree: &Worktree, changes: &[Change]) -> Result<(), GitError> {
        if let Some(nested) = changes.iter().find(|change| change.kind == ChangeKind::Repository) {
            let path = nested.path.display();
            return Err(GitError::refused(format!(
                "`{path}` is a repository of its own inside the worktree; remove its .git or have it ignored"
            )));
        }
        let size =
            |change: &Change| fs::symlink_metadata(tree.path.join(&change.path)).map_or(0, |m| m.len());
        let total: u64 = changes.iter().map(size).sum();
        let most = self.settings.limits.changes;
        if total > most {
            return Err(GitError::refused(format!(
                "the changed files hold {total} bytes; at most {most} are taken"
            )));
        }
        Ok(())
    }
}

/// Copies an index with its time: git compares that with the files' times to know which it must read again.
fn copy_index(from: &Path, to: &Path) -> std::io::Result<()> {
    let written = fs::metadata(from)?.modified()?;
    fs::copy(from, to)?;
    fs::OpenOptions::new().write(true).open(to)?.set_modified(written)
}

fn nul_separated<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<u8> {
    let paths = changes.map(|change| OsStr::as_bytes(change.path.as_os_str()));
    paths.flat_map(|path| path.iter().copied().chain([0])).collect()
}
