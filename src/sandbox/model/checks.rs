//! How far a check is and how it ended, in the words of the stories, and the runs of whoever plays CI.

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

/// One run of CI, from the push that asked for it to its end.
#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) id: u64,
    pub(crate) repo: u64,
    pub(crate) branch: String,
    pub(crate) sha: String,
    /// The check run or job that shows it; none when the repository's CI writes commit statuses.
    pub(crate) run: Option<u64>,
    pub(crate) attempt: u64,
    pub(crate) done: bool,
}
