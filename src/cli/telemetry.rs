//! Where the process' own log goes: standard error, as text or JSON.

use super::Failure;
use crate::config::Settings;
use tracing_subscriber::EnvFilter;

/// Starts logging as the settings say.
pub(super) fn start(settings: &Settings) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&settings.log_level).map_err(|why| {
        Failure::settings(vec![format!("TASKSGODZILLA_LOG_LEVEL is `{}`: {why}", settings.log_level)])
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if settings.log_json { builder.json().try_init() } else { builder.try_init() };
    started.map_err(|why| anyhow::anyhow!(why).into())
}
