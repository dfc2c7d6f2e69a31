//! One line into words: white space separates, quotes hold together.
//!
//! A quote opens at the start of a word or after `--option=`, and closes before white space or the end, so that the
//! apostrophe of `don't` is no quote. Phones curl quotes and browsers insert no-break spaces; both are taken as meant.

/// A word where it stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// With its quotes, as typed.
    pub raw: &'a str,
    /// Byte offset in the line.
    pub at: usize,
    /// A quote opens in it and is never closed; the word then ends at the next white space.
    pub open_quote: bool,
}

impl<'a> Word<'a> {
    pub(super) fn end(&self) -> usize {
        self.at + self.raw.len()
    }

    /// What is meant: quotes off, invisible characters out.
    pub(super) fn value(&self) -> String {
        visible(unquoted(self.raw))
    }

    /// Name and value of an option (`--name`, `--name=value`, a long dash for the two); `None` for any other word.
    pub(super) fn option(&self) -> Option<Dashed<'a>> {
        let (name, long_dash) = match self.raw.strip_prefix("--") {
            Some(name) => (name, false),
            None => (self.raw.strip_prefix(['—', '–'])?, true),
        };
        let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        name.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| Dashed {
            name: visible(name),
            value,
            long_dash,
        })
    }
}

/// A word that looks like an option.
#[derive(Debug)]
pub(super) struct Dashed<'a> {
    pub name: String,
    /// What stands behind the `=`, still quoted.
    pub value: Option<&'a str>,
    /// Written with one long dash, as phones make of two: an option only if there is one of that name.
    pub long_dash: bool,
}

/// The words of a line, in order. Time is linear in the line, whatever quotes it holds.
pub(super) fn words(line: &str) -> Vec<Word<'_>> {
    let mut lexer = Lexer { line, at: 0, hopeless: [false; 3] };
    std::iter::from_fn(|| lexer.next_word()).collect()
}

/// Removes one pair of quotes around a word.
pub(super) fn unquoted(raw: &str) -> &str {
    let mut inner = raw.chars();
    match (inner.next().and_then(Quote::of), inner.next_back().and_then(Quote::of)) {
        (Some(open), Some(close)) if open == close => inner.as_str(),
        _ => raw,
    }
}

pub(super) fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

/// Characters that take no room: joiners, marks of direction and order, soft hyphens.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    Double,
    Single,
    Back,
}

impl Quote {
    fn of(c: char) -> Option<Self> {
        match c {
            '"' | '“' | '”' | '„' => Some(Self::Double),
            '\'' | '‘' | '’' | '‚' => Some(Self::Single),
            '`' => Some(Self::Back),
            _ => None,
        }
    }
}

struct Lexer<'a> {
    line: &'a str,
    at: usize,
    /// Kinds of quote that were searched to the end once and close nowhere.
    hopeless: [bool; 3],
}

impl<'a> Lexer<'a> {
    fn next_word(&mut self) -> Option<Word<'a>> {
        let rest = &self.line[self.at..];
        let start = self.at + rest.find(|c| !is_blank(c))?;
        let plain_end =
            self.line[start..].find(char::is_whitespace).map_or(self.line.len(), |length| start + length);
        let quote = opening_quote(&self.line[start..plain_end]);
        let closed = quote.and_then(|(offset, quote)| self.closing(start + offset, quote));
        self.at = closed.unwrap_or(plain_end);
        let raw = &self.line[start..self.at];
        Some(Word { raw, at: start, open_quote: quote.is_some() && closed.is_none() })
    }

    /// The end of the quote that holds the text from `from` on.
    fn closing(&mut self, from: usize, quote: Quote) -> Option<usize> {
        if self.hopeless[quote as usize] {
            return None;
        }
        let mut rest = self.line[from..].char_indices().peekable();
        while let Some((offset, c)) = rest.next() {
            let before_blank = rest.peek().is_none_or(|(_, next)| is_blank(*next));
            if before_blank && Quote::of(c) == Some(quote) {
                return Some(from + offset + c.len_utf8());
            }
        }
        self.hopeless[quote as usize] = true;
        None
    }
}

/// The quote a word opens, and the offset of what it holds.
fn opening_quote(word: &str) -> Option<(usize, Quote)> {
    let value = if word.starts_with(['-', '—', '–']) { word.find('=')? + 1 } else { 0 };
    let opener = word[value..].chars().next()?;
    Some((value + opener.len_utf8(), Quote::of(opener)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let found: Vec<String> = words(line).iter().map(Word::value).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn white_space_of_any_kind_separates() {
        check("  /step\trun\u{a0}2 \u{3000} x ", &["/step", "run", "2", "x"]);
        check("", &[]);
    }

    #[test]
    fn invisible_characters_are_not_there() {
        check("\u{feff}/st\u{200b}ep \u{200b} run\u{2069}", &["/step", "run"]);
    }

    #[test]
    fn quotes_straight_curly_or_backticks_hold_words_together() {
        check("a \"b c\" d", &["a", "b c", "d"]);
        check("“b c” ‘d e’ `f g` „h i“", &["b c", "d e", "f g", "h i"]);
        check("\"\" x", &["", "x"]);
    }

    #[test]
    fn an_apostrophe_is_no_quote() {
        check("don't say \"it's\"", &["don't", "say", "it's"]);
    }

    #[test]
    fn the_value_of_an_option_may_be_quoted() {
        let found = words("--base=\"a b\" c");
        assert_eq!(found[0].option().unwrap().value.map(unquoted), Some("a b"));
        assert_eq!(found[1].raw, "c");
    }

    #[test]
    fn a_quote_that_never_closes_is_marked_and_ends_its_word() {
        let found = words("say \"never 'mind");
        let open: Vec<_> = found.iter().map(|w| (w.raw, w.open_quote)).collect();
        assert_eq!(open, [("say", false), ("\"never", true), ("'mind", true)]);
    }

    #[test]
    fn a_lone_quote_is_open() {
        assert!(words("\"")[0].open_quote);
    }
}
