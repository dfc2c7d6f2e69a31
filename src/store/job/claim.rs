//! Claiming jobs: leases, fences, and what happens to a job whose attempt ended.
//!
//! These functions begin their own transactions, because on Postgres a lost race (a unique index, see
//! [`StoreError::is_taken`]) ends the transaction and the whole of it is tried again.

use super::super::Store;
use super::super::error::{Result, StoreError};
use super::super::sql::{PerDialect, Row, Tx, args};
use crate::domain::claim::{Claimed, Hold};
use crate::domain::ids::{JobId, Moment};
use crate::domain::job::Job;
use crate::domain::retry::{JobEnd, is_dead_when_lost};
use std::time::Duration;

/// How often a lost race is run again before the caller is told that there is nothing for it.
const RACES: u32 = 5;

/// Claims at most `limit` due jobs for `worker`, in order, never two of one lane and none whose lane is busy.
///
/// First takes back the jobs whose lease ran out: they are queued again at once. Whoever claims one that lost its worker
/// [`crate::domain::retry::MAX_LOST`] times is to give it up; should that end its worker as often again, the job is dead.
pub async fn claim(store: &Store, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Claimed>> {
    for _ in 0..RACES {
        match try_claim(store, worker, limit, lease).await {
            Err(error) if error.is_taken() => {}
            outcome => return outcome,
        }
    }
    Ok(Vec::new())
}

async fn try_claim(store: &Store, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Claimed>> {
    let mut tx = store.begin().await?;
    let now = tx.now();
    let expired = take_back_expired(&mut tx, now).await?;
    let mut claimed = Vec::new();
    for id in pick(&mut tx, now, limit).await? {
        claimed.extend(take(&mut tx, id, worker, now.plus(lease)).await?);
    }
    tx.commit().await?;
    store.meters.leases_expired(expired);
    Ok(claimed)
}

/// Returns how many there were.
async fn take_back_expired(tx: &mut Tx, now: Moment) -> Result<u64> {
    const EXPIRED: PerDialect = PerDialect {
        sqlite: "SELECT * FROM job WHERE status = 'running' AND lease_until <= $1 ORDER BY job_id",
        postgres: "SELECT * FROM job WHERE status = 'running' AND lease_until <= $1 ORDER BY job_id \
                   FOR UPDATE SKIP LOCKED",
    };
    let sql = tx.dialect(EXPIRED);
    let expired = tx.all(sql, args![now], read_held).await?;
    for held in &expired {
        let error = format!("lost its worker on attempt {}", held.attempt);
        let lost = held.lost + 1;
        if is_dead_when_lost(u32::try_from(lost).unwrap_or(u32::MAX)) {
            end(tx, held.id, "dead", &error).await?;
            continue;
        }
        let again = Again { at: now, attempt: held.attempt, lost, error };
        queue_again(tx, held, again).await?;
    }
    Ok(expired.len() as u64)
}

/// The due jobs that come first. A delivery does not overtake one of the same repository that waits to be tried again:
/// people's commands are taken in the order they were given.
///
/// The whole of a long queue in one lane must not be read for that: the head of the queue usually has somebody free, and
/// where it has not, the lanes are visited instead of the jobs.
async fn pick(tx: &mut Tx, now: Moment, limit: u32) -> Result<Vec<JobId>> {
    const AMONG_FIRST: PerDialect =
        PerDialect { sqlite: among_first!(""), postgres: among_first!("FOR UPDATE SKIP LOCKED") };
    const BY_LANE: PerDialect =
        PerDialect { sqlite: by_lane!(""), postgres: by_lane!("FOR UPDATE SKIP LOCKED") };
    let read = |row: &Row| row.int("job_id").map(JobId);
    let sql = tx.dialect(AMONG_FIRST);
    let first = tx.all(sql, args![now, limit], read).await?;
    if !first.is_empty() {
        return Ok(first);
    }
    let sql = tx.dialect(BY_LANE);
    tx.all(sql, args![now, limit], read).await
}

/// Looks at the 64 jobs that are due first.
macro_rules! among_first {
    ($lock:literal) => {
        concat!(
            "SELECT job_id FROM job WHERE status = 'queued' AND job_id IN ( \
                 SELECT job_id FROM ( \
                     SELECT job_id, lane, \
                            ROW_NUMBER() OVER (PARTITION BY lane \
                                ORDER BY CASE WHEN failing_since IS NULL THEN 1 ELSE 0 END, next_run_at, job_id) AS place \
                     FROM (SELECT job_id, lane, next_run_at, failing_since FROM job \
                           WHERE status = 'queued' AND next_run_at <= $1 \
                           ORDER BY next_run_at, job_id LIMIT 64) AS first) AS placed \
                 WHERE lane IS NULL OR (place = 1 AND NOT EXISTS ( \
                     SELECT 1 FROM job AS busy WHERE busy.lane = placed.lane AND busy.status = 'running') \
                     AND NOT (lane LIKE 'repo:%' AND EXISTS ( \
                         SELECT 1 FROM job AS ahead WHERE ahead.lane = placed.lane AND ahead.status = 'queued' \
                         AND ahead.failing_since IS NOT NULL AND ahead.job_id < placed.job_id)))) \
             ORDER BY next_run_at, job_id LIMIT $2 ",
            $lock
        )
    };
}
use among_first;

/// Steps from lane to lane in the index, and looks at the first due job of each that is not busy.
macro_rules! by_lane {
    ($lock:literal) => {
        concat!(
            "SELECT job_id FROM job WHERE status = 'queued' AND job_id IN ( \
                 WITH RECURSIVE lanes (lane) AS ( \
                     SELECT MIN(lane) FROM job WHERE status = 'queued' \
                     UNION ALL \
                     SELECT (SELECT MIN(following.lane) FROM job AS following \
                             WHERE following.status = 'queued' AND following.lane > lanes.lane) \
                     FROM lanes WHERE lanes.lane IS NOT NULL) \
                 SELECT (SELECT head.job_id FROM job AS head \
                         WHERE head.status = 'queued' AND head.lane = lanes.lane AND head.next_run_at <= $1 \
                         AND NOT (head.lane LIKE 'repo:%' AND EXISTS ( \
                             SELECT 1 FROM job AS ahead WHERE ahead.lane = head.lane AND ahead.status = 'queued' \
                             AND ahead.failing_since IS NOT NULL AND ahead.job_id < head.job_id)) \
                         ORDER BY head.next_run_at, head.job_id LIMIT 1) \
                 FROM lanes WHERE lanes.lane IS NOT NULL AND NOT EXISTS ( \
                     SELECT 1 FROM job AS busy WHERE busy.lane = lanes.lane AND busy.status = 'running') \
                 UNION ALL \
                 SELECT job_id FROM (SELECT job_id FROM job \
                     WHERE status = 'queued' AND lane IS NULL AND next_run_at <= $1 \
                     ORDER BY next_run_at, job_id LIMIT 64) AS laneless) \
             ORDER BY next_run_at, job_id LIMIT $2 ",
            $lock
        )
    };
}
use by_lane;

/// Takes one queued job. A payload that this version cannot read makes the job dead instead of stopping the queue.
async fn take(tx: &mut Tx, id: JobId, worker: &str, lease_until: Moment) -> Result<Option<Claimed>> {
    let sql = "UPDATE job SET status = 'running', attempt = attempt + 1, fence = fence + 1, worker = $2, \
                   lease_until = $3, changed_at = $4 \
               WHERE job_id = $1 AND status = 'queued' RETURNING *";
    let args = args![id, worker, lease_until, tx.now()];
    let Some(row) = tx.row(sql, args).await? else {
        return Ok(None);
    };
    let job: Job = match row.json("payload") {
        Ok(job) => job,
        Err(StoreError::Corrupt { .. }) => {
            end(tx, id, "dead", "this version does not know such a job").await?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    Ok(Some(Claimed {
        id,
        job,
        attempt: row.number("attempt")?,
        lost: row.number("lost")?,
        fence: row.int("fence")?,
        process: row.text_or_none("process")?,
        failing_since: row.moment_or_none("failing_since")?,
    }))
}

/// Prolongs the lease to `lease` from now. Returns `false` when the hold is over.
pub async fn renew(store: &Store, hold: Hold, lease: Duration) -> Result<bool> {
    let sql = "UPDATE job SET lease_until = $3, changed_at = $4 \
               WHERE job_id = $1 AND fence = $2 AND status = 'running'";
    let mut tx = store.begin().await?;
    let now = tx.now();
    let renewed = tx.execute(sql, args![hold.job, hold.fence, now.plus(lease), now]).await?;
    tx.commit().await?;
    Ok(renewed == 1)
}

/// Records what is needed to kill the process that this attempt started, for whoever takes the job over.
pub async fn record_process(store: &Store, hold: Hold, process: &str) -> Result<()> {
    let mut tx = store.begin_held(hold).await?;
    let sql = "UPDATE job SET process = $2 WHERE job_id = $1";
    tx.execute(sql, args![hold.job, process]).await?;
    tx.commit().await
}

/// Records how an attempt ended. Returns `false`, and changes nothing, when the hold is over.
pub async fn finish(store: &Store, hold: Hold, end: &JobEnd) -> Result<bool> {
    for _ in 1..RACES {
        match try_finish(store, hold, end).await {
            Err(error) if error.is_taken() => {}
            outcome => return outcome,
        }
    }
    try_finish(store, hold, end).await
}

async fn try_finish(store: &Store, hold: Hold, how: &JobEnd) -> Result<bool> {
    let mut tx = match store.begin_held(hold).await {
        Err(StoreError::LeaseLost) => return Ok(false),
        begun => begun?,
    };
    let now = tx.now();
    match how {
        JobEnd::Done => end(&mut tx, hold.job, "done", "").await?,
        JobEnd::Dead { error } => end(&mut tx, hold.job, "dead", error).await?,
        JobEnd::Later { at, why } => come_back(&mut tx, hold.job, (WAITS, *at), *at, (-1, why)).await?,
        JobEnd::Away { at, error } => come_back(&mut tx, hold.job, (FAILS, now), *at, (-1, error)).await?,
        JobEnd::Retry { at, error } => come_back(&mut tx, hold.job, (FAILS, now), *at, (0, error)).await?,
    }
    // The lane is free now, and somebody may wait for it.
    tx.will_wake();
    tx.commit().await?;
    Ok(true)
}

/// It fails since the first time.
const FAILS: &str = "UPDATE job SET process = NULL, failing_since = COALESCE(failing_since, $2) \
                     WHERE job_id = $1 RETURNING *";
/// Somebody answered that it has to wait. Should that one be away when it comes back, it fails since then.
const WAITS: &str = "UPDATE job SET process = NULL, failing_since = $2 WHERE job_id = $1 RETURNING *";

/// Queues an attempt that ended in order: its process is over.
async fn come_back(
    tx: &mut Tx,
    id: JobId,
    (sql, failing_since): (&'static str, Moment),
    at: Moment,
    (cost, error): (i64, &str),
) -> Result<()> {
    let Some(held) = tx.one(sql, args![id, failing_since], read_held).await? else {
        return Err(StoreError::Missing { what: "job" });
    };
    let again = Again { at, attempt: held.attempt + cost, lost: 0, error: error.to_owned() };
    queue_again(tx, &held, again).await
}

async fn end(tx: &mut Tx, id: JobId, status: &'static str, error: &str) -> Result<()> {
    let sql = "UPDATE job SET status = $2, error = $3, lease_until = NULL, changed_at = $4 WHERE job_id = $1";
    let args = args![id, status, error, tx.now()];
    tx.execute(sql, args).await?;
    Ok(())
}

/// Gives back, at no cost, every job that a worker whose name begins with `worker` still holds. Returns how many.
pub async fn release_all(store: &Store, worker: &str) -> Result<u64> {
    for _ in 1..RACES {
        match try_release_all(store, worker).await {
            Err(error) if error.is_taken() => {}
            outcome => return outcome,
        }
    }
    try_release_all(store, worker).await
}

async fn try_release_all(store: &Store, worker: &str) -> Result<u64> {
    const HELD: PerDialect = PerDialect {
        sqlite: "SELECT * FROM job WHERE status = 'running' AND substr(worker, 1, length($1)) = $1 ORDER BY job_id",
        postgres: "SELECT * FROM job WHERE status = 'running' AND substr(worker, 1, length($1)) = $1 ORDER BY job_id \
                   FOR UPDATE",
    };
    let mut tx = store.begin().await?;
    let now = tx.now();
    let sql = tx.dialect(HELD);
    let held = tx.all(sql, args![worker], read_held).await?;
    for held in &held {
        let again = Again {
            at: now,
            attempt: held.attempt - 1,
            lost: held.lost,
            error: "given back by a worker that was stopped".to_owned(),
        };
        queue_again(&mut tx, held, again).await?;
    }
    tx.commit().await?;
    Ok(held.len() as u64)
}

/// What of a held job outlives its attempt.
pub(super) struct Held {
    id: JobId,
    key: String,
    attempt: i64,
    lost: i64,
    process: Option<String>,
    failing_since: Option<Moment>,
}

pub(super) fn read_held(row: &Row) -> Result<Held> {
    Ok(Held {
        id: JobId(row.int("job_id")?),
        key: row.text("job_key")?,
        attempt: row.int("attempt")?,
        lost: row.int("lost")?,
        process: row.text_or_none("process")?,
        failing_since: row.moment_or_none("failing_since")?,
    })
}

/// How a job is queued again.
pub(super) struct Again {
    pub(super) at: Moment,
    pub(super) attempt: i64,
    pub(super) lost: i64,
    pub(super) error: String,
}

/// Queues a job again. One of the same key that was queued meanwhile takes over what is left of it instead: it runs at
/// the earlier time, knows the attempts and the lost workers, since when it fails, and the process that may still run.
pub(super) async fn queue_again(tx: &mut Tx, held: &Held, again: Again) -> Result<()> {
    let fold = "UPDATE job SET next_run_at = CASE WHEN $2 < next_run_at THEN $2 ELSE next_run_at END, \
                    attempt = CASE WHEN $3 > attempt THEN $3 ELSE attempt END, \
                    process = COALESCE(process, $4), failing_since = COALESCE(failing_since, $5), error = $6, \
                    changed_at = $7, lost = CASE WHEN $8 > lost THEN $8 ELSE lost END \
                WHERE job_key = $1 AND status = 'queued'";
    tx.will_wake();
    let now = tx.now();
    let attempt = again.attempt.max(0);
    let (process, failing) = (held.process.as_ref(), held.failing_since);
    let args = args![&held.key, again.at, attempt, process, failing, &again.error, now, again.lost];
    if tx.execute(fold, args).await? > 0 {
        return end(tx, held.id, "done", "goes on in the job of the same key that was queued meanwhile")
            .await;
    }
    let sql = "UPDATE job SET status = 'queued', next_run_at = $2, attempt = $3, error = $4, lease_until = NULL, \
                   worker = NULL, changed_at = $5, lost = $6 \
               WHERE job_id = $1";
    let args = args![held.id, again.at, attempt, again.error, now, again.lost];
    tx.execute(sql, args).await?;
    Ok(())
}
