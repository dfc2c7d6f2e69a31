//! Texts as GitLab needs them: without quick actions, folded where it cannot hide, and with the prefix that makes a draft.

use std::borrow::Cow;

const FOLD: &str = "<details><summary>Outdated</summary>\n\n";
/// Invisible and of no width; GitLab takes a line that begins with it for ordinary text.
const WORD_JOINER: char = '\u{2060}';

/// A text of ours that gives GitLab no orders. A line that begins with a slash may be a quick action (`/merge`, `/assign`),
/// also within a code block that the author of the quoted words managed to end, and would be done in the bot's name.
/// <https://docs.gitlab.com/user/project/quick_actions/>
pub(super) fn quiet(text: &str) -> Cow<'_, str> {
    let is_order = |line: &str| {
        let mut characters = line.trim_start().chars();
        characters.next() == Some('/') && characters.next().is_some_and(char::is_alphabetic)
    };
    if !lines(text).any(is_order) {
        return Cow::Borrowed(text);
    }
    let line = |line| if is_order(line) { format!("{WORD_JOINER}{line}") } else { line.to_owned() };
    Cow::Owned(lines(text).map(line).collect())
}

/// Lines with their ends; a lone carriage return ends one too.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['\n', '\r'])
}

/// A note that says no more what is so.
pub(super) fn folded(text: &str) -> String {
    format!("{FOLD}{text}\n\n</details>")
}

/// Whether [`folded`] made it.
pub(super) fn is_folded(text: &str) -> bool {
    text.starts_with(FOLD)
}

/// What makes a merge request a draft, besides what older servers took.
/// <https://docs.gitlab.com/user/project/merge_requests/drafts/>
const DRAFT: [&str; 3] = ["draft:", "[draft]", "(draft)"];

/// The title that makes its merge request a draft; one that has a prefix gets no second.
pub(super) fn as_draft(title: &str) -> String {
    format!("Draft: {}", as_ready(title))
}

/// The title without what makes a draft, which may be there several times.
pub(super) fn as_ready(title: &str) -> &str {
    let mut title = title.trim_start();
    while let Some(prefix) = DRAFT.iter().find(|prefix| begins_with(title, prefix)) {
        title = title[prefix.len()..].trim_start();
    }
    title
}

fn begins_with(title: &str, prefix: &str) -> bool {
    title.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_quiet(text: &str, expected: &str) {
        assert_eq!(quiet(text).replace(WORD_JOINER, "·"), expected);
    }

    #[test]
    fn no_line_of_ours_is_a_quick_action() {
        check_quiet("/merge", "·/merge");
        check_quiet("a\n  /assign @eve\n```\n/close\n", "a\n·  /assign @eve\n```\n·/close\n");
        check_quiet("a\r/title x\r\n/draft", "a\r·/title x\r\n·/draft");
        check_quiet("see /merge, `/close`\n// comment\n/ 2", "see /merge, `/close`\n// comment\n/ 2");
    }

    #[test]
    fn a_draft_is_made_and_unmade_by_its_title() {
        assert_eq!(as_draft("Split importer"), "Draft: Split importer");
        assert_eq!(as_draft("draft: Split importer"), "Draft: Split importer");
        for title in ["Draft: Split", "[Draft] draft:Split", "(DRAFT)  Split", "Split"] {
            assert_eq!(as_ready(title), "Split");
        }
        assert_eq!(as_ready("Drafting table"), "Drafting table");
        assert_eq!(as_ready("é"), "é");
    }

    #[test]
    fn a_fold_is_known_again() {
        assert!(is_folded(&folded("words")));
        assert!(!is_folded("words"));
    }
}
