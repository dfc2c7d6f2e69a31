//! The file of the App's credentials: readable by its owner only, fit for `.` of a shell, never overwritten unasked.

use crate::cli::Failure;
use crate::config::SetupSettings;
use crate::forge::github::registration::Registered;
use secrecy::ExposeSecret as _;
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
            let what = format!("`{}` is there already and may hold an App's only key", path.display());
            return Err(Failure::asked(what).hint("name another one with --file, or replace it with --force"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let draft =
            tempfile::Builder::new().prefix(".tasksgodzilla-").tempfile_in(folder).map_err(|why| {
                Failure::asked(format!("nothing can be written to `{}`: {why}", folder.display()))
            })?;
        Ok(Self { draft, path: path.to_owned(), force })
    }

    /// Writes the credentials, whole or not at all.
    pub(super) fn keep(mut self, app: &Registered, settings: &SetupSettings) -> std::io::Result<()> {
        self.draft.write_all(text(app, settings).as_bytes())?;
        self.draft.as_file().sync_all()?;
        let placed = if self.force {
            self.draft.persist(&self.path)
        } else {
            self.draft.persist_noclobber(&self.path)
        };
        placed.map(drop).map_err(|failed| failed.error)
    }
}

fn text(app: &Registered, settings: &SetupSettings) -> String {
    let key = app.pem.expose_secret().replace("\r\n", "\n").trim_end().replace('\n', "\\n");
    let lines = [
        ("GITHUB_APP_ID", app.id.to_string()),
        ("GITHUB_PRIVATE_KEY", key),
        ("GITHUB_WEBHOOK_SECRET", app.webhook_secret.expose_secret().to_owned()),
        ("GITHUB_URL", settings.web_url.to_string()),
        ("GITHUB_API_URL", settings.api_url.to_string()),
        ("PUBLIC_URL", settings.public_url.to_string()),
    ];
    let head =
        "# Secrets of the GitHub App. Load them with: set -a; . ./tasksgodzilla.env; set +a\n".to_owned();
    lines.iter().fold(head, |text, (name, value)| text + &format!("TASKSGODZILLA_{name}={}\n", quoted(value)))
}

/// As a shell takes it literally.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}
