//! Cutting Markdown to a budget of bytes so that it still renders: no open fence, no open `<details>`, no half character.
//!
//! GitHub takes 65,536 characters in a comment and 65,535 bytes in a check's summary and text; one budget in bytes keeps
//! both.

use crate::domain::text::revealed;
use crate::report::text::fence;

/// Bytes of a comment's body, and of a check's summary and text.
pub const FORGE_BYTES: usize = 65_535;

/// Which end of a text is worth more: plans begin with what matters, logs end with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Head,
    Tail,
}

/// `text`, or as much of it from one end as fits into `bytes` with a sentence that says so. `rest` is the address of the
/// whole text.
pub fn fit(text: &str, bytes: usize, keep: Keep, rest: Option<&str>) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let note = note(keep, text.len(), rest);
    let mut room = bytes.saturating_sub(note.len() + 2);
    while room > 0 {
        let (opening, kept) = match keep {
            Keep::Head => (String::new(), head(text, room)),
            Keep::Tail => tail(text, room),
        };
        let body = format!("{opening}{kept}");
        let closing = Open::after(&body).closing();
        let out = match keep {
            Keep::Head => format!("{body}{closing}\n\n{note}"),
            Keep::Tail => format!("{note}\n\n{body}{closing}"),
        };
        if out.len() <= bytes {
            return out;
        }
        room = room.saturating_sub((out.len() - bytes).max(1));
    }
    clipped_bytes(&note, bytes).to_owned()
}

/// Raw `words` in a fenced block of at most `bytes` in all.
pub fn fenced(words: &str, info: &str, bytes: usize, keep: Keep, rest: Option<&str>) -> String {
    let shown = revealed(words);
    let whole = fence(&shown, info);
    if whole.len() <= bytes {
        return whole;
    }
    let note = note(keep, words.len(), rest);
    let frame = whole.len() - shown.trim_matches('\n').trim_end().len();
    let room = bytes.saturating_sub(frame + note.len() + 2);
    let kept = match keep {
        Keep::Head => head(&shown, room),
        Keep::Tail => line_tail(&shown, room),
    };
    if kept.is_empty() {
        return clipped_bytes(&note, bytes).to_owned();
    }
    match keep {
        Keep::Head => format!("{}\n\n{note}", fence(kept, info)),
        Keep::Tail => format!("{note}\n\n{}", fence(kept, info)),
    }
}

fn note(keep: Keep, all: usize, rest: Option<&str>) -> String {
    let end = match keep {
        Keep::Head => "beginning",
        Keep::Tail => "end",
    };
    let rest = rest.map(|url| format!("; all of it is on [its page](<{url}>)")).unwrap_or_default();
    format!("(Too long for here: only the {end} of {all} bytes is shown{rest}.)")
}

/// At most `room` bytes from the beginning, whole lines where that keeps at least half of the room.
fn head(text: &str, room: usize) -> &str {
    let kept = clipped_bytes(text, room);
    match kept.rfind('\n') {
        Some(line) if line >= room / 2 => &kept[..line],
        _ => kept,
    }
}

/// At most `room` bytes from the end, and what has to be opened again before them.
fn tail(text: &str, room: usize) -> (String, &str) {
    let kept = line_tail(text, room);
    let open = Open::after(&text[..text.len() - kept.len()]);
    let opening = open.opening();
    (opening, kept)
}

fn line_tail(text: &str, room: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(room));
    let kept = &text[from..];
    match kept.find('\n') {
        Some(line) if kept.len() - line > room / 2 => &kept[line + 1..],
        _ => kept,
    }
}

fn clipped_bytes(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// What is open at a place of a text: a fence, and how many `<details>`.
#[derive(Default)]
struct Open<'a> {
    fence: Option<&'a str>,
    details: usize,
}

impl<'a> Open<'a> {
    fn after(text: &'a str) -> Self {
        let mut open = Self::default();
        for line in text.lines() {
            let line = line.trim();
            match open.fence {
                Some(fence) if line.starts_with(fence) && line.trim_start_matches(&fence[..1]).is_empty() => {
                    open.fence = None;
                }
                Some(_) => {}
                None => {
                    open.fence = fence_of(line);
                    open.details += usize::from(line.starts_with("<details"));
                    open.details = open.details.saturating_sub(usize::from(line.ends_with("</details>")));
                }
            }
        }
        open
    }

    fn closing(&self) -> String {
        let fence = self.fence.map(|fence| format!("\n{fence}")).unwrap_or_default();
        let details = if self.details > 0 {
            format!("\n\n{}", "</details>\n".repeat(self.details))
        } else {
            String::new()
        };
        format!("{fence}{details}")
    }

    fn opening(&self) -> String {
        let details = "<details>\n\n".repeat(self.details);
        let fence = self.fence.map(|fence| format!("{fence}\n")).unwrap_or_default();
        format!("{details}{fence}")
    }
}

/// The marks that open a fence on this line.
fn fence_of(line: &str) -> Option<&str> {
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let marks = line.len() - line.trim_start_matches(mark).len();
    let opens = marks >= 3 && (mark == '~' || !line[marks..].contains('`'));
    opens.then(|| &line[..marks])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser, Tag, TagEnd};

    const PAGE: Option<&str> = Some("https://bot.example/p/1");

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(fit("short", 5, Keep::Head, PAGE), "short");
    }

    #[test]
    fn a_cut_head_closes_what_it_leaves_open() {
        let text = format!(
            "Plan\n\n<details>\n\n````markdown\n```\n{}````\n\n</details>\n\nEnd",
            "line\n".repeat(100)
        );
        insta::assert_snapshot!(fit(&text, 180, Keep::Head, PAGE), @r"
        Plan

        <details>

        ````markdown
        ```
        line
        line
        ````

        </details>


        (Too long for here: only the beginning of 555 bytes is shown; all of it is on [its page](<https://bot.example/p/1>).)
        ");
    }

    #[test]
    fn a_cut_tail_opens_again_what_was_open() {
        let text = format!("Log\n\n```\n{}last\n```\n", "line\n".repeat(100));
        insta::assert_snapshot!(fit(&text, 120, Keep::Tail, None), @r"
        (Too long for here: only the end of 518 bytes is shown.)

        ```
        line
        line
        line
        line
        line
        line
        line
        line
        line
        last
        ```
        ");
    }

    #[test]
    fn a_log_keeps_its_end() {
        insta::assert_snapshot!(fenced(&"é ``` é\n".repeat(50), "", 150, Keep::Tail, PAGE), @r"
        (Too long for here: only the end of 500 bytes is shown; all of it is on [its page](<https://bot.example/p/1>).)

        ````
        é ``` é
        é ``` é
        ````
        ");
    }

    #[test]
    fn a_budget_too_small_for_anything_still_holds() {
        for bytes in 0..120 {
            assert!(fit(&"é\n".repeat(100), bytes, Keep::Head, PAGE).len() <= bytes);
            assert!(fenced(&"é\n".repeat(100), "", bytes, Keep::Tail, PAGE).len() <= bytes);
        }
    }

    /// Code blocks that the end of the text closes, because nothing else did.
    fn is_left_open(source: &str) -> bool {
        let sentinel = format!("{source}\n\nSENTINEL");
        let mut in_code = false;
        for event in Parser::new(&sentinel) {
            match event {
                Event::Start(Tag::CodeBlock(_)) => in_code = true,
                Event::End(TagEnd::CodeBlock) => in_code = false,
                Event::Text(text) if text.contains("SENTINEL") => return in_code,
                _ => {}
            }
        }
        false
    }

    proptest! {
        #[test]
        fn a_cut_text_is_within_its_budget_and_closed(
            text in "(```\n|````rust\n|~~~\n|é+\n|line of words\n|x{60}\n|\n){1,60}",
            bytes in 150_usize..400,
        ) {
            for keep in [Keep::Head, Keep::Tail] {
                let cut = fit(&text, bytes, keep, PAGE);
                prop_assert!(cut.len() <= bytes);
                prop_assert!(cut == text || !is_left_open(&cut), "{keep:?}: {cut}");
                let block = fenced(&text, "", bytes, keep, PAGE);
                prop_assert!(block.len() <= bytes);
                prop_assert!(!is_left_open(&block), "{keep:?}: {block}");
            }
        }
    }
}
