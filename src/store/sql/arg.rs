//! Arguments of a statement.

use crate::domain::ids::{
    CommandId, DeliveryId, JobId, Moment, ProjectId, ProtocolId, ProtocolNumber, RunId, Sha, StepId,
};
use serde::Serialize;
use serde_json::Value;
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// One argument. Absent values keep their type, because Postgres wants to know it.
#[derive(Debug, Clone)]
pub(in crate::store) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
}

/// Lists the arguments of a statement, in the order of its placeholders.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::Arg::from($value)),*] };
}
pub(in crate::store) use args;

/// A value as JSON text.
pub(in crate::store) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("domain values have string keys and no fallible serialisers")
}

/// A fieldless variant as its word.
pub(in crate::store) fn word(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(word)) => word,
        other => unreachable!("only fieldless variants are stored as words, not {other:?}"),
    }
}

/// Postgres refuses NUL in text and SQLite keeps it; dropping it makes both the same.
pub(in crate::store) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(Some(without_nul(text)))
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::from(text.clone())
    }
}

impl From<&Sha> for Arg {
    fn from(sha: &Sha) -> Self {
        Self::from(sha.as_str())
    }
}

impl From<bool> for Arg {
    fn from(truth: bool) -> Self {
        Self::Int(Some(i64::from(truth)))
    }
}

impl From<u64> for Arg {
    fn from(number: u64) -> Self {
        Self::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<u32> for Arg {
    fn from(number: u32) -> Self {
        Self::Int(Some(number.into()))
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<ProtocolNumber> for Arg {
    fn from(number: ProtocolNumber) -> Self {
        Self::from(number.0)
    }
}

macro_rules! int_args {
    ($($id:ident),+) => {$(
        impl From<$id> for Arg {
            fn from(id: $id) -> Self {
                Self::Int(Some(id.0))
            }
        }
    )+};
}
int_args!(ProjectId, ProtocolId, StepId, JobId, RunId, DeliveryId, CommandId, Moment);

macro_rules! absent_args {
    ($kind:ident: $($type:ty),+) => {$(
        impl From<Option<$type>> for Arg {
            fn from(value: Option<$type>) -> Self {
                value.map_or(Self::$kind(None), Self::from)
            }
        }
    )+};
}
absent_args!(Int: i64, u64, ProtocolId, StepId, CommandId, Moment);
absent_args!(Text: String, &str, &String, &Sha);

pub(super) fn for_sqlite(args: Vec<Arg>) -> Result<SqliteArguments, sqlx::Error> {
    let mut list = SqliteArguments::default();
    for arg in args {
        match arg {
            Arg::Int(number) => Arguments::add(&mut list, number),
            Arg::Text(text) => Arguments::add(&mut list, text),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(list)
}

pub(super) fn for_postgres(args: Vec<Arg>) -> Result<PgArguments, sqlx::Error> {
    let mut list = PgArguments::default();
    for arg in args {
        match arg {
            Arg::Int(number) => Arguments::add(&mut list, number),
            Arg::Text(text) => Arguments::add(&mut list, text),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(list)
}
