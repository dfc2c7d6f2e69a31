//! Raw -> valid: process settings, a repository's own file, the App's manifest, and what follows from secrets: signed
//! links and redaction.
//!
//! What was typed is [`Raw`], what is true is [`Settings`]; only [`Settings::check`] makes one.

mod github;
mod gitlab;
mod keep;
mod links;
mod log_level;
mod manifest;
mod reader;
mod redactor;
mod repository;
mod settings;
mod setup;
mod table;
mod yaml;

pub use github::{GithubSettings, Intake};
pub use gitlab::{ConnectSettings, GitlabSettings};
pub use keep::Keep;
pub use links::Links;
pub use manifest::{Access, Hook, Manifest};
pub use reader::Raw;
pub use redactor::Redactor;
pub use repository::{Changeable, RepositoryFile};
pub use settings::{CodexSettings, Database, Models, Needs, Settings};
pub use setup::SetupSettings;
pub use table::{Setting, TABLE, docs_markdown};
