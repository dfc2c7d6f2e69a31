//! Connections and transactions over both databases.

use super::arg::{Arg, for_postgres, for_sqlite};
use super::row::Row;
use crate::domain::ids::Moment;
use crate::domain::witness::{Act, Witness};
use crate::store::Clock;
use crate::store::error::{Database, Result, StoreError};
use crate::store::wakes::Wakes;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The pools of one database. SQLite's `writer` holds exactly one connection: every write of this process passes it.
#[derive(Clone)]
pub(in crate::store) enum Db {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// What every transaction of a store needs besides its connection.
#[derive(Clone)]
pub(in crate::store) struct Surroundings {
    pub clock: Clock,
    pub wakes: Arc<Wakes>,
    pub witness: Arc<dyn Witness>,
}

/// One statement in the two dialects.
#[derive(Clone, Copy)]
pub(in crate::store) struct PerDialect {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// A connection to read from.
pub struct Session {
    link: Link,
    clock: Clock,
}

enum Link {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTx(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTx(Transaction<'static, Postgres>),
}

/// The driver's own connection, for what only one of them can do.
pub(in crate::store) enum Wire<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

/// A write transaction. Dropped without [`Tx::commit`], it leaves nothing behind.
pub struct Tx {
    session: Session,
    around: Surroundings,
    pushed: bool,
}

impl Db {
    pub(in crate::store) async fn read(&self, clock: Clock) -> Result<Session> {
        let link = match self {
            Self::Sqlite { readers, .. } => readers.acquire().await.map(Link::Sqlite),
            Self::Postgres(pool) => pool.acquire().await.map(Link::Postgres),
        };
        let link = link.map_err(|source| StoreError::from(source).of_waiting(self.kind()))?;
        Ok(Session { link, clock })
    }

    pub(in crate::store) fn kind(&self) -> Database {
        match self {
            Self::Sqlite { .. } => Database::Sqlite,
            Self::Postgres(_) => Database::Postgres,
        }
    }

    /// SQLite takes the write lock at once: a transaction that reads first and writes later would be refused as soon as
    /// another process wrote in between.
    pub(in crate::store) async fn begin(&self, around: Surroundings) -> Result<Tx> {
        let link = match self {
            Self::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Link::SqliteTx),
            Self::Postgres(pool) => begin_postgres(pool.clone()).await.map(Link::PostgresTx),
        };
        let link = link.map_err(|source| StoreError::from(source).of_waiting(self.kind()))?;
        let session = Session { link, clock: around.clock.clone() };
        Ok(Tx { session, around, pushed: false })
    }

    pub(in crate::store) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins in a task of its own, which goes on to its end when the caller is dropped: a begin that is given up half way leaves
/// its connection inside a transaction that the driver does not know of.
async fn begin_postgres(pool: PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let begun = tokio::spawn(async move { pool.begin().await }).await;
    begun.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

impl Session {
    pub fn now(&self) -> Moment {
        (self.clock)()
    }

    pub(in crate::store) fn wire(&mut self) -> Wire<'_> {
        match &mut self.link {
            Link::Sqlite(link) => Wire::Sqlite(link),
            Link::SqliteTx(link) => Wire::Sqlite(link),
            Link::Postgres(link) => Wire::Postgres(link),
            Link::PostgresTx(link) => Wire::Postgres(link),
        }
    }

    /// The text of `statement` in this session's dialect.
    pub(in crate::store) fn dialect(&self, statement: PerDialect) -> &'static str {
        match &self.link {
            Link::Sqlite(_) | Link::SqliteTx(_) => statement.sqlite,
            Link::Postgres(_) | Link::PostgresTx(_) => statement.postgres,
        }
    }

    /// Runs a statement and returns how many rows it touched.
    pub(in crate::store) async fn execute(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        Ok(match self.wire() {
            Wire::Sqlite(link) => {
                let query = sqlx::query_with(sql, for_sqlite(args)?);
                query.execute(link).await?.rows_affected()
            }
            Wire::Postgres(link) => {
                let query = sqlx::query_with(sql, for_postgres(args)?);
                query.execute(link).await?.rows_affected()
            }
        })
    }

    pub(in crate::store) async fn rows(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        Ok(match self.wire() {
            Wire::Sqlite(link) => {
                let rows = sqlx::query_with(sql, for_sqlite(args)?).fetch_all(link).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Wire::Postgres(link) => {
                let rows = sqlx::query_with(sql, for_postgres(args)?).fetch_all(link).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The only row of the answer, if there is one.
    pub(in crate::store) async fn row(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.pop())
    }

    /// Reads every row of the answer with `read`.
    pub(in crate::store) async fn all<T>(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
        read: fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.rows(sql, args).await?.iter().map(read).collect()
    }

    /// Reads the only row of the answer with `read`, if there is one.
    pub(in crate::store) async fn one<T>(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
        read: fn(&Row) -> Result<T>,
    ) -> Result<Option<T>> {
        self.row(sql, args).await?.as_ref().map(read).transpose()
    }
}

impl Tx {
    /// Makes everything durable; then wakes the workers of this process if jobs were pushed.
    pub async fn commit(self) -> Result<()> {
        let Surroundings { wakes, witness, .. } = self.around;
        witness.before(&Act::STORE_COMMIT);
        let committed = match self.session.link {
            Link::SqliteTx(tx) => tx.commit().await,
            Link::PostgresTx(tx) => tx.commit().await,
            Link::Sqlite(_) | Link::Postgres(_) => unreachable!("`Db::begin` makes transactions only"),
        };
        witness.after(&Act::STORE_COMMIT);
        committed?;
        if self.pushed {
            wakes.committed();
        }
        Ok(())
    }

    /// Remembers that the workers are to be woken after the commit.
    pub(in crate::store) fn will_wake(&mut self) {
        self.pushed = true;
    }
}

impl Deref for Tx {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
