//! What speaking to every host has in common: a question, how it is called in errors and counted, how long a limit lasts, and
//! how addresses, commit ids and a host's own words are handled.

use super::ForgeError;
use crate::domain::ids::Sha;
use crate::domain::text::clipped;
use crate::meter::Call;
use http::{HeaderMap, Method, StatusCode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::error::Error;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::{Host, Url};

/// Of a host's own words, at most so many characters are kept.
const MOST_WORDS: usize = 400;
/// The wait when a host limits calls and does not say for how long.
pub(in crate::forge) const UNKNOWN_WAIT: Duration = Duration::from_secs(60);
/// A limit that claims to last longer is asked about again after this time.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Bytes of the longest answer that is read.
pub(in crate::forge) const LONGEST: usize = 16 << 20;

/// One question.
#[derive(Debug)]
pub(in crate::forge) struct Ask {
    pub(in crate::forge) method: Method,
    /// Below the API's address, with segments already [`encoded`].
    pub(in crate::forge) path: String,
    pub(in crate::forge) body: Option<Value>,
    pub(in crate::forge) words: Words,
}

impl Ask {
    /// Asks for what is there.
    pub(in crate::forge) fn get(path: impl Into<String>, words: Words) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, words }
    }

    /// Asks that something be deleted.
    pub(in crate::forge) fn delete(path: impl Into<String>, words: Words) -> Self {
        Self { method: Method::DELETE, path: path.into(), body: None, words }
    }

    /// Asks for an effect that `body` describes.
    pub(in crate::forge) fn write(
        method: Method,
        path: impl Into<String>,
        body: Value,
        words: Words,
    ) -> Self {
        Self { method, path: path.into(), body: Some(body), words }
    }
}

/// How errors speak of a question.
#[derive(Debug, Clone)]
pub(in crate::forge) struct Words {
    /// After "refused to".
    pub(in crate::forge) act: String,
    /// After "has no".
    pub(in crate::forge) thing: String,
    /// The right it takes, where the host does not name it.
    pub(in crate::forge) needs: &'static str,
}

impl Words {
    pub(in crate::forge) fn new(
        act: impl Into<String>,
        thing: impl Into<String>,
        needs: &'static str,
    ) -> Self {
        Self { act: act.into(), thing: thing.into(), needs }
    }
}

/// Percent-encodes everything but letters, digits and `-._~`, for one path segment or one query value.
pub(in crate::forge) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// One request, as it is counted; `route` names no single thing.
pub(in crate::forge) fn counted(
    forge: &'static str,
    method: &Method,
    route: String,
    status: Option<StatusCode>,
) -> Call {
    let method = match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let status = match status.map(|status| status.as_u16() / 100) {
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(5) => "5xx",
        Some(_) => "other",
        None => "none",
    };
    Call { forge, method, route, status }
}

/// On one line and cut to a length that fits into a comment.
pub(in crate::forge) fn cut(words: &str) -> String {
    clipped(&words.split_whitespace().collect::<Vec<_>>().join(" "), MOST_WORDS)
}

/// No answer. What went wrong is said once, however often the clients below each other repeat what they were told.
pub(in crate::forge) fn silent(host: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> ForgeError {
    ForgeError::Transport { host: host.to_owned(), source: told_once(source.into().as_ref()).into() }
}

/// An error and its causes, each said once, the longest way.
fn told_once(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let words = cause.to_string();
        if !told.iter().any(|known| known.contains(&words)) {
            told.retain(|known| !words.contains(known.as_str()));
            told.push(words);
        }
        next = cause.source();
    }
    told.join(": ")
}

/// An answer that cannot be read.
pub(in crate::forge) fn unreadable(
    host: &str,
    words: &Words,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> ForgeError {
    ForgeError::Unreadable { host: host.to_owned(), what: words.thing.clone(), source: source.into() }
}

/// A header's text; `None` also where it is no text.
pub(in crate::forge) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// How long a limit lasts: `retry-after`, else until the time that the header `reset` names, else a minute. `now` is the time
/// since the Unix epoch.
pub(in crate::forge) fn wait(headers: &HeaderMap, reset: Option<&str>, now: Duration) -> Duration {
    let seconds = |name| header(headers, name)?.trim().parse().ok().map(Duration::from_secs);
    let until = |reset: Duration| reset.saturating_sub(now).max(Duration::from_secs(1));
    let told = seconds("retry-after").or_else(|| reset.and_then(seconds).map(until));
    told.unwrap_or(UNKNOWN_WAIT).min(LONGEST_WAIT)
}

/// The machine's time, for what a host counts from the Unix epoch.
pub(in crate::forge) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// For every commit id that a host sends: a short or empty one never gets in.
pub(in crate::forge) fn full_sha<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sha, D::Error> {
    let text = String::deserialize(deserializer)?;
    Sha::parse(&text).ok_or_else(|| D::Error::custom("not a full commit id"))
}

/// For a commit id that the bot can do without.
pub(in crate::forge) fn maybe_sha<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Sha>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(Sha::parse))
}

/// Whether a push speaks of a commit: where a branch was not there before, or is not there after, it writes zeros.
pub(in crate::forge) fn is_commit(sha: &Sha) -> bool {
    sha.as_str().bytes().any(|digit| digit != b'0')
}

/// Whether credentials may travel to this address: https, or plain http on loopback, without user and password.
pub(in crate::forge) fn is_safe(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    is_private && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(encoded("slug[bot]"), "slug%5Bbot%5D");
        assert_eq!(encoded("a/../b?c#d é"), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
    }

    #[track_caller]
    fn check_wait(pairs: &[(&'static str, &'static str)], reset: Option<&str>, expected_s: u64) {
        let headers = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        assert_eq!(wait(&headers.collect(), reset, Duration::from_secs(1_000)).as_secs(), expected_s);
    }

    #[test]
    fn a_limit_lasts_as_long_as_the_host_says() {
        check_wait(&[("retry-after", "7"), ("reset", "1900")], Some("reset"), 7);
        check_wait(&[("reset", "1090")], Some("reset"), 90);
        check_wait(&[("reset", "900")], Some("reset"), 1);
        check_wait(&[("reset", "1090")], None, 60);
        check_wait(&[("retry-after", "soon")], None, 60);
        check_wait(&[], Some("reset"), 60);
        check_wait(&[("retry-after", "999999999")], None, 3600);
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        assert_eq!(cut(" two\n lines "), "two lines");
        assert_eq!(cut(&"é".repeat(500)).chars().count(), MOST_WORDS + 1);
    }
}
