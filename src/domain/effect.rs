//! What the bot says to people outside of its reports: reactions and answers, kept in the store until they are sent.

use super::forge_event::CommentSource;
use super::ids::{CommandId, ProtocolId};
use super::thread::Thread;
use serde::{Deserialize, Serialize};

/// A reaction of ours to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// Seen.
    Eyes,
    /// Done.
    Rocket,
    /// Not done; an answer says why.
    Confused,
}

impl Reaction {
    /// The emoji's name, which is the same on every forge.
    pub fn emoji(self) -> &'static str {
        match self {
            Self::Eyes => "eyes",
            Self::Rocket => "rocket",
            Self::Confused => "confused",
        }
    }
}

/// One thing to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    React {
        /// The thread that the text stands in.
        thread: Thread,
        to: CommentSource,
        reaction: Reaction,
    },
    /// A comment in a thread. Its body carries the effect's key as a hidden marker, so that a retry finds it.
    Answer {
        thread: Thread,
        /// The discussion of the thread to answer in; at the thread's end without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        discussion: Option<String>,
        body: String,
        /// Answers of one topic fold the earlier ones: `status:12`.
        topic: Option<String>,
    },
    /// `/protocol cancel --close`.
    ClosePull { number: u64 },
}

/// An effect that is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEffect {
    /// Unique: the same effect asked for twice is sent once.
    pub key: String,
    pub protocol: Option<ProtocolId>,
    pub command: Option<CommandId>,
    pub effect: Effect,
}
