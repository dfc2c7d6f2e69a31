//! How to serve GitHub, and how its deliveries come to us. It is served when one of the App's credentials is set; then all of
//! them must be.

use super::reader::Reader;
use super::settings::seconds;
use secrecy::SecretString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// How to be the App.
#[derive(Debug, Clone)]
pub struct GithubSettings {
    pub app_id: u64,
    pub private_key: SecretString,
    /// The current secret, then the previous one; empty where deliveries are only pulled.
    pub webhook_secrets: Vec<SecretString>,
    pub api_url: Url,
    pub web_url: Url,
    pub intake: Intake,
    /// How often the log of deliveries is read where they are pulled.
    pub poll: Duration,
}

/// How deliveries come to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// GitHub posts them; its log is read for those that got lost.
    Push,
    /// They are read from GitHub's log only.
    Pull,
}

impl GithubSettings {
    /// `None` where nothing is said of the App, and where there is a fault.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let id = reader.text("GITHUB_APP_ID");
        let has_key = ["GITHUB_PRIVATE_KEY", "GITHUB_PRIVATE_KEY_PATH"];
        let has_key = has_key.iter().any(|name| reader.text(name).is_some());
        let key = private_key(reader);
        let secret = reader.secret("GITHUB_WEBHOOK_SECRET");
        let previous = reader.secret("GITHUB_WEBHOOK_SECRET_PREVIOUS");
        let api_url = reader.address("GITHUB_API_URL");
        let web_url = reader.address("GITHUB_URL");
        let intake = intake(reader);
        let poll = seconds(reader, "GITHUB_POLL_SECONDS", 5, 3600);
        if id.is_none() && !has_key && secret.is_none() {
            return None;
        }
        for (name, missing) in [
            ("GITHUB_APP_ID", id.is_none()),
            ("GITHUB_PRIVATE_KEY", !has_key),
            ("GITHUB_WEBHOOK_SECRET", secret.is_none() && intake == Intake::Push),
        ] {
            if missing {
                reader.fault(name, "is missing; `tasksgodzilla setup` registers the App and writes it");
            }
        }
        let app_id = id.and_then(|id| match id.parse::<u64>() {
            Ok(id) if id > 0 => Some(id),
            _ => {
                reader.fault("GITHUB_APP_ID", format!("is `{id}`; it must be the App's numeric id"));
                None
            }
        });
        Some(Self {
            app_id: app_id?,
            private_key: key?,
            webhook_secrets: secret.into_iter().chain(previous).collect(),
            api_url: api_url?,
            web_url: web_url?,
            intake,
            poll,
        })
    }

    /// A secret that every process of this bot has, to derive keys from.
    pub fn shared_secret(&self) -> &SecretString {
        self.webhook_secrets.first().unwrap_or(&self.private_key)
    }
}

fn intake(reader: &mut Reader<'_>) -> Intake {
    match reader.text("GITHUB_INTAKE").unwrap_or_default().as_str() {
        "push" => Intake::Push,
        "pull" => Intake::Pull,
        other => {
            reader.fault("GITHUB_INTAKE", format!("is `{other}`; it must be push or pull"));
            Intake::Push
        }
    }
}

fn private_key(reader: &mut Reader<'_>) -> Option<SecretString> {
    let inline = reader.text("GITHUB_PRIVATE_KEY");
    let file = reader.text("GITHUB_PRIVATE_KEY_PATH");
    let pem = match (inline, file) {
        (Some(_), Some(_)) => {
            reader.fault(
                "GITHUB_PRIVATE_KEY",
                "and TASKSGODZILLA_GITHUB_PRIVATE_KEY_PATH are both set; keep one",
            );
            None
        }
        (Some(inline), None) => Some(inline.replace("\\n", "\n")),
        (None, Some(file)) => key_file(reader, Path::new(&file)),
        (None, None) => None,
    }?;
    if !pem.contains("PRIVATE KEY-----") {
        reader
            .fault("GITHUB_PRIVATE_KEY", "is no PEM private key; download one from the App's settings page");
        return None;
    }
    Some(SecretString::from(pem))
}

fn key_file(reader: &mut Reader<'_>, file: &Path) -> Option<String> {
    const NAME: &str = "GITHUB_PRIVATE_KEY_PATH";
    let open_to_others = std::fs::metadata(file).map(|about| about.permissions().mode() & 0o077 != 0);
    if let Ok(true) = open_to_others {
        reader.fault(NAME, format!("`{}` can be read by others; run `chmod 600` on it", file.display()));
        return None;
    }
    std::fs::read_to_string(file)
        .map_err(|why| reader.fault(NAME, format!("`{}` cannot be read: {why}", file.display())))
        .ok()
}

#[cfg(test)]
mod tests {
    use crate::config::{Needs, Raw, Settings};
    use secrecy::ExposeSecret;

    #[track_caller]
    fn faults(raw: &Raw) -> Vec<String> {
        Settings::check(raw, Needs::Forge).err().unwrap_or_default()
    }

    #[test]
    fn a_key_that_cannot_be_read_is_one_fault_and_hides_no_other() {
        let unreadable = Raw::default().with("GITHUB_PRIVATE_KEY_PATH", "/nowhere/key.pem");
        let told = faults(&unreadable);
        assert_eq!(told.len(), 3, "{told:?}");
        for (fault, begins) in told.iter().zip([
            "TASKSGODZILLA_GITHUB_PRIVATE_KEY_PATH `/nowhere/key.pem` cannot be read",
            "TASKSGODZILLA_GITHUB_APP_ID is missing",
            "TASKSGODZILLA_GITHUB_WEBHOOK_SECRET is missing",
        ]) {
            assert!(fault.starts_with(begins), "{told:?}");
        }
        let told = faults(&unreadable.with("GITHUB_APP_ID", "7").with("GITHUB_WEBHOOK_SECRET", "s"));
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[test]
    fn who_only_pulls_needs_no_webhook_secret() {
        let pulls = Raw::default()
            .with("GITHUB_APP_ID", "7")
            .with("GITHUB_PRIVATE_KEY", "-----BEGIN RSA PRIVATE KEY-----")
            .with("GITHUB_INTAKE", "pull");
        let github = Settings::check(&pulls, Needs::Forge).expect("complete").github.expect("github");
        assert!(github.webhook_secrets.is_empty());
        assert_eq!(github.shared_secret().expose_secret(), github.private_key.expose_secret());
        let wrong = pulls.with("GITHUB_INTAKE", "both");
        let faults = Settings::check(&wrong, Needs::Forge).err().unwrap_or_default().join("\n");
        insta::assert_snapshot!(faults, @r"
        TASKSGODZILLA_GITHUB_INTAKE is `both`; it must be push or pull
        TASKSGODZILLA_GITHUB_WEBHOOK_SECRET is missing; `tasksgodzilla setup` registers the App and writes it
        ");
    }
}
