//! Outward acts, and who watches them.
//!
//! An outward act is whatever others can see or what outlives the process: a commit of the store, a call of a forge, git
//! talking to a remote. Each goes through one point of its room, which tells a witness before and after. The program's own
//! witness only writes to its log; the crash test's kills the process there.

use std::borrow::Cow;
use std::fmt;

/// One outward act, by a name that is the same in every run: numbers, ids and commits are no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Act(Cow<'static, str>);

impl Act {
    /// A transaction of the store becomes durable; with it a batch of deliveries.
    pub const STORE_COMMIT: Self = Self(Cow::Borrowed("store commit"));
    /// The store's tables are brought to this version.
    pub const STORE_MIGRATION: Self = Self(Cow::Borrowed("store migration"));

    /// Git talks to a remote: `push`, `fetch`, `ls-remote`.
    pub fn git(command: &str) -> Self {
        Self(format!("git {command}").into())
    }

    /// One request to a forge. `path` is a pattern: `/repos/{owner}/{repo}/check-runs`.
    pub fn call(method: &str, path: &str) -> Self {
        Self(format!("{method} {path}").into())
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Watches outward acts. It is told by whoever acts, in the same task, and must not block.
pub trait Witness: fmt::Debug + Send + Sync {
    /// Nothing has left the process yet.
    fn before(&self, act: &Act);
    /// The act is over, well or not. An act that is given up half-way has no after.
    fn after(&self, act: &Act);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Witness for Nobody {
    fn before(&self, _: &Act) {}
    fn after(&self, _: &Act) {}
}
