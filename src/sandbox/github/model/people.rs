//! Users, repositories, Apps and what they may do.

use super::threads::Issue;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    User,
    Organization,
    Bot,
}

impl UserKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            UserKind::User => "User",
            UserKind::Organization => "Organization",
            UserKind::Bot => "Bot",
        }
    }
}

pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: UserKind,
}

/// What a person may do on a repository, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Triage => "triage",
            Role::Write => "write",
            Role::Maintain => "maintain",
            Role::Admin => "admin",
        }
    }

    /// The older, coarser word that GitHub keeps in `permission`.
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Role::Read | Role::Triage => "read",
            Role::Write | Role::Maintain => "write",
            Role::Admin => "admin",
        }
    }
}

/// How the second App, the one that plays CI, behaves on a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ci {
    /// There is no CI.
    #[default]
    None,
    /// Each run succeeds.
    Green,
    /// The first run of each branch fails, later ones succeed.
    RedOnce,
    /// Each run fails.
    Red,
    /// A run is queued and never starts.
    Silent,
    /// Commit statuses instead of check runs; they succeed.
    Statuses,
    /// Two runs for each commit, one stage after the other; both succeed.
    Staged,
}

pub(crate) struct Repo {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) default_branch: String,
    pub(crate) fork_of: Option<u64>,
    pub(crate) created: i64,
    pub(crate) pushed: i64,
    /// The bare repository on disk; its name never changes, renames are only in the model.
    pub(crate) dir: PathBuf,
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) ci: Ci,
    pub(crate) ci_failed_once: BTreeSet<String>,
}

impl Repo {
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    Read,
    Write,
}

impl Access {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "read" => Some(Access::Read),
            "write" | "admin" => Some(Access::Write),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "write",
        }
    }
}

pub(crate) type Permissions = BTreeMap<String, Access>;

pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) public_key: (Vec<u8>, Vec<u8>),
    pub(crate) permissions: Permissions,
    pub(crate) events: Vec<String>,
    pub(crate) webhook_url: Option<String>,
    pub(crate) webhook_secret: String,
    pub(crate) created: i64,
}

impl App {
    pub(crate) fn may(&self, permission: &str, access: Access) -> bool {
        self.permissions.get(permission).is_some_and(|has| *has >= access)
    }
}

pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) app: u64,
    pub(crate) account: String,
    pub(crate) repos: Vec<u64>,
    /// What the account agreed to; the App may ask for more by now.
    pub(crate) permissions: Permissions,
    pub(crate) suspended: Option<i64>,
    pub(crate) created: i64,
}

/// What a token stands for. `ghs_` tokens end after an hour, people's never.
#[derive(Debug, Clone)]
pub(crate) enum Token {
    Person { login: String },
    Installation { installation: u64, repos: Vec<u64>, permissions: Permissions, expires: i64 },
}
