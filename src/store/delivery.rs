//! Webhooks as they came in. They are taken in by [`Store::accept`](super::Store::accept).

use super::error::{Result, StoreError};
use super::sql::{Row, Session, Tx, args, word};
use crate::domain::ids::{DeliveryId, Moment, ProtocolId};
use crate::domain::project::ForgeKind;
use serde::{Deserialize, Serialize};

/// A stored webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub forge: ForgeKind,
    /// The forge's own id of the delivery.
    pub guid: String,
    pub event: String,
    pub status: DeliveryStatus,
    /// Why it was ignored, or how it failed.
    pub reason: String,
    /// The body as it came, of deliveries that are ours.
    pub body: Option<Vec<u8>>,
    /// The protocol that its address named. Nobody signs an address.
    pub named_protocol: Option<ProtocolId>,
    pub received_at: Moment,
    pub finished_at: Option<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Waits for its job.
    Stored,
    Done,
    Ignored,
    Failed,
}

pub async fn load(db: &mut Session, id: DeliveryId) -> Result<Option<Delivery>> {
    let sql = "SELECT * FROM delivery WHERE delivery_id = $1";
    db.one(sql, args![id], read).await
}

/// Whether a delivery of this id was taken in before.
pub async fn is_known(db: &mut Session, forge: ForgeKind, guid: &str) -> Result<bool> {
    let sql = "SELECT delivery_id FROM delivery WHERE forge = $1 AND guid = $2";
    let known = db.one(sql, args![forge.as_str(), guid], |row| row.int("delivery_id")).await?;
    Ok(known.is_some())
}

/// Records what became of a delivery. Finishing it again overwrites that.
pub async fn finish(tx: &mut Tx, id: DeliveryId, status: DeliveryStatus, reason: &str) -> Result<()> {
    let sql = "UPDATE delivery SET status = $2, reason = $3, finished_at = $4 WHERE delivery_id = $1";
    let args = args![id, word(&status), reason, tx.now()];
    match tx.execute(sql, args).await? {
        0 => Err(StoreError::Missing { what: "delivery" }),
        _ => Ok(()),
    }
}

/// How many deliveries there are of each status; statuses without any are left out.
pub async fn count_by_status(db: &mut Session) -> Result<Vec<(DeliveryStatus, u64)>> {
    let sql = "SELECT status, COUNT(*) AS count FROM delivery GROUP BY status ORDER BY status";
    let read = |row: &Row| Ok((row.word("status")?, row.number("count")?));
    db.all(sql, args![], read).await
}

fn read(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        id: DeliveryId(row.int("delivery_id")?),
        forge: row.word("forge")?,
        guid: row.text("guid")?,
        event: row.text("event")?,
        status: row.word("status")?,
        reason: row.text("reason")?,
        body: row.bytes_or_none("body")?,
        named_protocol: row.int_or_none("named_protocol")?.map(ProtocolId),
        received_at: row.moment("received_at")?,
        finished_at: row.moment_or_none("finished_at")?,
    })
}
