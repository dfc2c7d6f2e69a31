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
        Self(self.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
    }

    pub fn minus(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to `self`; zero if the clock went backwards.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A moment as people write it, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    seconds_of_day: i64,
}

impl Moment {
    /// `2026-11-23 20:51:07`.
    pub fn date_time(self) -> String {
        let Civil { year, month, day, .. } = self.civil();
        format!("{year:04}-{month:02}-{day:02} {}", self.time_of_day())
    }

    /// `20:51:07`.
    pub fn time_of_day(self) -> String {
        let seconds = self.civil().seconds_of_day;
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// Days since the epoch to a date of the proleptic Gregorian calendar, by counting 400-year eras that begin in March.
    fn civil(self) -> Civil {
        let seconds = self.0.div_euclid(1000);
        let (days, seconds_of_day) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Civil { year: year_of_era + era * 400 + i64::from(month <= 2), month, day, seconds_of_day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_id_is_full_hexadecimal_or_nothing() {
        let full = "0123456789ABCDEF0123456789abcdef01234567";
        assert_eq!(Sha::parse(full).map(|s| s.short().to_owned()), Some("0123456".to_owned()));
        assert_eq!(Sha::parse("0123456"), None);
        assert_eq!(Sha::parse(&"g".repeat(40)), None);
    }

    #[test]
    fn a_protocol_number_has_four_digits() {
        assert_eq!(ProtocolNumber(7).to_string(), "0007");
        assert_eq!(ProtocolNumber(12345).to_string(), "12345");
    }

    #[test]
    fn moments_are_written_as_utc_dates() {
        assert_eq!(Moment(0).date_time(), "1970-01-01 00:00:00");
        assert_eq!(Moment(951_782_400_000).date_time(), "2000-02-29 00:00:00");
        assert_eq!(Moment(1_795_467_067_999).date_time(), "2026-11-23 20:51:07");
        assert_eq!(Moment(-1).date_time(), "1969-12-31 23:59:59");
    }
}
