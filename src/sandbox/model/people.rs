//! Users, repositories and tokens.

use super::threads::Issue;
use crate::sandbox::github::Permissions;
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

/// How CI behaves on a repository: on GitHub a second App plays it, on GitLab pipelines do.
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
    /// Commit statuses from outside, not check runs or jobs; they succeed.
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
    /// What it takes on GitLab to push to the default branch or to merge into it.
    pub(crate) protected: Role,
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

/// What a token stands for. `ghs_` tokens end after an hour, GitLab's on their day, people's never.
#[derive(Debug, Clone)]
pub(crate) enum Token {
    Person {
        login: String,
    },
    /// Of a bot user on GitLab.
    Access(crate::sandbox::gitlab::AccessToken),
    Installation {
        installation: u64,
        repos: Vec<u64>,
        permissions: Permissions,
        expires: i64,
    },
}
