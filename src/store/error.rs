//! What goes wrong with the store.

use crate::domain::retry::Retry;
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
    /// The database cannot be reached, is full or is busy: try again later.
    #[error("the database does not answer; check TASKSGODZILLA_DB_URL, the disk and the database's log")]
    Unavailable {
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
    #[error(
        "the database lets nobody in this way; check the user, password and name in TASKSGODZILLA_DB_URL"
    )]
    Settings {
        #[source]
        source: sqlx::Error,
    },
    #[error("the database cannot be brought to this version's tables; was it made by a newer version")]
    Migration {
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

impl StoreError {
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
    pub(super) fn of_opening(self) -> Self {
        match self {
            Self::Refused { source } => Self::Settings { source },
            error => error,
        }
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
            sqlx::Error::Database(refusal) if !passes(refusal.as_ref()) => Self::Refused { source },
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
            _ => Self::Unavailable { source: Arc::new(source) },
        }
    }
}

/// Whether the same statement may succeed later.
///
/// SQLite's primary result codes (<https://sqlite.org/rescode.html>): 5 busy, 6 locked, 7 no memory, 8 read-only, 10 I/O,
/// 13 full, 14 cannot open. Postgres' classes (<https://www.postgresql.org/docs/current/errcodes-appendix.html>): 08
/// connection, 25 transaction state, 40 rollback (deadlock), 53 resources, 55 not now, 57 operator, 58 system.
fn passes(refusal: &dyn sqlx::error::DatabaseError) -> bool {
    let code = refusal.code().unwrap_or_default();
    if refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return ["08", "25", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class));
    }
    let primary = code.parse::<u32>().map_or(0, |extended| extended & 0xff);
    matches!(primary, 5 | 6 | 7 | 8 | 10 | 13 | 14)
}
