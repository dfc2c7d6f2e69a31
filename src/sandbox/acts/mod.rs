//! What people, Apps and bots can do to the model, whichever host it plays and whichever way they ask. Each act changes it
//! and says what happened; who hears of that, and in which words, is the host's.
//!
//! Rights are judged by the callers (the hosts' front doors, `people/`); the rules of the thing itself are judged here.

mod ci;
mod places;
mod pulls;
mod pushes;
mod threads;

pub(crate) use pulls::{MergeMethod, MergeOrder, NewPull, PullChange};
pub(crate) use pushes::{NO_COMMIT, RefChange};
pub(crate) use threads::{NewComment, Reacted, Subject};

use crate::sandbox::model::Model;
use crate::sandbox::people::SandboxError;
use crate::sandbox::{Host, github, gitlab};
use serde_json::Value;

/// An answer of "no", with the host's status and words.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// GitHub: the list beside the message. GitLab: the whole answer instead of it.
    pub(crate) errors: Option<Value>,
}

impl Refused {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: None }
    }

    pub(crate) fn missing() -> Self {
        Self::new(404, "Not Found")
    }
}

/// Why an act cannot be done, in no host's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum No {
    #[error("there is no such thing")]
    Missing,
    #[error("there is no branch {0} to merge from")]
    HeadMissing(String),
    #[error("there is no branch {0} to merge into")]
    BaseMissing(String),
    #[error("{head} has nothing that {base} has not")]
    NothingToMerge { base: String, head: String },
    #[error("pull request {number} from {owner}:{branch} is open already")]
    Again { owner: String, branch: String, number: u64 },
    #[error("it is still a draft")]
    Draft,
    #[error("it is not open")]
    NotOpen,
    #[error("it has conflicts")]
    Conflict,
    #[error("its commits cannot be rebased")]
    Unrebasable,
    #[error("its head was modified")]
    HeadMoved,
    #[error("{0}")]
    Broken(String),
}

impl From<SandboxError> for No {
    fn from(error: SandboxError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Model {
    /// What the host says to somebody who cannot have that.
    pub(crate) fn refused(&self, no: No) -> Refused {
        match self.host {
            Host::Github => github::refused(no),
            Host::Gitlab => gitlab::refused(no),
        }
    }

    /// Whether the host takes this text for a comment.
    pub(crate) fn check_comment(&self, body: &str) -> Result<(), Refused> {
        match self.host {
            Host::Github => github::check_body("IssueComment", body),
            Host::Gitlab => gitlab::check_note(body),
        }
    }
}
