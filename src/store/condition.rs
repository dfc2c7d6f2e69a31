//! How the database is, for an operator.

use super::Store;
use super::error::Result;
use super::migrations;
use super::sql::{Db, PerDialect, Row, Session};

/// What a look at the database finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `SQLite 3.50.4`, `PostgreSQL 17.5`.
    pub program: String,
    /// Migrations that this version has and the database has not.
    pub missing: Vec<i64>,
    /// Migrations that the database has and this version does not know: a newer version was here.
    pub unknown: Vec<i64>,
    /// SQLite's journal mode; `wal` is what we ask for and some file systems refuse.
    pub journal: Option<String>,
}

impl Store {
    /// Looks at the database, and changes nothing.
    pub async fn condition(&self) -> Result<Condition> {
        let mut db = self.read().await?;
        let applied = applied(&mut db).await?;
        let known = migrations::versions();
        let without = |some: &[i64], others: &[i64]| {
            some.iter().copied().filter(|version| !others.contains(version)).collect()
        };
        Ok(Condition {
            program: program(&mut db).await?,
            missing: without(&known, &applied),
            unknown: without(&applied, &known),
            journal: match self.db {
                Db::Sqlite { .. } => {
                    text(&mut db, "SELECT journal_mode AS text FROM pragma_journal_mode").await?
                }
                Db::Postgres(_) => None,
            },
        })
    }

    /// Begins to write and leaves it.
    ///
    /// Errors: the database or its disk cannot be written, or somebody else has been writing for too long.
    pub async fn try_writing(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.execute("CREATE TABLE doctor_tried (tried BIGINT)", Vec::new()).await.map(drop)
    }
}

async fn program(db: &mut Session) -> Result<String> {
    const PROGRAM: PerDialect = PerDialect {
        sqlite: "SELECT 'SQLite ' || sqlite_version() AS text",
        postgres: "SELECT 'PostgreSQL ' || current_setting('server_version') AS text",
    };
    let sql = db.dialect(PROGRAM);
    Ok(text(db, sql).await?.unwrap_or_default())
}

/// The numbers of the migrations that were run; none when there is no table of them yet.
async fn applied(db: &mut Session) -> Result<Vec<i64>> {
    const TABLE: PerDialect = PerDialect {
        sqlite: "SELECT name AS text FROM sqlite_master WHERE name = '_sqlx_migrations'",
        postgres: "SELECT to_regclass('_sqlx_migrations')::text AS text",
    };
    let sql = db.dialect(TABLE);
    if text(db, sql).await?.is_none() {
        return Ok(Vec::new());
    }
    let sql = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";
    db.all(sql, Vec::new(), |row: &Row| row.int("version")).await
}

async fn text(db: &mut Session, sql: &'static str) -> Result<Option<String>> {
    let found: Option<Option<String>> = db.one(sql, Vec::new(), |row| row.text_or_none("text")).await?;
    Ok(found.flatten())
}
