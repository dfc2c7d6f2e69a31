//! What the webhooks of every host have in common: what intake asks of them, and how a body is read.

use crate::domain::forge_event::ForgeEvent;
use crate::domain::stage::StageTold;
use serde::de::DeserializeOwned;

/// What a delivery is, as far as its intake must know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peek {
    /// The repository's numeric id.
    pub repo: Option<i64>,
    pub action: Option<String>,
    /// The App that did what is told, where that may be ours and nobody else has a part in it.
    pub app: Option<i64>,
    /// Keep the whole body: the bot acts on it.
    pub ours: bool,
    /// Why it is not ours.
    pub reason: Option<String>,
    /// Why a delivery of a kind that the bot acts on cannot be read.
    pub unreadable: Option<String>,
}

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    Ours(Box<ForgeEvent>),
    /// Not of the forge: a script of the repository's CI tells how a stage of it went.
    Stage(Box<StageTold>),
    /// Nothing the bot acts on.
    Foreign {
        reason: String,
    },
}

/// A signed delivery that does not hold what its kind must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook `{event}` cannot be read: {reason}")]
pub struct Unreadable {
    pub event: String,
    /// One line, without the body's content.
    pub reason: String,
}

/// Reads `body` as `T`; errors name the place and never quote the content.
pub(in crate::forge) fn read<T: DeserializeOwned>(event: &str, body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| {
        let reason = if body.starts_with(b"payload=") {
            "it is a form; set the webhook's content type to application/json".to_owned()
        } else {
            without_content(&error)
        };
        unreadable(event, reason)
    })
}

pub(in crate::forge) fn unreadable(event: &str, reason: String) -> Unreadable {
    Unreadable { event: shown(event), reason }
}

/// Keeps `missing field` and the like; what was found instead may be anybody's text.
fn without_content(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let text = error.to_string();
    let what = match error.classify() {
        Category::Data if text.starts_with("missing field") => {
            text.split(" at line").next().unwrap_or_default()
        }
        Category::Data => "a field has an unexpected form",
        Category::Eof => "it ends too early",
        Category::Syntax | Category::Io => "it is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// At most 40 printable characters of a name that anybody may have sent.
pub(in crate::forge) fn shown(name: &str) -> String {
    name.chars().filter(|c| (c.is_ascii_graphic() || *c == ' ') && *c != '`').take(40).collect()
}
