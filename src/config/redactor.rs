//! Takes secrets out of text: those that the process knows, in every form they may take, and whatever has a token's shape.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::Regex;
use secrecy::{ExposeSecret as _, SecretString};
use std::borrow::Cow;
use std::sync::LazyLock;

/// What stands in a secret's place.
const GONE: &str = "[redacted]";
/// Shorter secrets would redact ordinary words.
const SHORTEST: usize = 6;

/// Shapes of tokens. GitHub's are opaque and of any length, with dots and underlines.
static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    let shapes = [
        r"gh[pousr]_[A-Za-z0-9._-]{20,}",
        r"github_pat_[A-Za-z0-9_]{20,}",
        r"glpat-[A-Za-z0-9_.-]{20,}",
        r"sk-[A-Za-z0-9_-]{20,}",
        r"AKIA[0-9A-Z]{16}",
        r"AIza[0-9A-Za-z_-]{35}",
        r"xox[abprs]-[A-Za-z0-9-]{10,}",
        r"(?i:bearer)\s+[A-Za-z0-9._~+/-]{20,}=*",
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
    ];
    Regex::new(&shapes.join("|")).expect("the shapes are a valid pattern")
});

/// Knows the process' secrets. Clones are made by sharing it.
#[derive(Debug, Default)]
pub struct Redactor {
    known: Vec<SecretString>,
}

impl Redactor {
    pub fn new(secrets: &[SecretString]) -> Self {
        let mut known: Vec<String> = secrets
            .iter()
            .map(|secret| secret.expose_secret().trim())
            .filter(|secret| secret.len() >= SHORTEST)
            .flat_map(forms)
            .collect();
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
        known.dedup();
        Self { known: known.into_iter().map(SecretString::from).collect() }
    }

    /// The text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for secret in self.known.iter().map(|secret| secret.expose_secret()) {
            if clean.contains(secret) {
                clean = Cow::Owned(clean.replace(secret, GONE));
            }
        }
        match SHAPES.replace_all(&clean, GONE) {
            Cow::Borrowed(_) => clean,
            Cow::Owned(replaced) => Cow::Owned(replaced),
        }
    }

    /// Whether there is anything to redact.
    pub fn finds(&self, text: &str) -> bool {
        self.known.iter().any(|secret| text.contains(secret.expose_secret())) || SHAPES.is_match(text)
    }
}

/// A secret as it stands, as base64, percent-encoded, and as JSON writes it.
fn forms(secret: &str) -> [String; 5] {
    let json = serde_json::Value::from(secret).to_string();
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [
        secret.to_owned(),
        STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(secret),
        encoded,
        json.trim_matches('"').to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let redactor = Redactor::new(&[SecretString::from("hunter2/\"ü"), SecretString::from("ab")]);
        assert_eq!(redactor.redact(text), expected);
        assert_eq!(redactor.finds(text), text != expected);
    }

    #[test]
    fn known_secrets_go_in_every_form() {
        check("key=hunter2/\"ü.", "key=[redacted].");
        check("aHVudGVyMi8iw7w=", "[redacted]=");
        check("hunter2%2F%22%C3%BC", "[redacted]");
        check(r#"{"k":"hunter2/\"ü"}"#, r#"{"k":"[redacted]"}"#);
        check("ab stays, it is too short to know", "ab stays, it is too short to know");
    }

    #[test]
    fn tokens_are_known_by_their_shape() {
        check("ghs_123_eyJhbGciOi.eyJpc3M.sig-x end", "[redacted] end");
        check("github_pat_11ABCDEFG0123456789_abc", "[redacted]");
        check("Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "Authorization: [redacted]");
        check("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n", "[redacted]\n");
        check("sk-proj-abcdefghijklmnopqrst", "[redacted]");
        check("ghs_short and sky-high", "ghs_short and sky-high");
    }
}
