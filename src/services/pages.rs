//! The pages behind the links: one protocol, one run, one log.

use super::runs::tokens_of;
use super::{Ctx, views};
use crate::domain::ids::{ProtocolId, RunId};
use crate::domain::project::Protocol;
use crate::report::view::{ArtifactLine, ProtocolView, RunLine, RunStatus, RunView};
use crate::report::{comment, page};
use crate::store;
use crate::store::run::{Artifact, Run};

/// Runs that a page lists at most.
const RUNS: u32 = 200;
/// Bytes of a log that a page reads, from its end.
const LOG: usize = 256 << 10;

/// The page of one protocol; `None` when there is no such protocol.
pub async fn protocol(ctx: &Ctx, id: ProtocolId) -> anyhow::Result<Option<String>> {
    if store::protocol::load(&mut ctx.store.read().await?, id).await?.is_none() {
        return Ok(None);
    }
    let view = views::protocol(ctx, id).await?;
    let mut runs = store::run::of_protocol(&mut ctx.store.read().await?, id, RUNS).await?;
    runs.sort_by_key(|run| std::cmp::Reverse(run.id));
    let mut artifacts = Vec::new();
    for run in &runs {
        let of_run = artifacts_of(ctx, &view.protocol, run).await?.into_iter();
        artifacts.extend(
            of_run.map(|file| ArtifactLine { name: format!("run {}: {}", run.id, file.name), ..file }),
        );
    }
    let lines: Vec<RunLine> = runs.iter().map(|run| line(ctx, &view, run)).collect();
    Ok(Some(page::protocol(&view, &lines, &artifacts, ctx.now())))
}

/// The page of one run, with the end of its log; `None` when there is no such run.
pub async fn run(ctx: &Ctx, id: RunId) -> anyhow::Result<Option<String>> {
    let Some(run) = store::run::load(&mut ctx.store.read().await?, id).await? else {
        return Ok(None);
    };
    let view = views::protocol(ctx, run.protocol).await?;
    let log = log_of(ctx, &run).await?;
    let from = log.len().saturating_sub(LOG);
    let from = (from..log.len()).find(|index| log.is_char_boundary(*index)).unwrap_or(log.len());
    let artifacts = artifacts_of(ctx, &view.protocol, &run).await?;
    let title = comment::pull_title(&view);
    let tokens = run.usage.as_ref().map(tokens_of);
    let shown = RunView {
        line: line(ctx, &view, &run),
        protocol_title: &title,
        protocol_url: view.links.page.as_deref().unwrap_or_default(),
        engine: run.inputs.engine.as_deref(),
        model: run.inputs.model.as_deref(),
        tokens,
        commit: run.commit.as_ref(),
        error: &run.error,
        log: &log[from..],
        log_bytes: u64::try_from(log.len()).unwrap_or(u64::MAX),
        artifacts: &artifacts,
    };
    Ok(Some(page::run(&shown, ctx.now())))
}

/// The whole log of one run; `None` when there is no such run.
pub async fn log(ctx: &Ctx, id: RunId) -> anyhow::Result<Option<String>> {
    match store::run::load(&mut ctx.store.read().await?, id).await? {
        Some(run) => Ok(Some(log_of(ctx, &run).await?)),
        None => Ok(None),
    }
}

/// One artifact's text; `None` when the run has none of this name.
pub async fn artifact(ctx: &Ctx, id: RunId, name: &str) -> anyhow::Result<Option<String>> {
    let artifacts = store::run::artifacts(&mut ctx.store.read().await?, id).await?;
    match artifacts.into_iter().find(|artifact| artifact.name == name) {
        Some(artifact) => Ok(Some(file(ctx, &artifact.path).await?)),
        None => Ok(None),
    }
}

async fn log_of(ctx: &Ctx, run: &Run) -> anyhow::Result<String> {
    file(ctx, &run.log_path).await
}

/// A file below the folder of runs. A worker elsewhere may have written it, and housekeeping may have removed it.
async fn file(ctx: &Ctx, path: &str) -> anyhow::Result<String> {
    match tokio::fs::read(ctx.rules.runs_dir.join(path)).await {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok("this file of the run is not on this machine\n".to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

async fn artifacts_of(ctx: &Ctx, protocol: &Protocol, run: &Run) -> anyhow::Result<Vec<ArtifactLine>> {
    let artifacts = store::run::artifacts(&mut ctx.store.read().await?, run.id).await?;
    let line = |artifact: Artifact| ArtifactLine {
        url: ctx.rules.links.artifact(run.id, &artifact.name, protocol.created_at),
        name: artifact.name,
        bytes: artifact.bytes,
    };
    Ok(artifacts.into_iter().map(line).collect())
}

fn line(ctx: &Ctx, view: &ProtocolView, run: &Run) -> RunLine {
    RunLine {
        run: run.id,
        what: what(view, run),
        attempt: run.attempt,
        status: match run.status {
            store::run::RunStatus::Running => RunStatus::Running,
            store::run::RunStatus::Succeeded => RunStatus::Succeeded,
            store::run::RunStatus::Failed => RunStatus::Failed,
            store::run::RunStatus::Cancelled => RunStatus::Cancelled,
        },
        started_at: run.started_at,
        finished_at: run.finished_at,
        url: ctx.rules.links.run(run.id, view.protocol.created_at),
    }
}

fn what(view: &ProtocolView, run: &Run) -> String {
    let step = view.steps.iter().find(|step| Some(step.id) == run.step);
    match (run.kind.as_str(), step) {
        ("run_quality", Some(step)) => format!("QA of step {}", step.number),
        (_, Some(step)) => format!("step {}: {}", step.number, step.spec.name),
        ("plan_protocol", None) => "planning".to_owned(),
        (kind, None) => kind.to_owned(),
    }
}
