//! Jobs that failed for good though nobody was told of it.

use crate::domain::job::Job;
use crate::domain::retry::is_time_again;
use crate::services::Ctx;
use crate::store;
use crate::store::delivery::DeliveryStatus;

/// Jobs of each kind that one pass looks at.
const MOST: u32 = 1_000;

/// Queues them again, with all their attempts, when they have rested.
pub(super) async fn bring_back(ctx: &Ctx) -> anyhow::Result<()> {
    for kind in Job::HEALING {
        for dead in store::job::dead_of_kind(&mut ctx.store.read().await?, kind, MOST).await? {
            let Some(job) = dead.job else { continue };
            if !is_time_again(dead.created_at, dead.changed_at, ctx.now()) || is_settled(ctx, job).await? {
                continue;
            }
            let mut tx = ctx.store.begin().await?;
            store::job::revive(&mut tx, dead.id).await?;
            tx.commit().await?;
            tracing::info!(job.id = dead.id.0, job.kind = kind, "a dead job is tried again");
        }
    }
    Ok(())
}

/// A delivery whose failure people were told of stays as it is until an operator says otherwise.
async fn is_settled(ctx: &Ctx, job: Job) -> anyhow::Result<bool> {
    let Job::ProcessDelivery { delivery, .. } = job else {
        return Ok(false);
    };
    let delivery = store::delivery::load(&mut ctx.store.read().await?, delivery).await?;
    Ok(delivery.is_none_or(|delivery| delivery.status != DeliveryStatus::Stored))
}
