//! Reactions and answers that should have been sent by now.

use crate::domain::job::Job;
use crate::services::Ctx;
use crate::store;
use std::time::Duration;

/// How long sending may take before it is looked after.
const OVERDUE: Duration = Duration::from_secs(60);

/// Queues the sending for every project that has something unsent and nobody who sends it.
pub(super) async fn send_overdue(ctx: &Ctx) -> anyhow::Result<()> {
    let before = ctx.now().minus(OVERDUE);
    let projects = store::effect::projects_waiting(&mut ctx.store.read().await?, before).await?;
    if projects.is_empty() {
        return Ok(());
    }
    let mut tx = ctx.store.begin().await?;
    for project in projects {
        store::job::push(&mut tx, Job::SendAnswers { project }, ctx.now()).await?;
    }
    tx.commit().await?;
    Ok(())
}
