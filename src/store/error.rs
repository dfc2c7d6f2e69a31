//! What goes wrong with the store.

use crate::domain::retry::Retry;
use sqlx::error::DatabaseError;
use std::sync::Arc;

pub(in crate::store) type Result<T> = std::result::Result<T, StoreError>;

/// What went wrong with the store, by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was first: load again and decide again.
    #[error("the {what} was changed by somebody else meanwhile")]
    Conflict { what: &'static str },
    /// The job belongs to another worker now: stop, and touch nothing more.
    #[error("the job is held by another worker now")]
    LeaseLost,
    #[error("the store has no such {what}")]
    Missing { what: &'static str },
    /// The database cannot be reached, is full, is busy or takes no writes: try again later.
    #[error("{}", trouble.words())]
    Unavailable {
        trouble: Trouble,
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// A row that this version cannot read: somebody wrote into the table, or a newer version did.
    #[error("the store holds a {what} that this version cannot read")]
    Corrupt {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refuses the statement; the same statement would be refused again.
    #[error("the database refuses a statement")]
    Refused {
        #[source]
        source: sqlx::Error,
    },
    /// What was asked for when it was opened is wrong.
    #[error("{}", database.unfit())]
    Settings {
        database: Database,
        #[source]
        source: sqlx::Error,
    },
    #[error("the database cannot be brought to this version's tables; was it made by a newer version")]
    Migration {
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

/// Which database it is, and hence which setting names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    fn of(refusal: &dyn DatabaseError) -> Self {
        match refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
            Some(_) => Self::Postgres,
            None => Self::Sqlite,
        }
    }

    fn unfit(self) -> &'static str {
        match self {
            Self::Sqlite => "what TASKSGODZILLA_DB_PATH names cannot be opened as a database",
            Self::Postgres => {
                "the database lets nobody in this way; check the user, password and name in TASKSGODZILLA_DB_URL"
            }
        }
    }
}

/// Why a database cannot be used now. It says which setting to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing came back, or not in time.
    Silent(Database),
    /// It answered that it takes no writes.
    ReadOnly(Database),
    /// It answered that it cannot do it now.
    Busy(Database),
    /// SQLite's disk is full.
    Full,
    /// SQLite's file is not there and cannot be made, or its disk is broken.
    NoFile,
}

impl Trouble {
    fn words(self) -> &'static str {
        match self {
            Self::Silent(Database::Postgres) => {
                "the database does not answer; check that it runs, TASKSGODZILLA_DB_URL and its log"
            }
            Self::Silent(Database::Sqlite) => {
                "the database was not free in time; see who else holds the file of TASKSGODZILLA_DB_PATH, and its disk"
            }
            Self::ReadOnly(Database::Postgres) => {
                "the database takes no writes; make it writable, or name the one that is in TASKSGODZILLA_DB_URL"
            }
            Self::ReadOnly(Database::Sqlite) => {
                "the database takes no writes; let the bot's user write the file of TASKSGODZILLA_DB_PATH and its folder"
            }
            Self::Busy(Database::Postgres) => {
                "the database answers and cannot do it now; see the log of the one in TASKSGODZILLA_DB_URL"
            }
            Self::Busy(Database::Sqlite) => {
                "the database is locked; see who else holds the file of TASKSGODZILLA_DB_PATH"
            }
            Self::Full => "the database's disk is full; make room where TASKSGODZILLA_DB_PATH lies",
            Self::NoFile => {
                "the database's file cannot be used; check TASKSGODZILLA_DB_PATH, its folder and its disk"
            }
        }
    }

    /// What a refusal says that may pass; `None` for one that the same statement would meet again.
    ///
    /// SQLite's primary result codes (<https://sqlite.org/rescode.html>): 5 busy, 6 locked, 7 no memory, 8 read-only, 10
    /// I/O, 13 full, 14 cannot open. Postgres' classes (<https://www.postgresql.org/docs/current/errcodes-appendix.html>):
    /// 08 connection, 25 transaction state (25006 is read-only), 40 rollback (deadlock), 53 resources, 55 not now, 57
    /// operator, 58 system.
    fn of(refusal: &dyn DatabaseError) -> Option<Self> {
        let code = refusal.code().unwrap_or_default();
        if Database::of(refusal) == Database::Postgres {
            let passes =
                ["08", "25", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class));
            return match &*code {
                "25006" => Some(Self::ReadOnly(Database::Postgres)),
                _ => passes.then_some(Self::Busy(Database::Postgres)),
            };
        }
        match code.parse::<u32>().map_or(0, |extended| extended & 0xff) {
            5..=7 => Some(Self::Busy(Database::Sqlite)),
            8 => Some(Self::ReadOnly(Database::Sqlite)),
            13 => Some(Self::Full),
            10 | 14 => Some(Self::NoFile),
            _ => None,
        }
    }
}

impl StoreError {
    /// Nothing came back from `database` in time.
    pub(super) fn silent(database: Database) -> Self {
        Self::Unavailable { trouble: Trouble::Silent(database), source: Arc::new(sqlx::Error::PoolTimedOut) }
    }

    /// The same error, of waiting for a connection to `database`: the driver does not say whose pool is exhausted.
    pub(super) fn of_waiting(self, database: Database) -> Self {
        match self {
            Self::Unavailable { trouble: Trouble::Silent(_), source } => {
                Self::Unavailable { trouble: Trouble::Silent(database), source }
            }
            error => error,
        }
    }

    /// What the error says about trying the same work again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Conflict { .. } | Self::Unavailable { .. } => Retry::Soon,
            Self::LeaseLost
            | Self::Missing { .. }
            | Self::Corrupt { .. }
            | Self::Refused { .. }
            | Self::Settings { .. }
            | Self::Migration { .. } => Retry::Never,
        }
    }

    /// The same error, of opening the database: what is refused then is the address or the login.
    pub(super) fn of_opening(self, database: Database) -> Self {
        match self.of_waiting(database) {
            Self::Refused { source } => Self::Settings { database, source },
            error => error,
        }
    }

    /// Whether a setting is wrong rather than the database away: starting it would not help.
    pub fn is_of_settings(&self) -> bool {
        matches!(self, Self::Settings { .. } | Self::Unavailable { trouble: Trouble::NoFile, .. })
    }

    /// Whether a unique index refused a row, which means that somebody else's row was there first.
    pub(super) fn is_taken(&self) -> bool {
        match self {
            Self::Refused { source } => {
                source.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
            }
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::Database(refusal) => match Trouble::of(refusal.as_ref()) {
                Some(trouble) => Self::Unavailable { trouble, source: Arc::new(source) },
                None => Self::Refused { source },
            },
            sqlx::Error::Configuration(_) => Self::Refused { source },
            sqlx::Error::ColumnNotFound(column) => {
                Self::Corrupt { what: column.clone(), source: source.into() }
            }
            sqlx::Error::ColumnDecode { index, .. } => {
                Self::Corrupt { what: index.clone(), source: source.into() }
            }
            sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::TypeNotFound { .. } => {
                Self::Refused { source }
            }
            // SQLite's own connections break by an answer only; whoever waits for one says for which.
            _ => Self::Unavailable { trouble: Trouble::Silent(Database::Postgres), source: Arc::new(source) },
        }
    }
}
