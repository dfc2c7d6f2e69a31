//! What a webhook last told of the branch of a protocol: the push may be known here before git shows it.

use super::error::Result;
use super::sql::{Row, Session, Tx, args};
use crate::domain::ids::{Moment, ProtocolId, Sha};

/// One push as a webhook told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldPush {
    /// Where the branch stood before; `None` when it was not there, or nothing was said of it.
    pub before: Option<Sha>,
    /// Where it stands now; `None` when it was deleted.
    pub after: Option<Sha>,
    pub at: Moment,
}

/// Remembers a push that was told now. Only the last one is kept.
pub async fn save(
    tx: &mut Tx,
    protocol: ProtocolId,
    before: Option<&Sha>,
    after: Option<&Sha>,
) -> Result<()> {
    let sql = "INSERT INTO told_push (protocol_id, before_sha, after_sha, told_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (protocol_id) DO UPDATE SET before_sha = excluded.before_sha, \
                   after_sha = excluded.after_sha, told_at = excluded.told_at";
    let args = args![protocol, before, after, tx.now()];
    tx.execute(sql, args).await?;
    Ok(())
}

/// The push that was told last of a protocol's branch.
pub async fn last(db: &mut Session, protocol: ProtocolId) -> Result<Option<ToldPush>> {
    let sql = "SELECT * FROM told_push WHERE protocol_id = $1";
    db.one(sql, args![protocol], read).await
}

fn read(row: &Row) -> Result<ToldPush> {
    Ok(ToldPush {
        before: row.sha_or_none("before_sha")?,
        after: row.sha_or_none("after_sha")?,
        at: row.moment("told_at")?,
    })
}
