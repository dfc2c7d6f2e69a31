//! Rows and their typed columns.

use crate::domain::ids::{Moment, Sha};
use crate::store::error::{Result, StoreError};
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// A row of either database. Columns are asked for by name; what cannot be read is [`StoreError::Corrupt`].
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The error for a value that means nothing here.
    pub(in crate::store) fn unknown(column: &str, value: &str) -> StoreError {
        corrupt(column, format!("`{value}` is not known"))
    }

    pub(in crate::store) fn int(&self, column: &str) -> Result<i64> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(in crate::store) fn int_or_none(&self, column: &str) -> Result<Option<i64>> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(in crate::store) fn text(&self, column: &str) -> Result<String> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(in crate::store) fn text_or_none(&self, column: &str) -> Result<Option<String>> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(in crate::store) fn bytes_or_none(&self, column: &str) -> Result<Option<Vec<u8>>> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(in crate::store) fn truth(&self, column: &str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A whole number of a narrower type.
    pub(in crate::store) fn number<T: TryFrom<i64>>(&self, column: &str) -> Result<T>
    where
        T::Error: std::error::Error + Send + Sync + 'static,
    {
        T::try_from(self.int(column)?).map_err(|source| corrupt(column, source))
    }

    pub(in crate::store) fn moment(&self, column: &str) -> Result<Moment> {
        self.int(column).map(Moment)
    }

    pub(in crate::store) fn moment_or_none(&self, column: &str) -> Result<Option<Moment>> {
        Ok(self.int_or_none(column)?.map(Moment))
    }

    pub(in crate::store) fn sha(&self, column: &str) -> Result<Sha> {
        self.sha_or_none(column)?.ok_or_else(|| corrupt(column, "no commit id"))
    }

    pub(in crate::store) fn sha_or_none(&self, column: &str) -> Result<Option<Sha>> {
        let read = |text: String| Sha::parse(&text).ok_or_else(|| corrupt(column, "not a commit id"));
        self.text_or_none(column)?.map(read).transpose()
    }

    /// A fieldless variant from its word.
    pub(in crate::store) fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        read_word(column, &self.text(column)?)
    }

    pub(in crate::store) fn word_or_none<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        self.text_or_none(column)?.map(|text| read_word(column, &text)).transpose()
    }

    pub(in crate::store) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|source| corrupt(column, source))
    }

    pub(in crate::store) fn json_or_none<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        let text = self.text_or_none(column)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|source| corrupt(column, source))
    }
}

fn read_word<T: DeserializeOwned>(column: &str, text: &str) -> Result<T> {
    let word: StrDeserializer<'_, WordError> = text.into_deserializer();
    T::deserialize(word).map_err(|source| corrupt(column, source))
}

fn corrupt(column: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Corrupt { what: column.to_owned(), source: source.into() }
}
