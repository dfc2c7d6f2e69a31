//! A remote, a person with a clone of it, and the bot's git; all gone at the end of the test.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tasksgodzilla::domain::ids::{Moment, ProjectId, Sha};
use tasksgodzilla::git::{Git, GitSettings, Identity, Mirror, NewCommit, Remote, Worktree};

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) git: Git,
    pub(crate) remote: Remote,
}

impl World {
    /// The remote has one commit on `main` with `README.md` and `src/lib.rs`.
    pub(crate) fn new() -> Self {
        let world = Self::with_empty_remote();
        run(&world.person(), &["init", "-q", "-b", "main"]);
        write(&world.person().join("README.md"), "hello\n");
        write(&world.person().join("src/lib.rs"), "one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
        world.person_pushes("Begin", "main");
        world
    }

    pub(crate) fn with_empty_remote() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let git = Git::new(settings(&dir.path().join("projects"))).unwrap();
        fs::create_dir(dir.path().join("person")).unwrap();
        let bare = dir.path().join("remote.git");
        run(dir.path(), &["init", "-q", "--bare", "-b", "main", "remote.git"]);
        Self { git, remote: Remote::directory(&bare).unwrap(), dir }
    }

    pub(crate) fn person(&self) -> PathBuf {
        self.dir.path().join("person")
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    /// Commits everything in the person's clone and pushes it, by force if need be.
    pub(crate) fn person_pushes(&self, subject: &str, branch: &str) -> Sha {
        run(&self.person(), &["add", "-A"]);
        run(&self.person(), &["commit", "-q", "--allow-empty", "-m", subject]);
        let target = format!("HEAD:refs/heads/{branch}");
        run(&self.person(), &["push", "-q", "--force", self.bare().to_str().unwrap(), &target]);
        sha(&run(&self.person(), &["rev-parse", "HEAD"]))
    }

    /// The mirror, fetched, and where `main` is.
    pub(crate) async fn fetched(&self) -> (Mirror, Sha) {
        let mirror = self.git.mirror(ProjectId(1)).await.unwrap();
        self.git.fetch(&mirror, &self.remote).await.unwrap();
        let main = self.git.branch_head(&mirror, "main").await.unwrap().unwrap();
        (mirror, main)
    }

    /// A worktree `0001-x` of `main`.
    pub(crate) async fn worktree(&self) -> (Worktree, Sha) {
        let (mirror, main) = self.fetched().await;
        (self.git.worktree(&mirror, "0001-x", &main).await.unwrap(), main)
    }

    /// Writes `text` to `path` and commits it.
    pub(crate) async fn bot_commits(&self, tree: &Worktree, path: &str, text: &str) -> Sha {
        write(&tree.path.join(path), text);
        self.git.commit_all(tree, &message("Do step 1")).await.unwrap().unwrap()
    }
}

pub(crate) fn settings(root: &Path) -> GitSettings {
    let identity = Identity { name: "godzilla[bot]".into(), email: "bot@example.org".into() };
    let mut settings = GitSettings::new(root, identity);
    settings.allow_file = true;
    settings.environment = vec![("PATH".into(), std::env::var("PATH").unwrap())];
    settings
}

pub(crate) fn message(text: &str) -> NewCommit<'_> {
    NewCommit { message: text, author: None, co_authors: &[], at: Some(Moment(1_700_000_000_000)) }
}

pub(crate) fn sha(text: &str) -> Sha {
    Sha::parse(text.trim()).unwrap()
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Makes `path` a shell script. Another process writes it: a file that we had open for writing could be held by a
/// child of a test beside this one, and then could not be run.
pub(crate) fn script(path: &Path, body: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!("#!/bin/sh\n{body}\n");
    let mut write = Command::new("sh");
    write.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(path).arg(text);
    assert!(write.status().unwrap().success());
}

/// Runs git as a person would, hermetic, and returns what it said.
#[track_caller]
pub(crate) fn run(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("HOME", dir);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Vera").env(format!("GIT_{role}_EMAIL"), "vera@example.org");
        command.env(format!("GIT_{role}_DATE"), "@1700000000 +0000");
    }
    let done =
        command.args(["-c", "protocol.file.allow=always"]).args(args).current_dir(dir).output().unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Every file, link and directory under `dir` with its content.
pub(crate) fn bytes_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            let content = if facts.is_dir() {
                pending.push(path.clone());
                b"a directory".to_vec()
            } else if facts.is_symlink() {
                fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
            } else {
                fs::read(&path).unwrap()
            };
            found.insert(path.strip_prefix(dir).unwrap().to_owned(), content);
        }
    }
    found
}
