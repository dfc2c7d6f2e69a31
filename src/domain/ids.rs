//! Identities: one type per kind of thing, so that a step's id cannot be taken for a protocol's.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! row_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

row_id!(
    /// A repository the bot serves.
    ProjectId,
    /// One stream of work: branch, pull request and `.protocols/NNNN-slug/`.
    ProtocolId,
    /// One unit of a protocol.
    StepId,
    /// One unit of queued work.
    JobId,
    /// One attempt of a job, with its log and artifacts.
    RunId,
    /// One webhook that was stored.
    DeliveryId,
    /// One slash-command that was taken in.
    CommandId,
);

/// A protocol's number within its project, written with four digits: `0007`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProtocolNumber(pub u32);

impl fmt::Display for ProtocolNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// A full commit id in lower-case hexadecimal, as git prints it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha(String);

impl Sha {
    /// Takes 40 (SHA-1) or 64 (SHA-256) hexadecimal digits; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let full = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        full.then(|| Self(text.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A moment: milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    pub fn plus(self, wait: std::time::Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Time from `earlier` to `self`; zero if the clock went backwards.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_id_is_full_hexadecimal_or_nothing() {
        let full = "0123456789ABCDEF0123456789abcdef01234567";
        assert_eq!(
            Sha::parse(full).map(|s| s.short().to_owned()),
            Some("0123456".to_owned())
        );
        assert_eq!(Sha::parse("0123456"), None);
        assert_eq!(Sha::parse(&"g".repeat(40)), None);
    }

    #[test]
    fn a_protocol_number_has_four_digits() {
        assert_eq!(ProtocolNumber(7).to_string(), "0007");
        assert_eq!(ProtocolNumber(12345).to_string(), "12345");
    }
}
