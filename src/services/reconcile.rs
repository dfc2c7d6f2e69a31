//! What a timer looks at, so that nothing that was lost stays lost: work without a job, effects without a sender, worktrees
//! without a protocol.

use super::Ctx;
use super::change::record;
use crate::domain::ci::CiStatus;
use crate::domain::drive;
use crate::domain::ids::ProtocolId;
use crate::domain::job::Job;
use crate::domain::project::RepoAccess;
use crate::store;
use std::time::Duration;

/// How long after a pass the next one begins.
pub const EVERY: Duration = Duration::from_secs(30);

/// Open protocols that one pass looks at.
const PROTOCOLS: u32 = 10_000;

/// One pass; it queues the next one. Safe to repeat: jobs are coalesced, and nothing is changed that stands as it should.
pub async fn pass(ctx: &Ctx) -> anyhow::Result<()> {
    let open = store::protocol::open_all(&mut ctx.store.read().await?, PROTOCOLS).await?;
    for protocol in &open {
        wake(ctx, protocol.id).await?;
    }
    let projects = store::project::all(&mut ctx.store.read().await?).await?;
    let reachable = projects.iter().filter(|project| project.access == RepoAccess::Granted);
    let mut tx = ctx.store.begin().await?;
    for project in reachable {
        store::job::push(&mut tx, Job::SendAnswers { project: project.id }, ctx.now()).await?;
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
