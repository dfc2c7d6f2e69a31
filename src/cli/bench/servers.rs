//! The servers that a bench is given: asked first, for figures without them would say something else.

use super::Args;
use crate::app::system_clock;
use crate::cli::Failure;
use crate::config::Redactor;
use crate::queue::count_processes;
use crate::store::{Store, StoreError, StoreSettings, StoreUrl};
use secrecy::SecretString;
use std::error::Error;
use std::time::Duration;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Errors: one of them does not answer.
pub(super) async fn answer(args: &Args) -> Result<(), Failure> {
    if let Some(url) = &args.postgres {
        let asked = tokio::time::timeout(PATIENCE, postgres(url)).await;
        told("--postgres", url, asked.unwrap_or_else(|elapsed| Err(elapsed.to_string())))?;
    }
    if let Some(url) = &args.redis {
        let asked = tokio::time::timeout(PATIENCE, redis(url)).await;
        told("--redis", url, asked.unwrap_or_else(|elapsed| Err(elapsed.to_string())))?;
    }
    Ok(())
}

/// The errors of the store name a setting of the bot, which a bench does not have: what lies behind them counts.
async fn postgres(url: &str) -> Result<(), String> {
    let settings = StoreUrl::Postgres(url.to_owned().into());
    let settings = StoreSettings { patience: PATIENCE, ..StoreSettings::new(settings, 1) };
    let behind = |error: StoreError| error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let store = Store::open(&settings, system_clock()).await.map_err(behind)?;
    let answer = store.ping().await.map_err(behind);
    store.close().await;
    answer
}

async fn redis(url: &str) -> Result<(), String> {
    count_processes(&SecretString::from(url)).await.map(drop).map_err(|error| error.to_string())
}

fn told(option: &str, url: &str, answer: Result<(), String>) -> Result<(), Failure> {
    answer.map_err(|why| {
        let failure = Failure::no(format!("{option} does not answer: {why}"));
        let hint = "start it, or correct its address; without the option SQLite and the queue of its own are measured";
        failure.hint(hint).redacted(&Redactor::new(&[SecretString::from(url)]))
    })
}
