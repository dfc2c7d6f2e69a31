//! Comment text to commands: pure, no IO, never panics whatever was typed.
//!
//! `parser` finds our lines in a comment (`markdown` says where a line may start), `lexer` and `args` take them apart,
//! the declarations in `family/` make commands of the parts, `mistake` says what is wrong with the rest. Help,
//! docs/commands.md, suggestions and permissions are read from the same declarations through `registry`.

mod args;
mod family;
mod help;
mod html;
mod lexer;
mod markdown;
mod mistake;
mod parser;
pub mod registry;
mod suggest;
mod value;

#[cfg(test)]
mod tests;

pub use help::{docs_markdown, help};
pub use mistake::{Echo, Mistake, MistakeKind};
pub use parser::{COMMANDS_PER_COMMENT, ParsedLine, PlainHelp, parse, parse_words, says_plain_help};
