//! What Codex' words about a failure mean. It exits with 1 whatever happened, so the text is all there is.

use super::CodexSettings;
use crate::domain::retry::Retry;
use crate::engine::{EngineError, Usage};
use std::path::Path;
use std::time::Duration;

/// The variable from which `codex exec` takes a key for its own service.
const OWN_KEY: &str = "CODEX_API_KEY";
const REFUSED: [&str; 4] =
    ["401 unauthorized", "403 forbidden", "access token could not be refreshed", "not logged in"];
const UNAVAILABLE: [&str; 8] = [
    "unexpected status 5",
    "high demand",
    "connection failed",
    "waiting for network",
    "stream disconnected",
    "error sending request",
    "idle timeout",
    "last status: 5",
];

/// Refuses a run that has no key before it is started: Codex itself would go on trying.
pub(super) fn check_key(settings: &CodexSettings, home: &Path) -> Result<(), EngineError> {
    let is_set = |name: &str| settings.env.iter().any(|(key, value)| key == name && !value.is_empty());
    let Some(setting) = key_variable(&settings.config) else {
        return Ok(());
    };
    let logged_in = setting == OWN_KEY && home.join("auth.json").is_file();
    if is_set(&setting) || logged_in { Ok(()) } else { Err(EngineError::AuthMissing { setting }) }
}

/// The variable that holds the key of the configured provider; `None` for a provider that asks for none.
fn key_variable(config: &[String]) -> Option<String> {
    let named = config.iter().rev().find_map(|entry| {
        let (_, rest) = entry.split_once("env_key")?;
        let value = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches('"');
        let end = value.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(value.len());
        Some(value[..end].to_owned())
    });
    let other = config.iter().any(|entry| entry.trim_start().starts_with("model_provider"));
    named.or_else(|| (!other).then(|| OWN_KEY.to_owned()))
}

/// Whether the model service does not know us; trying again is useless.
pub(super) fn is_refusal(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    REFUSED.iter().any(|words| text.contains(words))
}

/// Finds the class of a failure. `text` is the reason of the failed turn, else the end of standard error.
pub(super) fn classify(
    text: &str,
    exit: Option<i32>,
    config: &[String],
    usage: Option<Usage>,
) -> EngineError {
    let lower = text.to_ascii_lowercase();
    let says = |words: &str| lower.contains(words);
    if let Some(variable) = between(text, "Missing environment variable: `", "`") {
        return EngineError::AuthMissing { setting: variable.to_owned() };
    }
    if is_refusal(text) {
        return EngineError::AuthMissing {
            setting: key_variable(config).unwrap_or_else(|| OWN_KEY.to_owned()),
        };
    }
    let unavailable = |retry| EngineError::ModelUnavailable { why: head(text), retry };
    if says("quota exceeded") || says("404 not found") {
        return unavailable(Retry::Never);
    }
    if says("429 too many requests") || says("rate limit") {
        return EngineError::RateLimited { retry_after: wait_in(&lower) };
    }
    if UNAVAILABLE.iter().any(|words| says(words)) {
        return unavailable(Retry::Soon);
    }
    EngineError::Failed { exit, stderr_tail: text.to_owned(), usage }
}

/// The wait in words like `Please try again in 11.054s`.
fn wait_in(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("try again in ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let number: f64 = rest[..end].trim_end_matches('.').parse().ok()?;
    let unit = rest[end..].trim_start();
    let factor = if unit.starts_with("ms") {
        0.001
    } else if unit.starts_with('m') {
        60.0
    } else {
        1.0
    };
    Duration::try_from_secs_f64(number * factor).ok()
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    Some(text.split_once(open)?.1.split_once(close)?.0)
}

fn head(text: &str) -> String {
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let seen = format!("{:?}", classify(text, Some(1), &[], None));
        assert!(seen.starts_with(wanted), "{text}: {seen}");
    }

    #[test]
    fn the_reason_decides_the_class() {
        check("Missing environment variable: `BOT_KEY`.", "AuthMissing { setting: \"BOT_KEY\" }");
        check("unexpected status 401 Unauthorized: no", "AuthMissing { setting: \"CODEX_API_KEY\" }");
        check(
            "exceeded retry limit, last status: 429 Too Many Requests",
            "RateLimited { retry_after: None }",
        );
        check("Rate limit reached. Please try again in 1.5s.", "RateLimited { retry_after: Some(1.5s) }");
        check("Rate limit reached, try again in 2 minutes", "RateLimited { retry_after: Some(120s) }");
        check(
            "Rate limit reached, try again in 99999999999999999999999999s",
            "RateLimited { retry_after: None }",
        );
        check("We're currently experiencing high demand", "ModelUnavailable");
        check("Connection failed: error sending request", "ModelUnavailable");
        check("unexpected status 503 Service Unavailable: x", "ModelUnavailable");
        check("stream disconnected before completion: x", "ModelUnavailable");
        check("Codex ran out of room in the model's context window", "Failed");
        check("", "Failed");
    }

    #[test]
    fn a_spent_quota_and_an_unknown_model_are_not_tried_again() {
        for text in
            ["Quota exceeded. Check your plan and billing details.", "unexpected status 404 Not Found"]
        {
            assert_eq!(classify(text, Some(1), &[], None).retry(), Retry::Never);
        }
    }

    #[test]
    fn a_run_without_its_key_is_not_started() {
        let provider = r#"model_providers.x={name="x",env_key="BOT_KEY",wire_api="responses"}"#.to_owned();
        let config = vec!["model_provider=x".to_owned(), provider];
        let home = tempfile::tempdir().unwrap();
        let check = |config: &[String], env: &[(&str, &str)]| {
            let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let settings = CodexSettings { bin: None, config: config.to_vec(), env };
            check_key(&settings, home.path()).map_err(|error| error.to_string())
        };
        let missing = |name: &str| Err(format!("the model service refuses us: set or renew {name}"));
        assert_eq!(check(&config, &[]), missing("BOT_KEY"));
        assert_eq!(check(&config, &[("BOT_KEY", "")]), missing("BOT_KEY"));
        assert_eq!(check(&config, &[("BOT_KEY", "k")]), Ok(()));
        assert_eq!(check(&[], &[]), missing("CODEX_API_KEY"));
        assert_eq!(check(&["model_provider=local".to_owned()], &[]), Ok(()));
    }
}
