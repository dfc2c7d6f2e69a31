//! A finished report in the words of its forge. Code is left as it is, and so are
//! words of people and models outside of it that were written with [`as_written`](crate::domain::names::as_written).

use crate::domain::names::Names;
use std::borrow::Cow;

/// Puts the prose of a Markdown text of ours into the forge's words.
pub fn spoken<'a>(names: Names, markdown: &'a str) -> Cow<'a, str> {
    if names == Names::WRITTEN {
        return Cow::Borrowed(markdown);
    }
    let mut fence: Option<&str> = None;
    let line = |line: &'a str| {
        let marks = fence_of(line);
        match (fence, marks) {
            (None, Some(opens)) => fence = Some(opens),
            (Some(open), Some(closes)) if closes.starts_with(open) => fence = None,
            (None, None) => return prose(names, line),
            _ => {}
        }
        Cow::Borrowed(line)
    };
    Cow::Owned(markdown.split_inclusive('\n').map(line).collect())
}

/// The backticks that a line begins with, if they are enough for a fence.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let marks = &line[..line.len() - line.trim_start_matches('`').len()];
    (marks.len() >= 3).then_some(marks)
}

/// Every second piece between backticks is code.
fn prose(names: Names, line: &str) -> Cow<'_, str> {
    let pieces = line.split('`').enumerate();
    let spoken =
        pieces.map(|(at, piece)| if at % 2 == 0 { names.spoken(piece) } else { Cow::Borrowed(piece) });
    Cow::Owned(spoken.collect::<Vec<_>>().join("`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: Names = Names { pull: "merge request", pull_sign: '!' };

    #[track_caller]
    fn check(markdown: &str, expected: &str) {
        assert_eq!(spoken(OTHERS, markdown), expected);
        assert_eq!(spoken(Names::WRITTEN, markdown), markdown);
    }

    #[test]
    fn prose_is_put_into_the_forges_words() {
        check(
            "There is no pull request; `/protocol pr` opens it.\n",
            "There is no merge request; `/protocol pr` opens it.\n",
        );
        check("a pull request\nanother pull request", "a merge request\nanother merge request");
    }

    #[test]
    fn code_is_left_as_it_is() {
        check("see `the pull request` and a pull request", "see `the pull request` and a merge request");
        let fenced = "````markdown\nopen a pull request\n```\na pull request\n```\n````\n";
        check(
            &format!("a pull request\n\n{fenced}a pull request"),
            &format!("a merge request\n\n{fenced}a merge request"),
        );
    }
}
