//! A sentence of which some words are commands, for Markdown, HTML and plain text alike.

use crate::report::text::{code, escape_inline, plain};
use serde::Serialize;

/// A sentence before it is known where it will stand: words, and commands to type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(in crate::report) struct Phrase(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Piece {
    text: String,
    is_command: bool,
}

impl Phrase {
    /// Words with commands in backticks. Whoever wrote them, they can do nothing in any of the forms below.
    pub(in crate::report) fn marked(words: &str) -> Self {
        let pieces = words
            .split('`')
            .enumerate()
            .map(|(index, part)| Piece { text: part.to_owned(), is_command: index % 2 == 1 });
        Self(pieces.filter(|piece| !piece.text.is_empty()).collect())
    }

    pub(in crate::report) fn markdown(&self) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            if piece.is_command {
                out.push_str(&code(&piece.text));
                continue;
            }
            let before =
                if piece.text.starts_with(char::is_whitespace) && !out.is_empty() { " " } else { "" };
            let after = if piece.text.ends_with(char::is_whitespace) { " " } else { "" };
            out.push_str(&format!("{before}{}{after}", escape_inline(&piece.text)));
        }
        out.trim_end().to_owned()
    }

    pub(in crate::report) fn plain(&self, limit: usize) -> String {
        plain(&self.0.iter().map(|piece| piece.text.as_str()).collect::<String>(), limit)
    }
}
