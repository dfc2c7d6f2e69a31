//! The database, the queue in it, and the Redis beside it.

use super::{Finding, chain};
use crate::domain::job::Job;
use crate::queue::count_processes;
use crate::store::job::JobStatus;
use crate::store::{Condition, Store, StoreError, job};
use secrecy::SecretString;
use std::time::Duration;

/// A job that a worker could take waits no longer than this where all is well.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// A job that failed so often is not out of luck any more.
const MANY_ATTEMPTS: u32 = 5;
/// The regular pass is queued every 30 seconds.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

/// Reachable, of this version, writable.
pub async fn database(store: &Store) -> Vec<Finding> {
    const ABOUT: &str = "database";
    let condition = match store.condition().await {
        Ok(condition) => condition,
        Err(error) => {
            return vec![Finding::wrong(ABOUT, chain(error), "see docs/operations.md, \"Watch it\"")];
        }
    };
    let mut findings = vec![version(&condition)];
    if let Some(journal) = condition.journal.as_deref().filter(|journal| *journal != "wal") {
        let says =
            format!("the journal mode is {journal}, not wal: readers and the writer wait for each other");
        findings.push(Finding::warn(ABOUT, says, "put TASKSGODZILLA_DB_PATH on a local disk"));
    }
    match store.try_writing().await {
        Ok(()) => findings.push(Finding::ok(ABOUT, "can be written")),
        Err(error) => {
            let todo = "see whether its disk is full or read-only, and whether the user may create tables";
            findings.push(Finding::wrong(ABOUT, format!("cannot be written: {}", chain(error)), todo));
        }
    }
    findings
}

fn version(condition: &Condition) -> Finding {
    let Condition { program, missing, unknown, .. } = condition;
    let listed = |versions: &[i64]| versions.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    if !unknown.is_empty() {
        let says = format!("{program} has migrations that this version does not know: {}", listed(unknown));
        return Finding::wrong("database", says, "install the version that made them, or a newer one");
    }
    if !missing.is_empty() {
        let says = format!("{program} lacks the migrations {}", listed(missing));
        return Finding::warn("database", says, "`tasksgodzilla serve` or `tasksgodzilla migrate` runs them");
    }
    Finding::ok("database", format!("{program}, tables of this version"))
}

/// What waits, what is dead, and whether anybody works.
pub async fn queue(store: &Store) -> Vec<Finding> {
    match looked(store).await {
        Ok(findings) => findings,
        Err(error) => vec![Finding::wrong("queue", chain(error), "mend the database first")],
    }
}

async fn looked(store: &Store) -> Result<Vec<Finding>, StoreError> {
    let mut db = store.read().await?;
    let now = store.now();
    let counts = job::count_open(&mut db).await?;
    let sum =
        |status| counts.iter().filter(|count| count.status == status).map(|count| count.count).sum::<u64>();
    let (queued, running, dead) = (sum(JobStatus::Queued), sum(JobStatus::Running), sum(JobStatus::Dead));
    let waited = job::oldest_due(&mut db).await?.map(|due| now.since(due)).unwrap_or_default();
    let last_pass = job::last_done(&mut db, &Job::Reconcile.key()).await?.map(|at| now.since(at));
    let says =
        format!("{queued} queued, {running} running; the oldest due job waits for {} s", waited.as_secs());
    let waits = if waited > LONGEST_WAIT {
        Finding::warn(
            "queue",
            says,
            "start `tasksgodzilla serve`, raise TASKSGODZILLA_WORKERS, or add a worker",
        )
    } else {
        Finding::ok("queue", says)
    };
    let failing = job::count_failing(&mut db, MANY_ATTEMPTS).await?;
    Ok(vec![waits, jobs(dead, failing), workers(last_pass)])
}

fn jobs(dead: u64, failing: u64) -> Finding {
    const ABOUT: &str = "failed jobs";
    let todo = "`tasksgodzilla jobs` says why, `tasksgodzilla jobs retry ID` tries dead ones again";
    match (dead, failing) {
        (0, 0) => Finding::ok(ABOUT, "none"),
        (dead, 0) => Finding::warn(ABOUT, format!("{dead} failed for good"), todo),
        (dead, failing) => {
            let says =
                format!("{dead} failed for good, {failing} failed {MANY_ATTEMPTS} times and more and go on");
            Finding::warn(ABOUT, says, todo)
        }
    }
}

fn workers(last_pass: Option<Duration>) -> Finding {
    match last_pass {
        Some(ago) if ago <= LONGEST_SILENCE => {
            Finding::ok("workers", format!("did the regular pass {} s ago", ago.as_secs()))
        }
        Some(ago) => {
            let says = format!("did the regular pass {} s ago; it is due every 30 s", ago.as_secs());
            Finding::warn("workers", says, "start `tasksgodzilla serve` or a worker")
        }
        None => Finding::warn("workers", "never worked on this database", "start `tasksgodzilla serve`"),
    }
}

/// The Redis that carries wake-ups. Without it work goes on, only later.
pub async fn redis(url: &SecretString) -> Finding {
    match count_processes(url).await {
        Ok(processes) => Finding::ok("redis", answers(processes)),
        Err(error) => {
            let says = format!(
                "does not answer: {error}; jobs of other processes are found by looking every second"
            );
            Finding::warn("redis", says, "start it, or correct TASKSGODZILLA_REDIS_URL")
        }
    }
}

fn answers(processes: usize) -> String {
    match processes {
        1 => "answers; 1 process with workers is on it".to_owned(),
        many => format!("answers; {many} processes with workers are on it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::doctor::State;

    #[track_caller]
    fn check(missing: &[i64], unknown: &[i64], expected: State) {
        let condition = Condition {
            program: "SQLite 3".to_owned(),
            missing: missing.to_vec(),
            unknown: unknown.to_vec(),
            journal: None,
        };
        assert_eq!(version(&condition).state, expected);
    }

    #[test]
    fn a_database_of_another_version_is_told() {
        check(&[], &[], State::Ok);
        check(&[4], &[], State::Warn);
        check(&[4], &[99], State::Wrong);
    }

    #[test]
    fn one_process_is_one() {
        assert_eq!(answers(1), "answers; 1 process with workers is on it");
        assert_eq!(answers(0), "answers; 0 processes with workers are on it");
    }

    #[test]
    fn jobs_that_failed_are_told() {
        assert_eq!(jobs(0, 0).state, State::Ok);
        assert_eq!(jobs(2, 0).says, "2 failed for good");
        assert_eq!(jobs(0, 3).says, "0 failed for good, 3 failed 5 times and more and go on");
    }

    #[test]
    fn silence_of_the_workers_is_told() {
        assert_eq!(workers(Some(Duration::from_secs(31))).state, State::Ok);
        assert_eq!(workers(Some(Duration::from_secs(500))).state, State::Warn);
        assert_eq!(workers(None).state, State::Warn);
    }
}
