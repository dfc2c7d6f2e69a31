//! A job failed: it waits, and the reports say until when; or it failed for good, and a person decides. Or its worker lost it.

use super::change::{GATHER, record};
use super::{Ctx, ci, execution, intake, pulls, quality};
use crate::domain::claim::Claimed;
use crate::domain::event::EventKind;
use crate::domain::job::Job;
use crate::domain::protocol::ReasonKey;
use crate::store;

/// A protocol's job waits for a later time: its reports say so once that is stored.
pub async fn delayed(ctx: &Ctx, turn: &Claimed) -> anyhow::Result<()> {
    let Some(protocol) = turn.job.protocol().filter(|_| !is_publishing(turn.job)) else {
        return Ok(());
    };
    let mut tx = ctx.store.begin().await?;
    store::job::push(&mut tx, Job::Publish { protocol }, ctx.now().plus(GATHER)).await?;
    tx.commit().await?;
    Ok(())
}

/// This worker lost the lease of a job while it ran: what it wrote on the forge may have come after what the next worker
/// wrote. One more round of publishing makes the forge show what the store says.
pub async fn lost(ctx: &Ctx, turn: &Claimed) -> anyhow::Result<()> {
    let Some(protocol) = turn.job.protocol() else {
        return Ok(());
    };
    let again = match is_publishing(turn.job) {
        true => Job::Republish { protocol, late: turn.id },
        false => Job::Publish { protocol },
    };
    let mut tx = ctx.store.begin().await?;
    store::job::push(&mut tx, again, ctx.now().plus(GATHER)).await?;
    tx.commit().await?;
    Ok(())
}

fn is_publishing(job: Job) -> bool {
    matches!(job, Job::Publish { .. } | Job::Republish { .. })
}

/// Records what the failure of `turn`'s job means. `error` is what people may read of it.
///
/// What nobody waits for is brought back by the regular pass, see [`Job::HEALING`]; a head that could not be read is read
/// by the next job that stands on it.
pub async fn give_up(ctx: &Ctx, turn: &Claimed, error: &str) -> anyhow::Result<()> {
    match turn.job {
        Job::ExecuteStep { step, .. } => execution::give_up(ctx, turn, step, error).await,
        Job::RunQuality { step, .. } => quality::give_up(ctx, turn, step, error).await,
        Job::OpenPr { .. } | Job::Merge { .. } => pulls::give_up(ctx, turn, turn.job, error).await,
        Job::ReadCi { protocol } => ci::give_up(ctx, turn, protocol, error).await,
        Job::ProcessDelivery { delivery, .. } => intake::give_up(ctx, turn, delivery).await,
        Job::PlanProtocol { protocol } => {
            let detail = format!("planning failed: {error}");
            record(ctx, protocol, Some(turn.hold()), |draft| {
                draft.note(EventKind::PlanningFailed, None, detail.clone());
                draft.block(ReasonKey::PlanFailed, None, detail.clone())
            })
            .await
        }
        Job::ReadHead { protocol } => {
            record(ctx, protocol, Some(turn.hold()), |draft| {
                draft.note(EventKind::JobFailed, None, format!("the branch could not be looked at: {error}"));
                Ok(())
            })
            .await
        }
        Job::Publish { .. }
        | Job::Republish { .. }
        | Job::SendAnswers { .. }
        | Job::CleanUp { .. }
        | Job::Reconcile
        | Job::ReadDeliveries { .. }
        | Job::Tidy => Ok(()),
    }
}
