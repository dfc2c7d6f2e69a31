//! Protocols that have work and no job, and CI that went quiet.

use crate::domain::ci::CiStatus;
use crate::domain::drive::{self, Next};
use crate::domain::ids::Moment;
use crate::domain::job::Job;
use crate::domain::project::Protocol;
use crate::domain::step::Step;
use crate::services::Ctx;
use crate::services::change::record;
use crate::store;
use std::time::Duration;

/// Open protocols that one pass looks at.
const PROTOCOLS: u32 = 10_000;
/// How long CI is left alone when nothing is heard of it.
const QUIET: Duration = Duration::from_secs(2 * 60);

/// Queues whatever comes next for each open protocol. Most rest, and are only read.
pub(super) async fn wake(ctx: &Ctx) -> anyhow::Result<()> {
    let open = store::protocol::open_all(&mut ctx.store.read().await?, PROTOCOLS).await?;
    for protocol in &open {
        let steps = store::step::of_protocol(&mut ctx.store.read().await?, protocol.id).await?;
        let is_idle = matches!(drive::next(protocol, &steps), Next::Rest | Next::AwaitCi(_));
        let look = ci_look(ctx, protocol, &steps).await?;
        if is_idle && look.is_none() {
            continue;
        }
        record(ctx, protocol.id, None, |draft| {
            if let Some(at) = look {
                draft.push_at(Job::ReadCi { protocol: draft.protocol.id }, at);
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// When CI of the newest commit is to be read although nothing was heard of it.
async fn ci_look(ctx: &Ctx, protocol: &Protocol, steps: &[Step]) -> anyhow::Result<Option<Moment>> {
    let waiting = drive::latest_commit_step(steps).filter(|step| step.ci == CiStatus::Waiting);
    let Some(pushed_at) = waiting.and_then(|step| step.pushed_at) else {
        return Ok(None);
    };
    let last = store::job::last_read_of_ci(&mut ctx.store.read().await?, protocol.id).await?;
    let quiet_until = last.map_or(pushed_at, |last| last.plus(QUIET));
    Ok(Some(quiet_until.max(pushed_at.plus(ctx.rules.ci_silence)).max(ctx.now())))
}
