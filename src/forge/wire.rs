//! What speaking to every host has in common: how a question is called in errors and counted, and how addresses, commit ids
//! and a host's own words are handled.

use crate::domain::ids::Sha;
use crate::meter::Call;
use http::{Method, StatusCode};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::fmt::Write;
use url::{Host, Url};

/// Of a host's own words, at most so many characters are kept.
const MOST_WORDS: usize = 400;

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
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
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

    #[test]
    fn long_words_are_cut_between_characters() {
        assert_eq!(cut(" two\n lines "), "two lines");
        assert_eq!(cut(&"é".repeat(500)).chars().count(), MOST_WORDS + 1);
    }
}
