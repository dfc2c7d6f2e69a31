//! The steps of a protocol.

use super::error::{Result, StoreError};
use super::sql::{Row, Session, Tx, args, json, word};
use crate::domain::ids::{Moment, ProtocolId, StepId};
use crate::domain::spec::StepSpec;
use crate::domain::step::Step;

/// The steps of a protocol, in the order of their numbers.
pub async fn of_protocol(db: &mut Session, protocol: ProtocolId) -> Result<Vec<Step>> {
    let sql = "SELECT * FROM step WHERE protocol_id = $1 ORDER BY number";
    db.all(sql, args![protocol], read).await
}

pub async fn load(db: &mut Session, id: StepId) -> Result<Option<Step>> {
    let sql = "SELECT * FROM step WHERE step_id = $1";
    db.one(sql, args![id], read).await
}

/// At most `limit` steps that run since before `before` and have no job: neither queued, nor held by a worker.
pub async fn abandoned(db: &mut Session, before: Moment, limit: u32) -> Result<Vec<Step>> {
    let sql = "SELECT step.* FROM step JOIN protocol ON protocol.protocol_id = step.protocol_id \
               WHERE step.status = 'running' AND step.started_at <= $1 \
               AND protocol.status NOT IN ('cancelled', 'completed') \
               AND NOT EXISTS (SELECT 1 FROM job WHERE job.protocol_id = step.protocol_id \
                               AND job.job_key = 'execute_step:' || step.step_id \
                               AND job.status IN ('queued', 'running')) \
               ORDER BY step.step_id LIMIT $2";
    db.all(sql, args![before, limit], read).await
}

/// Adds pending steps. [`StoreError::Conflict`] when one of the numbers is taken.
pub async fn insert_all(tx: &mut Tx, protocol: ProtocolId, steps: &[(u32, StepSpec)]) -> Result<()> {
    let sql = "INSERT INTO step (protocol_id, number, status, spec, ci) \
               VALUES ($1, $2, 'pending', $3, 'none') ON CONFLICT (protocol_id, number) DO NOTHING";
    for (number, spec) in steps {
        let added = tx.execute(sql, args![protocol, *number, json(spec)]).await?;
        if added == 0 {
            return Err(StoreError::Conflict { what: "step" });
        }
    }
    Ok(())
}

/// Makes room for a new plan: completed steps stay as they are, other steps go.
///
/// One that left a trace (a run or an event) is kept as cancelled, so that its log can still be read. Returns the first
/// number above all that stay: the new plan's steps are numbered from there.
pub async fn retire_unfinished(tx: &mut Tx, protocol: ProtocolId) -> Result<u32> {
    let untouched = "DELETE FROM step WHERE protocol_id = $1 AND status <> 'completed' \
                     AND NOT EXISTS (SELECT 1 FROM run WHERE run.step_id = step.step_id) \
                     AND NOT EXISTS (SELECT 1 FROM event WHERE event.step_id = step.step_id)";
    tx.execute(untouched, args![protocol]).await?;
    let begun = "UPDATE step SET status = 'cancelled', finished_at = $2 \
                 WHERE protocol_id = $1 AND status NOT IN ('completed', 'cancelled')";
    let args = args![protocol, tx.now()];
    tx.execute(begun, args).await?;
    let next = "SELECT COALESCE(MAX(number) + 1, 0) AS next FROM step WHERE protocol_id = $1";
    let first_free = tx.one(next, args![protocol], |row| row.number("next")).await?;
    Ok(first_free.unwrap_or(0))
}

/// Stores the step as it is now. Its protocol's revision guards it: save the protocol in the same transaction.
pub async fn save(tx: &mut Tx, step: &Step) -> Result<()> {
    let sql = "UPDATE step SET status = $2, spec = $3, judged = $4, approval = $5, ended = $6, ci = $7, \
                   commit_sha = $8, pushed_at = $9, attempts = $10, tokens = $11, engine_ms = $12, summary = $13, \
                   started_at = $14, finished_at = $15 \
               WHERE step_id = $1";
    let args = args![
        step.id,
        word(&step.status),
        json(&step.spec),
        step.judged.as_ref().map(json),
        step.approval.as_ref().map(json),
        step.end.as_ref().map(json),
        word(&step.ci),
        step.commit.as_ref(),
        step.pushed_at,
        step.attempts,
        step.tokens,
        step.engine_ms,
        &step.summary,
        step.started_at,
        step.finished_at,
    ];
    match tx.execute(sql, args).await? {
        0 => Err(StoreError::Missing { what: "step" }),
        _ => Ok(()),
    }
}

fn read(row: &Row) -> Result<Step> {
    Ok(Step {
        id: StepId(row.int("step_id")?),
        protocol: ProtocolId(row.int("protocol_id")?),
        number: row.number("number")?,
        status: row.word("status")?,
        spec: row.json("spec")?,
        judged: row.json_or_none("judged")?,
        approval: row.json_or_none("approval")?,
        end: row.json_or_none("ended")?,
        ci: row.word("ci")?,
        commit: row.sha_or_none("commit_sha")?,
        pushed_at: row.moment_or_none("pushed_at")?,
        attempts: row.number("attempts")?,
        tokens: row.number("tokens")?,
        engine_ms: row.number("engine_ms")?,
        summary: row.text("summary")?,
        started_at: row.moment_or_none("started_at")?,
        finished_at: row.moment_or_none("finished_at")?,
    })
}
