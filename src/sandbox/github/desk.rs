//! What only GitHub has: Apps, their installations, check suites and check runs.

use super::checks::{CommitStatus, Run, Suite};
use crate::sandbox::model::{Actor, Model};
use std::collections::BTreeMap;

/// The part of the model that GitLab does without.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) apps: Vec<App>,
    pub(crate) installations: Vec<Installation>,
    pub(crate) suites: Vec<Suite>,
    pub(crate) runs: Vec<Run>,
    pub(crate) statuses: Vec<CommitStatus>,
    pub(crate) assertion_clock: AssertionClock,
}

/// Which clock judges the times inside an App's signed assertion (JWT).
///
/// GitHub's clients sign with the machine's clock, so that is the default even when the twin's own clock is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssertionClock {
    #[default]
    Machine,
    Twin,
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

impl Model {
    pub(crate) fn app(&self, id: u64) -> Option<&App> {
        self.github.apps.iter().find(|a| a.id == id)
    }

    pub(crate) fn run(&self, id: u64) -> Option<&Run> {
        self.github.runs.iter().find(|r| r.id == id)
    }

    pub(crate) fn run_mut(&mut self, id: u64) -> Option<&mut Run> {
        self.github.runs.iter_mut().find(|r| r.id == id)
    }

    pub(crate) fn suite(&self, id: u64) -> Option<&Suite> {
        self.github.suites.iter().find(|s| s.id == id)
    }

    pub(crate) fn suite_mut(&mut self, id: u64) -> Option<&mut Suite> {
        self.github.suites.iter_mut().find(|s| s.id == id)
    }

    /// The installation through which `app` sees `repo`.
    pub(crate) fn installation_on(&self, app: u64, repo: u64) -> Option<&Installation> {
        self.github.installations.iter().find(|i| i.app == app && i.repos.contains(&repo))
    }

    pub(crate) fn bot_of(&self, app: u64) -> Actor {
        let login = self.app(app).map_or_else(|| "ghost".to_owned(), |a| format!("{}[bot]", a.slug));
        Actor { login, app: Some(app) }
    }
}
