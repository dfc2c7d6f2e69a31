//! What the git room needs to know, and the private directory it keeps beside the projects.

use super::error::GitError;
use crate::domain::witness::{Nobody, Witness};
use crate::meter::Meters;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A name and mail address that commits carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    pub email: String,
}

#[derive(Debug, Clone)]
pub struct GitSettings {
    /// The projects root: mirrors and worktrees live at `<root>/<project>/`.
    pub root: PathBuf,
    /// Author and committer of commits that name no other.
    pub identity: Identity,
    /// Best a whole path: to look for a bare name on the `PATH` of `environment`, std copies our whole process first.
    pub program: PathBuf,
    /// The only variables git inherits besides ours: `PATH`, proxy and certificate settings.
    pub environment: Vec<(String, String)>,
    /// Whether remotes may be directories of this machine; for local use and tests.
    pub allow_file: bool,
    pub limits: Limits,
    /// Watches every call that talks to a remote.
    pub witness: Arc<dyn Witness>,
    /// Counts every call.
    pub meters: Meters,
}

impl GitSettings {
    /// Settings for https remotes with `git` from the usual places.
    pub fn new(root: impl Into<PathBuf>, identity: Identity) -> Self {
        Self {
            root: root.into(),
            identity,
            program: "git".into(),
            environment: vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())],
            allow_file: false,
            limits: Limits::default(),
            witness: Arc::new(Nobody),
            meters: Meters::default(),
        }
    }
}

/// Bounds of one git call.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls that stay on this machine; 120 s.
    pub local: Duration,
    /// Calls that talk to a remote; 600 s.
    pub network: Duration,
    /// Output that a call may produce before it counts as broken; 64 MiB.
    pub output: usize,
    /// Total size of the changed files that one commit or diff may hold; 256 MiB.
    pub changes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            local: Duration::from_secs(120),
            network: Duration::from_secs(600),
            output: 64 << 20,
            changes: 256 << 20,
        }
    }
}

/// The git command line, bound to one projects root. Share it behind an `Arc`.
#[derive(Debug)]
pub struct Git {
    pub(super) settings: GitSettings,
    /// Holds the askpass program and an empty home; readable by us alone.
    pub(super) private: PathBuf,
    pub(super) gates: Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
}

/// Answers git's two questions for one origin and nobody else's, so that a redirect cannot fetch the secret away.
const ASKPASS: &str = r#"#!/bin/sh
case "$1" in
"Username for '$TASKSGODZILLA_GIT_ORIGIN': ") printf '%s\n' "$TASKSGODZILLA_GIT_USERNAME" ;;
"Password for '$TASKSGODZILLA_GIT_USER_ORIGIN': ") printf '%s\n' "$TASKSGODZILLA_GIT_SECRET" ;;
*) exit 1 ;;
esac
"#;

/// For reading repositories that belong to another user of this machine; see `source`.
const TRUSTING: &str = "[safe]\n\tdirectory = *\n";

impl Git {
    /// Makes the projects root and its private directory ready; starts nothing.
    pub fn new(mut settings: GitSettings) -> Result<Self, GitError> {
        let unusable = || format!("use the projects root {}", settings.root.display());
        fs::create_dir_all(&settings.root).map_err(GitError::disk(unusable()))?;
        let root = settings.root.canonicalize().map_err(GitError::disk(unusable()))?;
        let private = root.join(".git-private");
        settings.root = root;
        let git = Self { settings, private, gates: Mutex::default() };
        git.furnish().map_err(GitError::disk("write the private directory of git"))?;
        Ok(git)
    }

    /// Returns git's version; an older git than 2.39 is refused.
    pub async fn probe(&self) -> Result<String, GitError> {
        let words = self.call(&["version"]).text().await?;
        let version = words.trim_start_matches("git version ").to_owned();
        match parse_version(&version) {
            Some(found) if found >= (2, 39) => Ok(version),
            _ => Err(GitError::TooOld { found: version }),
        }
    }

    pub(super) fn askpass(&self) -> PathBuf {
        self.private.join("askpass")
    }

    pub(super) fn home(&self) -> PathBuf {
        self.private.join("home")
    }

    pub(super) fn trusting_config(&self) -> PathBuf {
        self.private.join("trusting.gitconfig")
    }

    fn furnish(&self) -> std::io::Result<()> {
        fs::create_dir_all(self.home())?;
        fs::set_permissions(&self.private, fs::Permissions::from_mode(0o700))?;
        write_once(&self.askpass(), ASKPASS, 0o700)?;
        write_once(&self.trusting_config(), TRUSTING, 0o600)
    }
}

/// Puts `text` at `path` in one step; a file that is right already is left alone, since others may be running it.
fn write_once(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return fs::set_permissions(path, fs::Permissions::from_mode(mode));
    }
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    drop(file);
    fs::rename(fresh, path)
}

fn parse_version(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_of_every_vendor_are_read() {
        assert_eq!(parse_version("2.47.3"), Some((2, 47)));
        assert_eq!(parse_version("2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(parse_version("2.50.0.windows.1"), Some((2, 50)));
        assert_eq!(parse_version("unknown"), None);
    }
}
