//! When failed work is tried again.

use super::ids::Moment;
use std::time::Duration;

/// What an error says about trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It would fail the same way.
    Never,
    /// It may pass: wait longer each time.
    Soon,
    /// The other side named the time, as a rate limit does; costs no attempt.
    After(Duration),
}

/// How an attempt of a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    Done,
    /// Not now, and nothing went wrong; costs no attempt.
    Later {
        at: Moment,
        why: String,
    },
    /// Failed; tried again at this moment.
    Retry {
        at: Moment,
        error: String,
    },
    /// Failed for good.
    Dead {
        error: String,
    },
}

/// Attempts of a job whose failure a person can do something about.
pub const MAX_ATTEMPTS: u32 = 3;
/// How often in a row a job may lose its worker. Then it is likely the job that ends them, and it is given up.
pub const MAX_LOST: u32 = 3;

const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest rest of a dead job that is brought back by itself.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// Decides what becomes of a job whose attempt number `attempt` (from 1) of `attempts` failed.
///
/// `jitter` is drawn from 0 to 1 by the caller and spreads waits over half their length, so that jobs that failed
/// together do not come back together.
pub fn after_failure(
    retry: Retry,
    (attempt, attempts): (u32, u32),
    error: String,
    now: Moment,
    jitter: f64,
) -> JobEnd {
    match retry {
        Retry::Never => JobEnd::Dead { error },
        Retry::After(wait) => JobEnd::Later { at: now.plus(wait), why: error },
        Retry::Soon if attempt >= attempts => JobEnd::Dead { error },
        Retry::Soon => JobEnd::Retry { at: now.plus(backoff(attempt, jitter)), error },
    }
}

/// Whether a dead job that is brought back by itself has rested enough: as long again as it had failed before.
pub fn is_time_again(created: Moment, died: Moment, now: Moment) -> bool {
    now.since(died) >= died.since(created).min(LONGEST_REST)
}

/// Doubles from two seconds to a minute, then takes away up to half of it.
fn backoff(attempt: u32, jitter: f64) -> Duration {
    let whole = FIRST_WAIT.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))).min(LONGEST_WAIT);
    whole.mul_f64(1.0 - 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(retry: Retry, attempt: u32, expected: &JobEnd) {
        assert_eq!(
            after_failure(retry, (attempt, MAX_ATTEMPTS), "broken".to_owned(), Moment(0), 0.0),
            *expected
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        let error = || "broken".to_owned();
        check(Retry::Soon, 1, &JobEnd::Retry { at: Moment(2_000), error: error() });
        check(Retry::Soon, 2, &JobEnd::Retry { at: Moment(4_000), error: error() });
        check(Retry::Soon, 3, &JobEnd::Dead { error: error() });
        check(Retry::Never, 1, &JobEnd::Dead { error: error() });
    }

    #[test]
    fn a_rate_limit_waits_as_told_and_costs_no_attempt() {
        let wait = Retry::After(Duration::from_secs(90));
        check(wait, 3, &JobEnd::Later { at: Moment(90_000), why: "broken".to_owned() });
    }

    #[test]
    fn a_dead_job_rests_longer_each_time_and_ten_minutes_at_most() {
        let is_time = |died, now| is_time_again(Moment(0), Moment(died), Moment(now));
        assert!(is_time(0, 0));
        assert!(!is_time(40_000, 79_999));
        assert!(is_time(40_000, 80_000));
        assert!(!is_time(86_400_000, 86_400_000 + 599_999));
        assert!(is_time(86_400_000, 86_400_000 + 600_000));
    }

    #[test]
    fn waits_are_capped_and_spread_over_half_their_length() {
        assert_eq!(backoff(1, 0.0), Duration::from_secs(2));
        assert_eq!(backoff(1, 1.0), Duration::from_secs(1));
        assert_eq!(backoff(40, 0.0), LONGEST_WAIT);
        assert_eq!(backoff(40, 7.0), LONGEST_WAIT / 2);
    }
}
