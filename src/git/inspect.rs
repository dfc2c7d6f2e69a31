//! Looking at worktrees and history; nothing here changes a ref, an index or a file.

use super::error::GitError;
use super::mirror::{Mirror, bytes_path, lossy_records, records};
use super::settings::Git;
use super::worktree::Worktree;
use crate::domain::ids::{Moment, Sha};
use std::path::PathBuf;

/// One path that differs between a worktree and its `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative; any bytes but NUL.
    pub path: PathBuf,
    pub kind: ChangeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    /// A file became a link, or the other way round.
    TypeChanged,
    Conflicted,
    /// A git repository that somebody made inside the worktree; it cannot be committed.
    Repository,
}

/// A unified diff, cut at the caller's limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    pub bytes: Vec<u8>,
    pub truncated: bool,
}

impl Diff {
    /// For people and prompts; bytes that are not UTF-8 become replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub sha: Sha,
    pub author: String,
    pub email: String,
    pub subject: String,
    /// When it was committed, to the second.
    pub at: Moment,
}

/// How a remote branch stands to the commit that we pushed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Same,
    /// Others added commits, newest first (at most 100): adopt the head.
    Ahead {
        commits: Vec<Commit>,
    },
    /// The remote lacks our newest commits: they were not pushed yet, or somebody took them away.
    Behind,
    /// The branch no longer holds our commit; `head` is what it holds.
    Rewritten {
        head: Commit,
    },
    Gone,
}

impl Git {
    /// What differs from `HEAD`, files that git would not ignore included. Never looks into submodules.
    pub async fn status(&self, tree: &Worktree) -> Result<Vec<Change>, GitError> {
        let args = [
            "status",
            "--porcelain=v2",
            "-z",
            "--untracked-files=all",
            "--ignore-submodules=all",
            "--no-renames",
        ];
        let listed = self.in_worktree(tree, &args).ok().await?.stdout;
        Ok(records(&listed).filter_map(parse_change).collect())
    }

    /// What committing everything now would change against `against`.
    pub async fn diff(&self, tree: &Worktree, against: &Sha, most: usize) -> Result<Diff, GitError> {
        let now = self.tree_as_it_stands(tree).await?;
        self.diff_trees(&tree.mirror, against.as_str(), &now, most).await
    }

    /// The same as a patch that `git apply` can take, binary files included; `None` when nothing differs.
    ///
    /// Meant for keeping what a reset would throw away: give the start of the attempt as `against`.
    pub async fn patch(&self, tree: &Worktree, against: &Sha, most: usize) -> Result<Option<Diff>, GitError> {
        let now = self.tree_as_it_stands(tree).await?;
        let call = self.in_mirror(&tree.mirror, DIFF).arg("--binary").arg(against.as_str()).arg(now);
        let finished = call.first(most).ok().await?;
        let diff = Diff { bytes: finished.stdout, truncated: finished.cut };
        Ok(Some(diff).filter(|diff| !diff.bytes.is_empty()))
    }

    pub async fn diff_commits(
        &self,
        mirror: &Mirror,
        from: &Sha,
        to: &Sha,
        most: usize,
    ) -> Result<Diff, GitError> {
        self.diff_trees(mirror, from.as_str(), to.as_str(), most).await
    }

    /// Paths that differ between two commits; a rename counts as both of its names.
    pub async fn changed_paths(
        &self,
        mirror: &Mirror,
        from: &Sha,
        to: &Sha,
    ) -> Result<Vec<PathBuf>, GitError> {
        let args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", from.as_str(), to.as_str()];
        let listed = self.in_mirror(mirror, &args).ok().await?.stdout;
        Ok(records(&listed).map(bytes_path).collect())
    }

    /// Commits that `to` has and `after` has not, newest first, at most `limit`.
    pub async fn log(
        &self,
        mirror: &Mirror,
        after: Option<&Sha>,
        to: &Sha,
        limit: usize,
    ) -> Result<Vec<Commit>, GitError> {
        let most = format!("--max-count={limit}");
        let args = ["log", "-z", "--format=%H%n%an%n%ae%n%ct%n%s", "--no-show-signature", &most, to.as_str()];
        let mut call = self.in_mirror(mirror, &args);
        if let Some(after) = after {
            call = call.arg(format!("^{after}"));
        }
        let listed = call.arg("--").ok().await?.stdout;
        Ok(log_records(&listed).filter_map(|record| parse_commit(&record)).collect())
    }

    /// The commit that a worktree's `HEAD` names.
    pub async fn head(&self, tree: &Worktree) -> Result<Sha, GitError> {
        let found = self.in_worktree(tree, &["rev-parse", "--verify", "HEAD^{commit}"]).text().await?;
        Sha::parse(&found).ok_or_else(|| GitError::Missing { what: "commit at HEAD".to_owned() })
    }

    /// Whether `newer` holds `older`; a commit holds itself.
    pub async fn is_ancestor(&self, mirror: &Mirror, older: &Sha, newer: &Sha) -> Result<bool, GitError> {
        let args = ["merge-base", "--is-ancestor", older.as_str(), newer.as_str()];
        let finished = self.in_mirror(mirror, &args).run().await?;
        match finished.code {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(super::error::classify("merge-base", &finished.words)),
        }
    }

    /// Compares the commit we pushed last with where the remote branch is now. Fetch before.
    pub async fn standing(
        &self,
        mirror: &Mirror,
        ours: &Sha,
        remote: Option<&Sha>,
    ) -> Result<Standing, GitError> {
        let Some(remote) = remote else {
            return Ok(Standing::Gone);
        };
        if ours == remote {
            return Ok(Standing::Same);
        }
        // On a fresh machine our commit is only there if the remote still holds it.
        let known = self.commit_at(mirror, ours.as_str()).await?.is_some();
        if known && self.is_ancestor(mirror, ours, remote).await? {
            return Ok(Standing::Ahead { commits: self.log(mirror, Some(ours), remote, 100).await? });
        }
        if known && self.is_ancestor(mirror, remote, ours).await? {
            return Ok(Standing::Behind);
        }
        let mut head = self.log(mirror, None, remote, 1).await?;
        let head =
            head.pop().ok_or_else(|| GitError::Missing { what: format!("commit {}", remote.short()) })?;
        Ok(Standing::Rewritten { head })
    }

    async fn diff_trees(&self, mirror: &Mirror, from: &str, to: &str, most: usize) -> Result<Diff, GitError> {
        let finished = self.in_mirror(mirror, DIFF).arg("-M").arg(from).arg(to).first(most).ok().await?;
        Ok(Diff { bytes: finished.stdout, truncated: finished.cut })
    }
}

/// `--full-index` makes the patch usable elsewhere; `.gitmodules` may not hide a submodule's change.
const DIFF: &[&str] = &[
    "diff-tree",
    "-r",
    "-p",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--full-index",
    "--ignore-submodules=none",
];

/// Reads one record of `status --porcelain=v2 -z --no-renames`; see git-status(1).
fn parse_change(record: &[u8]) -> Option<Change> {
    let (fields, kind) = match record {
        [b'1', b' ', index, tree, ..] => (9, kind_of(*index, *tree)),
        [b'u', b' ', ..] => (11, ChangeKind::Conflicted),
        [b'?', b' ', .., b'/'] => (2, ChangeKind::Repository),
        [b'?', b' ', ..] => (2, ChangeKind::Added),
        _ => return None,
    };
    let path = record.splitn(fields, |b| *b == b' ').nth(fields - 1)?;
    Some(Change { path: bytes_path(path), kind })
}

fn kind_of(index: u8, tree: u8) -> ChangeKind {
    match (index, tree) {
        (_, b'D') | (b'D', _) => ChangeKind::Deleted,
        (b'A', _) | (_, b'A') => ChangeKind::Added,
        (b'T', _) | (_, b'T') => ChangeKind::TypeChanged,
        _ => ChangeKind::Modified,
    }
}

/// `log -z` separates records instead of ending them.
fn log_records(listed: &[u8]) -> impl Iterator<Item = String> {
    let ended = [listed, b"\0"].concat();
    lossy_records(&ended).collect::<Vec<_>>().into_iter()
}

fn parse_commit(record: &str) -> Option<Commit> {
    let mut lines = record.splitn(5, '\n');
    let sha = Sha::parse(lines.next()?)?;
    let (author, email) = (lines.next()?.to_owned(), lines.next()?.to_owned());
    let at = Moment(lines.next()?.parse::<i64>().ok()?.saturating_mul(1000));
    Some(Commit { sha, author, email, at, subject: lines.next().unwrap_or_default().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &[u8], path: &str, kind: ChangeKind) {
        assert_eq!(parse_change(record), Some(Change { path: path.into(), kind }));
    }

    #[test]
    fn porcelain_records_become_changes() {
        check(b"? a b\"\n.txt", "a b\"\n.txt", ChangeKind::Added);
        check(b"? vendor/x/", "vendor/x/", ChangeKind::Repository);
        check(b"1 .M N... 100644 100644 100644 aa bb src/a b.rs", "src/a b.rs", ChangeKind::Modified);
        check(b"1 AD N... 000000 100644 000000 aa bb x", "x", ChangeKind::Deleted);
        check(b"1 .T N... 100644 100644 120000 aa bb x", "x", ChangeKind::TypeChanged);
        check(b"u UU N... 100644 100644 100644 100644 aa bb cc x y", "x y", ChangeKind::Conflicted);
        assert_eq!(parse_change(b"# branch.oid 1"), None);
    }

    #[test]
    fn a_commit_without_subject_is_still_a_commit() {
        let record = "0123456789012345678901234567890123456789\nVera\nv@x\n12\n";
        let commit = parse_commit(record).unwrap();
        assert_eq!((commit.subject.as_str(), commit.at), ("", Moment(12_000)));
    }
}
