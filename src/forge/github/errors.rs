//! From octocrab's errors and GitHub's answers to [`ForgeError`].
//!
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>

use super::client::Words;
use crate::forge::ForgeError;
pub(super) use crate::forge::wire::{UNKNOWN_WAIT, cut, silent, unreadable};
use crate::forge::wire::{header, since_epoch, wait};
use http::{HeaderMap, StatusCode};
use octocrab::GitHubError;
use std::time::Duration;

/// Maps what octocrab reports about one call.
pub(super) fn from_octocrab(host: &str, words: &Words, error: octocrab::Error) -> ForgeError {
    use octocrab::Error;
    match error {
        Error::GitHub { source, .. } => from_answer(host, words, &source, since_epoch()),
        Error::Serde { .. } | Error::Json { .. } | Error::InvalidUtf8 { .. } => {
            unreadable(host, words, error)
        }
        Error::JWT { .. } => unauthorized(host),
        other => silent(host, other),
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
            ForgeError::Limited { host, wait: wait(headers, reset(headers), now) }
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

/// The header that says when calls are taken again; it is there on every answer, and counts when nothing remains.
fn reset(headers: &HeaderMap) -> Option<&'static str> {
    (header(headers, "x-ratelimit-remaining") == Some("0")).then_some("x-ratelimit-reset")
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[track_caller]
    fn check(remaining: &'static str, expected_s: u64) {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static(remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from_static("1090"));
        assert_eq!(wait(&headers, reset(&headers), Duration::from_secs(1_000)).as_secs(), expected_s);
    }

    #[test]
    fn the_hour_counts_only_when_nothing_remains() {
        check("0", 90);
        check("12", 60);
    }
}
