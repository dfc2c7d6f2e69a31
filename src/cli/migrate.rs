//! `migrate`: bring the database to this version.

use super::{Failure, output};
use crate::app::{self, Observers};
use crate::config::{Needs, Raw, Settings};

pub(super) async fn run() -> Result<(), Failure> {
    let settings = Settings::check(&Raw::from_environment(), Needs::Store).map_err(Failure::settings)?;
    let store = app::open_store(&settings, app::system_clock(), &Observers::default()).await?;
    store.close().await;
    output::talk("the database is up to date");
    Ok(())
}
