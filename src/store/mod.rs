//! The only SQL: what the bot knows, in SQLite or Postgres.
//!
//! [`Store`] opens the database, hands out sessions to read from and transactions to write in, and takes deliveries in.
//! One file per aggregate holds its statements as free functions: reads take a [`Session`], writes a [`Tx`], so that one
//! transaction can hold everything that must happen together. Deliberately absent: decisions. They are made by `domain`
//! between a load and a save.

mod condition;
mod error;
mod migrations;
mod sql;
mod wakes;

pub mod delivery;
mod intake;

pub mod event;
pub mod project;
pub mod protocol;
pub mod stage;
pub mod step;
pub mod told_push;

pub mod command;
pub mod effect;
pub mod posted;
pub mod run;

pub mod job;
pub mod mark;
pub mod retention;

pub use condition::Condition;
pub use error::{Database, StoreError, Trouble};
pub use intake::{Accepted, NewDelivery};
pub use sql::{Session, Tx};

use crate::domain::claim::Hold;
use crate::domain::ids::Moment;
use crate::domain::witness::{Act, Nobody, Witness};
use crate::meter::Meters;
use error::Result;
use intake::Intake;
use secrecy::{ExposeSecret, SecretString};
use sql::{Db, Surroundings};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Tells the time. Everything that the store stamps or compares comes from here.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Where the database is, how many connections may be open to it, who watches its commits, and where its work is counted.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    pub url: StoreUrl,
    /// Connections to read from on SQLite, to read and write on Postgres; at least one.
    pub pool: u32,
    pub witness: Arc<dyn Witness>,
    pub meters: Meters,
    /// How long a caller waits for a free connection before the store counts as unavailable.
    pub patience: Duration,
}

impl StoreSettings {
    /// A store that nobody watches, with fifteen seconds of patience.
    pub fn new(url: StoreUrl, pool: u32) -> Self {
        let (witness, meters) = (Arc::new(Nobody), Meters::default());
        Self { url, pool, witness, meters, patience: Duration::from_secs(15) }
    }
}

#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// A file, made when it is not there. Its folder must be there.
    Sqlite(PathBuf),
    /// `postgres://user:password@host/database`.
    Postgres(SecretString),
}

impl StoreUrl {
    fn database(&self) -> Database {
        match self {
            Self::Sqlite(_) => Database::Sqlite,
            Self::Postgres(_) => Database::Postgres,
        }
    }
}

/// How long a statement waits for another process that holds SQLite's write lock.
const BUSY: Duration = Duration::from_secs(10);
/// How long Postgres lets a transaction of ours stand still: one of a process that was stopped, or cut off, must not hold
/// the rows of a job that another process takes over.
const STILL: &str = "10s";

/// The open database. Clones share it.
#[derive(Clone)]
pub struct Store {
    db: Db,
    around: Surroundings,
    intake: Intake,
    meters: Meters,
}

impl Store {
    /// Opens the database and starts its intake. Tables are made by [`Store::migrate`].
    pub async fn open(settings: &StoreSettings, clock: Clock) -> Result<Self> {
        let pool = settings.pool.max(1);
        let db = match &settings.url {
            StoreUrl::Sqlite(path) => open_sqlite(path, pool, settings.patience).await,
            StoreUrl::Postgres(url) => open_postgres(url, pool, settings.patience).await,
        };
        let db = db.map_err(|error| error.of_opening(settings.url.database()))?;
        let around = Surroundings { clock, wakes: Arc::default(), witness: settings.witness.clone() };
        let meters = settings.meters.clone();
        let intake = Intake::start(db.clone(), around.clone(), meters.clone());
        Ok(Self { db, around, intake, meters })
    }

    /// Brings the tables to this version. Safe to repeat, and from several processes at once.
    pub async fn migrate(&self) -> Result<()> {
        self.around.witness.before(&Act::STORE_MIGRATION);
        let migrated = migrations::run(&self.db).await;
        self.around.witness.after(&Act::STORE_MIGRATION);
        migrated
    }

    pub fn now(&self) -> Moment {
        (self.around.clock)()
    }

    /// A connection to read from; what it reads may be a transaction old.
    pub async fn read(&self) -> Result<Session> {
        self.db.read(self.around.clock.clone()).await
    }

    /// Whether the database answers a question now.
    pub async fn ping(&self) -> Result<()> {
        self.read().await?.rows("SELECT 1 AS one", Vec::new()).await.map(drop)
    }

    /// Whether the database takes writes now: begins one that would change no row, and leaves it. Nothing is left behind, and
    /// nobody waits for a disk. On SQLite it waits for its turn to write, as every write does.
    pub async fn takes_writes(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.execute("UPDATE mark SET at = at WHERE 1 = 0", Vec::new()).await.map(drop)
    }

    /// A transaction to write in. On SQLite it is the only one: keep it short, and begin no second one inside.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin(self.around.clone()).await
    }

    /// A transaction of a job's worker: [`StoreError::LeaseLost`] when another worker took the job over.
    ///
    /// The job's row stays locked until the end, so nobody can take it over while this transaction is open.
    pub async fn begin_held(&self, hold: Hold) -> Result<Tx> {
        let mut tx = self.begin().await?;
        job::lock(&mut tx, hold).await?;
        Ok(tx)
    }

    /// Stores a delivery, and the job that processes it, durably; answers after the commit.
    ///
    /// Deliveries that come in together are stored together.
    pub async fn accept(&self, new: NewDelivery) -> Result<Accepted> {
        self.intake.accept(new).await
    }

    /// Rises whenever jobs may have come: this process committed them, or [`Store::wake_workers`] was called.
    pub fn wakes(&self) -> watch::Receiver<u64> {
        self.around.wakes.looks()
    }

    /// Rises whenever this process committed jobs, or the end of one that others may have waited for: what other processes
    /// are to be told.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.around.wakes.commits()
    }

    /// Has this process' workers look for jobs, because another process committed some.
    pub fn wake_workers(&self) {
        self.around.wakes.look();
    }

    /// Waits until every connection came back and is closed. Everything afterwards is [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.db.close().await;
    }
}

async fn open_sqlite(path: &Path, pool: u32, patience: Duration) -> Result<Db> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .statement_cache_capacity(200);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(patience)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options.clone().create_if_missing(true))
        .await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(pool)
        .acquire_timeout(patience)
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "ON"))
        .await?;
    Ok(Db::Sqlite { writer, readers })
}

async fn open_postgres(url: &SecretString, pool: u32, patience: Duration) -> Result<Db> {
    let options: PgConnectOptions = url.expose_secret().parse()?;
    let options = options.options([("idle_in_transaction_session_timeout", STILL)]);
    let pool =
        PgPoolOptions::new().max_connections(pool).acquire_timeout(patience).connect_with(options).await?;
    Ok(Db::Postgres(pool))
}
