//! The twin's clock: the machine's, or one that a test sets.

use std::time::{SystemTime, UNIX_EPOCH};

/// Which clock judges the times inside an App's signed assertion (JWT).
///
/// GitHub's clients sign with the machine's clock, so that is the default even when the twin's own clock is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssertionClock {
    #[default]
    Machine,
    Twin,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    Machine,
    Set(i64),
}

impl Clock {
    /// Milliseconds since the Unix epoch.
    pub(crate) fn now(self) -> i64 {
        match self {
            Clock::Set(ms) => ms,
            Clock::Machine => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }
}

/// Writes a moment as GitHub does: `2026-01-31T10:00:00Z`.
pub(crate) fn iso(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let rest = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days since 1970 to a date of the Gregorian calendar, counting years from March so that leap days come last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::iso;

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(951_827_696_999), "2000-02-29T12:34:56Z");
        assert_eq!(iso(1_798_761_599_000), "2026-12-31T23:59:59Z");
    }
}
