//! Reactions and answers that are to be sent, in order, once.
//!
//! An effect is open, then sending, then sent or refused. One that was being sent when its worker died is found as
//! sending: whoever comes next asks the forge whether it arrived.

use super::error::{Result, StoreError};
use super::job;
use super::sql::{Row, Session, Tx, args, json, word};
use crate::domain::effect::{Effect, NewEffect};
use crate::domain::ids::{CommandId, Moment, ProjectId, ProtocolId};
use crate::domain::job::Job;
use crate::domain::thread::Thread;
use serde::{Deserialize, Serialize};

/// One stored effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(pub i64);

/// An effect as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEffect {
    pub id: EffectId,
    pub key: String,
    pub project: ProjectId,
    pub protocol: Option<ProtocolId>,
    pub command: Option<CommandId>,
    pub effect: Effect,
    pub status: EffectStatus,
    /// What the forge calls it; opaque here.
    pub forge_ref: Option<String>,
    pub created_at: Moment,
    /// When a worker last began to send it.
    pub sending_at: Option<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectStatus {
    Open,
    /// A worker began to send it and has not said how that ended.
    Sending,
    Sent,
    Refused,
}

/// Stores an effect and queues the job that sends it. Returns `false` when its key is known: it is sent once.
pub async fn push(tx: &mut Tx, project: ProjectId, new: &NewEffect) -> Result<bool> {
    let sql = "INSERT INTO effect (effect_key, project_id, protocol_id, command_id, payload, topic, thread_kind, thread, \
                                   status, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9) ON CONFLICT (effect_key) DO NOTHING";
    let (topic, thread) = match &new.effect {
        Effect::Answer { topic, thread, .. } => (topic.as_ref(), Some(*thread)),
        Effect::React { thread, .. } => (None, Some(*thread)),
        Effect::ClosePull { number } => (None, Some(Thread::pull(*number))),
    };
    let now = tx.now();
    let args = args![
        &new.key,
        project,
        new.protocol,
        new.command,
        json(&new.effect),
        topic,
        thread.map(|thread| word(&thread.kind)),
        thread.map(|thread| thread.number),
        now,
    ];
    if tx.execute(sql, args).await? == 0 {
        return Ok(false);
    }
    job::push(tx, Job::SendAnswers { project }, now).await?;
    Ok(true)
}

/// What waits to be sent for a project, in the order it was asked for; effects that are being sent are among them.
pub async fn open(db: &mut Session, project: ProjectId) -> Result<Vec<StoredEffect>> {
    let sql =
        "SELECT * FROM effect WHERE project_id = $1 AND status IN ('open', 'sending') ORDER BY effect_id";
    db.all(sql, args![project], read).await
}

/// Projects that can be reached and have had something to send since before `before`, with nobody who sends it
/// or will: a dead job rests.
pub async fn projects_waiting(db: &mut Session, before: Moment) -> Result<Vec<ProjectId>> {
    let sql = "SELECT DISTINCT effect.project_id FROM effect \
               JOIN project ON project.project_id = effect.project_id AND project.access = 'granted' \
               WHERE effect.status IN ('open', 'sending') AND effect.created_at <= $1 \
               AND NOT EXISTS (SELECT 1 FROM job WHERE job.lane = 'answers:' || effect.project_id \
                               AND job.status IN ('queued', 'running', 'dead'))";
    db.all(sql, args![before], |row| row.int("project_id").map(ProjectId)).await
}

/// Records that sending begins now. Returns `false` when the effect is sent or refused already.
pub async fn mark_sending(tx: &mut Tx, id: EffectId) -> Result<bool> {
    let sql = "UPDATE effect SET status = 'sending', sending_at = $2 \
               WHERE effect_id = $1 AND status IN ('open', 'sending')";
    let args = args![id.0, tx.now()];
    Ok(tx.execute(sql, args).await? == 1)
}

/// Records that the forge has it, and what the forge calls it.
pub async fn mark_sent(tx: &mut Tx, id: EffectId, forge_ref: &str) -> Result<()> {
    let sql = "UPDATE effect SET status = 'sent', forge_ref = $2, sent_at = $3 WHERE effect_id = $1";
    let args = args![id.0, forge_ref, tx.now()];
    known(tx.execute(sql, args).await?)
}

/// Records that the forge does not take it, and why.
pub async fn mark_refused(tx: &mut Tx, id: EffectId, error: &str) -> Result<()> {
    let sql = "UPDATE effect SET status = 'refused', error = $2 WHERE effect_id = $1";
    known(tx.execute(sql, args![id.0, error]).await?)
}

/// Answers of a topic that were asked for before `before`, are on the forge, and are not folded yet.
pub async fn earlier_of_topic(
    db: &mut Session,
    project: ProjectId,
    topic: &str,
    before: EffectId,
) -> Result<Vec<StoredEffect>> {
    let sql = "SELECT * FROM effect WHERE project_id = $1 AND topic = $2 AND effect_id < $3 AND status = 'sent' \
               AND hidden = 0 ORDER BY effect_id";
    db.all(sql, args![project, topic, before.0], read).await
}

/// Records that an answer was folded on the forge.
pub async fn mark_hidden(tx: &mut Tx, id: EffectId) -> Result<()> {
    let sql = "UPDATE effect SET hidden = 1 WHERE effect_id = $1";
    known(tx.execute(sql, args![id.0]).await?)
}

fn known(touched: u64) -> Result<()> {
    match touched {
        0 => Err(StoreError::Missing { what: "effect" }),
        _ => Ok(()),
    }
}

fn read(row: &Row) -> Result<StoredEffect> {
    Ok(StoredEffect {
        id: EffectId(row.int("effect_id")?),
        key: row.text("effect_key")?,
        project: ProjectId(row.int("project_id")?),
        protocol: row.int_or_none("protocol_id")?.map(ProtocolId),
        command: row.int_or_none("command_id")?.map(CommandId),
        effect: row.json("payload")?,
        status: row.word("status")?,
        forge_ref: row.text_or_none("forge_ref")?,
        created_at: row.moment("created_at")?,
        sending_at: row.moment_or_none("sending_at")?,
    })
}
