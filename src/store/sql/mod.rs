//! The way to the database: sessions, transactions, arguments and rows, the same over SQLite and Postgres.
//!
//! Statements are written once, with `$1` placeholders and nothing that only one of the two understands; where that
//! cannot be, a [`PerDialect`] holds both texts. Nothing outside of `store/` sees this.

mod arg;
mod row;
mod session;

pub(super) use arg::{Arg, args, json, without_nul, word};
pub(super) use row::Row;
pub(super) use session::{Db, PerDialect, Surroundings, Wire};
pub use session::{Session, Tx};
