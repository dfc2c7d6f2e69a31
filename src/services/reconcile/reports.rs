//! Reports that show less than the store knows, and checks that were left unfinished where nobody works any more.

use crate::domain::job::Job;
use crate::services::Ctx;
use crate::store;
use std::time::Duration;

/// How long publishing may take before it is looked after.
const OVERDUE: Duration = Duration::from_secs(60);
/// Protocols that one pass publishes for each cause.
const MOST: u32 = 200;

/// Queues the publishing of every such protocol that nobody publishes.
pub(super) async fn publish_overdue(ctx: &Ctx) -> anyhow::Result<()> {
    let changed = ctx.now().minus(OVERDUE);
    let mut db = ctx.store.read().await?;
    let mut behind = store::protocol::unpublished(&mut db, changed, MOST).await?;
    behind.extend(store::posted::unfinished_in_vain(&mut db, MOST).await?);
    drop(db);
    if behind.is_empty() {
        return Ok(());
    }
    let mut tx = ctx.store.begin().await?;
    for protocol in behind {
        store::job::push(&mut tx, Job::Publish { protocol }, ctx.now()).await?;
    }
    tx.commit().await?;
    Ok(())
}
