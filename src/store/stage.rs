//! Stages of CI as scripts told them, each as it was told last.

use super::error::Result;
use super::sql::{Row, Session, Tx, args, word};
use crate::domain::ids::{DeliveryId, ProtocolId, Sha};
use crate::domain::stage::Stage;

/// Records what `told_by` told of a stage of this commit. What was told later stays, in whatever order deliveries are
/// processed; and within one attempt red stays red, so that no other job of the same name makes it green.
pub async fn save(
    tx: &mut Tx,
    protocol: ProtocolId,
    commit: &Sha,
    stage: &Stage,
    told_by: DeliveryId,
) -> Result<()> {
    let sql = "INSERT INTO stage (protocol_id, commit_sha, pipeline, name, attempt, state, url, ending, told_by) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
               ON CONFLICT (protocol_id, commit_sha, pipeline, name) DO UPDATE SET \
                   attempt = excluded.attempt, state = excluded.state, url = excluded.url, \
                   ending = excluded.ending, told_by = excluded.told_by \
               WHERE stage.told_by < excluded.told_by AND NOT (stage.state = 'failed' AND stage.attempt <> '' \
                                                               AND stage.attempt = excluded.attempt)";
    let args = args![
        protocol,
        commit,
        &stage.pipeline,
        &stage.name,
        &stage.attempt,
        word(&stage.state),
        stage.url.as_ref(),
        word(&stage.ending),
        told_by,
    ];
    tx.execute(sql, args).await?;
    Ok(())
}

/// The stages of a protocol's commit, in the order they were told.
pub async fn of_commit(db: &mut Session, protocol: ProtocolId, commit: &Sha) -> Result<Vec<Stage>> {
    let sql = "SELECT * FROM stage WHERE protocol_id = $1 AND commit_sha = $2 ORDER BY told_by";
    db.all(sql, args![protocol, commit], read).await
}

fn read(row: &Row) -> Result<Stage> {
    Ok(Stage {
        pipeline: row.text("pipeline")?,
        name: row.text("name")?,
        attempt: row.text("attempt")?,
        state: row.word("state")?,
        url: row.text_or_none("url")?,
        ending: row.word("ending")?,
    })
}
