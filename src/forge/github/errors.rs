//! From octocrab's errors and GitHub's answers to [`ForgeError`].
//!
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>

use super::client::Words;
use crate::forge::ForgeError;
pub(super) use crate::forge::wire::cut;
use http::{HeaderMap, StatusCode};
use octocrab::GitHubError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wait when GitHub limits calls and does not say for how long.
pub(super) const UNKNOWN_WAIT: Duration = Duration::from_secs(60);
/// A limit that claims to last longer is asked about again after this time.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Maps what octocrab reports about one call.
pub(super) fn from_octocrab(host: &str, words: &Words, error: octocrab::Error) -> ForgeError {
    use octocrab::Error;
    match error {
        Error::GitHub { source, .. } => from_answer(host, words, &source, since_epoch()),
        Error::Serde { .. } | Error::Json { .. } | Error::InvalidUtf8 { .. } => {
            unreadable(host, words, error)
        }
        Error::JWT { .. } => unauthorized(host),
        other => ForgeError::Transport { host: host.to_owned(), source: Box::new(other) },
    }
}

/// Maps an answer that is not a success. `now` is the time since the Unix epoch.
pub(super) fn from_answer(host: &str, words: &Words, answer: &GitHubError, now: Duration) -> ForgeError {
    let host = host.to_owned();
    let no_headers = HeaderMap::new();
    let headers = answer.headers.as_ref().unwrap_or(&no_headers);
    let status = answer.status_code;
    match status {
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if is_limit(answer, headers) => {
            ForgeError::Limited { host, wait: wait(headers, now) }
        }
        StatusCode::UNAUTHORIZED => unauthorized(&host),
        StatusCode::FORBIDDEN if answer.message.contains("not accessible by integration") => {
            ForgeError::Forbidden {
                host,
                what: words.act.clone(),
                todo: grant(header(headers, "x-accepted-github-permissions").unwrap_or(words.needs)),
            }
        }
        StatusCode::FORBIDDEN if answer.message.contains("suspended") => missing(host, words),
        // It is the commit that is missing, and not the file in it.
        StatusCode::NOT_FOUND if answer.message.starts_with("No commit found") => {
            ForgeError::Refused { host, what: words.act.clone(), words: their_words(answer) }
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => missing(host, words),
        // Webhooks and pushes come before the API knows of their commit.
        StatusCode::UNPROCESSABLE_ENTITY if answer.message.contains("No commit found for SHA") => {
            ForgeError::behind(host, words.thing.clone())
        }
        _ if status.is_server_error() => {
            ForgeError::Broken { host, what: words.act.clone(), status: status.as_u16() }
        }
        _ => ForgeError::Refused { host, what: words.act.clone(), words: their_words(answer) },
    }
}

pub(super) fn unreadable(
    host: &str,
    words: &Words,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ForgeError {
    ForgeError::Unreadable { host: host.to_owned(), what: words.thing.clone(), source: source.into() }
}

pub(super) fn unauthorized(host: &str) -> ForgeError {
    let todo = "check TASKSGODZILLA_GITHUB_APP_ID and the private key";
    ForgeError::Unauthorized { host: host.to_owned(), todo }
}

/// What to do about a right that is lacking.
pub(super) fn grant(permission: &str) -> String {
    format!("grant the App the permission `{permission}`")
}

fn missing(host: String, words: &Words) -> ForgeError {
    ForgeError::Missing { host, what: words.thing.clone() }
}

/// A 403 is also GitHub's answer to a lack of rights; only these signs make it a limit.
fn is_limit(answer: &GitHubError, headers: &HeaderMap) -> bool {
    let message = answer.message.to_ascii_lowercase();
    answer.status_code == StatusCode::TOO_MANY_REQUESTS
        || headers.contains_key("retry-after")
        || header(headers, "x-ratelimit-remaining") == Some("0")
        || message.contains("rate limit")
        || message.contains("abuse detection")
}

/// `retry-after`, else the time of the reset when nothing remains, else a minute.
fn wait(headers: &HeaderMap, now: Duration) -> Duration {
    let seconds = |name| header(headers, name)?.trim().parse().ok().map(Duration::from_secs);
    let reset = || {
        (header(headers, "x-ratelimit-remaining") == Some("0"))
            .then(|| seconds("x-ratelimit-reset"))
            .flatten()
            .map(|reset| reset.saturating_sub(now).max(Duration::from_secs(1)))
    };
    seconds("retry-after").or_else(reset).unwrap_or(UNKNOWN_WAIT).min(LONGEST_WAIT)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// GitHub's `message` with the messages of its `errors`, which are texts or objects.
fn their_words(answer: &GitHubError) -> String {
    let details = answer.errors.iter().flatten().filter_map(|error| {
        let object = || {
            let part = |name| error.get(name).and_then(serde_json::Value::as_str);
            part("message")
                .map(str::to_owned)
                .or_else(|| Some(format!("{} {}", part("field")?, part("code")?)))
        };
        error.as_str().map(str::to_owned).or_else(object)
    });
    let all = std::iter::once(answer.message.clone()).chain(details).collect::<Vec<_>>();
    cut(&all.join(": "))
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(&'static str, &str)], expected_s: u64) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        assert_eq!(wait(&headers, Duration::from_secs(1_000)).as_secs(), expected_s);
    }

    #[test]
    fn a_limit_lasts_as_long_as_github_says() {
        check(&[("retry-after", "7"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1900")], 7);
        check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1090")], 90);
        check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")], 1);
        check(&[("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", "1900")], 60);
        check(&[("retry-after", "soon")], 60);
        check(&[], 60);
        check(&[("retry-after", "999999999")], 3600);
    }
}
