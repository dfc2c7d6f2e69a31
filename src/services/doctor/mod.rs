//! What is wrong with an installation of the bot, and what to do about it; one file per part that is looked at.
//!
//! Each part is handed in by the caller and looked at alone, so that one that is down hides no other. Nothing is changed.

pub mod forge;
pub mod gitlab;
pub mod ground;
pub mod store;
pub mod tools;

use super::fault;
use serde::Serialize;
use std::time::Duration;

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: one or two words.
    pub about: String,
    pub state: State,
    /// What is so.
    pub says: String,
    /// What to do; empty where all is well.
    pub todo: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// It works, and somebody should know.
    Warn,
    Wrong,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Wrong => "wrong",
        }
    }
}

impl Finding {
    pub fn ok(about: impl Into<String>, says: impl Into<String>) -> Self {
        Self { about: about.into(), state: State::Ok, says: says.into(), todo: String::new() }
    }

    pub fn warn(about: impl Into<String>, says: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { about: about.into(), state: State::Warn, says: says.into(), todo: todo.into() }
    }

    pub fn wrong(about: impl Into<String>, says: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { about: about.into(), state: State::Wrong, says: says.into(), todo: todo.into() }
    }
}

/// What a look finds, or that it took too long.
pub async fn in_time(about: &str, look: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(findings) => findings,
        Err(_) => {
            let says = format!("no end of the look within {} s", PATIENCE.as_secs());
            vec![Finding::wrong(about, says, "see whether it is overloaded or out of reach")]
        }
    }
}

/// An error with its causes, on one line.
fn chain(error: impl Into<anyhow::Error>) -> String {
    fault::chain(error).split_whitespace().collect::<Vec<_>>().join(" ")
}
