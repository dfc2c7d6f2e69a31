//! Raw -> valid: process settings, and what follows from their secrets: signed links and redaction.
//!
//! What was typed is [`Raw`], what is true is [`Settings`]; only [`Settings::check`] makes one.

mod links;
mod reader;
mod redactor;
mod settings;
mod table;

pub use links::Links;
pub use reader::Raw;
pub use redactor::Redactor;
pub use settings::{CodexSettings, Database, GithubSettings, Models, Needs, Settings};
pub use table::{Setting, TABLE, docs_markdown};
