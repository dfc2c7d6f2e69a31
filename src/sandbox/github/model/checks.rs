//! Check suites, check runs, commit statuses and the workflow runs of the CI App.

use serde_json::Value;

/// How far a check run is. Apps may set these three; GitHub keeps the others for Actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStatus {
    Queued,
    InProgress,
    Completed,
}

impl CheckStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            CheckStatus::Queued => "queued",
            CheckStatus::InProgress => "in_progress",
            CheckStatus::Completed => "completed",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        let all = [CheckStatus::Queued, CheckStatus::InProgress, CheckStatus::Completed];
        all.into_iter().find(|s| s.as_str() == word)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckConclusion {
    ActionRequired,
    Cancelled,
    Failure,
    Neutral,
    Success,
    Skipped,
    TimedOut,
}

impl CheckConclusion {
    const ALL: [Self; 7] = [
        Self::ActionRequired,
        Self::Cancelled,
        Self::Failure,
        Self::Neutral,
        Self::Success,
        Self::Skipped,
        Self::TimedOut,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActionRequired => "action_required",
            Self::Cancelled => "cancelled",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::Success => "success",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == word)
    }
}

pub(crate) struct Suite {
    pub(crate) id: u64,
    pub(crate) repo: u64,
    pub(crate) app: u64,
    pub(crate) branch: Option<String>,
    pub(crate) sha: String,
    pub(crate) before: Option<String>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) suite: u64,
    pub(crate) repo: u64,
    pub(crate) app: u64,
    pub(crate) sha: String,
    pub(crate) name: String,
    pub(crate) external_id: String,
    pub(crate) details_url: Option<String>,
    pub(crate) status: CheckStatus,
    pub(crate) conclusion: Option<CheckConclusion>,
    pub(crate) started: Option<String>,
    pub(crate) completed: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<Value>,
    pub(crate) actions: Vec<Value>,
}

pub(crate) struct CommitStatus {
    pub(crate) id: u64,
    pub(crate) repo: u64,
    pub(crate) sha: String,
    pub(crate) state: String,
    pub(crate) context: String,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
    pub(crate) creator: String,
    pub(crate) created: i64,
}

/// One run of the CI App, from the push that asked for it to its end.
#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) id: u64,
    pub(crate) repo: u64,
    pub(crate) branch: String,
    pub(crate) sha: String,
    /// The check run that shows it; none when the repository's CI writes commit statuses.
    pub(crate) run: Option<u64>,
    pub(crate) attempt: u64,
    pub(crate) done: bool,
}
