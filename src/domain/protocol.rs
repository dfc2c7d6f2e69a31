//! A protocol's state and the rules by which it moves.
//!
//! The state is kept as independent facts (what it works on, what blocks it, whether it is paused, how it ended) and the
//! status that people see is derived from them. So "paused over blocked over running" needs no stack to remember: lifting
//! one fact shows the next.

use super::ids::Moment;
use super::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What people see. Terminal: `Cancelled` and `Completed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolStatus {
    Pending,
    Planning,
    Planned,
    Running,
    Paused,
    Blocked,
    Failed,
    Cancelled,
    Completed,
}

impl ProtocolStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Planning => "planning",
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }

    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Cancelled | Self::Completed)
    }
}

impl fmt::Display for ProtocolStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a protocol works on, or returns to when nothing blocks or pauses it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    Pending,
    Planning,
    Planned,
    Running,
}

/// How far a protocol is told to go. Numbers are step numbers and inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drive {
    None,
    Only(u32),
    To(u32),
    All,
}

impl Drive {
    pub fn covers(self, step: u32) -> bool {
        match self {
            Self::None => false,
            Self::Only(number) => step == number,
            Self::To(number) => step <= number,
            Self::All => true,
        }
    }

    /// Whether everything that `other` asks for is already asked for.
    fn includes(self, other: Self) -> bool {
        match (self, other) {
            (_, Self::None) | (Self::All, _) => true,
            (Self::None | Self::Only(_) | Self::To(_), Self::All)
            | (Self::None | Self::Only(_), Self::To(_)) => false,
            (mine, Self::Only(number)) => mine.covers(number),
            (Self::To(mine), Self::To(theirs)) => mine >= theirs,
        }
    }

    /// The narrowest drive that asks for both. A single step joined to a range stretches the range over it.
    fn widened_by(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, drive) | (drive, Self::None) => drive,
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Only(a), Self::Only(b)) if a == b => Self::Only(a),
            (Self::Only(a) | Self::To(a), Self::Only(b) | Self::To(b)) => Self::To(a.max(b)),
        }
    }
}

/// How a pause treats the engine call that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// It ends well, its result is committed and pushed, nothing more starts.
    AfterThis,
    /// It is killed and its attempt does not count.
    Now,
}

/// Why a protocol was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelKind {
    Command,
    PrClosed,
    IssueClosed,
    ProjectDeleted,
}

/// How a protocol ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Cancelled(CancelKind),
    Completed,
}

/// What kind of thing blocks a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKey {
    PlanInvalid,
    PlanFailed,
    EngineMissing,
    StepFailed,
    QaFailed,
    QaUndecided,
    CiFailed,
    CiUndecided,
    DiffRefused,
    PushRefused,
    PrFailed,
    HeadRewritten,
    BranchGone,
    BaseGone,
    BranchTaken,
}

/// The act of a person that clears a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Replan,
    Resume,
    Retry,
    Pr,
}

impl ReasonKey {
    /// The act to advise first. `/protocol replan` clears every reason; retry, skip and approve clear all of their step.
    pub fn cleared_by(self) -> Act {
        match self {
            Self::PlanInvalid | Self::PlanFailed => Act::Replan,
            Self::EngineMissing
            | Self::HeadRewritten
            | Self::BranchGone
            | Self::BaseGone
            | Self::BranchTaken => Act::Resume,
            Self::StepFailed
            | Self::QaFailed
            | Self::QaUndecided
            | Self::CiFailed
            | Self::CiUndecided
            | Self::DiffRefused => Act::Retry,
            Self::PushRefused | Self::PrFailed => Act::Pr,
        }
    }
}

/// One thing that a person must clear before the protocol goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub key: ReasonKey,
    /// The step it belongs to, if it belongs to one.
    pub step: Option<u32>,
    pub since: Moment,
    /// What is so, in words for people; may quote a forge, git or an engine and must be escaped where it is shown.
    pub detail: String,
}

/// What clears reasons, besides a new plan (all of them) and [`ProtocolMove::Resume`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearing {
    /// The step is tried again, skipped or approved.
    Step(u32),
    /// CI of the step's commit passed.
    CiPassed(u32),
    /// QA passed the step, or skipped it.
    QaPassed(u32),
    /// The branch and its pull request are brought up to date.
    Pull,
}

impl Clearing {
    fn clears(self, reason: &Reason) -> bool {
        use ReasonKey as K;
        match self {
            Self::Step(step) => reason.step == Some(step),
            Self::CiPassed(step) => {
                reason.step == Some(step) && matches!(reason.key, K::CiFailed | K::CiUndecided)
            }
            Self::QaPassed(step) => {
                reason.step == Some(step) && matches!(reason.key, K::QaFailed | K::QaUndecided)
            }
            Self::Pull => matches!(reason.key, K::PushRefused | K::PrFailed),
        }
    }
}

/// Something that happens to a protocol and may change its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProtocolMove {
    StartPlanning,
    AcceptPlan,
    Block(Reason),
    /// Drops the reasons that this clears.
    Clear(Clearing),
    Replan,
    Run(Drive),
    /// A step is done again: an idle protocol is driven to do it.
    Redo(u32),
    FinishDrive,
    Pause(Pause),
    Resume,
    Cancel(CancelKind),
    Merge,
    Reopen,
    /// A permanent fault of ours.
    Fault,
}

/// A protocol's state: see the module's head for how its parts make a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolState {
    pub work: Work,
    pub drive: Drive,
    pub reasons: Vec<Reason>,
    pub pause: Option<Pause>,
    pub faulted: bool,
    pub end: Option<End>,
}

impl ProtocolState {
    pub fn new() -> Self {
        Self {
            work: Work::Pending,
            drive: Drive::None,
            reasons: Vec::new(),
            pause: None,
            faulted: false,
            end: None,
        }
    }

    pub fn status(&self) -> ProtocolStatus {
        match (self.end, self.faulted, self.pause, self.reasons.is_empty(), self.work) {
            (Some(End::Completed), ..) => ProtocolStatus::Completed,
            (Some(End::Cancelled(_)), ..) => ProtocolStatus::Cancelled,
            (None, true, ..) => ProtocolStatus::Failed,
            (None, false, Some(_), ..) => ProtocolStatus::Paused,
            (None, false, None, false, _) => ProtocolStatus::Blocked,
            (None, false, None, true, Work::Pending) => ProtocolStatus::Pending,
            (None, false, None, true, Work::Planning) => ProtocolStatus::Planning,
            (None, false, None, true, Work::Planned) => ProtocolStatus::Planned,
            (None, false, None, true, Work::Running) => ProtocolStatus::Running,
        }
    }

    /// Whether a running engine call must be killed and nothing may be pushed: the protocol ended, or was paused with
    /// `--now`.
    pub fn stops_engines(&self) -> bool {
        self.end.is_some() || self.pause == Some(Pause::Now)
    }

    pub fn is_blocked_by(&self, key: ReasonKey) -> bool {
        self.reasons.iter().any(|reason| reason.key == key)
    }

    /// Returns the state after `happened`, or why that cannot be.
    ///
    /// Facts (an accepted plan, a reason, a finished drive) are taken in every state that is not terminal, also while
    /// paused; acts of people are refused where they would do nothing.
    pub fn apply(&self, happened: ProtocolMove) -> Result<Self, Refusal> {
        if let Some(end) = self.end {
            return self.apply_after(end, &happened);
        }
        let mut next = self.clone();
        match happened {
            ProtocolMove::StartPlanning => next.work = self.from(Work::Pending, Work::Planning)?,
            ProtocolMove::AcceptPlan => next.work = self.from(Work::Planning, Work::Planned)?,
            ProtocolMove::Block(reason) => next.add(reason),
            ProtocolMove::Clear(clearing) => next.reasons.retain(|reason| !clearing.clears(reason)),
            ProtocolMove::Replan => return self.replanned(),
            ProtocolMove::Run(drive) => return self.driven(drive),
            ProtocolMove::Redo(step) => next.redo(step),
            ProtocolMove::FinishDrive => {
                next.work = self.from(Work::Running, Work::Planned)?;
                next.drive = Drive::None;
            }
            ProtocolMove::Pause(pause) => next.pause = Some(self.pausing(pause)?),
            ProtocolMove::Resume => return self.resumed(),
            ProtocolMove::Cancel(kind) => next.end = Some(End::Cancelled(kind)),
            ProtocolMove::Merge => next.end = Some(End::Completed),
            ProtocolMove::Reopen => return Err(Refusal::NotClosed),
            ProtocolMove::Fault => next.faulted = true,
        }
        Ok(next)
    }

    /// Terminal states are sticky but for two ways out: a merge by a person, and the reopening of a closed pull request.
    fn apply_after(&self, end: End, happened: &ProtocolMove) -> Result<Self, Refusal> {
        let mut next = self.clone();
        match (end, happened) {
            (End::Cancelled(kind), ProtocolMove::Merge) if kind != CancelKind::Command => {
                next.end = Some(End::Completed);
            }
            (End::Cancelled(CancelKind::PrClosed), ProtocolMove::Reopen) => {
                next.end = None;
                next.pause = Some(Pause::AfterThis);
            }
            _ => {
                return Err(Refusal::Ended { status: self.status() });
            }
        }
        Ok(next)
    }

    fn from(&self, expected: Work, to: Work) -> Result<Work, Refusal> {
        if self.work == expected { Ok(to) } else { Err(Refusal::NotNow { status: self.status() }) }
    }

    fn add(&mut self, reason: Reason) {
        let known =
            self.reasons.iter_mut().find(|known| known.key == reason.key && known.step == reason.step);
        match known {
            Some(known) => known.detail = reason.detail,
            None => self.reasons.push(reason),
        }
    }

    fn redo(&mut self, step: u32) {
        if matches!(self.work, Work::Planned | Work::Running) {
            self.work = Work::Running;
            self.drive =
                if self.drive.covers(step) { self.drive } else { self.drive.widened_by(Drive::Only(step)) };
        }
    }

    fn replanned(&self) -> Result<Self, Refusal> {
        match self.status() {
            ProtocolStatus::Planned | ProtocolStatus::Paused | ProtocolStatus::Blocked => {
                Ok(Self { work: Work::Planning, ..Self::new() })
            }
            status => Err(Refusal::CannotReplan { status }),
        }
    }

    fn driven(&self, drive: Drive) -> Result<Self, Refusal> {
        match self.status() {
            ProtocolStatus::Planned => Ok(Self { work: Work::Running, drive, ..self.clone() }),
            ProtocolStatus::Running if self.drive.includes(drive) => Err(Refusal::AlreadyRunning),
            ProtocolStatus::Running => Ok(Self { drive: self.drive.widened_by(drive), ..self.clone() }),
            ProtocolStatus::Blocked => Err(Refusal::Blocked { reasons: self.reasons.clone() }),
            status => Err(Refusal::NotNow { status }),
        }
    }

    fn pausing(&self, pause: Pause) -> Result<Pause, Refusal> {
        match (self.pause, pause) {
            (None, _) | (Some(Pause::AfterThis), Pause::Now) => Ok(pause),
            (Some(_), _) => Err(Refusal::AlreadyPaused),
        }
    }

    fn resumed(&self) -> Result<Self, Refusal> {
        if self.faulted {
            return Ok(Self { faulted: false, ..self.clone() });
        }
        if self.pause.is_some() {
            return Ok(Self { pause: None, ..self.clone() });
        }
        let left: Vec<Reason> =
            self.reasons.iter().filter(|reason| reason.key.cleared_by() != Act::Resume).cloned().collect();
        match (self.reasons.is_empty(), left.len() == self.reasons.len()) {
            (true, _) => Err(Refusal::NotPaused { status: self.status() }),
            (false, true) => Err(Refusal::Blocked { reasons: left }),
            (false, false) => Ok(Self { reasons: left, ..self.clone() }),
        }
    }
}

impl Default for ProtocolState {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
