//! Deleting what is too old. Each function deletes one piece and says how many rows that were; fewer than [`PIECE`] means
//! that nothing is left.

use super::error::Result;
use super::sql::{Row, Session, Tx, args};
use crate::domain::ids::{Moment, RunId};

/// Rows that one piece has at most. SQLite has one writer, and others wait for it.
pub const PIECE: u32 = 200;

/// Forgets the bodies of deliveries that came before `before` and were processed.
pub async fn drop_bodies(tx: &mut Tx, before: Moment) -> Result<u64> {
    let sql = "UPDATE delivery SET body = NULL WHERE delivery_id IN ( \
                   SELECT delivery_id FROM delivery \
                   WHERE received_at <= $1 AND body IS NOT NULL AND status <> 'stored' LIMIT $2)";
    tx.execute(sql, args![before, PIECE]).await
}

/// Forgets deliveries that came before `before`, were processed, and held no command. A command is known for ever, for
/// its comment may be edited for ever.
pub async fn delete_deliveries(tx: &mut Tx, before: Moment) -> Result<u64> {
    let sql = "DELETE FROM delivery WHERE delivery_id IN ( \
                   SELECT delivery_id FROM delivery WHERE received_at <= $1 AND status <> 'stored' \
                   AND NOT EXISTS (SELECT 1 FROM command WHERE command.delivery_id = delivery.delivery_id) LIMIT $2)";
    tx.execute(sql, args![before, PIECE]).await
}

/// Forgets jobs that were done before `before` and left no run.
pub async fn delete_jobs(tx: &mut Tx, before: Moment) -> Result<u64> {
    let sql = "DELETE FROM job WHERE job_id IN ( \
                   SELECT job_id FROM job WHERE status = 'done' AND changed_at <= $1 \
                   AND NOT EXISTS (SELECT 1 FROM run WHERE run.job_id = job.job_id) LIMIT $2)";
    tx.execute(sql, args![before, PIECE]).await
}

/// A run that is to be deleted with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRun {
    pub id: RunId,
    /// The log's file, relative to the folder of logs; its artifacts lie beside it.
    pub log_path: String,
}

/// A piece of the runs of protocols that ended before `before`.
pub async fn old_runs(db: &mut Session, before: Moment) -> Result<Vec<OldRun>> {
    let sql = "SELECT run_id, log_path FROM run JOIN protocol ON protocol.protocol_id = run.protocol_id \
               WHERE protocol.status IN ('cancelled', 'completed') AND protocol.changed_at <= $1 LIMIT $2";
    let read = |row: &Row| Ok(OldRun { id: RunId(row.int("run_id")?), log_path: row.text("log_path")? });
    db.all(sql, args![before, PIECE], read).await
}

/// Forgets a run and what is known of its artifacts; their files are the caller's.
pub async fn delete_run(tx: &mut Tx, id: RunId) -> Result<()> {
    tx.execute("DELETE FROM artifact WHERE run_id = $1", args![id]).await?;
    tx.execute("DELETE FROM run WHERE run_id = $1", args![id]).await?;
    Ok(())
}
