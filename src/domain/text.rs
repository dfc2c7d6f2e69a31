//! Facts about text of others that prompts and reports both need.

/// Control, direction and zero-width characters, and those that carry text without showing it. The two joiners are not
/// among them: they are part of several scripts and of emoji.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` with its unseen characters written out (`<U+202E>`); line feeds and tabs stay, carriage returns go.
pub fn revealed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if is_unseen(c) => out.push_str(&format!("<U+{:04X}>", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// A Markdown code fence of at least `shortest` backticks that nothing in `text` can close.
pub fn fence_for(text: &str, shortest: usize) -> String {
    let mut longest = 0;
    let mut run = 0;
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(shortest.max(longest + 1))
}

/// The first `limit` characters of `text`, with an ellipsis when that is not all.
pub fn clipped(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_written_out() {
        assert_eq!(revealed("a\u{202e}b\r\n\tc\u{1b}"), "a<U+202E>b\n\tc<U+001B>");
        assert_eq!(revealed("👩\u{200d}🚀 é"), "👩\u{200d}🚀 é");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(fence_for("a `b` ```` c", 3), "`````");
        assert_eq!(fence_for("", 3), "```");
    }

    #[test]
    fn a_clip_counts_characters() {
        assert_eq!(clipped("ééé", 3), "ééé");
        assert_eq!(clipped("éééé", 3), "ééé…");
    }
}
