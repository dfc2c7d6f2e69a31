//! The queue's rows: what is to be done, and who does it.
//!
//! A job is queued, running under a lease, done, or dead. Workers claim, renew and finish in [`claim`]; this file pushes
//! and looks up.

mod claim;

pub use claim::{claim, finish, record_process, release_all, renew};

use super::error::{Result, StoreError};
use super::sql::{Row, Session, Tx, args, json};
use crate::domain::claim::Hold;
use crate::domain::ids::{JobId, Moment, ProtocolId};
use crate::domain::job::Job;
use serde::{Deserialize, Serialize};

/// A job as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredJob {
    pub id: JobId,
    pub job: Job,
    pub status: JobStatus,
    /// Attempts that count, the running one included.
    pub attempt: u32,
    pub next_run_at: Moment,
    pub lease_until: Option<Moment>,
    pub fence: i64,
    pub worker: Option<String>,
    /// What its last attempt recorded of the process it started.
    pub process: Option<String>,
    /// How its last attempt failed; empty when it did not. What people may read of it is the first line; if there is more to
    /// say to the operator, it follows on the second.
    pub error: String,
    pub created_at: Moment,
    pub changed_at: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    Queued,
    Running,
    Done,
    Dead,
}

/// A job in a list; also one that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedJob {
    pub id: JobId,
    pub kind: String,
    /// `None`: a job of another version.
    pub job: Option<Job>,
    pub attempt: u32,
    pub next_run_at: Moment,
    pub worker: Option<String>,
    /// As in [`StoredJob`].
    pub error: String,
    pub created_at: Moment,
    pub changed_at: Moment,
}

impl JobStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// How many jobs of one kind have one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCount {
    pub kind: String,
    pub status: JobStatus,
    pub count: u64,
}

/// Queues a job for `at`, and wakes the workers after the commit.
///
/// While one with the same key is queued there is no second one; it runs at the earlier of both times.
pub async fn push(tx: &mut Tx, job: Job, at: Moment) -> Result<JobId> {
    let sql = "INSERT INTO job (kind, payload, job_key, lane, protocol_id, status, next_run_at, created_at, changed_at) \
               VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, $7) \
               ON CONFLICT (job_key) WHERE status = 'queued' DO UPDATE SET \
                   next_run_at = CASE WHEN excluded.next_run_at < job.next_run_at THEN excluded.next_run_at \
                                      ELSE job.next_run_at END, \
                   changed_at = excluded.changed_at \
               RETURNING job_id";
    let args = args![job.kind(), json(&job), job.key(), job.lane(), job.protocol(), at, tx.now()];
    tx.will_wake();
    let id = tx.one(sql, args, |row| row.int("job_id").map(JobId)).await?;
    id.ok_or(StoreError::Missing { what: "job" })
}

/// Queues a job for now, unless one with its key is queued or one of its lane runs. Returns whether it was missing.
pub async fn push_if_missing(tx: &mut Tx, job: Job) -> Result<bool> {
    let sql = "INSERT INTO job (kind, payload, job_key, lane, protocol_id, status, next_run_at, created_at, changed_at) \
               SELECT $1, $2, $3, $4, $5, 'queued', $6, $6, $6 \
               WHERE NOT EXISTS (SELECT 1 FROM job WHERE lane = $4 AND status = 'running') \
               ON CONFLICT (job_key) WHERE status = 'queued' DO NOTHING";
    let args = args![job.kind(), json(&job), job.key(), job.lane(), job.protocol(), tx.now()];
    let missing = tx.execute(sql, args).await? == 1;
    if missing {
        tx.will_wake();
    }
    Ok(missing)
}

/// Locks the row of a held job until the transaction ends, or says that the hold is over.
pub(super) async fn lock(tx: &mut Tx, hold: Hold) -> Result<()> {
    let sql = "UPDATE job SET changed_at = $3 WHERE job_id = $1 AND fence = $2 AND status = 'running'";
    let args = args![hold.job, hold.fence, tx.now()];
    match tx.execute(sql, args).await? {
        0 => Err(StoreError::LeaseLost),
        _ => Ok(()),
    }
}

/// The earliest moment after `since` at which a queued job becomes due or a lease runs out.
///
/// Jobs that were due at `since` are left out: the claim made then has taken them, or their lane is busy and its end
/// wakes the workers.
pub async fn next_due(db: &mut Session, since: Moment) -> Result<Option<Moment>> {
    let sql = "SELECT MIN(due) AS due FROM ( \
                   SELECT MIN(next_run_at) AS due FROM job WHERE status = 'queued' AND next_run_at > $1 \
                   UNION ALL \
                   SELECT MIN(lease_until) AS due FROM job WHERE status = 'running' AND lease_until > $1) AS moments";
    let due = db.one(sql, args![since], |row| row.moment_or_none("due")).await?;
    Ok(due.flatten())
}

pub async fn load(db: &mut Session, id: JobId) -> Result<Option<StoredJob>> {
    let sql = "SELECT * FROM job WHERE job_id = $1";
    db.one(sql, args![id], read).await
}

/// Queued and running jobs of a protocol, the oldest first.
pub async fn open_of_protocol(db: &mut Session, protocol: ProtocolId) -> Result<Vec<StoredJob>> {
    let sql = "SELECT * FROM job WHERE protocol_id = $1 AND status IN ('queued', 'running') ORDER BY job_id";
    db.all(sql, args![protocol], read).await
}

/// At most `limit` jobs of a status: queued ones in the order they are due, others the newest first.
pub async fn list(db: &mut Session, status: JobStatus, limit: u32) -> Result<Vec<ListedJob>> {
    // Each status has a partial index, which a placeholder would hide.
    let sql = match status {
        JobStatus::Queued => {
            "SELECT * FROM job WHERE status = 'queued' ORDER BY next_run_at, job_id LIMIT $1"
        }
        JobStatus::Running => "SELECT * FROM job WHERE status = 'running' ORDER BY job_id DESC LIMIT $1",
        JobStatus::Done => "SELECT * FROM job WHERE status = 'done' ORDER BY job_id DESC LIMIT $1",
        JobStatus::Dead => "SELECT * FROM job WHERE status = 'dead' ORDER BY job_id DESC LIMIT $1",
    };
    db.all(sql, args![limit], read_listed).await
}

/// At most `limit` dead jobs of one kind, the oldest first.
pub async fn dead_of_kind(db: &mut Session, kind: &str, limit: u32) -> Result<Vec<ListedJob>> {
    let sql = "SELECT * FROM job WHERE status = 'dead' AND kind = $1 ORDER BY job_id LIMIT $2";
    db.all(sql, args![kind, limit], read_listed).await
}

/// When CI of a protocol was last read, whatever came of it.
pub async fn last_read_of_ci(db: &mut Session, protocol: ProtocolId) -> Result<Option<Moment>> {
    let sql = "SELECT MAX(changed_at) AS last FROM job \
               WHERE protocol_id = $1 AND kind = 'read_ci' AND status IN ('done', 'dead')";
    let last = db.one(sql, args![protocol], |row| row.moment_or_none("last")).await?;
    Ok(last.flatten())
}

/// Queues a dead job again, due at once and with all its attempts. Returns `false` when it is not dead.
pub async fn revive(tx: &mut Tx, id: JobId) -> Result<bool> {
    let sql = "UPDATE job SET failing_since = NULL WHERE job_id = $1 AND status = 'dead' RETURNING *";
    let Some(held) = tx.one(sql, args![id], claim::read_held).await? else {
        return Ok(false);
    };
    let again = claim::Again { at: tx.now(), attempt: 0, lost: 0, error: String::new() };
    claim::queue_again(tx, &held, again).await?;
    Ok(true)
}

/// How many jobs of each kind are queued, running or dead; pairs without any are left out.
///
/// Never reads the jobs that are done, of which there are far more.
pub async fn count_open(db: &mut Session) -> Result<Vec<JobCount>> {
    let sql = "SELECT kind, status, COUNT(*) AS count FROM job WHERE status = 'queued' GROUP BY kind, status \
               UNION ALL \
               SELECT kind, status, COUNT(*) AS count FROM job WHERE status = 'running' GROUP BY kind, status \
               UNION ALL \
               SELECT kind, status, COUNT(*) AS count FROM job WHERE status = 'dead' GROUP BY kind, status \
               ORDER BY kind, status";
    db.all(sql, args![], read_count).await
}

/// Since when the oldest due job waits that a worker could take: its lane, if it has one, is free.
pub async fn oldest_due(db: &mut Session) -> Result<Option<Moment>> {
    let sql = "SELECT next_run_at FROM job AS waiting WHERE status = 'queued' AND next_run_at <= $1 AND NOT EXISTS ( \
                   SELECT 1 FROM job AS busy WHERE busy.lane = waiting.lane AND busy.status = 'running') \
               ORDER BY next_run_at, job_id LIMIT 1";
    let now = db.now();
    db.one(sql, args![now], |row| row.moment("next_run_at")).await
}

/// How many queued jobs failed so often already, and will be tried again.
pub async fn count_failing(db: &mut Session, attempts: u32) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS count FROM job WHERE status = 'queued' AND attempt >= $1";
    let count = db.one(sql, args![attempts], |row| row.number("count")).await?;
    Ok(count.unwrap_or_default())
}

/// When the last job of this key that a worker did to its end was done.
pub async fn last_done(db: &mut Session, key: &str) -> Result<Option<Moment>> {
    let sql =
        "SELECT changed_at FROM job WHERE job_key = $1 AND status = 'done' ORDER BY job_id DESC LIMIT 1";
    db.one(sql, args![key], |row| row.moment("changed_at")).await
}

/// How many jobs there are of each kind and status; pairs without any are left out.
pub async fn count_by_status(db: &mut Session) -> Result<Vec<JobCount>> {
    let sql = "SELECT kind, status, COUNT(*) AS count FROM job GROUP BY kind, status ORDER BY kind, status";
    db.all(sql, args![], read_count).await
}

fn read_count(row: &Row) -> Result<JobCount> {
    Ok(JobCount { kind: row.text("kind")?, status: row.word("status")?, count: row.number("count")? })
}

fn read_listed(row: &Row) -> Result<ListedJob> {
    Ok(ListedJob {
        id: JobId(row.int("job_id")?),
        kind: row.text("kind")?,
        job: row.json("payload").ok(),
        attempt: row.number("attempt")?,
        next_run_at: row.moment("next_run_at")?,
        worker: row.text_or_none("worker")?,
        error: row.text("error")?,
        created_at: row.moment("created_at")?,
        changed_at: row.moment("changed_at")?,
    })
}

fn read(row: &Row) -> Result<StoredJob> {
    Ok(StoredJob {
        id: JobId(row.int("job_id")?),
        job: row.json("payload")?,
        status: row.word("status")?,
        attempt: row.number("attempt")?,
        next_run_at: row.moment("next_run_at")?,
        lease_until: row.moment_or_none("lease_until")?,
        fence: row.int("fence")?,
        worker: row.text_or_none("worker")?,
        process: row.text_or_none("process")?,
        error: row.text("error")?,
        created_at: row.moment("created_at")?,
        changed_at: row.moment("changed_at")?,
    })
}
