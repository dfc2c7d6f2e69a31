//! Taking a protocol over from a worker that was lost: what it left running is killed, and its runs are closed.

use super::{Run, absent, tokens_of};
use crate::domain::claim::Claimed;
use crate::domain::event::EventKind;
use crate::engine::ProcessIdentity;
use crate::engine::process::{kill_orphans, kill_recorded};
use crate::services::Ctx;
use crate::services::change::record;
use crate::store;
use crate::store::run::Run as StoredRun;
use serde_json::{Value, json};

/// Makes sure that nobody else works where `turn`'s job is going to. Safe to repeat: a run is closed last.
///
/// A job that has its protocol for itself finds no open run there unless its worker is gone. Processes are killed and homes
/// removed where they are on this machine.
pub async fn take_over(ctx: &Ctx, turn: &Claimed) -> anyhow::Result<()> {
    if let Some(identity) = turn.process.as_deref().and_then(|process| recorded_here(ctx, process)) {
        killed(move || kill_recorded(&identity)).await?;
    }
    let Some(protocol) = turn.job.writes() else {
        return Ok(());
    };
    let lost = store::run::running(&mut ctx.store.read().await?, protocol).await?;
    if !lost.is_empty() {
        // One that was started and not recorded is found by its mark.
        killed(kill_orphans).await?;
    }
    for run in &lost {
        let home = Run::home_in(&ctx.rules.runs_dir.join(&run.log_path));
        tokio::fs::remove_dir_all(home).await.or_else(absent)?;
        close(ctx, turn, run).await?;
    }
    Ok(())
}

/// Whom `process`, as [`Run`] recorded it, speaks of, if it ran on this machine.
fn recorded_here(ctx: &Ctx, process: &str) -> Option<ProcessIdentity> {
    let recorded: Value = serde_json::from_str(process).ok()?;
    let pid = u32::try_from(recorded["pid"].as_u64()?).ok()?;
    let started_at = recorded["started_at"].as_u64()?;
    (recorded["host"] == ctx.rules.host.as_str()).then_some(ProcessIdentity { pid, started_at })
}

/// Kills, which blocks, and says so in the log.
async fn killed(kill: impl FnOnce() -> usize + Send + 'static) -> anyhow::Result<()> {
    match tokio::task::spawn_blocking(kill).await? {
        0 => {}
        killed => tracing::info!(killed, "killed what a lost worker had left running"),
    }
    Ok(())
}

/// What the run used counts for its step, whatever became of its work.
async fn close(ctx: &Ctx, turn: &Claimed, run: &StoredRun) -> anyhow::Result<()> {
    record(ctx, run.protocol, Some(turn.hold()), |draft| {
        let step = draft.steps.iter_mut().find(|step| Some(step.id) == run.step);
        let number = step.as_ref().map(|step| step.number);
        if let (Some(step), Some(usage)) = (step, &run.usage) {
            step.tokens += tokens_of(usage);
            step.engine_ms += usage["engine_ms"].as_u64().unwrap_or_default();
        }
        draft.close_lost(run.id);
        let facts = json!({"run": run.id, "attempt": run.attempt});
        draft.note_with(EventKind::WorkerLost, number, format!("run {} lost its worker", run.id), facts);
        Ok(())
    })
    .await
}
