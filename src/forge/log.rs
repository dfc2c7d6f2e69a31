//! Logs of CI jobs as people read them: without colours, without clocks, and without what was written over.

use anstream::adapter::strip_str;

/// Lines and bytes that are kept.
const LINES: usize = 60;
const KEPT: usize = 8 << 10;

/// The last lines of a log, the newest last; `None` where it says nothing.
pub(in crate::forge) fn last_lines(log: &[u8]) -> Option<String> {
    // Colours and clocks take room too, but never that much.
    let end = &log[log.len().saturating_sub(8 * KEPT)..];
    let plain = strip_str(&String::from_utf8_lossy(end)).to_string();
    let mut kept: Vec<&str> = Vec::new();
    let mut room = KEPT;
    for line in plain.trim_end().lines().rev().map(readable).take(LINES) {
        let Some(left) = room.checked_sub(line.len() + 1) else { break };
        room = left;
        kept.push(line);
    }
    kept.reverse();
    let text = kept.join("\n").trim_matches('\n').to_owned();
    (!text.is_empty()).then_some(text)
}

/// A line as it stood on the screen in the end. GitLab hides the marks of its sections that way.
fn readable(line: &str) -> &str {
    let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
    unclocked(line).trim_end()
}

/// GitHub puts the time before each line, and so does GitLab, with the stream that it comes from.
/// <https://docs.gitlab.com/ci/jobs/job_logs/#job-log-timestamps>
fn unclocked(line: &str) -> &str {
    let Some((clock, rest)) = line.split_once(' ') else {
        return line;
    };
    let is_clock = clock.len() >= 20
        && clock.ends_with('Z')
        && clock.as_bytes()[10] == b'T'
        && clock.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZ".contains(&byte));
    match rest.as_bytes() {
        _ if !is_clock => line,
        [high, low, b'O' | b'E', b' ' | b'+', ..]
            if [high, low].iter().all(|digit| digit.is_ascii_hexdigit()) =>
        {
            &rest[4..]
        }
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(log: &str, expected: Option<&str>) {
        assert_eq!(last_lines(log.as_bytes()).as_deref(), expected);
    }

    #[test]
    fn clocks_of_both_forges_are_left_out() {
        check("2026-11-28T14:00:00.1234567Z ##[error]Process completed", Some("##[error]Process completed"));
        check(
            "2026-11-28T14:00:00.123456Z 00O make test\n2026-11-28T14:00:01.1Z 01E+failed",
            Some("make test\nfailed"),
        );
        check(
            "2026-11-28 14:00 is a date\nTwenty characters or more are here Z",
            Some("2026-11-28 14:00 is a date\nTwenty characters or more are here Z"),
        );
    }

    #[test]
    fn colours_and_what_was_written_over_are_gone() {
        check("\u{1b}[31;1mred\u{1b}[0;m text", Some("red text"));
        check("10 %\r50 %\r100 %\r\ndone\r\n", Some("100 %\ndone"));
        check("section_start:1560896352:test\r\u{1b}[0Kmake test", Some("make test"));
        check("\n\n \u{1b}[0m\n", None);
        check("", None);
    }

    #[test]
    fn the_end_is_kept_in_whole_lines() {
        let many: String = (0..200).map(|line| format!("line {line}\n")).collect();
        let kept = last_lines(many.as_bytes()).unwrap();
        assert_eq!(
            (kept.lines().count(), kept.lines().next(), kept.lines().last()),
            (60, Some("line 140"), Some("line 199"))
        );
        let wide = format!("{}\nshort\n", "é".repeat(KEPT));
        check(&wide, Some("short"));
    }

    #[test]
    fn what_is_no_text_is_shown_as_far_as_it_is() {
        assert_eq!(last_lines(b"\xff\xfe ok").as_deref(), Some("\u{fffd}\u{fffd} ok"));
    }
}
