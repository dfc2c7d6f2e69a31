//! Housekeeping: what is too old is deleted, with the files of runs. SQLite has one writer, so each transaction deletes little.
//!
//! Safe to repeat and to stop anywhere: each piece stands for itself, and the next round goes on.

use super::Ctx;
use crate::domain::job::Job;
use crate::store::{self, StoreError, Tx, retention};
use futures::future::BoxFuture;
use std::path::{Component, Path};
use std::time::Duration;

/// How long after a round the next one begins.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// When a round left something undone.
const SOON: Duration = Duration::from_secs(60);

/// Transactions of one kind in a round.
const PIECES: u32 = 50;

/// Whether anything is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    More,
}

/// One round; it queues the next one.
pub async fn tidy(ctx: &Ctx) -> anyhow::Result<()> {
    let wait = if delete_old(ctx).await? == Left::More { SOON } else { EVERY };
    let mut tx = ctx.store.begin().await?;
    store::job::push(&mut tx, Job::Tidy, ctx.now().plus(wait)).await?;
    tx.commit().await?;
    Ok(())
}

async fn delete_old(ctx: &Ctx) -> anyhow::Result<Left> {
    let (keep, now) = (ctx.rules.keep, ctx.now());
    let bodies = in_pieces(ctx, |tx| Box::pin(retention::drop_bodies(tx, now.minus(keep.bodies)))).await?;
    let runs = delete_runs(ctx).await?;
    let jobs = in_pieces(ctx, |tx| Box::pin(retention::delete_jobs(tx, now.minus(keep.jobs)))).await?;
    let old = now.minus(keep.deliveries);
    let deliveries = in_pieces(ctx, |tx| Box::pin(retention::delete_deliveries(tx, old))).await?;
    let kinds = [bodies, runs, jobs, deliveries];
    if kinds.iter().any(|kind| kind.rows > 0) {
        let [bodies, runs, jobs, deliveries] = kinds.map(|kind| kind.rows);
        tracing::info!(bodies, runs, jobs, deliveries, "deleted what was too old");
    }
    Ok(if kinds.iter().any(|kind| kind.left == Left::More) { Left::More } else { Left::Nothing })
}

/// How much of one kind was deleted.
#[derive(Clone, Copy)]
struct Deleted {
    rows: u64,
    left: Left,
}

async fn in_pieces(
    ctx: &Ctx,
    delete: impl Fn(&mut Tx) -> BoxFuture<'_, Result<u64, StoreError>>,
) -> anyhow::Result<Deleted> {
    let mut rows = 0;
    for _ in 0..PIECES {
        let mut tx = ctx.store.begin().await?;
        let deleted = delete(&mut tx).await?;
        tx.commit().await?;
        rows += deleted;
        if deleted < u64::from(retention::PIECE) {
            return Ok(Deleted { rows, left: Left::Nothing });
        }
    }
    Ok(Deleted { rows, left: Left::More })
}

/// Files first: a run without files can be deleted again. Files that another machine has go there, see [`super::leftovers`].
async fn delete_runs(ctx: &Ctx) -> anyhow::Result<Deleted> {
    let before = ctx.now().minus(ctx.rules.keep.runs);
    let mut rows = 0;
    for _ in 0..PIECES {
        let old = retention::old_runs(&mut ctx.store.read().await?, before).await?;
        for run in &old {
            remove_folder(&ctx.rules.runs_dir, &run.log_path).await?;
        }
        let mut tx = ctx.store.begin().await?;
        for run in &old {
            retention::delete_run(&mut tx, run.id).await?;
        }
        tx.commit().await?;
        rows += old.len() as u64;
        if old.len() < retention::PIECE as usize {
            return Ok(Deleted { rows, left: Left::Nothing });
        }
    }
    Ok(Deleted { rows, left: Left::More })
}

/// Removes the folder that a run's log lies in; one that is gone is as good.
async fn remove_folder(runs_dir: &Path, log_path: &str) -> std::io::Result<()> {
    let folder = Path::new(log_path).parent().and_then(|folder| folder.components().next_back());
    let Some(Component::Normal(name)) = folder else {
        return Ok(());
    };
    match tokio::fs::remove_dir_all(runs_dir.join(name)).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
