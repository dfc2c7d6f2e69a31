//! One line of a protocol's timeline.

use super::ids::{Moment, ProtocolId, StepId};
use serde_json::Value;

macro_rules! event_kinds {
    ($($name:ident => $text:literal),+ $(,)?) => {
        /// What happened. The texts are stable: they are stored, shown, and read by scripts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind { $($name),+ }

        impl EventKind {
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The kind whose text this is.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

event_kinds! {
    PlanningEnqueued => "planning_enqueued",
    Planned => "planned",
    PlanningFailed => "planning_failed",
    DecomposeCompleted => "decompose_completed",
    SpecValidationError => "spec_validation_error",
    RunRequested => "run_requested",
    StepEnqueued => "step_enqueued",
    StepStarted => "step_started",
    StepExecuted => "step_executed",
    StepExecutionFailed => "step_execution_failed",
    StepBlocked => "step_blocked",
    StepHandedBack => "step_handed_back",
    StepRetryEnqueued => "step_retry_enqueued",
    StepCompleted => "step_completed",
    StepSkipped => "step_skipped",
    StepCancelled => "step_cancelled",
    ManualApproval => "manual_approval",
    QaEnqueued => "qa_enqueued",
    QaPassed => "qa_passed",
    QaFailed => "qa_failed",
    QaUndecided => "qa_undecided",
    QaSkippedPolicy => "qa_skipped_policy",
    QaDowngradedProtocolOnly => "qa_downgraded_protocol_only",
    QaOutdated => "qa_outdated",
    CiWaiting => "ci_waiting",
    CiPassed => "ci_passed",
    CiFailed => "ci_failed",
    CiNone => "ci_none",
    CiInconclusive => "ci_inconclusive",
    Pushed => "pushed",
    PushFailed => "push_failed",
    OpenPr => "open_pr",
    OpenPrFailed => "open_pr_failed",
    PrReady => "pr_ready",
    PrReadyFailed => "pr_ready_failed",
    PrMerged => "pr_merged",
    PrClosed => "pr_closed",
    PrReopened => "pr_reopened",
    MergeRequested => "merge_requested",
    MergeRefused => "merge_refused",
    HeadAdopted => "head_adopted",
    HeadRewritten => "head_rewritten",
    BranchGone => "branch_gone",
    BaseMoved => "base_moved",
    BaseChanged => "base_changed",
    BaseGone => "base_gone",
    Blocked => "blocked",
    Unblocked => "unblocked",
    Paused => "paused",
    Resumed => "resumed",
    Cancelled => "cancelled",
    DriveFinished => "drive_finished",
    ProtocolCompleted => "protocol_completed",
    AccessLost => "access_lost",
    AccessRegained => "access_regained",
    JobFailed => "job_failed",
    WorkerLost => "worker_lost",
    CleanedUp => "cleaned_up",
}

/// A timeline line that is not stored yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub protocol: ProtocolId,
    pub step: Option<StepId>,
    pub kind: EventKind,
    /// One sentence for people; escaped where it is shown.
    pub message: String,
    /// Facts for scripts.
    pub facts: Value,
}

/// A stored timeline line.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub at: Moment,
    pub step: Option<StepId>,
    pub kind: EventKind,
    pub message: String,
    pub facts: Value,
}
