//! What was left on this machine: engines of dead workers, worktrees of protocols that ended elsewhere, files that nobody needs
//! any more.
//!
//! Every process with workers looks by itself, because nobody else sees its disk and its processes.

mod unused;

pub use unused::{TIDY_EVERY, tidy};

use super::Ctx;
use crate::domain::ids::ProjectId;
use crate::engine::process::kill_orphans;
use crate::store;
use anyhow::Context as _;
use std::collections::BTreeSet;

/// One look. Safe to repeat, and beside others.
pub async fn clear(ctx: &Ctx) -> anyhow::Result<()> {
    match tokio::task::spawn_blocking(kill_orphans).await.context("looking for orphans")? {
        0 => {}
        killed => tracing::info!(killed, "killed what dead workers had left running"),
    }
    for project in ctx.git.projects()? {
        worktrees(ctx, project).await?;
    }
    Ok(())
}

/// Removes the worktrees of protocols that ended or that nobody knows; one that somebody still works in stays for the next look.
async fn worktrees(ctx: &Ctx, project: ProjectId) -> anyhow::Result<()> {
    let mirror = ctx.git.mirror(project).await?;
    let kept = ctx.git.kept(&mirror)?;
    let branches: BTreeSet<&str> = kept.iter().map(crate::git::Kept::branch).collect();
    for branch in branches {
        let protocol = store::protocol::by_branch(&mut ctx.store.read().await?, project, branch).await?;
        if protocol.is_none_or(|protocol| protocol.state.end.is_some()) {
            ctx.git.remove_all(&mirror, branch).await?;
        }
    }
    Ok(())
}
