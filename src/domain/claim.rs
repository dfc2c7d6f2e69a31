//! A claimed job: what a worker holds while it works, and what it proves that with.

use super::ids::{JobId, Moment};
use super::job::Job;

/// Proof that a worker holds a job. The fence rises with every claim, so an older hold of the same job proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hold {
    pub job: JobId,
    pub fence: i64,
}

/// A job that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub id: JobId,
    pub job: Job,
    /// From 1; attempts that cost nothing are not counted.
    pub attempt: u32,
    /// How often in a row its worker was lost before this attempt.
    pub lost: u32,
    pub fence: i64,
    /// What an earlier attempt recorded of the process it started; it may still run.
    pub process: Option<String>,
    /// When an attempt first ended without success; none has yet when it is `None`.
    pub failing_since: Option<Moment>,
}

impl Claimed {
    pub fn hold(&self) -> Hold {
        Hold { job: self.id, fence: self.fence }
    }
}
