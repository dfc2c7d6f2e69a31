//! Regular jobs queue themselves again when they are done. The first of each has to come from somewhere.

use super::EVERY;
use crate::domain::job::Job;
use crate::services::Ctx;
use crate::store;

/// Queues the next pass, and each other regular job that is neither queued nor running.
pub(super) async fn keep_going(ctx: &Ctx) -> anyhow::Result<()> {
    let with_log = ctx.forges.values().filter(|forge| forge.delivery_log().is_some());
    let reading = with_log.map(|forge| Job::ReadDeliveries { forge: forge.kind() });
    let mut tx = ctx.store.begin().await?;
    for job in reading.chain([Job::Tidy]) {
        store::job::push_if_missing(&mut tx, job).await?;
    }
    store::job::push(&mut tx, Job::Reconcile, ctx.now().plus(EVERY)).await?;
    tx.commit().await?;
    Ok(())
}
