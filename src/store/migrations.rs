//! Brings the tables to this version. Every migration is a pair of files of one name under `migrations/`.

use super::error::{Result, StoreError};
use super::sql::Db;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqlitePool};

/// One migration: its number, what it is about, and its text for either database.
struct Pair {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// In the order of their numbers. A number may be missing; a migration that comes later with a lower one is still run.
const PAIRS: &[Pair] = &[
    Pair {
        version: 1,
        name: "first house",
        sqlite: include_str!("../../migrations/sqlite/0001_first_house.sql"),
        postgres: include_str!("../../migrations/postgres/0001_first_house.sql"),
    },
    Pair {
        version: 4,
        name: "dead jobs",
        sqlite: include_str!("../../migrations/sqlite/0004_dead_jobs.sql"),
        postgres: include_str!("../../migrations/postgres/0004_dead_jobs.sql"),
    },
    Pair {
        version: 5,
        name: "sweeps",
        sqlite: include_str!("../../migrations/sqlite/0005_sweeps.sql"),
        postgres: include_str!("../../migrations/postgres/0005_sweeps.sql"),
    },
    Pair {
        version: 7,
        name: "threads",
        sqlite: include_str!("../../migrations/sqlite/0007_threads.sql"),
        postgres: include_str!("../../migrations/postgres/0007_threads.sql"),
    },
    Pair {
        version: 8,
        name: "stages",
        sqlite: include_str!("../../migrations/sqlite/0008_stages.sql"),
        postgres: include_str!("../../migrations/postgres/0008_stages.sql"),
    },
];

/// The numbers of all migrations of this version.
pub(super) fn versions() -> Vec<i64> {
    PAIRS.iter().map(|pair| pair.version).collect()
}

pub(super) async fn run(db: &Db) -> Result<()> {
    let outcome = match db {
        Db::Sqlite { writer, .. } => run_sqlite(writer).await,
        Db::Postgres(pool) => migrator(|pair| pair.postgres).run(pool).await,
    };
    outcome.map_err(|source| match source {
        MigrateError::Execute(source) => source.into(),
        source => StoreError::Migration { source },
    })
}

/// sqlx keeps processes that migrate at once apart on Postgres only; here the write lock does, around all of them.
async fn run_sqlite(writer: &SqlitePool) -> std::result::Result<(), MigrateError> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    migrator(|pair| pair.sqlite).run(&mut *tx).await?;
    Ok(tx.commit().await?)
}

fn migrator(text: fn(&Pair) -> &'static str) -> Migrator {
    let migration = |pair: &Pair| {
        let sql = text(pair).into_sql_str();
        Migration::new(pair.version, pair.name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(PAIRS.iter().map(migration).collect())
}
