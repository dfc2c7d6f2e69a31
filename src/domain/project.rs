//! A repository the bot serves, and a protocol's record beside its state.

use super::ids::{CommandId, Moment, ProjectId, ProtocolId, ProtocolNumber, Sha};
use super::protocol::{ProtocolState, ProtocolStatus};
use super::spec::ProtocolSpec;
use super::thread::Thread;
use serde::{Deserialize, Serialize};

/// The file at the top of a repository by which it sets the bot's rules for itself; read from base branches only.
pub const REPOSITORY_FILE: &str = ".tasksgodzilla.yml";

/// Which kind of host a repository lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForgeKind {
    Github,
    Gitlab,
}

impl ForgeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "github" => Some(Self::Github),
            "gitlab" => Some(Self::Gitlab),
            _ => None,
        }
    }
}

/// How a repository is addressed. It is known by `id`; owner and name may change under it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RepoRef {
    /// The forge's numeric id.
    pub id: i64,
    pub owner: String,
    pub name: String,
    /// The App's installation that reaches it; zero where the forge has no such thing.
    pub installation: i64,
}

impl RepoRef {
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// Whether the forge lets us reach a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepoAccess {
    Granted,
    /// Suspended, taken out of the installation, uninstalled, or archived.
    Lost,
    Deleted,
}

/// A repository the bot serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: ProjectId,
    pub forge: ForgeKind,
    pub repo: RepoRef,
    pub default_branch: String,
    pub private: bool,
    pub access: RepoAccess,
    /// A check run or status of somebody else was seen here at least once.
    pub has_seen_ci: bool,
}

/// How a protocol's pull request stands, as far as we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    Draft,
    Ready,
    Merged,
    Closed,
}

/// A protocol's pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullFacts {
    pub number: u64,
    /// The forge's opaque id, for GraphQL.
    pub node_id: String,
    pub url: String,
    pub state: PullState,
    /// We tried to take it out of draft; not tried again by itself.
    pub offered: bool,
}

/// The person who asked for a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    pub login: String,
    pub id: i64,
}

/// A merge that a person asked for and that has not happened yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRequest {
    pub by: String,
    /// The command that asked, which gets the answer.
    pub command: CommandId,
    /// The judged head; the forge refuses when another was pushed.
    pub sha: Sha,
    /// A bot asked, which gets no sentence when it comes to nothing.
    #[serde(default)]
    pub by_bot: bool,
}

/// One stream of work: branch, pull request and `.protocols/NNNN-slug/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    pub id: ProtocolId,
    pub project: ProjectId,
    pub number: ProtocolNumber,
    pub slug: String,
    pub state: ProtocolState,
    /// Rises with every change; compare-and-set and reports are keyed by it.
    pub revision: i64,
    /// The thread that `/protocol new` was written in; on a pull request's head branch the work is stacked.
    pub asked_in: Thread,
    pub pull: Option<PullFacts>,
    pub base: String,
    /// The tip of the base branch that the work stands on.
    pub base_sha: Option<Sha>,
    /// The base moved on, or was changed, since the plan was made.
    pub base_moved: bool,
    /// The last head that we pushed or adopted.
    pub head: Option<Sha>,
    /// Who pushed the head, when it was not us.
    pub adopted_from: Option<String>,
    /// What the person asked for, as it was delivered.
    pub request: String,
    pub requester: Requester,
    pub engine: Option<String>,
    pub model: Option<String>,
    /// Zero until the first plan is accepted; rises with every replan.
    pub plan_revision: u32,
    pub spec: Option<ProtocolSpec>,
    pub spec_hash: Option<String>,
    /// `plan.md` as it was accepted.
    pub plan: String,
    pub merge: Option<MergeRequest>,
    pub created_at: Moment,
    pub changed_at: Moment,
}

impl Protocol {
    /// The branch, the worktree and the folder under `.protocols/`: `0007-split-importer`.
    pub fn branch(&self) -> String {
        format!("{}-{}", self.number, self.slug)
    }

    pub fn folder(&self) -> String {
        format!(".protocols/{}", self.branch())
    }

    /// Where it is talked about now: its pull request once there is one.
    pub fn thread(&self) -> Thread {
        self.pull.as_ref().map_or(self.asked_in, |pull| Thread::pull(pull.number))
    }

    pub fn status(&self) -> ProtocolStatus {
        self.state.status()
    }
}
