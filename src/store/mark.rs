//! How far regular work has come: one moment per name, shared by every process.

use super::error::Result;
use super::sql::{Session, Tx, args};
use crate::domain::ids::Moment;

/// The moment under this name; `None` before the first.
pub async fn at(db: &mut Session, name: &str) -> Result<Option<Moment>> {
    let sql = "SELECT at FROM mark WHERE name = $1";
    db.one(sql, args![name], |row| row.moment("at")).await
}

/// Sets the moment under this name.
pub async fn set(tx: &mut Tx, name: &str, at: Moment) -> Result<()> {
    let sql = "INSERT INTO mark (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at";
    tx.execute(sql, args![name, at]).await?;
    Ok(())
}
