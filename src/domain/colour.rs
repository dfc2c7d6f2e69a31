//! Honest colours: from facts to what a check shows.
//!
//! GitHub lets neutral and skipped satisfy a required check, so the protocol check is never either.

use super::drive;
use super::project::Protocol;
use super::protocol::{CancelKind, End, ProtocolStatus};
use super::step::{Step, StepStatus};
use super::verdict::Verdict;

/// What a check shows. Everything but `Running` and `Queued` is final for its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colour {
    Queued,
    Running,
    Success,
    Failure,
    ActionRequired,
    Cancelled,
    /// Only for a step's own checks, never for the protocol check.
    Neutral,
}

impl Colour {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::ActionRequired => "action_required",
            Self::Cancelled => "cancelled",
            Self::Neutral => "neutral",
        }
    }
}

/// The colour of `TasksGodzilla / protocol`, the one check to require.
pub fn protocol_colour(protocol: &Protocol, steps: &[Step]) -> Colour {
    match protocol.status() {
        ProtocolStatus::Pending | ProtocolStatus::Planning | ProtocolStatus::Running => Colour::Running,
        ProtocolStatus::Failed => Colour::Failure,
        ProtocolStatus::Blocked if drive::has_failed(&protocol.state.reasons) => Colour::Failure,
        ProtocolStatus::Blocked | ProtocolStatus::Paused => Colour::ActionRequired,
        ProtocolStatus::Cancelled => Colour::Cancelled,
        ProtocolStatus::Planned | ProtocolStatus::Completed => match drive::not_green(protocol, steps) {
            None => Colour::Success,
            Some(_) => Colour::ActionRequired,
        },
    }
}

/// The colour of a step's own check.
pub fn step_colour(step: &Step) -> Colour {
    match step.status {
        StepStatus::Pending => Colour::Queued,
        StepStatus::Running => Colour::Running,
        StepStatus::NeedsQa | StepStatus::Completed => Colour::Success,
        StepStatus::Failed if step.judged.is_some() => Colour::Success,
        StepStatus::Failed => Colour::Failure,
        StepStatus::Blocked => Colour::ActionRequired,
        StepStatus::Cancelled => Colour::Cancelled,
    }
}

/// The colour of a step's QA check; `None` when it was not judged and needs no check.
pub fn qa_colour(step: &Step) -> Option<Colour> {
    let judged = step.judged.as_ref()?;
    Some(match judged.verdict {
        Verdict::Pass => Colour::Success,
        Verdict::Fail => Colour::Failure,
        Verdict::Blocked | Verdict::Inconclusive => Colour::ActionRequired,
        Verdict::Skipped => Colour::Neutral,
    })
}

/// The colour of the plan's check.
pub fn plan_colour(protocol: &Protocol) -> Colour {
    match (protocol.plan_revision, protocol.status()) {
        (_, ProtocolStatus::Planning | ProtocolStatus::Pending) => Colour::Running,
        (0, ProtocolStatus::Cancelled) => Colour::Cancelled,
        (0, _) => Colour::Failure,
        _ => Colour::Success,
    }
}

/// Words for how a protocol ended, for the first line of a report.
pub fn end_words(end: End) -> &'static str {
    match end {
        End::Completed => "completed",
        End::Cancelled(CancelKind::Command) => "cancelled by command",
        End::Cancelled(CancelKind::PrClosed) => "cancelled: its pull request was closed",
        End::Cancelled(CancelKind::IssueClosed) => "cancelled: its issue was closed",
        End::Cancelled(CancelKind::ProjectDeleted) => "cancelled: the repository was deleted",
    }
}
