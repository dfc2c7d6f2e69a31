//! Stages of CI that a script told: which protocol they are of, and that CI is read again.
//!
//! Safe to repeat: a stage that was recorded already is recorded as it is.

use super::Ctx;
use crate::domain::drive;
use crate::domain::ids::{ProtocolId, Sha};
use crate::domain::job::Job;
use crate::domain::stage::{self, StageTold, Unmatched};
use crate::meter::DeliveryOutcome;
use crate::store::delivery::Delivery;
use crate::store::{self, Session, StoreError};

/// Records a stage for the commit it names, even if that is not known yet: its delivery may come before our own record of a
/// push. What is told of other commits than the newest is never looked at.
pub(super) async fn take(
    ctx: &Ctx,
    delivery: &Delivery,
    told: &StageTold,
) -> anyhow::Result<Result<(), Unmatched>> {
    let (protocol, commit) = match find(ctx, delivery, told).await? {
        Ok(found) => found,
        Err(unmatched) => {
            tracing::warn!("{unmatched}");
            ctx.meters.delivery(DeliveryOutcome::Unmatched);
            return Ok(Err(unmatched));
        }
    };
    let mut tx = ctx.store.begin().await?;
    store::stage::save(&mut tx, protocol, &commit, &told.stage, delivery.id).await?;
    store::job::push(&mut tx, Job::ReadCi { protocol }, ctx.now()).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

async fn find(
    ctx: &Ctx,
    delivery: &Delivery,
    told: &StageTold,
) -> anyhow::Result<Result<(ProtocolId, Sha), Unmatched>> {
    let mut db = ctx.store.read().await?;
    let mut open = Vec::new();
    for protocol in store::protocol::open_by_branch(&mut db, delivery.forge, &told.branch).await? {
        let project = store::project::load(&mut db, protocol.project).await?;
        open.push((protocol.id, project.ok_or(StoreError::Missing { what: "project" })?.repo));
    }
    let id = match stage::whose(told, delivery.named_protocol, &open) {
        Ok(id) => id,
        Err(unmatched) => return Ok(Err(unmatched)),
    };
    let commit = match &told.sha {
        Some(sha) => Some(sha.clone()),
        None => newest_commit(&mut db, id).await?,
    };
    Ok(commit.map(|commit| (id, commit)).ok_or(Unmatched::NoCommit))
}

/// The commit whose CI is followed: the newest of a step, or before the first one the plan's.
async fn newest_commit(db: &mut Session, id: ProtocolId) -> anyhow::Result<Option<Sha>> {
    let steps = store::step::of_protocol(db, id).await?;
    if let Some((_, commit, _)) = drive::newest_pushed(&steps) {
        return Ok(Some(commit.clone()));
    }
    let protocol = store::protocol::load(db, id).await?;
    Ok(protocol.and_then(|protocol| protocol.head))
}
