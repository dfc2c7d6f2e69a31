//! Slash-commands that were taken in: each is taken once, however often its delivery comes.

use super::error::{Result, StoreError};
use super::sql::{Row, Session, Tx, args, json, word};
use crate::domain::forge_event::CommentSource;
use crate::domain::ids::{CommandId, DeliveryId, Moment, ProjectId};
use crate::domain::thread::Thread;
use serde::{Deserialize, Serialize};

/// A command as it was read. Source, hash and ordinal are its identity within the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    pub project: ProjectId,
    pub source: CommentSource,
    /// Hash of its normal form.
    pub hash: String,
    /// Its place among equal commands of one text, from 0.
    pub ordinal: u32,
    pub delivery: DeliveryId,
    pub thread: Thread,
    /// The discussion of the thread that it was given in.
    pub discussion: Option<String>,
    /// The login of who gave it.
    pub actor: String,
    /// The line as it was written.
    pub line: String,
}

/// What [`take`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    New(CommandId),
    /// It was taken before and not finished: this is a retry.
    Open(CommandId),
    /// It got its outcome before: nothing is to be done.
    Finished,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandOutcome {
    Open,
    Done,
    Refused,
    /// It was one of ours, but not well formed.
    Mistake,
}

/// A stored command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub id: CommandId,
    pub project: ProjectId,
    pub source: CommentSource,
    pub ordinal: u32,
    pub delivery: DeliveryId,
    pub thread: Thread,
    /// The discussion of the thread that it was given in.
    pub discussion: Option<String>,
    pub actor: String,
    pub line: String,
    pub outcome: CommandOutcome,
    pub created_at: Moment,
    pub finished_at: Option<Moment>,
}

/// Takes a command in, or says that it was taken in before.
pub async fn take(tx: &mut Tx, new: &NewCommand) -> Result<Taken> {
    let sql = "INSERT INTO command (project_id, source, hash, ordinal, delivery_id, thread, actor, line, outcome, \
                                    created_at, thread_kind, discussion) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $11) \
               ON CONFLICT (project_id, source, hash, ordinal) DO NOTHING RETURNING command_id";
    let args = args![
        new.project,
        json(&new.source),
        &new.hash,
        new.ordinal,
        new.delivery,
        new.thread.number,
        &new.actor,
        &new.line,
        tx.now(),
        word(&new.thread.kind),
        new.discussion.as_ref(),
    ];
    let id = |row: &Row| row.int("command_id").map(CommandId);
    match tx.one(sql, args, id).await? {
        Some(id) => Ok(Taken::New(id)),
        None => taken_before(tx, new).await,
    }
}

async fn taken_before(tx: &mut Tx, new: &NewCommand) -> Result<Taken> {
    let known = same(tx, new).await?.ok_or(StoreError::Missing { what: "command" })?;
    Ok(match known.outcome {
        CommandOutcome::Open => Taken::Open(known.id),
        _ => Taken::Finished,
    })
}

/// The command of the same identity.
async fn same(db: &mut Session, new: &NewCommand) -> Result<Option<Command>> {
    let sql = "SELECT * FROM command WHERE project_id = $1 AND source = $2 AND hash = $3 AND ordinal = $4";
    let args = args![new.project, json(&new.source), &new.hash, new.ordinal];
    db.one(sql, args, read).await
}

/// What became of a command that was taken in before; `None` when it was not.
pub async fn outcome(db: &mut Session, new: &NewCommand) -> Result<Option<CommandOutcome>> {
    Ok(same(db, new).await?.map(|command| command.outcome))
}

/// The commands that one delivery brought first.
pub async fn of_delivery(db: &mut Session, delivery: DeliveryId) -> Result<Vec<Command>> {
    let sql = "SELECT * FROM command WHERE delivery_id = $1 ORDER BY command_id";
    db.all(sql, args![delivery], read).await
}

/// Records a command's outcome. The first outcome stays: a later one returns `false`.
pub async fn finish(tx: &mut Tx, id: CommandId, outcome: CommandOutcome) -> Result<bool> {
    let sql = "UPDATE command SET outcome = $2, finished_at = $3 WHERE command_id = $1 AND outcome = 'open'";
    let args = args![id, word(&outcome), tx.now()];
    Ok(tx.execute(sql, args).await? == 1)
}

/// How many commands somebody gave in a thread since a moment.
pub async fn given_since(
    db: &mut Session,
    project: ProjectId,
    thread: Thread,
    actor: &str,
    since: Moment,
) -> Result<u32> {
    let sql = "SELECT COUNT(*) AS count FROM command \
               WHERE project_id = $1 AND thread = $2 AND thread_kind = $3 AND actor = $4 AND created_at >= $5";
    let args = args![project, thread.number, word(&thread.kind), actor, since];
    let count = db.one(sql, args, |row| row.number("count")).await?;
    Ok(count.unwrap_or(0))
}

pub async fn load(db: &mut Session, id: CommandId) -> Result<Option<Command>> {
    let sql = "SELECT * FROM command WHERE command_id = $1";
    db.one(sql, args![id], read).await
}

fn read(row: &Row) -> Result<Command> {
    Ok(Command {
        id: CommandId(row.int("command_id")?),
        project: ProjectId(row.int("project_id")?),
        source: row.json("source")?,
        ordinal: row.number("ordinal")?,
        delivery: DeliveryId(row.int("delivery_id")?),
        thread: Thread { kind: row.word("thread_kind")?, number: row.number("thread")? },
        discussion: row.text_or_none("discussion")?,
        actor: row.text("actor")?,
        line: row.text("line")?,
        outcome: row.word("outcome")?,
        created_at: row.moment("created_at")?,
        finished_at: row.moment_or_none("finished_at")?,
    })
}
