//! A step's state and the rules by which it moves.

use super::ci::CiStatus;
use super::ids::{Moment, ProtocolId, Sha, StepId};
use super::protocol::CancelKind;
use super::refusal::Refusal;
use super::spec::StepSpec;
use super::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What people see. `Completed` and `Cancelled` are left only by the few moves that [`StepStatus::apply`] lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Pending,
    Running,
    NeedsQa,
    Completed,
    Failed,
    Cancelled,
    Blocked,
}

/// Something that happens to a step and may change its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepMove {
    Start,
    /// The engine ended well.
    Finish,
    /// Engine fault, wall or idle limit, or a worker that was lost.
    Fail,
    /// The engine is missing, a question is open, or a finding blocks.
    Block,
    /// `pause --now` or a worker that shuts down; the attempt does not count.
    HandBack,
    Judge(Verdict),
    Retry,
    /// A loop policy sends it back.
    Loop,
    /// A person takes the responsibility, by name; the verdict stays what it was.
    Approve,
    /// A person decides that it is not done at all.
    Skip,
    /// Its protocol ended.
    Cancel,
    /// The pull request whose closing cancelled it was reopened.
    Revive,
    /// CI of its own commit failed.
    CiFail,
    /// CI of its own commit failed before and passes now: what QA said counts again.
    CiPass,
}

impl StepStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::NeedsQa => "needs_qa",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
        }
    }

    /// Nothing more is to be done for it.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }

    /// Returns the status after `happened`. Pairs that are not listed are refused.
    pub fn apply(self, happened: StepMove) -> Result<Self, Refusal> {
        use StepMove as M;
        let next = match (self, happened) {
            (Self::Pending, M::Start) => Self::Running,
            (Self::Running, M::Finish) => Self::NeedsQa,
            (Self::Running, M::Fail) => Self::Failed,
            (Self::Running, M::Block) => Self::Blocked,
            (Self::Running, M::HandBack) => Self::Pending,
            (Self::NeedsQa, M::Judge(verdict)) => judged(verdict),
            (Self::Blocked | Self::Completed | Self::Failed, M::Judge(verdict)) => judged(verdict),
            (Self::Failed | Self::Blocked, M::Retry | M::Loop) => Self::Pending,
            (Self::Completed | Self::NeedsQa, M::Loop) => Self::Pending,
            (Self::Failed | Self::Blocked | Self::NeedsQa, M::Approve) => Self::Completed,
            (Self::Pending | Self::Failed | Self::Blocked | Self::NeedsQa, M::Skip) => Self::Cancelled,
            (Self::Completed | Self::Cancelled, M::Cancel) => self,
            (_, M::Cancel) => Self::Cancelled,
            (Self::Cancelled, M::Revive) => Self::Pending,
            (Self::Completed | Self::NeedsQa, M::CiFail) => Self::Failed,
            (Self::Failed, M::CiPass) => Self::NeedsQa,
            _ => return Err(Refusal::NoSuchStepMove { from: self, happened }),
        };
        Ok(next)
    }
}

/// A judgement of a completed step happens when its QA runs again on a newer head.
fn judged(verdict: Verdict) -> StepStatus {
    match verdict {
        Verdict::Pass | Verdict::Skipped => StepStatus::Completed,
        Verdict::Fail => StepStatus::Failed,
        Verdict::Blocked | Verdict::Inconclusive => StepStatus::Blocked,
    }
}

impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who or what cancelled a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// `/step skip` by this person, with their words.
    Skipped { by: String, why: String },
    /// The protocol was cancelled.
    Protocol(CancelKind),
    /// A person merged before it was done.
    MergedEarly,
}

/// `/step approve` by this person, with their words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: String,
    pub why: String,
}

/// QA's last judgement of a step and what it was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub verdict: Verdict,
    /// The head that was judged.
    pub sha: Sha,
    /// The head moved on in a way that was not judged.
    pub outdated: bool,
}

/// A step as it stands. `number` is its place in the plan, also in file names (`01-parser.md` is 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: StepId,
    pub protocol: ProtocolId,
    pub number: u32,
    pub status: StepStatus,
    pub spec: StepSpec,
    pub judged: Option<Judged>,
    pub approval: Option<Approval>,
    pub end: Option<StepEnd>,
    pub ci: CiStatus,
    /// The newest commit of this step.
    pub commit: Option<Sha>,
    /// When that commit was pushed.
    pub pushed_at: Option<Moment>,
    /// Attempts that count, the running one included.
    pub attempts: u32,
    /// Tokens of every engine call for it, all attempts.
    pub tokens: u64,
    /// Wall time of every engine call for it, in milliseconds.
    pub engine_ms: u64,
    /// The last thing to know about it, for people; escaped where it is shown.
    pub summary: String,
    pub started_at: Option<Moment>,
    pub finished_at: Option<Moment>,
}

impl Step {
    /// Completed with a verdict that still holds, approved by name, or in no need of one.
    pub fn is_vouched_for(&self) -> bool {
        let verdict_holds = match &self.judged {
            Some(judged) => !judged.outdated && matches!(judged.verdict, Verdict::Pass | Verdict::Skipped),
            None => !self.spec.needs_verdict(),
        };
        match self.status {
            StepStatus::Cancelled => true,
            StepStatus::Completed => self.approval.is_some() || verdict_holds,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [StepStatus; 7] = [
        StepStatus::Pending,
        StepStatus::Running,
        StepStatus::NeedsQa,
        StepStatus::Completed,
        StepStatus::Failed,
        StepStatus::Cancelled,
        StepStatus::Blocked,
    ];

    /// The statuses that accept `happened`, each with where it leads; every other status must refuse it.
    #[track_caller]
    fn check(happened: StepMove, accepted: &[(StepStatus, StepStatus)]) {
        for from in ALL {
            let expected = accepted.iter().find(|(accepting, _)| *accepting == from).map(|(_, to)| *to);
            assert_eq!(from.apply(happened).ok(), expected, "{from} on {happened:?}");
        }
    }

    #[test]
    fn the_transition_table_is_the_design() {
        use StepStatus::{Blocked, Cancelled, Completed, Failed, NeedsQa, Pending, Running};
        check(StepMove::Start, &[(Pending, Running)]);
        check(StepMove::Finish, &[(Running, NeedsQa)]);
        check(StepMove::Fail, &[(Running, Failed)]);
        check(StepMove::Block, &[(Running, Blocked)]);
        check(StepMove::HandBack, &[(Running, Pending)]);
        check(StepMove::Retry, &[(Failed, Pending), (Blocked, Pending)]);
        check(
            StepMove::Loop,
            &[(Failed, Pending), (Blocked, Pending), (Completed, Pending), (NeedsQa, Pending)],
        );
        check(StepMove::Approve, &[(Failed, Completed), (Blocked, Completed), (NeedsQa, Completed)]);
        check(
            StepMove::Skip,
            &[(Pending, Cancelled), (Failed, Cancelled), (Blocked, Cancelled), (NeedsQa, Cancelled)],
        );
        check(
            StepMove::Cancel,
            &[
                (Pending, Cancelled),
                (Running, Cancelled),
                (NeedsQa, Cancelled),
                (Failed, Cancelled),
                (Blocked, Cancelled),
                (Completed, Completed),
                (Cancelled, Cancelled),
            ],
        );
        check(StepMove::Revive, &[(Cancelled, Pending)]);
        check(StepMove::CiFail, &[(Completed, Failed), (NeedsQa, Failed)]);
        check(StepMove::CiPass, &[(Failed, NeedsQa)]);
    }

    #[test]
    fn only_pass_and_skip_complete_a_judged_step() {
        for (verdict, to) in [
            (Verdict::Pass, StepStatus::Completed),
            (Verdict::Skipped, StepStatus::Completed),
            (Verdict::Fail, StepStatus::Failed),
            (Verdict::Blocked, StepStatus::Blocked),
            (Verdict::Inconclusive, StepStatus::Blocked),
        ] {
            check(
                StepMove::Judge(verdict),
                &[
                    (StepStatus::NeedsQa, to),
                    (StepStatus::Blocked, to),
                    (StepStatus::Completed, to),
                    (StepStatus::Failed, to),
                ],
            );
        }
    }
}
