//! Why a run gave no answer, by what the caller does next.

use super::event::Usage;
use super::process::ProcessError;
use crate::domain::retry::Retry;
use std::fmt;
use std::time::Duration;

/// A run that gave no usable answer. `usage` is what the engine had reported by then; often nothing.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// `stop` was cancelled. Decided by our own flag, never by an exit code.
    #[error("the run was stopped")]
    Stopped { usage: Option<Usage> },
    #[error("no end after {} s ({kind} limit)", after.as_secs())]
    TimedOut { kind: TimeLimit, after: Duration, usage: Option<Usage> },
    #[error("the engine cannot be started: {todo}")]
    NotInstalled { todo: String },
    #[error("the model service refuses us: set or renew {setting}")]
    AuthMissing { setting: String },
    #[error("the model service is limiting our calls")]
    RateLimited { retry_after: Option<Duration> },
    #[error("the model service does not answer: {why}")]
    ModelUnavailable { why: String, retry: Retry },
    #[error("the engine's answer cannot be used: {why}")]
    BadOutput { why: String, usage: Option<Usage> },
    #[error("the engine failed ({}): {stderr_tail}", ExitText(*exit))]
    Failed { exit: Option<i32>, stderr_tail: String, usage: Option<Usage> },
}

impl EngineError {
    /// What it means for a run that its program did not start or did not end by itself.
    pub(super) fn from_process(error: &ProcessError, usage: Option<Usage>) -> Self {
        match error {
            ProcessError::Stopped => EngineError::Stopped { usage },
            ProcessError::TimedOut { kind, after } => {
                EngineError::TimedOut { kind: *kind, after: *after, usage }
            }
            ProcessError::TooMuchOutput { .. } => EngineError::BadOutput { why: error.to_string(), usage },
            ProcessError::NotFound { .. } | ProcessError::NoSandbox => {
                EngineError::NotInstalled { todo: error.to_string() }
            }
            ProcessError::Start { source, .. } => {
                EngineError::NotInstalled { todo: format!("{error}: {source}") }
            }
            ProcessError::NoDirectory { .. } | ProcessError::Pipe { .. } => {
                EngineError::Failed { exit: None, stderr_tail: error.to_string(), usage }
            }
        }
    }

    /// Whether the same call may be made again.
    pub fn retry(&self) -> Retry {
        match self {
            EngineError::Stopped { .. }
            | EngineError::NotInstalled { .. }
            | EngineError::AuthMissing { .. } => Retry::Never,
            EngineError::RateLimited { retry_after } => retry_after.map_or(Retry::Soon, Retry::After),
            EngineError::ModelUnavailable { retry, .. } => *retry,
            EngineError::BadOutput { .. } | EngineError::TimedOut { .. } => Retry::Soon,
            EngineError::Failed { .. } => Retry::Never,
        }
    }

    /// Tokens spent before the failure, where the engine had said so.
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            EngineError::Stopped { usage }
            | EngineError::TimedOut { usage, .. }
            | EngineError::BadOutput { usage, .. }
            | EngineError::Failed { usage, .. } => usage.as_ref(),
            EngineError::NotInstalled { .. }
            | EngineError::AuthMissing { .. }
            | EngineError::RateLimited { .. }
            | EngineError::ModelUnavailable { .. } => None,
        }
    }
}

/// Which of the two time limits ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// From start to end.
    Wall,
    /// Silence.
    Idle,
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeLimit::Wall => "wall",
            TimeLimit::Idle => "idle",
        })
    }
}

struct ExitText(Option<i32>);

impl fmt::Display for ExitText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(code) => write!(f, "exit {code}"),
            None => f.write_str("no exit code"),
        }
    }
}
