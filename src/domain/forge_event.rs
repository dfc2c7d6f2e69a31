//! What a webhook says, in our words: a closed set, made by `forge/` from each host's dialect.

use super::actor::Actor;
use super::ids::Sha;
use super::project::RepoRef;
use super::thread::Thread;
use serde::{Deserialize, Serialize};

/// One thing that happened on a forge and that the bot acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeEvent {
    /// The repository it happened in; `None` for events about a whole installation.
    pub repo: Option<RepoMention>,
    /// Who did it, as the delivery says.
    pub sender: Actor,
    /// The App that did it, when an App did.
    pub sender_app: Option<i64>,
    pub happened: Happened,
}

/// How a delivery speaks of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoMention {
    Described(RepoFacts),
    /// By its id alone: enough for one that is known, and nothing is to be done in any other.
    Named(i64),
}

/// A repository as a delivery describes it; what it does not say leaves what is known as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoFacts {
    pub repo: RepoRef,
    pub default_branch: Option<String>,
    pub private: Option<bool>,
    pub archived: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A comment, or the text of a newly opened issue or pull request, was written or edited.
    Commented(Commented),
    IssueClosed {
        issue: u64,
    },
    /// Merged or not: the pull request itself says.
    PullClosed {
        number: u64,
    },
    PullReopened {
        number: u64,
    },
    /// It got new commits, became a draft or ready, or its base changed.
    PullChanged {
        number: u64,
    },
    /// Text that may hold commands was written or edited on a commit.
    CommitCommented(CommitComment),
    /// A check run or status of anybody, a workflow or a pipeline moved on this commit.
    CiMoved {
        sha: Sha,
        /// The pull request whose trial merge the commit is: its head is meant then.
        pull: Option<u64>,
        whose: Whose,
    },
    /// Someone pressed "Re-run" on one of our check runs.
    CheckRerun {
        check: i64,
        name: String,
        sha: Sha,
    },
    /// Someone pressed "Re-run all" on our suite.
    SuiteRerun {
        sha: Sha,
    },
    /// Someone pressed a button of one of our check runs.
    ButtonPressed {
        check: i64,
        button: String,
        sha: Sha,
    },
    /// A branch got a new tip, `None` when it was deleted. It stood at `before`, if that is said and it was there.
    Pushed {
        branch: String,
        before: Option<Sha>,
        tip: Option<Sha>,
    },
    RepoChanged(RepoChange),
    /// It was renamed, transferred or archived, and of the last nothing is told.
    RepoMoved {
        owner: String,
        name: String,
        /// `None` where the delivery does not say.
        private: Option<bool>,
    },
    /// The App was installed or unsuspended, or got these repositories.
    AccessGained {
        installation: i64,
        repos: Vec<i64>,
    },
    /// The App lost these repositories; all of the installation when the list is `None`.
    AccessLost {
        installation: i64,
        repos: Option<Vec<i64>>,
    },
    Ping,
}

/// Whose result of CI moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    App(i64),
    /// Certainly not ours.
    Others,
    /// The forge does not say; it may be a check of ours.
    Anybodys,
}

/// Who can read a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever can read the repository's threads.
    Readers,
    /// Fewer: it is answered where it stands, and its words are carried nowhere else.
    Confidants,
}

/// A comment on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitComment {
    pub comment: i64,
    pub sha: Sha,
    pub body: String,
}

/// Text that may hold commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commented {
    /// The forge's name of the text: `comment:17`, `issue:4`, `pull:9`; unique per repository.
    pub source: CommentSource,
    pub thread: Thread,
    /// The discussion of the thread that it is part of, where the forge has such things: it is answered in there.
    pub discussion: Option<String>,
    pub audience: Audience,
    /// Title and text of the thread's first post, for planning.
    pub title: String,
    pub description: String,
    pub body: String,
}

/// The text that a command stood in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentSource {
    Comment(i64),
    Issue(i64),
    Pull(i64),
    /// A comment on a commit; it takes no reaction.
    Commit(i64),
    /// A button or "Re-run" of one of our check runs; it takes no reaction.
    Check(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepoChange {
    /// Renamed, transferred, made private or public, or its default branch changed: [`RepoFacts`] says how it is now.
    Updated,
    Archived,
    Unarchived,
    Deleted,
}
