//! A file of credentials: readable by its owner only, fit for `.` of a shell, never overwritten unasked.

use super::Failure;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A place for the file, taken before there is anything to lose.
pub(super) struct EnvFile {
    /// Beside the file, mode 0600; removed when it is dropped.
    draft: NamedTempFile,
    path: PathBuf,
    force: bool,
}

impl EnvFile {
    /// Fails when the file is there already, unless `force`, or its folder cannot be written to.
    pub(super) fn reserve(path: &Path, force: bool) -> Result<Self, Failure> {
        if path.symlink_metadata().is_ok() && !force {
            let what = format!("`{}` is there already and may hold the only copy of a key", path.display());
            return Err(Failure::asked(what).hint("name another one with --file, or replace it with --force"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let draft =
            tempfile::Builder::new().prefix(".tasksgodzilla-").tempfile_in(folder).map_err(|why| {
                Failure::asked(format!("nothing can be written to `{}`: {why}", folder.display()))
            })?;
        Ok(Self { draft, path: path.to_owned(), force })
    }

    /// Writes the settings, whole or not at all.
    pub(super) fn keep(mut self, contents: &Contents) -> std::io::Result<()> {
        let head = format!("# {} Load them with: set -a; . {}; set +a\n", contents.head, sourced(&self.path));
        self.draft.write_all(head.as_bytes())?;
        self.draft.write_all(contents.lines().as_bytes())?;
        self.draft.as_file().sync_all()?;
        let placed = if self.force {
            self.draft.persist(&self.path)
        } else {
            self.draft.persist_noclobber(&self.path)
        };
        placed.map(drop).map_err(|failed| failed.error)
    }
}

/// What a file of settings holds.
pub(super) struct Contents {
    /// A sentence on its first line.
    pub(super) head: &'static str,
    /// Names without the prefix, and values.
    pub(super) settings: Vec<(&'static str, String)>,
}

impl Contents {
    /// One assignment a line, as a shell takes it.
    pub(super) fn lines(&self) -> String {
        self.settings
            .iter()
            .map(|(name, value)| format!("TASKSGODZILLA_{name}={}\n", quoted(value)))
            .collect()
    }
}

/// As a shell takes it literally.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// The file as `.` takes it: without a slash it would be looked for on the PATH.
pub(super) fn sourced(file: &Path) -> String {
    let path = file.display();
    if file.components().count() == 1 { format!("./{path}") } else { path.to_string() }
}
