//! What a timer looks at, so that nothing that was lost stays lost: work without a job, effects without a sender, worktrees
//! without a protocol.

use super::Ctx;
use super::change::record;
use crate::domain::ci::CiStatus;
use crate::domain::drive;
use crate::domain::ids::ProtocolId;
use crate::domain::job::Job;
use crate::domain::retry::is_time_again;
use crate::store;
use crate::store::delivery::DeliveryStatus;
use std::time::Duration;

/// How long after a pass the next one begins.
pub const EVERY: Duration = Duration::from_secs(30);

/// Open protocols that one pass looks at.
const PROTOCOLS: u32 = 10_000;
/// Dead jobs of each kind that one pass looks at.
const DEAD: u32 = 1_000;

/// One pass; it queues the next one. Safe to repeat: jobs are coalesced, and nothing is changed that stands as it should.
pub async fn pass(ctx: &Ctx) -> anyhow::Result<()> {
    let open = store::protocol::open_all(&mut ctx.store.read().await?, PROTOCOLS).await?;
    for protocol in &open {
        wake(ctx, protocol.id).await?;
    }
    let dead = bring_back(ctx).await?;
    send_answers(ctx, &dead).await
}

/// Brings dead jobs back that nobody was told of, in time. Returns those that stay dead for now.
async fn bring_back(ctx: &Ctx) -> anyhow::Result<Vec<Job>> {
    let mut resting = Vec::new();
    for kind in Job::HEALING {
        for dead in store::job::dead_of_kind(&mut ctx.store.read().await?, kind, DEAD).await? {
            let Some(job) = dead.job else { continue };
            if !is_time_again(dead.created_at, dead.changed_at, ctx.now()) || is_settled(ctx, job).await? {
                resting.push(job);
                continue;
            }
            let mut tx = ctx.store.begin().await?;
            store::job::revive(&mut tx, dead.id).await?;
            tx.commit().await?;
            tracing::info!(job.id = dead.id.0, job.kind = kind, "a dead job is tried again");
        }
    }
    Ok(resting)
}

/// A delivery whose failure people were told of stays as it is until an operator says otherwise.
async fn is_settled(ctx: &Ctx, job: Job) -> anyhow::Result<bool> {
    let Job::ProcessDelivery { delivery, .. } = job else {
        return Ok(false);
    };
    let delivery = store::delivery::load(&mut ctx.store.read().await?, delivery).await?;
    Ok(delivery.is_none_or(|delivery| delivery.status != DeliveryStatus::Stored))
}

/// Queues the sending of what waits to be sent, where that does not rest.
async fn send_answers(ctx: &Ctx, resting: &[Job]) -> anyhow::Result<()> {
    let waiting = store::effect::waiting_projects(&mut ctx.store.read().await?).await?;
    let mut tx = ctx.store.begin().await?;
    for project in waiting {
        let job = Job::SendAnswers { project };
        if !resting.contains(&job) {
            store::job::push(&mut tx, job, ctx.now()).await?;
        }
    }
    store::job::push(&mut tx, Job::Reconcile, ctx.now().plus(EVERY)).await?;
    tx.commit().await?;
    Ok(())
}

/// Queues whatever comes next for a protocol, and the look at a CI that went quiet.
async fn wake(ctx: &Ctx, id: ProtocolId) -> anyhow::Result<()> {
    record(ctx, id, None, |draft| {
        let waiting = drive::latest_commit_step(&draft.steps).filter(|step| step.ci == CiStatus::Waiting);
        if let Some(pushed_at) = waiting.and_then(|step| step.pushed_at) {
            draft.push_at(Job::ReadCi { protocol: id }, pushed_at.plus(ctx.rules.ci_silence).max(draft.now));
        }
        Ok(())
    })
    .await
}
