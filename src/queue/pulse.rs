//! The sign of life of a process' workers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long workers may show no sign of life.
const QUIET: Duration = Duration::from_secs(30);

/// Beats whenever the workers could look for jobs or prolong a lease; trying is no sign of life. Clones share it.
#[derive(Debug, Clone)]
pub struct Pulse {
    last: Arc<Mutex<Instant>>,
    limit: Duration,
}

impl Pulse {
    /// Of workers whose jobs are leased for `lease`: while all places are taken only renewals show that they live. That they
    /// began counts as the first sign.
    pub fn new(lease: Duration, began: Instant) -> Self {
        Self { last: Arc::new(Mutex::new(began)), limit: QUIET.max(lease) }
    }

    /// How long the workers have been silent, if that is too long.
    pub fn silence(&self) -> Option<Duration> {
        self.silence_at(Instant::now())
    }

    fn silence_at(&self, now: Instant) -> Option<Duration> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Some(now.saturating_duration_since(last)).filter(|silence| *silence > self.limit)
    }

    pub(super) fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lease_s: u64, silence_s: u64, told: bool) {
        let began = Instant::now();
        let pulse = Pulse::new(Duration::from_secs(lease_s), began);
        let silence = Duration::from_secs(silence_s);
        assert_eq!(pulse.silence_at(began + silence), told.then_some(silence));
    }

    #[test]
    fn silence_is_told_when_it_is_too_long() {
        check(10, 0, false);
        check(10, 30, false);
        check(10, 31, true);
    }

    #[test]
    fn long_leases_may_be_renewed_seldom() {
        check(300, 300, false);
        check(300, 301, true);
    }
}
