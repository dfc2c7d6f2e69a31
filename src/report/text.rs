//! Words of others, made harmless: they name nobody, close nothing, command nothing and have no shape of their own.

use crate::domain::text::{clipped, fence_for, is_unseen, revealed};

/// Takes no room; breaks what forges would make a link or a mention of.
const BREAK: char = '\u{200b}';

/// Characters that begin a reference on GitHub or GitLab: `@login`, `#12`, `!12`, `~label`, `%milestone`, `$snippet`, `^alert`.
const REFERENCE_MARKS: [char; 7] = ['@', '#', '!', '~', '%', '$', '^'];

/// `words` as one line of Markdown that shows them and does nothing: no mention, no reference to an issue (so no closing
/// word works), no link, no HTML, no structure, also inside of a table, and no slash-command even at the start of a line.
pub fn escape_inline(words: &str) -> String {
    let folded = one_line(words);
    let mut out = String::with_capacity(folded.len() + 16);
    let mut rest = folded.as_str();
    let mut at_start = true;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\\' => out.push_str("&#92;"),
            '|' => out.push_str("&#124;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '$' | '^' | '@' => out.extend(['\\', c]),
            '-' | '+' | '=' | '/' | ':' if at_start => out.extend(['\\', c]),
            '.' | ')' if !out.is_empty() && out.bytes().all(|b| b.is_ascii_digit()) => out.extend(['\\', c]),
            c => out.push(c),
        }
        if is_live(c, &out, after) {
            out.push(BREAK);
        }
        at_start = false;
        rest = after;
    }
    out
}

/// `words` with every mention, reference and `[skip ci]` broken, but otherwise as they are: for a fence whose content may
/// end up in a commit message.
pub fn defused(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        out.push(c);
        if is_live(c, &out, rest) || (c == '[' && rest.starts_with(char::is_alphabetic)) {
            out.push(BREAK);
        }
    }
    out
}

/// Whether a forge might make a link of what begins with `c`, the last character of `before`.
fn is_live(c: char, before: &str, after: &str) -> bool {
    let next = after.chars().next();
    match c {
        c if REFERENCE_MARKS.contains(&c) => {
            next.is_some_and(|next| next.is_alphanumeric() || matches!(next, '_' | '"' | '['))
        }
        ':' => after.starts_with("//"),
        '-' => next.is_some_and(|next| next.is_ascii_digit()) && ends_with_word(before, "gh-"),
        'w' | 'W' => after.starts_with('.') && ends_with_word(before, "www"),
        _ => false,
    }
}

fn ends_with_word(text: &str, word: &str) -> bool {
    let tail = text.len().checked_sub(word.len()).and_then(|at| text.get(at..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(word))
}

/// `words` in a code span: the place for names and commands. Not for tables, where a bar would split the cell.
pub fn code(words: &str) -> String {
    let folded = one_line(words);
    if folded.is_empty() {
        return "`(blank)`".to_owned();
    }
    let fence = if folded.contains('`') { fence_for(&folded, 1) } else { "`".to_owned() };
    let pad = if folded.starts_with('`') || folded.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{folded}{pad}{fence}")
}

/// `words` in a fenced block that they cannot close. `info` is ours: `diff`, `markdown`, or nothing.
pub fn fence(words: &str, info: &str) -> String {
    let shown = revealed(words.trim_matches('\n'));
    let fence = fence_for(&shown, 3);
    format!("{fence}{info}\n{}\n{fence}", shown.trim_end())
}

/// `words` as a paragraph when they are one line, else as a fenced block that keeps their lines.
pub fn paragraph(words: &str) -> String {
    if words.trim().contains('\n') { fence(words, "") } else { escape_inline(words) }
}

/// A link with foreign words, when `url` is a plain http(s) address; else the words alone.
pub fn link(words: &str, url: &str) -> String {
    let words = escape_inline(words);
    let is_plain = (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 2_000
        && url
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'\\' | b'|' | b'`' | b'"'));
    if is_plain { format!("[{words}](<{url}>)") } else { words }
}

/// Foreign words for a plain-text place, such as a check's title: one line, nothing unseen, at most `limit` characters.
pub fn plain(words: &str, limit: usize) -> String {
    clipped(&one_line(words), limit)
}

/// White space folded, but for no-break spaces inside; unseen characters gone.
pub(super) fn one_line(words: &str) -> String {
    let fold = |c: char| if c.is_whitespace() && c != '\u{a0}' { ' ' } else { c };
    let spaced: String = words.chars().map(fold).filter(|c| !is_unseen(*c)).collect();
    let folded = spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    folded.trim().to_owned()
}

#[cfg(test)]
mod tests;
