//! Moments, durations and amounts for people. Times are absolute and in UTC, so that a report of the same facts is the same.

use crate::domain::ids::Moment;

/// `2026-03-01 12:00:05 UTC`.
pub fn utc(at: Moment) -> String {
    format!("{} UTC", at.date_time())
}

/// `8 s`, `3 m 12 s`, `2 h 5 m`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) if milliseconds > 0 => "under 1 s".to_owned(),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} m"),
        (0, minutes, seconds) => format!("{minutes} m {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} m"),
    }
}

/// `812`, `12.3 k`, `4.5 M`.
pub fn tokens(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => tenths(count / 100, "k"),
        _ => tenths(count / 100_000, "M"),
    }
}

/// `812 bytes`, `12.3 KiB`, `4.5 MiB`, `40.3 GiB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} bytes"),
        1_024..1_048_576 => tenths(count * 10 / 1_024, "KiB"),
        1_048_576..1_073_741_824 => tenths(count / 1_024 * 10 / 1_024, "MiB"),
        _ => tenths(count / 1_048_576 * 10 / 1_024, "GiB"),
    }
}

fn tenths(tenths: u64, unit: &str) -> String {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {unit}"),
        (whole, tenth) => format!("{whole}.{tenth} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_utc(seconds: i64, expected: &str) {
        assert_eq!(utc(Moment(seconds * 1_000 + 999)), expected);
    }

    #[test]
    fn moments_are_civil_dates() {
        check_utc(0, "1970-01-01 00:00:00 UTC");
        check_utc(951_782_400, "2000-02-29 00:00:00 UTC");
        check_utc(1_772_366_405, "2026-03-01 12:00:05 UTC");
        check_utc(4_107_542_399, "2100-02-28 23:59:59 UTC");
        check_utc(4_107_542_400, "2100-03-01 00:00:00 UTC");
        check_utc(1_735_689_599, "2024-12-31 23:59:59 UTC");
        check_utc(-1, "1969-12-31 23:59:59 UTC");
    }

    #[test]
    fn no_moment_makes_it_panic() {
        for at in [i64::MIN, i64::MAX] {
            assert!(utc(Moment(at)).ends_with(" UTC"));
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let said = [0, 400, 8_000, 60_000, 192_999, 3_600_000, 7_530_000].map(duration);
        assert_eq!(said, ["0 s", "under 1 s", "8 s", "1 m", "3 m 12 s", "1 h", "2 h 5 m"]);
    }

    #[test]
    fn amounts_have_one_digit_behind_the_point() {
        let said = [0, 999, 1_000, 12_345, 999_999, 4_560_000].map(tokens);
        assert_eq!(said, ["0", "999", "1 k", "12.3 k", "999.9 k", "4.5 M"]);
        let said = [812, 12_600, 4_718_592, u64::MAX].map(bytes);
        assert_eq!(said[..3], ["812 bytes", "12.3 KiB", "4.5 MiB"]);
    }
}
