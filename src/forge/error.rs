//! What can go wrong with a forge.

use crate::domain::retry::{LAG, OUTAGE, Retry};
use std::time::Duration;

/// What went wrong with a forge, by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    #[error("{host} has no {what}, or does not let the bot see it")]
    Missing { host: String, what: String },
    /// The credential was not accepted, also after a fresh one was minted.
    #[error("{host} does not accept the bot's credentials; {todo}")]
    Unauthorized { host: String, todo: &'static str },
    #[error("{host} does not let the bot {what}; {todo}")]
    Forbidden { host: String, what: String, todo: String },
    /// The forge understood and said no; `words` are its own.
    #[error("{host} refused to {what}: {words}")]
    Refused { host: String, what: String, words: String },
    /// There is something, but not a file to be read.
    #[error("`{path}` is {is}, and not a plain file of at most {most} bytes")]
    Unfit { path: String, is: String, most: usize },
    #[error("{host} is limiting the bot's calls for {} s", wait.as_secs())]
    Limited { host: String, wait: Duration },
    /// It told of this, or took it, and does not know it yet: its parts learn of a change one after the other.
    #[error("{host} does not know {what} yet")]
    Behind { host: String, what: String },
    #[error("{host} failed to {what} ({status})")]
    Broken { host: String, what: String, status: u16 },
    #[error("no answer from {host}")]
    Transport {
        host: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{host} answered about {what} in a form the bot does not know")]
    Unreadable {
        host: String,
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ForgeError {
    /// What the error says about trying the same call again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Missing { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::Refused { .. }
            | Self::Unfit { .. }
            | Self::Unreadable { .. } => Retry::Never,
            Self::Limited { wait, .. } => Retry::After(*wait),
            Self::Behind { .. } => Retry::WhenThere(LAG),
            Self::Broken { .. } | Self::Transport { .. } => Retry::WhenThere(OUTAGE),
        }
    }

    /// `host` will know of `what`, and does not yet.
    pub fn behind(host: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Behind { host: host.into(), what: what.into() }
    }

    /// The same error about something so new that the forge may only be behind itself.
    #[must_use]
    pub fn of_something_new(self) -> Self {
        match self {
            Self::Missing { host, what } => Self::Behind { host, what },
            error => error,
        }
    }
}
