//! The git CLI on the twin's bare repositories: no configuration of the machine's user is read, no prompt can appear.

use super::people::SandboxError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A commit as git knows it.
#[derive(Debug, Clone)]
pub(crate) struct CommitFacts {
    pub(crate) sha: String,
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author: (String, String),
    pub(crate) committer: (String, String),
    /// ISO 8601 with an offset, as the author's clock showed it.
    pub(crate) timestamp: String,
    pub(crate) message: String,
}

/// Who writes a commit, and when (seconds since the Unix epoch).
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) at: i64,
}

/// The sums of `git diff --numstat`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DiffSize {
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    pub(crate) files: u64,
}

/// What is put at a path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry<'a> {
    File(&'a str),
    /// A symbolic link to this path.
    Link(&'a str),
    Gone,
}

pub(crate) struct Bare<'a>(pub(crate) &'a Path);

/// Starts a git command that sees neither the user's nor the machine's configuration.
pub(crate) fn hermetic_git() -> Command {
    let mut git = Command::new("git");
    for (key, _) in std::env::vars_os().filter(|(k, _)| k.to_string_lossy().starts_with("GIT_")) {
        git.env_remove(key);
    }
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    git
}

fn run(git: &mut Command, what: &str) -> Result<Output, SandboxError> {
    git.output().map_err(|source| SandboxError::Io { what: format!("run git {what}"), source })
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Makes a bare repository at `dir`: empty, or cloned from `source`, which is only read.
///
/// A hook refuses pushes that touch workflow files when `SANDBOX_NO_WORKFLOWS` is set, and those of the branch that
/// `SANDBOX_PROTECTED` names; the worktree of `source` and its configuration are not used.
pub(crate) fn make_bare(dir: &Path, source: Option<&Path>, branch: &str) -> Result<(), SandboxError> {
    let mut git = hermetic_git();
    match source {
        None => git.args(["init", "--quiet", "--bare", "--initial-branch", branch]).arg(dir),
        Some(from) => git.args(["clone", "--quiet", "--bare", "--no-hardlinks"]).arg(from).arg(dir),
    };
    let output = run(&mut git, "clone")?;
    if !output.status.success() {
        return Err(SandboxError::Git(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let bare = Bare(dir);
    bare.git(&["config", "http.receivepack", "true"])?;
    bare.git(&["config", "uploadpack.allowAnySHA1InWant", "true"])?;
    bare.git(&["config", "gc.auto", "0"])?;
    bare.git(&["config", "receive.hideRefs", "refs/pull"])?;
    bare.git(&["config", "--add", "receive.hideRefs", "refs/merge-requests"])?;
    install_hook(dir)
}

const UPDATE_HOOK: &str = r#"#!/bin/sh
if [ "$1" = "refs/heads/$SANDBOX_PROTECTED" ]; then
    echo "GitLab: You are not allowed to push code to protected branches on this project." >&2
    exit 1
fi
[ -n "$SANDBOX_NO_WORKFLOWS" ] || exit 0
case "$3" in *[!0]*) ;; *) exit 0 ;; esac
touched=$(git rev-list --max-count=1 "$3" --not --all -- .github/workflows)
[ -z "$touched" ] && exit 0
echo "refusing to allow a GitHub App to create or update a workflow without \`workflows\` permission" >&2
exit 1
"#;

fn install_hook(dir: &Path) -> Result<(), SandboxError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |source| SandboxError::Io { what: "write the update hook".to_owned(), source };
    let path = dir.join("hooks").join("update");
    std::fs::create_dir_all(dir.join("hooks")).map_err(failed)?;
    std::fs::write(&path, UPDATE_HOOK).map_err(failed)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).map_err(failed)
}

impl Bare<'_> {
    fn command(&self) -> Command {
        let mut git = hermetic_git();
        git.arg("--git-dir").arg(self.0);
        git
    }

    /// Runs git and returns what it printed, without the last line break.
    pub(crate) fn git(&self, args: &[&str]) -> Result<String, SandboxError> {
        let output = run(self.command().args(args), args.first().unwrap_or(&""))?;
        if output.status.success() {
            return Ok(text(&output));
        }
        Err(SandboxError::Git(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    pub(crate) fn branches(&self) -> BTreeMap<String, String> {
        let format = "--format=%(refname:lstrip=2) %(objectname)";
        let listed = self.git(&["for-each-ref", format, "refs/heads"]).unwrap_or_default();
        listed.lines().filter_map(|l| l.rsplit_once(' ')).map(|(n, s)| (n.to_owned(), s.to_owned())).collect()
    }

    pub(crate) fn branch(&self, name: &str) -> Option<String> {
        self.git(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{name}")]).ok()
    }

    /// What a tag points at.
    pub(crate) fn tag(&self, name: &str) -> Option<String> {
        self.git(&["rev-parse", "--verify", "--quiet", &format!("refs/tags/{name}")]).ok()
    }

    pub(crate) fn current_branch(&self) -> Option<String> {
        self.git(&["symbolic-ref", "--short", "HEAD"]).ok()
    }

    /// Resolves a branch, tag or commit id to a commit.
    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        if name.starts_with('-') || name.is_empty() {
            return None;
        }
        let branch = self.branch(name.strip_prefix("heads/").unwrap_or(name));
        branch.or_else(|| self.git(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).ok())
    }

    pub(crate) fn is_ancestor(&self, old: &str, new: &str) -> bool {
        self.git(&["merge-base", "--is-ancestor", old, new]).is_ok()
    }

    pub(crate) fn update_ref(&self, name: &str, sha: &str) -> Result<(), SandboxError> {
        self.git(&["update-ref", name, sha]).map(drop)
    }

    pub(crate) fn delete_branch(&self, branch: &str) -> Result<(), SandboxError> {
        self.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]).map(drop)
    }

    /// The commits reachable from `head` but not from `base`, oldest first.
    pub(crate) fn commits(&self, base: &str, head: &str) -> Vec<CommitFacts> {
        let listed = self.git(&["rev-list", "--reverse", "--topo-order", head, &format!("^{base}")]);
        listed.unwrap_or_default().lines().filter_map(|sha| self.commit(sha)).collect()
    }

    /// A commit by its full id; other words are not looked at, as they could be options.
    pub(crate) fn commit(&self, sha: &str) -> Option<CommitFacts> {
        if !matches!(sha.len(), 40 | 64) || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let format = "--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%cn%x1f%ce%x1f%aI%x1f%B";
        let shown = self.git(&["show", "--no-patch", format, sha]).ok()?;
        let mut fields = shown.splitn(9, '\u{1f}').map(str::to_owned);
        let mut next = || fields.next();
        Some(CommitFacts {
            sha: next()?,
            tree: next()?,
            parents: next()?.split_whitespace().map(str::to_owned).collect(),
            author: (next()?, next()?),
            committer: (next()?, next()?),
            timestamp: next()?,
            message: next()?.trim_end().to_owned(),
        })
    }

    /// Paths added, removed and modified by one commit against its first parent.
    pub(crate) fn touched(&self, sha: &str) -> [Vec<String>; 3] {
        let shown =
            self.git(&["show", "--name-status", "--no-renames", "--format=", "-m", "--first-parent", sha]);
        let mut lists = [Vec::new(), Vec::new(), Vec::new()];
        for (kind, path) in shown.unwrap_or_default().lines().filter_map(|l| l.split_once('\t')) {
            let list = match kind {
                "A" => 0,
                "D" => 1,
                _ => 2,
            };
            lists[list].push(path.to_owned());
        }
        lists
    }

    pub(crate) fn diff_size(&self, base: &str, head: &str) -> DiffSize {
        let counted = self.git(&["diff", "--numstat", &format!("{base}...{head}")]).unwrap_or_default();
        let mut size = DiffSize::default();
        for line in counted.lines() {
            let mut columns = line.split('\t').map(|c| c.parse::<u64>().unwrap_or(0));
            size.additions += columns.next().unwrap_or(0);
            size.deletions += columns.next().unwrap_or(0);
            size.files += 1;
        }
        size
    }

    /// Merges two commits without a worktree. `None` when they conflict.
    pub(crate) fn merged_tree(&self, ours: &str, theirs: &str, base: Option<&str>) -> Option<String> {
        let base = base.map(|b| format!("--merge-base={b}"));
        let mut args = vec!["merge-tree", "--write-tree", "--no-messages"];
        args.extend(base.as_deref());
        args.extend([ours, theirs]);
        self.git(&args).ok()?.lines().next().map(str::to_owned)
    }

    pub(crate) fn write_commit(
        &self,
        tree: &str,
        parents: &[&str],
        message: &str,
        [author, committer]: [&Signature; 2],
    ) -> Result<String, SandboxError> {
        let mut git = self.command();
        git.args(["commit-tree", tree, "-m", message]);
        for parent in parents {
            git.args(["-p", parent]);
        }
        git.env("GIT_AUTHOR_NAME", &author.name).env("GIT_AUTHOR_EMAIL", &author.email);
        git.env("GIT_AUTHOR_DATE", format!("{} +0000", author.at));
        git.env("GIT_COMMITTER_NAME", &committer.name).env("GIT_COMMITTER_EMAIL", &committer.email);
        git.env("GIT_COMMITTER_DATE", format!("{} +0000", committer.at));
        let output = run(&mut git, "commit-tree")?;
        if output.status.success() {
            return Ok(text(&output));
        }
        Err(SandboxError::Git(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// Writes the tree of `parent` (or an empty one) with `files` put over it.
    pub(crate) fn write_tree(
        &self,
        parent: Option<&str>,
        files: &[(&str, Entry<'_>)],
    ) -> Result<String, SandboxError> {
        let scratch = tempfile::tempdir()
            .map_err(|source| SandboxError::Io { what: "make a scratch directory".to_owned(), source })?;
        let index = Index { bare: self, index: scratch.path().join("index") };
        if let Some(parent) = parent {
            index.git(&["read-tree", parent])?;
        }
        for (path, entry) in files {
            let (mode, content) = match entry {
                Entry::File(text) => ("100644", text),
                Entry::Link(target) => ("120000", target),
                Entry::Gone => {
                    index.git(&["rm", "--cached", "--quiet", "--ignore-unmatch", "--", path])?;
                    continue;
                }
            };
            let file = scratch.path().join("content");
            std::fs::write(&file, content)
                .map_err(|source| SandboxError::Io { what: format!("write {path}"), source })?;
            let blob = self.git(&["hash-object", "-w", "--no-filters", &file.to_string_lossy()])?;
            index.git(&["update-index", "--add", "--cacheinfo", &format!("{mode},{blob},{path}")])?;
        }
        index.git(&["write-tree"])
    }

    /// A file or folder at a commit: `(mode, kind, id, name)` of each entry; a file is its own only entry.
    pub(crate) fn entries(&self, commit: &str, path: &str) -> Vec<[String; 4]> {
        let is_folder = path.is_empty()
            || self.git(&["cat-file", "-t", &format!("{commit}:{path}")]).ok().as_deref() == Some("tree");
        let spec = if is_folder && !path.is_empty() { format!("{path}/") } else { path.to_owned() };
        let mut args = vec!["ls-tree", "-z", "--", commit];
        if !spec.is_empty() {
            args.push(&spec);
        }
        let listed = self.git(&args).unwrap_or_default();
        let entry = |line: &str| {
            let (facts, name) = line.split_once('\t')?;
            let mut facts = facts.split(' ').map(str::to_owned);
            Some([facts.next()?, facts.next()?, facts.next()?, name.to_owned()])
        };
        listed.split('\0').filter_map(entry).collect()
    }

    pub(crate) fn blob(&self, id: &str) -> Option<Vec<u8>> {
        let output = self.command().args(["cat-file", "blob", id]).output().ok()?;
        output.status.success().then_some(output.stdout)
    }

    /// Copies a commit with its history from another bare repository, under `name`.
    pub(crate) fn fetch(&self, from: &Path, sha: &str, name: &str) -> Result<(), SandboxError> {
        self.git(&["fetch", "--quiet", "--no-tags", &from.to_string_lossy(), &format!("+{sha}:{name}")])
            .map(drop)
    }
}

/// A throw-away index, so that a bare repository can be committed to.
struct Index<'a> {
    bare: &'a Bare<'a>,
    index: PathBuf,
}

impl Index<'_> {
    fn git(&self, args: &[&str]) -> Result<String, SandboxError> {
        let mut git = self.bare.command();
        let output =
            run(git.args(args).env("GIT_INDEX_FILE", &self.index).current_dir(self.bare.0), "index")?;
        if output.status.success() {
            return Ok(text(&output));
        }
        Err(SandboxError::Git(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}
