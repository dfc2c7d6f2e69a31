//! What is wrong with a line of ours, for the person who typed it.

use crate::command::registry::{self, Family, Spec};
use std::fmt;

/// A line that was ours but could not be read. Its `Display` says what is so, then what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub kind: MistakeKind,
    /// Where in the line the trouble starts, in characters from 0; `None` where no one place is to blame.
    pub column: Option<usize>,
    /// How the command is called properly, when it is known which was meant.
    pub usage: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MistakeKind {
    #[error("there is no {word}; did you mean `{suggestion}`?")]
    UnknownFamily { word: Echo, suggestion: String },
    #[error("`/{family}` has no {word}; {}", did_you_mean_or_list(suggestion.as_deref(), family))]
    UnknownVerb { family: &'static str, word: Echo, suggestion: Option<String> },
    #[error("`{call}` has no option {option}{}", did_you_mean(suggestion.as_deref(), *takes_text))]
    UnknownOption { call: String, option: Echo, suggestion: Option<String>, takes_text: bool },
    #[error("`{call}` needs `<{name}>`")]
    MissingArgument { call: String, name: &'static str },
    #[error("`--{option}` needs a value ({value})")]
    MissingValue { option: &'static str, value: &'static str },
    #[error("`--{option}` takes no value; leave out everything from the `=` on")]
    NoValueTaken { option: &'static str },
    #[error("`--{option}` was given twice; keep one")]
    Repeated { option: &'static str },
    #[error("`{call}` does not know what to do with {word}; leave it out")]
    Surplus { call: String, word: Echo },
    #[error("{name} has to be {wants}, not {value}")]
    BadValue { name: String, value: Echo, wants: &'static str },
    #[error("the quote at {word} is never closed; close it or leave it out")]
    OpenQuote { word: Echo },
    #[error(
        "only the first {limit} commands of a comment are read; put this one and the rest into another comment"
    )]
    TooManyCommands { limit: usize },
    #[error(
        "this comment is longer than {limit} bytes, so nothing in it was read; put the command into a shorter one"
    )]
    TooLong { limit: usize },
}

impl Mistake {
    pub(super) fn new(kind: MistakeKind) -> Self {
        Self { kind, column: None, usage: None }
    }

    pub(super) fn of(spec: &Spec, kind: MistakeKind) -> Self {
        Self { kind, column: None, usage: Some(spec.usage()) }
    }

    /// Points at the byte offset `at` of `line`.
    pub(super) fn at(self, line: &str, at: usize) -> Self {
        Self { column: line.get(..at).map(|before| before.chars().count()), ..self }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match &self.usage {
            Some(usage) => write!(f, " (usage: `{usage}`)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}

fn did_you_mean(suggestion: Option<&str>, takes_text: bool) -> String {
    match (suggestion, takes_text) {
        (Some(option), _) => format!("; did you mean `--{option}`?"),
        (None, true) => "; put `--` before a text with dashes in it".to_owned(),
        (None, false) => "; leave it out".to_owned(),
    }
}

fn did_you_mean_or_list(suggestion: Option<&str>, family: &str) -> String {
    if let Some(call) = suggestion {
        return format!("did you mean `{call}`?");
    }
    let verbs: Vec<&str> = registry::family(family).into_iter().flat_map(Family::verbs).collect();
    format!("choose one of {}", verbs.join(", "))
}

/// Somebody's words, shortened and disarmed; displayed as a code span, in which nobody is mentioned and nothing links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo(String);

impl Echo {
    /// Characters shown at most; the rest becomes an ellipsis.
    pub const LIMIT: usize = 40;

    pub fn of(words: &str) -> Self {
        let shown = words.chars().map(disarmed).filter(|c| !crate::command::lexer::is_invisible(*c));
        let mut text: String = shown.clone().take(Self::LIMIT).collect();
        if shown.clone().nth(Self::LIMIT).is_some() {
            text.push('…');
        }
        if text.trim().is_empty() { Self("(blank)".to_owned()) } else { Self(text) }
    }
}

/// No character may end the code span or the line.
fn disarmed(c: char) -> char {
    match c {
        '`' => '\'',
        c if c.is_control() || c.is_whitespace() => ' ',
        c => c,
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_echoed_cannot_leave_its_code_span() {
        assert_eq!(Echo::of("``` @everyone\n# big").to_string(), "`''' @everyone # big`");
        assert_eq!(Echo::of("\u{202e}abc").to_string(), "`abc`");
        assert_eq!(Echo::of("").to_string(), "`(blank)`");
    }

    #[test]
    fn what_is_echoed_is_short() {
        assert_eq!(Echo::of(&"é".repeat(40)).to_string().chars().count(), 42);
        assert_eq!(Echo::of(&"é".repeat(70_000)).to_string().chars().count(), 43);
    }
}
