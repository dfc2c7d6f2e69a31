//! Raw -> valid: process settings. What was typed is [`Raw`], what is true is [`Settings`]; only [`Settings::check`] makes one.

mod reader;
mod settings;
mod table;

pub use reader::Raw;
pub use settings::{CodexSettings, Database, GithubSettings, Models, Needs, Settings};
pub use table::{Setting, TABLE, docs_markdown};
