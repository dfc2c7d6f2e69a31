//! Runs: single attempts of jobs that work, with what they used and what they left.

use super::error::{Result, StoreError};
use super::sql::{Row, Session, Tx, args, word};
use crate::domain::claim::Claimed;
use crate::domain::ids::{JobId, Moment, ProtocolId, RunId, Sha, StepId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A run that begins now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    pub job: JobId,
    pub attempt: u32,
    /// The job's kind, or what within it runs.
    pub kind: String,
    pub protocol: ProtocolId,
    pub step: Option<StepId>,
    /// The log's file, relative to the folder of logs.
    pub log_path: String,
}

impl NewRun {
    /// The run of a claimed job.
    pub fn of(work: &Claimed, protocol: ProtocolId, step: Option<StepId>, log_path: String) -> Self {
        Self {
            job: work.id,
            attempt: work.attempt,
            kind: work.job.kind().to_owned(),
            protocol,
            step,
            log_path,
        }
    }
}

/// The error of a run that was closed because its worker was gone.
const LOST: &str = "lost its worker";

impl Run {
    /// Its worker was gone before it could say how it ended.
    pub fn was_lost(&self) -> bool {
        self.status == RunStatus::Failed && self.error == LOST
    }
}

/// A stored run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: RunId,
    pub job: JobId,
    pub attempt: u32,
    pub kind: String,
    pub protocol: ProtocolId,
    pub step: Option<StepId>,
    pub status: RunStatus,
    pub inputs: RunInputs,
    pub commit: Option<Sha>,
    pub pushed: bool,
    /// What the engine says it used.
    pub usage: Option<Value>,
    pub error: String,
    pub log_path: String,
    pub log_bytes: u64,
    pub started_at: Moment,
    pub finished_at: Option<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl RunStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a run works from, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunInputs {
    pub engine: Option<String>,
    pub model: Option<String>,
    pub prompt_hash: Option<String>,
    /// The commit that the work began on.
    pub base: Option<Sha>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    pub status: RunStatus,
    pub usage: Option<Value>,
    /// Empty when it succeeded.
    pub error: String,
    pub log_bytes: u64,
}

/// A file that a run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Unique within the run.
    pub name: String,
    pub kind: String,
    /// Relative to the folder of artifacts.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
}

/// Stores a run that begins now.
pub async fn start(tx: &mut Tx, new: &NewRun) -> Result<RunId> {
    let sql = "INSERT INTO run (job_id, attempt, kind, protocol_id, step_id, status, log_path, started_at) \
               VALUES ($1, $2, $3, $4, $5, 'running', $6, $7) RETURNING run_id";
    let args = args![new.job, new.attempt, &new.kind, new.protocol, new.step, &new.log_path, tx.now(),];
    let id = tx.one(sql, args, |row| row.int("run_id").map(RunId)).await?;
    id.ok_or(StoreError::Missing { what: "run" })
}

/// Records what a run works from; what is `None` stays as it was.
pub async fn note(tx: &mut Tx, id: RunId, inputs: &RunInputs) -> Result<()> {
    let sql = "UPDATE run SET engine = COALESCE($2, engine), model = COALESCE($3, model), \
                   prompt_hash = COALESCE($4, prompt_hash), base_sha = COALESCE($5, base_sha) \
               WHERE run_id = $1";
    let args = args![
        id,
        inputs.engine.as_ref(),
        inputs.model.as_ref(),
        inputs.prompt_hash.as_ref(),
        inputs.base.as_ref(),
    ];
    known(tx.execute(sql, args).await?)
}

/// Records the commit that a run made, before it is pushed.
pub async fn record_commit(tx: &mut Tx, id: RunId, sha: &Sha) -> Result<()> {
    let sql = "UPDATE run SET commit_sha = $2 WHERE run_id = $1";
    known(tx.execute(sql, args![id, sha]).await?)
}

/// Records that the run's commit is on the forge.
pub async fn record_pushed(tx: &mut Tx, id: RunId) -> Result<()> {
    let sql = "UPDATE run SET pushed = 1 WHERE run_id = $1";
    known(tx.execute(sql, args![id]).await?)
}

/// Records what the run's engine calls used so far, so that it is known also of a run that is lost.
pub async fn record_usage(tx: &mut Tx, id: RunId, usage: &Value) -> Result<()> {
    let sql = "UPDATE run SET usage = $2 WHERE run_id = $1";
    known(tx.execute(sql, args![id, super::sql::json(usage)]).await?)
}

/// Closes a run whose worker is gone. What it recorded of itself stays.
pub async fn close_lost(tx: &mut Tx, id: RunId) -> Result<()> {
    let sql = "UPDATE run SET status = 'failed', error = $2, finished_at = $3 \
               WHERE run_id = $1 AND status = 'running'";
    let args = args![id, LOST, tx.now()];
    known(tx.execute(sql, args).await?)
}

/// Records how a run ended.
pub async fn finish(tx: &mut Tx, id: RunId, end: &RunEnd) -> Result<()> {
    let sql = "UPDATE run SET status = $2, usage = $3, error = $4, log_bytes = $5, finished_at = $6 \
               WHERE run_id = $1";
    let args = args![
        id,
        word(&end.status),
        end.usage.as_ref().map(super::sql::json),
        &end.error,
        end.log_bytes,
        tx.now(),
    ];
    known(tx.execute(sql, args).await?)
}

pub async fn load(db: &mut Session, id: RunId) -> Result<Option<Run>> {
    let sql = "SELECT * FROM run WHERE run_id = $1";
    db.one(sql, args![id], read).await
}

/// The newest `limit` runs of a protocol, the newest last.
pub async fn of_protocol(db: &mut Session, protocol: ProtocolId, limit: u32) -> Result<Vec<Run>> {
    let sql = "SELECT * FROM run WHERE protocol_id = $1 ORDER BY run_id DESC LIMIT $2";
    let mut runs = db.all(sql, args![protocol, limit], read).await?;
    runs.reverse();
    Ok(runs)
}

/// The runs of a protocol that nobody has closed.
pub async fn running(db: &mut Session, protocol: ProtocolId) -> Result<Vec<Run>> {
    let sql = "SELECT * FROM run WHERE protocol_id = $1 AND status = 'running' ORDER BY run_id";
    db.all(sql, args![protocol], read).await
}

/// Every run of a step, the newest last.
pub async fn of_step(db: &mut Session, step: StepId) -> Result<Vec<Run>> {
    let sql = "SELECT * FROM run WHERE step_id = $1 ORDER BY run_id";
    db.all(sql, args![step], read).await
}

/// The run of a protocol that made this commit.
pub async fn of_commit(db: &mut Session, protocol: ProtocolId, sha: &Sha) -> Result<Option<Run>> {
    let sql = "SELECT * FROM run WHERE protocol_id = $1 AND commit_sha = $2 ORDER BY run_id DESC LIMIT 1";
    db.one(sql, args![protocol, sha], read).await
}

/// Whether there is a run of `job` with its log in this folder.
pub async fn is_known(db: &mut Session, job: JobId, folder: &str) -> Result<bool> {
    let sql = "SELECT run_id FROM run WHERE job_id = $1 AND substr(log_path, 1, length($2)) = $2";
    let run = db.one(sql, args![job, format!("{folder}/")], |row| row.int("run_id")).await?;
    Ok(run.is_some())
}

/// Records a file that a run left; a file of the same name is replaced.
pub async fn add_artifact(tx: &mut Tx, id: RunId, artifact: &Artifact) -> Result<()> {
    let sql = "INSERT INTO artifact (run_id, name, kind, path, sha256, bytes, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (run_id, name) DO UPDATE SET kind = excluded.kind, path = excluded.path, \
                   sha256 = excluded.sha256, bytes = excluded.bytes, created_at = excluded.created_at";
    let args = args![
        id,
        &artifact.name,
        &artifact.kind,
        &artifact.path,
        &artifact.sha256,
        artifact.bytes,
        tx.now(),
    ];
    tx.execute(sql, args).await?;
    Ok(())
}

/// The files that a run left, in the order they were first recorded.
pub async fn artifacts(db: &mut Session, id: RunId) -> Result<Vec<Artifact>> {
    let sql = "SELECT * FROM artifact WHERE run_id = $1 ORDER BY artifact_id";
    db.all(sql, args![id], read_artifact).await
}

fn known(touched: u64) -> Result<()> {
    match touched {
        0 => Err(StoreError::Missing { what: "run" }),
        _ => Ok(()),
    }
}

fn read(row: &Row) -> Result<Run> {
    Ok(Run {
        id: RunId(row.int("run_id")?),
        job: JobId(row.int("job_id")?),
        attempt: row.number("attempt")?,
        kind: row.text("kind")?,
        protocol: ProtocolId(row.int("protocol_id")?),
        step: row.int_or_none("step_id")?.map(StepId),
        status: row.word("status")?,
        inputs: RunInputs {
            engine: row.text_or_none("engine")?,
            model: row.text_or_none("model")?,
            prompt_hash: row.text_or_none("prompt_hash")?,
            base: row.sha_or_none("base_sha")?,
        },
        commit: row.sha_or_none("commit_sha")?,
        pushed: row.truth("pushed")?,
        usage: row.json_or_none("usage")?,
        error: row.text("error")?,
        log_path: row.text("log_path")?,
        log_bytes: row.number("log_bytes")?,
        started_at: row.moment("started_at")?,
        finished_at: row.moment_or_none("finished_at")?,
    })
}

fn read_artifact(row: &Row) -> Result<Artifact> {
    Ok(Artifact {
        name: row.text("name")?,
        kind: row.text("kind")?,
        path: row.text("path")?,
        sha256: row.text("sha256")?,
        bytes: row.number("bytes")?,
    })
}
