//! What a timer looks at, so that nothing that was lost stays lost. One file per sweep; each is safe to repeat and changes
//! nothing that stands as it should.

mod answers;
mod dead;
mod reports;
mod rounds;
mod steps;
mod work;

use super::{Ctx, disk};
use std::time::Duration;

/// How long after a pass the next one begins.
pub const EVERY: Duration = Duration::from_secs(30);

/// One pass of every sweep; it queues the next one. A sweep that fails does not keep the others from their turn, and has
/// its next one with the next pass.
pub async fn pass(ctx: &Ctx) -> anyhow::Result<()> {
    let swept = [
        ("dead jobs", dead::bring_back(ctx).await),
        ("steps", steps::fail_abandoned(ctx).await),
        ("work", work::wake(ctx).await),
        ("answers", answers::send_overdue(ctx).await),
        ("reports", reports::publish_overdue(ctx).await),
    ];
    for (sweep, outcome) in swept {
        if let Err(fault) = outcome {
            tracing::error!(sweep, fault = format!("{fault:#}"), "a sweep failed");
        }
    }
    warn_of_full_disks(ctx);
    rounds::keep_going(ctx).await
}

fn warn_of_full_disks(ctx: &Ctx) {
    for volume in disk::volumes(ctx) {
        if let Some(shortage) = volume.shortage() {
            let path = volume.path.display();
            tracing::warn!(setting = volume.setting, %path, %shortage, "no new work begins here");
        }
    }
}
