//! Identities: one type per kind of thing, so that a step's id cannot be taken for a protocol's.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
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

impl Moment {
    /// `2026-11-23 20:51:07`, in UTC.
    pub fn date_time(self) -> String {
        self.utc().format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// The beginning of a day written as `2026-11-23`; `None` for anything else.
    pub fn of_day(text: &str) -> Option<Self> {
        let day: NaiveDate = text.parse().ok()?;
        Some(Self(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis()))
    }

    /// `20:51:07`, in UTC.
    pub fn time_of_day(self) -> String {
        self.utc().format("%H:%M:%S").to_string()
    }

    /// `2026-11-23T20:51:07Z`, as forges write it.
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Reads the same, also with a fraction of a second or an offset from UTC.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|at| Self(at.timestamp_millis()))
    }

    /// The nearest moment that the calendar has.
    fn utc(self) -> DateTime<Utc> {
        let edge = if self.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        DateTime::from_timestamp_millis(self.0).unwrap_or(edge)
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
        assert_eq!(Moment(1_795_467_067_999).time_of_day(), "20:51:07");
    }

    #[track_caller]
    fn check_read(text: &str, expected: Option<i64>) {
        assert_eq!(Moment::parse_rfc3339(text), expected.map(Moment), "{text}");
    }

    #[test]
    fn moments_of_forges_are_read_and_written() {
        for (text, millis) in
            [("2000-02-29T12:34:56Z", 951_827_696_000), ("2026-12-31T23:59:59Z", 1_798_761_599_000)]
        {
            check_read(text, Some(millis));
            assert_eq!(Moment(millis).rfc3339(), text);
        }
        check_read("2026-12-31T23:59:59.123456Z", Some(1_798_761_599_123));
        check_read("2027-01-01T01:59:59+02:00", Some(1_798_761_599_000));
        for text in ["", "2026-12-31", "2026-13-01T00:00:00Z", "2026-12-31T24:00:00Z", "yesterdayTnoonZ"] {
            check_read(text, None);
        }
    }

    #[test]
    fn a_day_is_read_as_its_beginning() {
        for day in ["1970-01-01", "2000-02-29", "2026-12-31", "2027-03-01", "1969-12-31"] {
            let moment = Moment::of_day(day).map(Moment::date_time);
            assert_eq!(moment, Some(format!("{day} 00:00:00")));
        }
        for none in ["", "2026-12", "2026-13-01", "2026-12-32", "soon", "2026-12-31T00:00:00Z"] {
            assert_eq!(Moment::of_day(none), None, "{none}");
        }
    }
}
