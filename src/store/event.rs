//! The timeline of a protocol.

use super::error::Result;
use super::sql::{Row, Session, Tx, args, json};
use crate::domain::event::{Event, EventKind, NewEvent};
use crate::domain::ids::{ProtocolId, StepId};

/// Adds a line. Call it in the transaction of the change that it tells of.
pub async fn append(tx: &mut Tx, new: &NewEvent) -> Result<()> {
    let sql =
        "INSERT INTO event (protocol_id, step_id, kind, message, facts, at) VALUES ($1, $2, $3, $4, $5, $6)";
    let args = args![new.protocol, new.step, new.kind.as_str(), &new.message, json(&new.facts), tx.now(),];
    tx.execute(sql, args).await?;
    Ok(())
}

/// The newest `limit` lines of a protocol, the newest last.
pub async fn of_protocol(db: &mut Session, protocol: ProtocolId, limit: u32) -> Result<Vec<Event>> {
    let sql = "SELECT * FROM event WHERE protocol_id = $1 ORDER BY event_id DESC LIMIT $2";
    let mut events = db.all(sql, args![protocol, limit], read).await?;
    events.reverse();
    Ok(events)
}

/// The newest verdict of QA in a protocol's timeline.
pub async fn last_verdict(db: &mut Session, protocol: ProtocolId) -> Result<Option<Event>> {
    let sql =
        "SELECT * FROM event WHERE protocol_id = $1 AND kind IN ($2, $3, $4) ORDER BY event_id DESC LIMIT 1";
    let [passed, failed, undecided] =
        [EventKind::QaPassed, EventKind::QaFailed, EventKind::QaUndecided].map(EventKind::as_str);
    db.one(sql, args![protocol, passed, failed, undecided], read).await
}

/// The newest word of CI on a step.
pub async fn last_of_ci(db: &mut Session, step: StepId) -> Result<Option<Event>> {
    let sql = "SELECT * FROM event WHERE step_id = $1 AND kind IN ($2, $3, $4, $5, $6) ORDER BY event_id DESC LIMIT 1";
    let [waiting, passed, failed, none, undecided] = [
        EventKind::CiWaiting,
        EventKind::CiPassed,
        EventKind::CiFailed,
        EventKind::CiNone,
        EventKind::CiInconclusive,
    ]
    .map(EventKind::as_str);
    db.one(sql, args![step, waiting, passed, failed, none, undecided], read).await
}

fn read(row: &Row) -> Result<Event> {
    let kind = row.text("kind")?;
    Ok(Event {
        at: row.moment("at")?,
        step: row.int_or_none("step_id")?.map(StepId),
        kind: EventKind::parse(&kind).ok_or_else(|| Row::unknown("kind", &kind))?,
        message: row.text("message")?,
        facts: row.json("facts")?,
    })
}
