//! Mirrors that nobody used for long, and files of runs that were deleted. What is needed again is made again from the forge.

use crate::domain::ids::{JobId, Moment, ProjectId};
use crate::services::Ctx;
use crate::store;
use anyhow::Context as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// How long after a round the next one begins.
pub const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);
/// How often a mirror is packed.
const PACK_EVERY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One round. Safe to repeat, and beside others.
pub async fn tidy(ctx: &Ctx) -> anyhow::Result<()> {
    for project in ctx.git.projects()? {
        if is_unused(ctx, project).await? {
            ctx.git.forget(&ctx.git.mirror(project).await?).await?;
            tracing::info!(project.id = %project, "removed a mirror that was not used for long");
        }
    }
    remove_files(ctx).await?;
    pack_one(ctx).await
}

async fn is_unused(ctx: &Ctx, project: ProjectId) -> anyhow::Result<bool> {
    let last = store::protocol::last_use(&mut ctx.store.read().await?, project).await?;
    Ok(last.is_some_and(|last| !last.has_open && ctx.now().since(last.at) >= ctx.rules.keep.mirrors))
}

/// Packs the mirror that waits longest for it, if that is long enough. One a round, because it holds up its project.
async fn pack_one(ctx: &Ctx) -> anyhow::Result<()> {
    let mut waiting = None;
    for project in ctx.git.projects()? {
        let packed = store::mark::at(&mut ctx.store.read().await?, &mark(ctx, project)).await?;
        let is_due = packed.is_none_or(|at| ctx.now().since(at) >= PACK_EVERY);
        if is_due && waiting.is_none_or(|(before, _)| packed < before) {
            waiting = Some((packed, project));
        }
    }
    let Some((_, project)) = waiting else {
        return Ok(());
    };
    ctx.git.maintain(&ctx.git.mirror(project).await?).await?;
    let mut tx = ctx.store.begin().await?;
    store::mark::set(&mut tx, &mark(ctx, project), ctx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Machines have mirrors of their own.
fn mark(ctx: &Ctx, project: ProjectId) -> String {
    format!("packed:{}:{project}", ctx.rules.host)
}

/// Removes the files of runs that another machine's worker deleted from the store. Files are as old as their run, so younger ones
/// are not asked about.
async fn remove_files(ctx: &Ctx) -> anyhow::Result<()> {
    let before = ctx.now().minus(ctx.rules.keep.runs);
    let root = ctx.rules.runs_dir.clone();
    let old =
        tokio::task::spawn_blocking(move || older(&root, before)).await.context("listing the runs")??;
    for (job, folder) in old {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !store::run::is_known(&mut ctx.store.read().await?, job, &name).await? {
            tokio::fs::remove_dir_all(&folder)
                .await
                .with_context(|| format!("removing {}", folder.display()))?;
            tracing::info!(%job, "removed the files of a run that was deleted");
        }
    }
    Ok(())
}

/// Folders of runs in which nothing was made since `before`.
fn older(root: &Path, before: Moment) -> anyhow::Result<Vec<(JobId, PathBuf)>> {
    let mut old = Vec::new();
    let entries = match std::fs::read_dir(root) {
        // The first run makes it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(old),
        entries => entries.with_context(|| format!("listing {}", root.display()))?,
    };
    for entry in entries {
        let entry = entry?;
        let made = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_old = Moment(0).plus(made) < before;
        let job = entry.file_name().to_str().and_then(job_of).filter(|_| is_old);
        old.extend(job.map(|job| (job, entry.path())));
    }
    Ok(old)
}

/// The job in the name of a run's folder.
fn job_of(name: &str) -> Option<JobId> {
    let (job, _attempt) = name.split_once('-')?;
    job.parse().ok().map(JobId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_no_run_has_made_yet_holds_nothing_old() {
        let room = tempfile::tempdir().expect("a folder");
        assert_eq!(older(&room.path().join("runs"), Moment(i64::MAX)).expect("nothing to list"), []);
    }
}
