//! Taking a copy of somebody's own repository, for `demo` and the command line, without touching it.

use super::error::GitError;
use super::mirror::Mirror;
use super::remote::Remote;
use super::settings::{Git, Identity};
use super::worktree::remove_tree;
use crate::domain::ids::{ProjectId, Sha};
use std::fs;
use std::path::{Path, PathBuf};

/// A bare copy of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub path: PathBuf,
    pub default_branch: String,
    pub head: Sha,
}

/// What `HEAD` of the original says.
struct Head {
    branch: Option<String>,
    commit: Option<Sha>,
}

impl Git {
    /// Copies what is committed in the repository at (or above) `from` into a new bare repository `into`.
    ///
    /// Not one byte of `from` changes, and nothing its configuration names is run; changes that are not committed stay
    /// behind. The default branch is the one checked out. On a detached `HEAD` it is a branch at that commit, or a
    /// new one, `detached-<sha>`. Without any commit, an empty first one is made in the copy.
    pub async fn snapshot_source(&self, from: &Path, into: &Path) -> Result<Source, GitError> {
        let from = from.canonicalize().map_err(GitError::disk(format!("open {}", from.display())))?;
        let original = self.find_repository(&from).await?;
        if fs::symlink_metadata(into).is_ok() {
            return Err(GitError::refused(format!("{} exists already", into.display())));
        }
        let parent = into.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(GitError::disk(format!("make {}", parent.display())))?;
        let parent = parent.canonicalize().map_err(GitError::disk(format!("open {}", parent.display())))?;
        if parent.starts_with(&from) || parent.starts_with(&original) {
            return Err(GitError::refused("the copy must not lie inside the original"));
        }
        let into = parent.join(into.file_name().unwrap_or_default());
        let copied = self.copy(&original, &into).await;
        if copied.is_err() {
            remove_tree(&into)?;
        }
        copied
    }

    /// Finds git's directory for `from`.
    async fn find_repository(&self, from: &Path) -> Result<PathBuf, GitError> {
        let call = self.call(&["rev-parse", "--absolute-git-dir"]).inside(from);
        let found = call.env("GIT_CONFIG_GLOBAL", self.trusting_config()).run().await?;
        if found.code != 0 {
            let why = format!("{} is no git repository; name one, or run `git init` there", from.display());
            return Err(GitError::Refused { why });
        }
        let path = super::mirror::bytes_path(found.stdout.trim_ascii_end());
        let format = self.in_source(&path, &["rev-parse", "--show-object-format"]).text().await?;
        if format != "sha1" {
            return Err(GitError::refused(format!(
                "repositories with {format} object names are not supported"
            )));
        }
        Ok(path)
    }

    async fn copy(&self, original: &Path, into: &Path) -> Result<Source, GitError> {
        let head = self.head_of(original).await?;
        self.init_bare(into).await?;
        let copy = Mirror { project: ProjectId(0), path: into.to_owned() };
        let remote = Remote::directory(original)?;
        let mut call = self.fetching(&copy, &remote, "+refs/heads/*:refs/heads/*");
        if head.branch.is_none() {
            call = call.arg("+HEAD:refs/original/HEAD");
        }
        call = call.env("GIT_ALLOW_PROTOCOL", "file").env("GIT_CONFIG_GLOBAL", self.trusting_config());
        call.ok().await?;
        self.settle(&copy, head).await
    }

    /// Gives the copy a default branch with a commit.
    async fn settle(&self, copy: &Mirror, head: Head) -> Result<Source, GitError> {
        let commit = match head.commit {
            Some(commit) => commit,
            None => self.first_commit(copy).await?,
        };
        let default_branch = match head.branch {
            Some(branch) => branch,
            None => self.branch_for(copy, &commit).await?,
        };
        let name = format!("refs/heads/{default_branch}");
        self.in_mirror(copy, &["update-ref", &name, commit.as_str()]).ok().await?;
        self.in_mirror(copy, &["symbolic-ref", "HEAD", &name]).ok().await?;
        Ok(Source { path: copy.path.clone(), default_branch, head: commit })
    }

    async fn head_of(&self, original: &Path) -> Result<Head, GitError> {
        let branch = self.in_source(original, &["symbolic-ref", "--quiet", "HEAD"]).run().await?.stdout;
        let branch = String::from_utf8_lossy(&branch).trim().strip_prefix("refs/heads/").map(str::to_owned);
        let verify = ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"];
        let commit = self.in_source(original, &verify).run().await?.stdout;
        Ok(Head { branch, commit: Sha::parse(String::from_utf8_lossy(&commit).trim()) })
    }

    async fn branch_for(&self, copy: &Mirror, commit: &Sha) -> Result<String, GitError> {
        let at = format!("--points-at={commit}");
        let args = ["for-each-ref", "--format=%(refname:lstrip=2)", &at, "refs/heads"];
        let listed = self.in_mirror(copy, &args).text().await?;
        Ok(choose_branch(&listed.lines().collect::<Vec<_>>(), commit))
    }

    async fn first_commit(&self, copy: &Mirror) -> Result<Sha, GitError> {
        let Identity { name, email } = &self.settings.identity;
        let empty = self.in_mirror(copy, &["mktree"]).text().await?;
        let call = self.in_mirror(copy, &["commit-tree", "--no-gpg-sign", "-m", "Begin", &empty]);
        let call = call.env("GIT_AUTHOR_NAME", name).env("GIT_AUTHOR_EMAIL", email);
        let made = call.env("GIT_COMMITTER_NAME", name).env("GIT_COMMITTER_EMAIL", email).text().await?;
        Sha::parse(&made).ok_or_else(|| GitError::Fault { command: "commit-tree".to_owned(), words: made })
    }

    fn in_source(&self, original: &Path, args: &[&str]) -> super::run::Call {
        self.call(args).env("GIT_DIR", original).env("GIT_CONFIG_GLOBAL", self.trusting_config())
    }
}

/// Picks the name for a detached commit: a branch that is there already, the usual ones first.
fn choose_branch(here: &[&str], commit: &Sha) -> String {
    let usual = ["main", "master"].into_iter().find(|name| here.contains(name));
    let any = usual.or_else(|| here.first().copied());
    any.map_or_else(|| format!("detached-{}", commit.short()), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detached_commit_gets_the_most_usual_branch_that_is_there() {
        let commit = Sha::parse("0123456789012345678901234567890123456789").unwrap();
        assert_eq!(choose_branch(&["a", "master"], &commit), "master");
        assert_eq!(choose_branch(&["a", "b"], &commit), "a");
        assert_eq!(choose_branch(&[], &commit), "detached-0123456");
    }
}
