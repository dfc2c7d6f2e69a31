//! When failed work is tried again.

use super::claim::Claimed;
use super::ids::Moment;
use std::time::Duration;

/// What an error says about trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It would fail the same way.
    Never,
    /// It may pass: wait longer each time.
    Soon,
    /// The other side is away or not so far yet: ask again until it is there, at most for this long since the first failure;
    /// costs no attempt.
    WhenThere(Duration),
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
    /// The other side was away; asked again at this moment, and costs no attempt.
    Away {
        at: Moment,
        error: String,
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

impl JobEnd {
    /// Its stable name, in logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Later { .. } => "later",
            Self::Away { .. } => "away",
            Self::Retry { .. } => "retry",
            Self::Dead { .. } => "dead",
        }
    }
}

/// Attempts of a job whose failure a person can do something about.
pub const MAX_ATTEMPTS: u32 = 3;
/// How often in a row a job may lose its worker. Then it is likely the job that ends them, and it is given up.
pub const MAX_LOST: u32 = 3;

/// Whether a job that lost its worker so often is dead: giving it up ended them as often again.
pub fn is_dead_when_lost(lost: u32) -> bool {
    lost >= 2 * MAX_LOST
}

/// How long a forge or a git remote may be away before work that needs it fails for good.
pub const OUTAGE: Duration = Duration::from_secs(60 * 60);
/// How long a forge may not know what it told or took itself.
pub const LAG: Duration = Duration::from_secs(10 * 60);

const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest rest of a dead job that is brought back by itself.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// Decides what becomes of a job whose present attempt failed.
pub fn after_failure(retry: Retry, work: &Claimed, error: String, now: Moment) -> JobEnd {
    let failing = work.failing_since.map_or(Duration::ZERO, |since| now.since(since));
    let spread = spread(work);
    match retry {
        Retry::Never => JobEnd::Dead { error },
        Retry::After(wait) => JobEnd::Later { at: now.plus(wait), why: error },
        Retry::WhenThere(patience) if failing >= patience => JobEnd::Dead { error },
        Retry::WhenThere(_) => JobEnd::Away { at: now.plus(spread.of(failing / 2)), error },
        Retry::Soon if work.attempt >= work.job.attempts() => JobEnd::Dead { error },
        Retry::Soon => JobEnd::Retry { at: now.plus(spread.of(doubled(work.attempt))), error },
    }
}

/// Whether a dead job that is brought back by itself has rested enough: as long again as it had failed before.
pub fn is_time_again(created: Moment, died: Moment, now: Moment) -> bool {
    now.since(died) >= died.since(created).min(LONGEST_REST)
}

/// Doubles from two seconds.
fn doubled(attempt: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)))
}

/// The part of a wait that is taken away, from 0 to a half, so that jobs that failed together do not come back together.
struct Spread(f64);

/// Differs between jobs and between claims of one job, and is the same each time it is asked.
fn spread(work: &Claimed) -> Spread {
    let number = work.id.0.wrapping_mul(31).wrapping_add(work.fence).unsigned_abs();
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Spread(f64::from(u32::try_from(mixed).unwrap_or(u32::MAX)) / f64::from(u32::MAX) / 2.0)
}

impl Spread {
    fn of(&self, wait: Duration) -> Duration {
        wait.clamp(FIRST_WAIT, LONGEST_WAIT).mul_f64(1.0 - self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{JobId, ProtocolId};
    use crate::domain::job::Job;

    fn work(attempt: u32) -> Claimed {
        let job = Job::OpenPr { protocol: ProtocolId(1) };
        Claimed { id: JobId(0), job, attempt, lost: 0, fence: 0, process: None, failing_since: None }
    }

    #[track_caller]
    fn check(retry: Retry, work: &Claimed, expected: &JobEnd) {
        assert_eq!(after_failure(retry, work, "broken".to_owned(), Moment(0)), *expected);
    }

    fn error() -> String {
        "broken".to_owned()
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        check(Retry::Soon, &work(1), &JobEnd::Retry { at: Moment(2_000), error: error() });
        check(Retry::Soon, &work(2), &JobEnd::Retry { at: Moment(4_000), error: error() });
        check(Retry::Soon, &work(3), &JobEnd::Dead { error: error() });
        check(Retry::Never, &work(1), &JobEnd::Dead { error: error() });
    }

    #[test]
    fn a_rate_limit_waits_as_told_and_costs_no_attempt() {
        let wait = Retry::After(Duration::from_secs(90));
        check(wait, &work(3), &JobEnd::Later { at: Moment(90_000), why: error() });
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
    fn an_outage_is_sat_out_in_growing_waits_until_patience_ends() {
        let since = |seconds: i64| Claimed { failing_since: Some(Moment(-seconds * 1000)), ..work(3) };
        let away = Retry::WhenThere(Duration::from_secs(3600));
        check(away, &work(3), &JobEnd::Away { at: Moment(2_000), error: error() });
        check(away, &since(60), &JobEnd::Away { at: Moment(30_000), error: error() });
        check(away, &since(3599), &JobEnd::Away { at: Moment(60_000), error: error() });
        check(away, &since(3600), &JobEnd::Dead { error: error() });
    }

    #[test]
    fn waits_are_spread_over_half_their_length() {
        let minute = Duration::from_secs(60);
        let waits: Vec<Duration> =
            (0..200).map(|id| spread(&Claimed { id: JobId(id), ..work(1) }).of(minute)).collect();
        assert!(waits.iter().all(|wait| (minute / 2..=minute).contains(wait)), "{waits:?}");
        let early = waits.iter().filter(|wait| **wait < minute * 3 / 4).count();
        assert!((50..150).contains(&early), "{early} of 200 come early");
    }
}
