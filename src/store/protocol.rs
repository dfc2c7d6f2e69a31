//! Protocols. Every change is a compare-and-set on `revision`.

use super::error::{Result, StoreError};
use super::sql::{Arg, Row, Session, Tx, args, json, word};
use crate::domain::ids::{Moment, ProjectId, ProtocolId, ProtocolNumber, Sha};
use crate::domain::project::{ForgeKind, Protocol, Requester};
use crate::domain::protocol::{ProtocolState, ProtocolStatus};
use crate::domain::thread::{Thread, ThreadKind};

/// A protocol that is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProtocol {
    pub project: ProjectId,
    pub slug: String,
    pub asked_in: Thread,
    pub base: String,
    pub request: String,
    pub requester: Requester,
    pub engine: Option<String>,
    pub model: Option<String>,
    /// The highest number that a branch or folder of the repository already carries; zero when there is none.
    pub number_floor: u32,
}

/// Stores a new protocol in state pending, under the next free number of its project.
///
/// Takes the project's row first, so that two creators at once get two numbers.
pub async fn create(tx: &mut Tx, new: NewProtocol) -> Result<Protocol> {
    lock_project(tx, new.project).await?;
    let sql = "INSERT INTO protocol (project_id, number, slug, status, work, drive, reasons, faulted, revision, issue, \
                                     asked_on_pull, base, request, requester, engine, model, created_at, changed_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11, $12, $13, $14, $15, $16, $16) \
               RETURNING *";
    let number = last_number(tx, new.project).await?.max(new.number_floor) + 1;
    let state = ProtocolState::new();
    let args = args![
        new.project,
        number,
        new.slug,
        word(&state.status()),
        word(&state.work),
        json(&state.drive),
        json(&state.reasons),
        state.faulted,
        new.asked_in.number,
        new.asked_in.is_pull(),
        new.base,
        new.request,
        json(&new.requester),
        new.engine,
        new.model,
        tx.now(),
    ];
    let stored = tx.one(sql, args, read).await?;
    stored.ok_or(StoreError::Missing { what: "protocol" })
}

async fn lock_project(tx: &mut Tx, project: ProjectId) -> Result<()> {
    let sql = "UPDATE project SET changed_at = $2 WHERE project_id = $1";
    let args = args![project, tx.now()];
    match tx.execute(sql, args).await? {
        0 => Err(StoreError::Missing { what: "project" }),
        _ => Ok(()),
    }
}

async fn last_number(tx: &mut Tx, project: ProjectId) -> Result<u32> {
    let sql = "SELECT COALESCE(MAX(number), 0) AS last FROM protocol WHERE project_id = $1";
    let last = tx.one(sql, args![project], |row| row.number("last")).await?;
    Ok(last.unwrap_or(0))
}

/// Stores the protocol as it is now and raises its revision.
///
/// [`StoreError::Conflict`] when somebody else saved it since it was loaded: load again and decide again.
pub async fn save(tx: &mut Tx, protocol: &mut Protocol) -> Result<()> {
    let sql = "UPDATE protocol SET status = $3, work = $4, drive = $5, reasons = $6, pause = $7, faulted = $8, \
                   ended = $9, pull_number = $10, pull = $11, base = $12, base_sha = $13, base_moved = $14, \
                   head = $15, adopted_from = $16, engine = $17, model = $18, plan_revision = $19, spec = $20, \
                   spec_hash = $21, plan = $22, merge = $23, request = $24, slug = $25, changed_at = $26, \
                   head_at = CASE WHEN $15 IS NOT DISTINCT FROM head THEN head_at ELSE $26 END, \
                   revision = revision + 1 \
               WHERE protocol_id = $1 AND revision = $2";
    let now = tx.now();
    let state = &protocol.state;
    let args = args![
        protocol.id,
        protocol.revision,
        word(&protocol.status()),
        word(&state.work),
        json(&state.drive),
        json(&state.reasons),
        state.pause.as_ref().map(word),
        state.faulted,
        state.end.as_ref().map(json),
        protocol.pull.as_ref().map(|pull| pull.number),
        protocol.pull.as_ref().map(json),
        &protocol.base,
        protocol.base_sha.as_ref(),
        protocol.base_moved,
        protocol.head.as_ref(),
        protocol.adopted_from.as_ref(),
        protocol.engine.as_ref(),
        protocol.model.as_ref(),
        protocol.plan_revision,
        protocol.spec.as_ref().map(json),
        protocol.spec_hash.as_ref(),
        &protocol.plan,
        protocol.merge.as_ref().map(json),
        &protocol.request,
        &protocol.slug,
        now,
    ];
    if tx.execute(sql, args).await? == 0 {
        return Err(StoreError::Conflict { what: "protocol" });
    }
    protocol.revision += 1;
    protocol.changed_at = now;
    Ok(())
}

pub async fn load(db: &mut Session, id: ProtocolId) -> Result<Option<Protocol>> {
    let sql = "SELECT * FROM protocol WHERE protocol_id = $1";
    db.one(sql, args![id], read).await
}

/// Since when a protocol's head is what it is; `None` when it has none, or that was before it was recorded.
pub async fn head_since(db: &mut Session, id: ProtocolId) -> Result<Option<Moment>> {
    let sql = "SELECT head_at FROM protocol WHERE protocol_id = $1";
    let since = db.one(sql, args![id], |row| row.moment_or_none("head_at")).await?;
    Ok(since.flatten())
}

/// Records that the forge shows a protocol as it was at `revision`. An earlier one changes nothing.
pub async fn mark_published(tx: &mut Tx, id: ProtocolId, revision: i64) -> Result<()> {
    let sql = "UPDATE protocol SET published = $2 WHERE protocol_id = $1 AND published < $2";
    tx.execute(sql, args![id, revision]).await?;
    Ok(())
}

/// At most `limit` protocols that changed before `changed`, are published as they were before that, and that nobody
/// publishes or will: a dead job rests.
pub async fn unpublished(db: &mut Session, changed: Moment, limit: u32) -> Result<Vec<ProtocolId>> {
    let sql = "SELECT protocol.protocol_id FROM protocol \
               JOIN project ON project.project_id = protocol.project_id AND project.access = 'granted' \
               WHERE published < revision AND protocol.changed_at <= $1 \
               AND NOT EXISTS (SELECT 1 FROM job WHERE job.protocol_id = protocol.protocol_id \
                               AND job.kind = 'publish' AND job.status IN ('queued', 'running', 'dead')) \
               ORDER BY protocol.protocol_id LIMIT $2";
    db.all(sql, args![changed, limit], |row| row.int("protocol_id").map(ProtocolId)).await
}

/// How a project is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUse {
    pub has_open: bool,
    /// When one of its protocols last changed, or the project itself.
    pub at: Moment,
}

/// When a project was last worked in; `None` when there is no such project.
pub async fn last_use(db: &mut Session, project: ProjectId) -> Result<Option<LastUse>> {
    let sql = "SELECT project.changed_at AS project_at, \
                      (SELECT MAX(changed_at) FROM protocol WHERE protocol.project_id = project.project_id) AS at, \
                      (SELECT COUNT(*) FROM protocol WHERE protocol.project_id = project.project_id \
                       AND status NOT IN ('cancelled', 'completed')) AS open \
               FROM project WHERE project_id = $1";
    let read = |row: &Row| {
        let project_at = row.moment("project_at")?;
        let at = row.moment_or_none("at")?.map_or(project_at, |at| at.max(project_at));
        Ok(LastUse { has_open: row.int("open")? > 0, at })
    };
    db.one(sql, args![project], read).await
}

/// Every protocol that is talked about in a thread: its issue, or its pull request.
pub async fn in_thread(db: &mut Session, project: ProjectId, thread: Thread) -> Result<Vec<Protocol>> {
    let sql = "SELECT * FROM protocol WHERE project_id = $1 \
                   AND ((issue = $2 AND asked_on_pull = $3) OR pull_number = $4) ORDER BY number";
    db.all(sql, in_thread_args(project, thread), read).await
}

/// Those of [`in_thread`] that are not terminal.
pub async fn open_in_thread(db: &mut Session, project: ProjectId, thread: Thread) -> Result<Vec<Protocol>> {
    let sql = "SELECT * FROM protocol WHERE project_id = $1 \
                   AND ((issue = $2 AND asked_on_pull = $3) OR pull_number = $4) \
                   AND status NOT IN ('cancelled', 'completed') ORDER BY number";
    db.all(sql, in_thread_args(project, thread), read).await
}

fn in_thread_args(project: ProjectId, thread: Thread) -> Vec<Arg> {
    args![project, thread.number, thread.is_pull(), Some(thread.number).filter(|_| thread.is_pull())]
}

/// The protocol whose branch this is: `0007-split-importer`.
pub async fn by_branch(db: &mut Session, project: ProjectId, branch: &str) -> Result<Option<Protocol>> {
    let Some((number, slug)) = number_and_slug(branch) else {
        return Ok(None);
    };
    let sql = "SELECT * FROM protocol WHERE project_id = $1 AND number = $2 AND slug = $3";
    let found = db.one(sql, args![project, number, slug], read).await?;
    Ok(found.filter(|protocol| protocol.branch() == branch))
}

/// Every protocol that is not terminal and has this branch, in all projects of a forge.
pub async fn open_by_branch(db: &mut Session, forge: ForgeKind, branch: &str) -> Result<Vec<Protocol>> {
    let Some((number, slug)) = number_and_slug(branch) else {
        return Ok(Vec::new());
    };
    let sql = "SELECT protocol.* FROM protocol JOIN project ON project.project_id = protocol.project_id \
               WHERE protocol.status NOT IN ('cancelled', 'completed') AND number = $1 AND slug = $2 \
                   AND project.forge = $3 ORDER BY protocol.protocol_id";
    let mut found = db.all(sql, args![number, slug, forge.as_str()], read).await?;
    found.retain(|protocol| protocol.branch() == branch);
    Ok(found)
}

fn number_and_slug(branch: &str) -> Option<(u32, &str)> {
    let (number, slug) = branch.split_once('-')?;
    Some((number.parse().ok()?, slug))
}

/// Every protocol that a commit belongs to: as its head, as a step's newest commit, or by a check of ours on it.
pub async fn by_sha(db: &mut Session, project: ProjectId, sha: &Sha) -> Result<Vec<Protocol>> {
    let sql = "SELECT * FROM protocol WHERE project_id = $1 AND protocol_id IN ( \
                   SELECT protocol_id FROM protocol WHERE project_id = $1 AND head = $2 \
                   UNION SELECT protocol_id FROM step WHERE commit_sha = $2 \
                   UNION SELECT protocol_id FROM posted_check WHERE sha = $2) \
               ORDER BY number";
    db.all(sql, args![project, sha], read).await
}

/// Every protocol of a project that is not terminal.
pub async fn open_of_project(db: &mut Session, project: ProjectId) -> Result<Vec<Protocol>> {
    let sql = "SELECT * FROM protocol WHERE project_id = $1 AND status NOT IN ('cancelled', 'completed') \
               ORDER BY number";
    db.all(sql, args![project], read).await
}

/// At most `limit` protocols that are not terminal, the oldest first.
pub async fn open_all(db: &mut Session, limit: u32) -> Result<Vec<Protocol>> {
    let sql =
        "SELECT * FROM protocol WHERE status NOT IN ('cancelled', 'completed') ORDER BY protocol_id LIMIT $1";
    db.all(sql, args![limit], read).await
}

/// How many protocols there are of each status that is no end; statuses without any are left out.
pub async fn count_open(db: &mut Session) -> Result<Vec<(ProtocolStatus, u64)>> {
    let sql = "SELECT status, COUNT(*) AS count FROM protocol WHERE status NOT IN ('cancelled', 'completed') \
               GROUP BY status ORDER BY status";
    let read = |row: &Row| Ok((row.word("status")?, row.number("count")?));
    db.all(sql, args![], read).await
}

/// The newest `limit` protocols, the newest first.
pub async fn list(db: &mut Session, limit: u32) -> Result<Vec<Protocol>> {
    let sql = "SELECT * FROM protocol ORDER BY protocol_id DESC LIMIT $1";
    db.all(sql, args![limit], read).await
}

pub async fn count(db: &mut Session) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS count FROM protocol";
    let count = db.one(sql, args![], |row| row.number("count")).await?;
    Ok(count.unwrap_or(0))
}

fn read(row: &Row) -> Result<Protocol> {
    Ok(Protocol {
        id: ProtocolId(row.int("protocol_id")?),
        project: ProjectId(row.int("project_id")?),
        number: ProtocolNumber(row.number("number")?),
        slug: row.text("slug")?,
        state: read_state(row)?,
        revision: row.int("revision")?,
        asked_in: read_thread(row)?,
        pull: row.json_or_none("pull")?,
        base: row.text("base")?,
        base_sha: row.sha_or_none("base_sha")?,
        base_moved: row.truth("base_moved")?,
        head: row.sha_or_none("head")?,
        adopted_from: row.text_or_none("adopted_from")?,
        request: row.text("request")?,
        requester: row.json("requester")?,
        engine: row.text_or_none("engine")?,
        model: row.text_or_none("model")?,
        plan_revision: row.number("plan_revision")?,
        spec: row.json_or_none("spec")?,
        spec_hash: row.text_or_none("spec_hash")?,
        plan: row.text("plan")?,
        merge: row.json_or_none("merge")?,
        created_at: row.moment("created_at")?,
        changed_at: row.moment("changed_at")?,
    })
}

fn read_thread(row: &Row) -> Result<Thread> {
    let kind = if row.truth("asked_on_pull")? { ThreadKind::Pull } else { ThreadKind::Issue };
    Ok(Thread { kind, number: row.number("issue")? })
}

fn read_state(row: &Row) -> Result<ProtocolState> {
    Ok(ProtocolState {
        work: row.word("work")?,
        drive: row.json("drive")?,
        reasons: row.json("reasons")?,
        pause: row.word_or_none("pause")?,
        faulted: row.truth("faulted")?,
        end: row.json_or_none("ended")?,
    })
}
