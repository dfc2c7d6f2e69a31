//! What only GitLab has: access tokens, hooks, roles in groups, pipelines and their jobs.

use crate::sandbox::model::{Model, Role};
use std::collections::BTreeSet;

/// The part of the model that GitHub does without.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) hooks: Vec<Hook>,
    pub(crate) pipelines: Vec<Pipeline>,
    /// Jobs, and statuses from outside: one table, one series of ids.
    pub(crate) jobs: Vec<Job>,
    /// Roles in whole groups: path, account, role.
    pub(crate) group_roles: Vec<(String, String, Role)>,
}

/// A token of a project or a group, which acts as a bot user of its own.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) login: String,
    pub(crate) scopes: Vec<&'static str>,
    pub(crate) created: i64,
    /// The first moment at which it is not accepted any more.
    pub(crate) expires: i64,
}

/// Where a hook hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Project(u64),
    Group(String),
    /// The whole server; only an administrator makes such hooks.
    Server,
}

pub(crate) struct Hook {
    pub(crate) id: u64,
    pub(crate) place: Place,
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    /// `whsec_…`
    pub(crate) signing: Option<String>,
    /// Names such as `note_events` that are switched on.
    pub(crate) events: BTreeSet<String>,
    /// Deliveries that failed, one after the other.
    pub(crate) failures: u32,
    /// Until when it is off.
    pub(crate) off_until: Option<i64>,
    pub(crate) created: i64,
}

pub(crate) struct Pipeline {
    pub(crate) id: u64,
    pub(crate) iid: u64,
    pub(crate) repo: u64,
    pub(crate) branch: String,
    pub(crate) sha: String,
    /// `push`, or `external` when statuses from outside made it.
    pub(crate) source: &'static str,
    pub(crate) author: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) repo: u64,
    pub(crate) pipeline: u64,
    pub(crate) name: String,
    pub(crate) stage: String,
    /// `pending`, `running`, `success`, `failed`, `canceled` or `skipped`.
    pub(crate) status: &'static str,
    pub(crate) branch: String,
    pub(crate) sha: String,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
    pub(crate) author: String,
    /// A status from outside, and no job of a runner.
    pub(crate) outside: bool,
    /// A newer one of the same name in its pipeline counts instead.
    pub(crate) retried: bool,
    pub(crate) trace: String,
    pub(crate) created: i64,
    pub(crate) started: Option<i64>,
    pub(crate) finished: Option<i64>,
}

impl Job {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.status, "pending" | "running")
    }
}

impl Hook {
    /// Whether it is sent anything now.
    pub(crate) fn is_on(&self, now: i64) -> bool {
        self.off_until.is_none_or(|until| until <= now)
    }
}

impl Model {
    pub(crate) fn pipeline(&self, id: u64) -> Option<&Pipeline> {
        self.gitlab.pipelines.iter().find(|p| p.id == id)
    }

    pub(crate) fn job(&self, id: u64) -> Option<&Job> {
        self.gitlab.jobs.iter().find(|j| j.id == id)
    }

    pub(crate) fn job_mut(&mut self, id: u64) -> Option<&mut Job> {
        self.gitlab.jobs.iter_mut().find(|j| j.id == id)
    }

    /// The role that somebody has in a group, or in a group above it.
    pub(crate) fn group_role(&self, path: &str, login: &str) -> Option<Role> {
        let above = |group: &str| path == group || path.starts_with(&format!("{group}/"));
        let roles = self.gitlab.group_roles.iter();
        let has = roles.filter(|(group, who, _)| above(group) && who.eq_ignore_ascii_case(login));
        has.map(|(_, _, role)| *role).max()
    }
}

/// Roles as numbers. <https://docs.gitlab.com/api/members/#roles>
pub(crate) fn level(role: Role) -> u64 {
    match role {
        Role::Read => 10,
        Role::Triage => 20,
        Role::Write => 30,
        Role::Maintain => 40,
        Role::Admin => 50,
    }
}
