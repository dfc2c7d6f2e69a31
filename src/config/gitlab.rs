//! How to serve a GitLab. It is served when its token or one of its webhook secrets is set.

use super::reader::{Raw, Reader};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// How to be the bot's account on a GitLab.
#[derive(Debug, Clone)]
pub struct GitlabSettings {
    pub url: Url,
    pub token: SecretString,
    /// The current webhook token, then the previous one.
    pub webhook_tokens: Vec<SecretString>,
    /// The same of signing tokens.
    pub signing_tokens: Vec<SecretString>,
}

/// What `gitlab connect` must know.
#[derive(Debug, Clone)]
pub struct ConnectSettings {
    pub url: Url,
    pub token: SecretString,
    /// How GitLab reaches the bot.
    pub public_url: Url,
    /// The secrets that a running bot knows already.
    pub webhook_token: Option<SecretString>,
    pub signing_token: Option<SecretString>,
}

const NO_TOKEN: &str =
    "is missing; make an access token of the project or group with the scope `api` and the role Developer";

pub(super) fn gitlab(reader: &mut Reader<'_>) -> Option<GitlabSettings> {
    let url = reader.address("GITLAB_URL");
    let token = reader.secret("GITLAB_TOKEN");
    let webhook_tokens = secrets(reader, ["GITLAB_WEBHOOK_TOKEN", "GITLAB_WEBHOOK_TOKEN_PREVIOUS"]);
    let signing_tokens = signing(reader, ["GITLAB_SIGNING_TOKEN", "GITLAB_SIGNING_TOKEN_PREVIOUS"]);
    let is_unproved = webhook_tokens.is_empty() && signing_tokens.is_empty();
    if token.is_none() && is_unproved {
        return None;
    }
    if token.is_none() {
        reader.fault("GITLAB_TOKEN", NO_TOKEN);
    }
    if is_unproved {
        reader.fault(
            "GITLAB_WEBHOOK_TOKEN",
            "is missing; `tasksgodzilla gitlab connect` makes the webhook and prints it",
        );
    }
    Some(GitlabSettings { url: url?, token: token?, webhook_tokens, signing_tokens })
}

impl GitlabSettings {
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.token).chain(&self.webhook_tokens).chain(&self.signing_tokens)
    }
}

impl ConnectSettings {
    /// Errors: one sentence per fault, each naming its variable and what to do.
    pub fn check(raw: &Raw) -> Result<Self, Vec<String>> {
        let mut reader = Reader::new(raw);
        let (url, public_url) = (reader.address("GITLAB_URL"), reader.address("PUBLIC_URL"));
        let token = reader.secret("GITLAB_TOKEN");
        let webhook_token = secrets(&mut reader, ["GITLAB_WEBHOOK_TOKEN"]).pop();
        let signing_token = signing(&mut reader, ["GITLAB_SIGNING_TOKEN"]).pop();
        if token.is_none() {
            reader.fault("GITLAB_TOKEN", "is missing; to manage webhooks it needs the role Maintainer");
        }
        if public_url.is_none() && reader.faults.is_empty() {
            reader.fault("PUBLIC_URL", "is missing; say where GitLab reaches the bot with --public-url");
        }
        match (url, token, public_url) {
            (Some(url), Some(token), Some(public_url)) if reader.faults.is_empty() => {
                Ok(Self { url, token, public_url, webhook_token, signing_token })
            }
            _ => Err(reader.faults),
        }
    }
}

fn secrets<const N: usize>(reader: &mut Reader<'_>, names: [&str; N]) -> Vec<SecretString> {
    names.into_iter().filter_map(|name| reader.secret(name)).collect()
}

fn signing<const N: usize>(reader: &mut Reader<'_>, names: [&str; N]) -> Vec<SecretString> {
    let mut found = Vec::new();
    for name in names {
        let Some(secret) = reader.secret(name) else { continue };
        if has_form(&secret) {
            found.push(secret);
        } else {
            reader.fault(name, "is no signing token; it is `whsec_` and base64, as GitLab shows it once");
        }
    }
    found
}

fn has_form(secret: &SecretString) -> bool {
    let key = secret.expose_secret().strip_prefix("whsec_").map(|key| STANDARD.decode(key));
    matches!(key, Some(Ok(key)) if key.len() >= 24)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Needs, Settings};

    const SIGNING: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    fn token() -> Raw {
        Raw::default().with("GITLAB_TOKEN", "glpat-x")
    }

    #[track_caller]
    fn check(raw: &Raw, expected: &str) {
        let faults = Settings::check(raw, Needs::Forge).err().unwrap_or_default();
        assert_eq!(faults.join("\n"), expected);
    }

    #[test]
    fn gitlab_alone_is_enough_to_serve() {
        check(&token().with("GITLAB_WEBHOOK_TOKEN", "word"), "");
        let signed =
            token().with("GITLAB_SIGNING_TOKEN", SIGNING).with("GITLAB_URL", "https://dev.example/lab");
        let settings = Settings::check(&signed, Needs::Forge).expect("complete");
        let gitlab = settings.gitlab.as_ref().expect("gitlab");
        assert_eq!((gitlab.url.as_str(), gitlab.signing_tokens.len()), ("https://dev.example/lab", 1));
        assert!(settings.github.is_none());
        assert_eq!(settings.shared_secret().map(|secret| secret.expose_secret()), Some(SIGNING));
        assert_eq!(settings.secrets().len(), 2);
    }

    #[test]
    fn what_gitlab_lacks_is_named() {
        check(
            &token(),
            "TASKSGODZILLA_GITLAB_WEBHOOK_TOKEN is missing; `tasksgodzilla gitlab connect` makes the webhook and \
             prints it",
        );
        check(
            &Raw::default().with("GITLAB_WEBHOOK_TOKEN", "word"),
            "TASKSGODZILLA_GITLAB_TOKEN is missing; make an access token of the project or group with the scope \
             `api` and the role Developer",
        );
        check(
            &token().with("GITLAB_SIGNING_TOKEN", "word").with("GITLAB_WEBHOOK_TOKEN", "word"),
            "TASKSGODZILLA_GITLAB_SIGNING_TOKEN is no signing token; it is `whsec_` and base64, as GitLab shows it \
             once",
        );
        check(
            &token().with("GITLAB_URL", "http://gitlab.example").with("GITLAB_WEBHOOK_TOKEN", "word"),
            "TASKSGODZILLA_GITLAB_URL must be an https address without user name; plain http is for loopback only",
        );
    }
}
