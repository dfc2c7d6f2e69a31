//! The twin's clock: the machine's, or one that a test sets.

use crate::domain::ids::Moment;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    Machine,
    Set(i64),
}

impl Clock {
    /// Milliseconds since the Unix epoch.
    pub(crate) fn now(self) -> i64 {
        match self {
            Clock::Set(ms) => ms,
            Clock::Machine => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }
}

/// Writes a moment as hosts do: `2026-01-31T10:00:00Z`.
pub(crate) fn iso(ms: i64) -> String {
    Moment(ms).rfc3339()
}
