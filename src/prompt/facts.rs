//! What each prompt is made of. Every text may be hostile, huge or empty: it is quoted and cut where it is written.

use crate::domain::ci::CiLog;
use crate::domain::ids::ProtocolNumber;

/// No prompt is longer than this many characters, whatever it is made of: the Codex CLI refuses more than 1 MiB.
pub const CHARACTER_LIMIT: usize = 900_000;

/// Which protocol a prompt is about.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    pub number: ProtocolNumber,
    pub slug: &'a str,
}

/// Facts for planning.
#[derive(Debug, Clone)]
pub struct PlanningFacts<'a> {
    pub identity: Identity<'a>,
    /// `owner/name`.
    pub repo: &'a str,
    pub base: &'a str,
    /// Title of the issue or pull request.
    pub title: &'a str,
    pub request: &'a str,
    /// Paths in the tree that is planned on.
    pub files: &'a [String],
    pub readme: &'a str,
    /// Paths of CI definitions.
    pub ci_files: &'a [String],
    /// Commands that probably check the repository.
    pub commands: &'a [String],
    pub replan: Option<Replan<'a>>,
}

/// The plan that is replaced, and why.
#[derive(Debug, Clone)]
pub struct Replan<'a> {
    pub plan: &'a str,
    /// Steps that keep their number and commits, in order.
    pub done: &'a [Done],
    /// What the person who asked for a new plan wrote.
    pub words: &'a str,
}

/// A step that is done.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its file name.
    pub file: String,
    pub name: String,
}

/// Facts for executing or taking apart one step.
#[derive(Debug, Clone, Copy)]
pub struct ExecutionFacts<'a> {
    pub identity: Identity<'a>,
    /// The step file's stem: `01-parser`.
    pub step_id: &'a str,
    pub plan: &'a str,
    pub step: &'a str,
    pub context: &'a str,
    pub log: &'a str,
    /// What failed in CI on the commit of the attempt before.
    pub ci: &'a [CiLog],
    /// What people steered it by, oldest first.
    pub notes: &'a [String],
}

/// Facts for judging one step.
#[derive(Debug, Clone, Copy)]
pub struct QualityFacts<'a> {
    pub identity: Identity<'a>,
    pub step_id: &'a str,
    pub plan: &'a str,
    pub context: &'a str,
    pub log: &'a str,
    pub step: &'a str,
    pub git_status: &'a str,
    pub last_commit: &'a str,
    pub diff: &'a str,
    pub evidence: &'a [Evidence],
    pub depth: Depth,
}

/// How thoroughly QA looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    Light,
    Full,
}

/// What a script of the repository said when the worker ran it.
#[derive(Debug, Clone)]
pub struct Evidence {
    pub script: String,
    /// `None` when it did not run to its end, or was not run; the tail then says why.
    pub exit: Option<i32>,
    pub tail: String,
}

/// Facts for the one turn in which an engine may mend the form of its plan.
#[derive(Debug, Clone, Copy)]
pub struct RepairFacts<'a> {
    pub identity: Identity<'a>,
    /// The faults as [`crate::prompt::plan::PlanFaults::as_feedback`] tells them.
    pub faults: &'a str,
    pub answer: &'a str,
    /// Steps that are done already; a plan that has none begins with `00-setup.md`.
    pub done: &'a [Done],
}
