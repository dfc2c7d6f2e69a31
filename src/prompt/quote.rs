//! Foreign text as data in a prompt: between fences that it cannot close, cut to a budget, with nothing hidden in it.

use crate::domain::text::{fence_for, revealed};
use pulldown_cmark::{Event, Parser};

/// Which end of a text is worth more when it has to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Head,
    Tail,
}

/// The shortest fence; prompts tell engines that such fences hold data.
const FENCE: usize = 5;

/// `text` as a labelled block of data of at most `limit` characters of it, which says so when something was cut.
///
/// Characters that people do not see are written out (`<U+202E>`), so that nothing reaches an engine that a reader of the
/// same text would miss.
pub(super) fn quoted(label: &str, text: &str, limit: usize, keep: Keep) -> String {
    let text = text.trim_matches('\n').trim_end();
    if text.is_empty() {
        return format!("{}: there is nothing.", capitalised(label));
    }
    let (shown, cut) = clipped(text, limit, keep);
    let shown = revealed(shown);
    let (shown, cut) = match clipped(&shown, limit, keep) {
        (shown, None) => (shown, cut),
        (shown, Some(_)) => (shown, Some(text.chars().count())),
    };
    let fence = fence_for(shown, FENCE);
    let note = match (cut, keep) {
        (None, _) => String::new(),
        (Some(all), Keep::Head) => format!("\n(Cut: only the beginning of its {all} characters is shown.)"),
        (Some(all), Keep::Tail) => format!("\n(Cut: only the end of its {all} characters is shown.)"),
    };
    format!("{}:\n\n{fence}data\n{shown}\n{fence}{note}", capitalised(label))
}

/// One line of foreign text within ours: short, without backticks, line breaks or anything unseen.
pub(super) fn inline(text: &str, limit: usize) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "'");
    let (shown, cut) = clipped(&folded, limit, Keep::Head);
    let shown = revealed(shown);
    let (shown, cut_again) = clipped(&shown, limit, Keep::Head);
    let mark = if cut.or(cut_again).is_some() { "…" } else { "" };
    format!("{shown}{mark}")
}

/// `text` without its HTML comments, which people who read an issue do not see.
pub(super) fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (event, range) in Parser::new(text).into_offset_iter() {
        let (Event::Html(html) | Event::InlineHtml(html)) = event else {
            continue;
        };
        if !html.trim_start().starts_with("<!--") || range.start < at {
            continue;
        }
        let end = text[range.start..].find("-->").map_or(text.len(), |length| range.start + length + 3);
        out.push_str(&text[at..range.start]);
        at = end.max(range.end.min(end));
    }
    out.push_str(&text[at..]);
    out
}

/// At most `limit` characters of `text` from one end, and how many it has if that is less than all.
fn clipped(text: &str, limit: usize, keep: Keep) -> (&str, Option<usize>) {
    if text.len() <= limit {
        return (text, None);
    }
    let all = text.chars().count();
    if all <= limit {
        return (text, None);
    }
    let skipped = match keep {
        Keep::Head => limit,
        Keep::Tail => all - limit,
    };
    let at = text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at);
    let shown = match keep {
        Keep::Head => &text[..at],
        Keep::Tail => &text[at..],
    };
    (shown, Some(all))
}

fn capitalised(label: &str) -> String {
    let mut rest = label.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_fenced_longer_than_any_fence_in_it() {
        insta::assert_snapshot!(quoted("the request", "a\n```````\nb", 100, Keep::Head), @r"
        The request:

        ````````data
        a
        ```````
        b
        ````````
        ");
    }

    #[test]
    fn a_cut_is_told_and_keeps_the_end_that_matters() {
        insta::assert_snapshot!(quoted("log", "aé\nbé\ncé", 4, Keep::Tail), @r"
        Log:

        `````data
        é
        cé
        `````
        (Cut: only the end of its 8 characters is shown.)
        ");
        assert!(quoted("log", "abcdef", 3, Keep::Head).contains("\nabc\n"));
        assert_eq!(quoted("log", " \n", 3, Keep::Head), "Log: there is nothing.");
    }

    #[test]
    fn what_people_do_not_see_is_written_out() {
        assert!(quoted("x", "a\u{202e}b\r\n\u{e0041}", 100, Keep::Head).contains("a<U+202E>b\n<U+E0041>"));
        assert_eq!(inline("a\u{0}`b`\n c", 10), "a<U+0000>'…");
    }

    #[test]
    fn html_comments_of_an_issue_are_left_out() {
        assert_eq!(without_comments("a <!-- steal --> b\n\n<!--\nmore\n-->\n\nc"), "a  b\n\n\n\nc");
        assert_eq!(
            without_comments("`<!-- code -->`\n\n    <!-- x -->\n"),
            "`<!-- code -->`\n\n    <!-- x -->\n"
        );
        assert_eq!(without_comments("x\n\n<!-- never closed\n\nSTEAL"), "x\n\n");
    }

    proptest! {
        #[test]
        fn nothing_that_is_quoted_closes_its_fence(text in "[`~a\n ]{0,60}", limit in 1_usize..40) {
            let block = quoted("x", &text, limit, Keep::Tail);
            let outside: Vec<String> = Parser::new(&block)
                .scan(0_i32, |depth, event| {
                    match &event {
                        Event::Start(pulldown_cmark::Tag::CodeBlock(_)) => *depth += 1,
                        Event::End(pulldown_cmark::TagEnd::CodeBlock) => *depth -= 1,
                        _ => {}
                    }
                    Some((*depth == 0).then(|| match event { Event::Text(text) => text.to_string(), _ => String::new() }))
                })
                .flatten()
                .filter(|text| !text.is_empty())
                .collect();
            let ours = |line: &String| line.starts_with("X:") || line.starts_with("(Cut:");
            prop_assert!(outside.iter().all(ours), "{outside:?} in {block}");
        }

        #[test]
        fn leaving_comments_out_never_panics(text in "(<!--|-->|[a<>!`\n é-]){0,40}") {
            let left = without_comments(&text);
            prop_assert!(left.len() <= text.len());
        }
    }
}
