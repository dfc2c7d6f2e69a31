//! Repositories the bot serves. They are known by forge and numeric id; names may change under them.

use super::error::{Result, StoreError};
use super::sql::{Row, Session, Tx, args, word};
use crate::domain::forge_event::RepoFacts;
use crate::domain::ids::ProjectId;
use crate::domain::project::{ForgeKind, Project, RepoAccess, RepoRef};

/// Takes over what a delivery says of its repository, and returns the project as it is now.
///
/// A repository that was not seen before becomes a project with access granted. Access of a known one is left as it is,
/// but lost when the repository is archived. What is not said, and installation zero, leaves what is known; of a new
/// repository it is taken for public, with the branch `main`.
pub async fn upsert(tx: &mut Tx, forge: ForgeKind, facts: &RepoFacts) -> Result<Project> {
    if let Some(known) = by_repo(tx, forge, facts.repo.id).await?
        && says_nothing_new(facts, &known)
    {
        return Ok(known);
    }
    let sql = "INSERT INTO project (forge, repo_id, owner, name, installation, default_branch, private, access, \
                                    created_at, changed_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) \
               ON CONFLICT (forge, repo_id) DO UPDATE SET \
                   owner = excluded.owner, name = excluded.name, \
                   installation = CASE WHEN excluded.installation = 0 THEN project.installation \
                                       ELSE excluded.installation END, \
                   default_branch = COALESCE($10, project.default_branch), \
                   private = COALESCE($11, project.private), \
                   access = CASE WHEN excluded.access = 'lost' AND project.access = 'granted' THEN 'lost' \
                                 ELSE project.access END, \
                   changed_at = excluded.changed_at \
               RETURNING *";
    let access = if facts.archived { RepoAccess::Lost } else { RepoAccess::Granted };
    let repo = &facts.repo;
    let args = args![
        forge.as_str(),
        repo.id,
        &repo.owner,
        &repo.name,
        repo.installation,
        facts.default_branch.as_deref().unwrap_or("main"),
        facts.private.unwrap_or(false),
        word(&access),
        tx.now(),
        facts.default_branch.as_ref(),
        facts.private.map(i64::from),
    ];
    let stored = tx.one(sql, args, read).await?;
    stored.ok_or(StoreError::Missing { what: "project" })
}

fn says_nothing_new(facts: &RepoFacts, known: &Project) -> bool {
    let installation = facts.repo.installation;
    facts.repo.owner == known.repo.owner
        && facts.repo.name == known.repo.name
        && (installation == 0 || installation == known.repo.installation)
        && facts.default_branch.as_ref().is_none_or(|branch| *branch == known.default_branch)
        && facts.private.is_none_or(|private| private == known.private)
        && !(facts.archived && known.access == RepoAccess::Granted)
}

pub async fn load(db: &mut Session, id: ProjectId) -> Result<Option<Project>> {
    let sql = "SELECT * FROM project WHERE project_id = $1";
    db.one(sql, args![id], read).await
}

/// The project of the forge's numeric repository id.
pub async fn by_repo(db: &mut Session, forge: ForgeKind, repo: i64) -> Result<Option<Project>> {
    let sql = "SELECT * FROM project WHERE forge = $1 AND repo_id = $2";
    db.one(sql, args![forge.as_str(), repo], read).await
}

/// Every project that an installation reaches.
pub async fn of_installation(db: &mut Session, forge: ForgeKind, installation: i64) -> Result<Vec<Project>> {
    let sql = "SELECT * FROM project WHERE forge = $1 AND installation = $2 ORDER BY project_id";
    db.all(sql, args![forge.as_str(), installation], read).await
}

/// Every project, in the order they were first seen.
pub async fn all(db: &mut Session) -> Result<Vec<Project>> {
    db.all("SELECT * FROM project ORDER BY project_id", args![], read).await
}

/// Records whether the forge lets us reach the repository. Returns `false` when that was known.
pub async fn set_access(tx: &mut Tx, id: ProjectId, access: RepoAccess) -> Result<bool> {
    let sql = "UPDATE project SET access = $2, changed_at = $3 WHERE project_id = $1 AND access <> $2";
    let args = args![id, word(&access), tx.now()];
    Ok(tx.execute(sql, args).await? == 1)
}

/// Records that a check run or status of somebody else was seen. Returns `false` when that was known.
pub async fn mark_seen_ci(tx: &mut Tx, id: ProjectId) -> Result<bool> {
    let sql = "UPDATE project SET has_seen_ci = 1, changed_at = $2 WHERE project_id = $1 AND has_seen_ci = 0";
    let args = args![id, tx.now()];
    Ok(tx.execute(sql, args).await? == 1)
}

fn read(row: &Row) -> Result<Project> {
    Ok(Project {
        id: ProjectId(row.int("project_id")?),
        forge: row.word("forge")?,
        repo: RepoRef {
            id: row.int("repo_id")?,
            owner: row.text("owner")?,
            name: row.text("name")?,
            installation: row.int("installation")?,
        },
        default_branch: row.text("default_branch")?,
        private: row.truth("private")?,
        access: row.word("access")?,
        has_seen_ci: row.truth("has_seen_ci")?,
    })
}
