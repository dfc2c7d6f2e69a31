//! Times as GitHub writes them.

use crate::domain::ids::Moment;

/// Reads `2026-01-31T10:00:00Z`, also with a fraction of a second or an offset from UTC.
pub(super) fn parse(text: &str) -> Option<Moment> {
    let (date, time) = text.split_once('T')?;
    let (time, offset_min) = zone(time)?;
    let [year, month, day] = numbers(date, '-')?;
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(seconds, ':')?;
    let valid =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset_min;
    valid.then_some(Moment((minutes * 60 + second) * 1000 + millis))
}

/// Cuts the zone off, as minutes ahead of UTC.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let [hours, minutes] = numbers(&time[at + 1..], ':')?;
    let ahead = hours * 60 + minutes;
    Some((&time[..at], if time[at..].starts_with('-') { -ahead } else { ahead }))
}

fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
    let parts: Vec<i64> = text.split(between).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Days since 1970 of a date of the Gregorian calendar, counting years from March so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse(text), expected.map(Moment), "{text}");
    }

    #[test]
    fn times_are_read_in_every_form_that_github_uses() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2000-02-29T12:34:56Z", Some(951_827_696_000));
        check("2026-12-31T23:59:59.5Z", Some(1_798_761_599_500));
        check("2026-12-31T23:59:59.123456Z", Some(1_798_761_599_123));
        check("2027-01-01T01:59:59+02:00", Some(1_798_761_599_000));
        check("2026-12-31T18:59:59-05:00", Some(1_798_761_599_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026-12-31",
            "2026-13-01T00:00:00Z",
            "2026-12-31T24:00:00Z",
            "yesterdayTnoonZ",
            "2026-1T0:0Z",
        ] {
            check(text, None);
        }
    }
}
