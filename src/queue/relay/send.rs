//! Telling the other processes that this one committed jobs.

use super::registry::Registry;
use super::{Counts, PAUSE, Reach};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The least time between two rounds: whatever is committed meanwhile is told at once.
const PACE: Duration = Duration::from_millis(5);

/// Tells the others after every commit, and after every change of who is there: what was committed while Redis was away, or
/// before a process was known, is told then. Never falls behind, because commits that came in between are one round.
pub(super) async fn send(
    registry: Registry,
    mut reach: watch::Receiver<Reach>,
    mut commits: watch::Receiver<u64>,
    counts: Arc<Counts>,
) {
    loop {
        let more = tokio::select! {
            more = commits.changed() => more,
            more = reach.changed() => more,
        };
        if more.is_err() {
            return;
        }
        loop {
            let others = reach.borrow_and_update().live.clone();
            let Err(error) = registry.tell(&others, &counts).await else { break };
            tracing::debug!(error, "the other processes could not be woken; trying again");
            tokio::time::sleep(PAUSE).await;
        }
        tokio::time::sleep(PACE).await;
    }
}
