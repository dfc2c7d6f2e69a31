//! What stands on the forge: sticky comments and check runs of a protocol, and the revision each of them shows.
//!
//! Two publishers may overlap when a lease is lost. The revision in the WHERE keeps the later state: what shows an older
//! one is not recorded over it.

use super::error::Result;
use super::sql::{Row, Session, Tx, args, word};
use crate::domain::ids::{Moment, ProtocolId, Sha};
use crate::domain::thread::Thread;

/// A comment that is kept current. There is one of each kind per protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedComment {
    pub kind: String,
    pub thread: Thread,
    /// What the forge calls it; opaque here. `None` before it was created.
    pub forge_ref: Option<String>,
    /// Hash of the text that it shows, so that equal texts are not sent again. Empty: nobody knows what it shows.
    pub hash: String,
    /// The protocol's revision that it shows.
    pub revision: i64,
    /// When this was recorded; the store's own, whatever is saved.
    pub at: Moment,
}

/// A check run. There is one of each name per commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedCheck {
    pub name: String,
    pub sha: Sha,
    /// The forge's id. `None` before it was created.
    pub forge_id: Option<i64>,
    /// Hash of what it shows. Empty: nobody knows what it shows, nor whether there is one.
    pub hash: String,
    /// It is completed.
    pub is_final: bool,
    /// Rises when it is run again.
    pub generation: i64,
    /// The protocol's revision that it shows.
    pub revision: i64,
    /// When this was recorded; the store's own, whatever is saved.
    pub at: Moment,
}

pub async fn comment(db: &mut Session, protocol: ProtocolId, kind: &str) -> Result<Option<PostedComment>> {
    let sql = "SELECT * FROM posted_comment WHERE protocol_id = $1 AND kind = $2";
    db.one(sql, args![protocol, kind], read_comment).await
}

/// Records what a comment shows now. Returns `false`, and changes nothing, when a later revision was recorded before.
pub async fn save_comment(tx: &mut Tx, protocol: ProtocolId, comment: &PostedComment) -> Result<bool> {
    let sql = "INSERT INTO posted_comment (protocol_id, kind, thread_kind, thread, forge_ref, hash, revision, changed_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
               ON CONFLICT (protocol_id, kind) DO UPDATE SET \
                   thread_kind = excluded.thread_kind, thread = excluded.thread, forge_ref = excluded.forge_ref, hash = excluded.hash, revision = excluded.revision, \
                   changed_at = excluded.changed_at \
               WHERE posted_comment.revision <= excluded.revision";
    let args = args![
        protocol,
        &comment.kind,
        word(&comment.thread.kind),
        comment.thread.number,
        comment.forge_ref.as_ref(),
        &comment.hash,
        comment.revision,
        tx.now(),
    ];
    Ok(tx.execute(sql, args).await? == 1)
}

/// Forgets what the comments of a protocol show, and its checks that were written at `since` or later: a worker that lost its
/// lease may have written to them afterwards.
pub async fn doubt(tx: &mut Tx, protocol: ProtocolId, since: Moment) -> Result<()> {
    let sql = "UPDATE posted_comment SET hash = '' WHERE protocol_id = $1";
    tx.execute(sql, args![protocol]).await?;
    let sql = "UPDATE posted_check SET hash = '' WHERE protocol_id = $1 AND changed_at >= $2";
    tx.execute(sql, args![protocol, since]).await?;
    Ok(())
}

pub async fn check(
    db: &mut Session,
    protocol: ProtocolId,
    name: &str,
    sha: &Sha,
) -> Result<Option<PostedCheck>> {
    let sql = "SELECT * FROM posted_check WHERE protocol_id = $1 AND name = $2 AND sha = $3";
    db.one(sql, args![protocol, name, sha], read_check).await
}

/// Every check of a protocol, in the order they were created.
pub async fn checks(db: &mut Session, protocol: ProtocolId) -> Result<Vec<PostedCheck>> {
    let sql = "SELECT * FROM posted_check WHERE protocol_id = $1 ORDER BY posted_check_id";
    db.all(sql, args![protocol], read_check).await
}

/// At most `limit` protocols with a check that is unfinished on a commit where nobody works any more: the protocol has
/// ended, or its head is another one. Those that somebody publishes, or will, are left out: a dead job rests.
pub async fn unfinished_in_vain(db: &mut Session, limit: u32) -> Result<Vec<ProtocolId>> {
    let sql = "SELECT DISTINCT posted_check.protocol_id FROM posted_check \
               JOIN protocol ON protocol.protocol_id = posted_check.protocol_id \
               JOIN project ON project.project_id = protocol.project_id AND project.access = 'granted' \
               WHERE posted_check.final = 0 \
               AND (protocol.status IN ('cancelled', 'completed') OR posted_check.sha <> protocol.head) \
               AND NOT EXISTS (SELECT 1 FROM job WHERE job.protocol_id = protocol.protocol_id \
                               AND job.kind = 'publish' AND job.status IN ('queued', 'running', 'dead')) \
               ORDER BY posted_check.protocol_id LIMIT $1";
    db.all(sql, args![limit], |row| row.int("protocol_id").map(ProtocolId)).await
}

/// Records what a check shows now. Returns `false`, and changes nothing, when a later revision or generation was
/// recorded before.
pub async fn save_check(tx: &mut Tx, protocol: ProtocolId, check: &PostedCheck) -> Result<bool> {
    let sql = "INSERT INTO posted_check (protocol_id, name, sha, forge_id, hash, final, generation, revision, \
                                         changed_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
               ON CONFLICT (protocol_id, name, sha) DO UPDATE SET forge_id = excluded.forge_id, \
                   hash = excluded.hash, final = excluded.final, generation = excluded.generation, \
                   revision = excluded.revision, changed_at = excluded.changed_at \
               WHERE posted_check.revision <= excluded.revision AND posted_check.generation <= excluded.generation";
    let args = args![
        protocol,
        &check.name,
        &check.sha,
        check.forge_id,
        &check.hash,
        check.is_final,
        check.generation,
        check.revision,
        tx.now(),
    ];
    Ok(tx.execute(sql, args).await? == 1)
}

fn read_comment(row: &Row) -> Result<PostedComment> {
    Ok(PostedComment {
        kind: row.text("kind")?,
        thread: Thread { kind: row.word("thread_kind")?, number: row.number("thread")? },
        forge_ref: row.text_or_none("forge_ref")?,
        hash: row.text("hash")?,
        revision: row.int("revision")?,
        at: row.moment("changed_at")?,
    })
}

fn read_check(row: &Row) -> Result<PostedCheck> {
    Ok(PostedCheck {
        name: row.text("name")?,
        sha: row.sha("sha")?,
        forge_id: row.int_or_none("forge_id")?,
        hash: row.text("hash")?,
        is_final: row.truth("final")?,
        generation: row.int("generation")?,
        revision: row.int("revision")?,
        at: row.moment("changed_at")?,
    })
}
