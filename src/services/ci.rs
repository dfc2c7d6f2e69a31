//! CI of others: read again on every event, and after a silence.

use super::Ctx;
use super::change::{Draft, GATHER, record};
use crate::domain::ci::{self, CiFacts, CiLog, CiResult, CiState, CiStatus};
use crate::domain::claim::Claimed;
use crate::domain::drive;
use crate::domain::event::EventKind;
use crate::domain::forge_event::Whose;
use crate::domain::ids::{ProtocolId, Sha, StepId};
use crate::domain::job::Job;
use crate::domain::project::{Project, Protocol, RepoAccess};
use crate::domain::protocol::{Clearing, ProtocolMove, ReasonKey};
use crate::domain::refusal::Refusal;
use crate::domain::stage::with_stages;
use crate::domain::step::{StepMove, StepStatus};
use crate::domain::thread::Thread;
use crate::store::{self, Session, StoreError};
use serde_json::json;
use tracing::Span;

/// Logs that are read of one failure.
const MOST_LOGS: usize = 3;
/// Where they stand in the facts of its event.
const LOGS: &str = "logs";

/// A result of CI moved.
pub struct Moved<'a> {
    pub sha: &'a Sha,
    pub pull: Option<u64>,
    pub whose: Whose,
}

/// Whoever works on the commit that CI moved on reads it again.
pub async fn heard_of(ctx: &Ctx, project: &Project, moved: &Moved<'_>) -> anyhow::Result<()> {
    let forge = ctx.forge_of(project)?;
    if let Whose::App(app) = moved.whose
        && forge.is_own_app(Some(app))
    {
        return Ok(());
    }
    let found = working_on(ctx, project, moved).await?;
    let mut tx = ctx.store.begin().await?;
    if moved.whose != Whose::Anybodys {
        store::project::mark_seen_ci(&mut tx, project.id).await?;
    }
    for protocol in found.iter().filter(|protocol| protocol.state.end.is_none()) {
        store::job::push(&mut tx, Job::ReadCi { protocol: protocol.id }, ctx.now()).await?;
        if forge.capabilities().checks_move {
            store::job::push(&mut tx, Job::Publish { protocol: protocol.id }, ctx.now().plus(GATHER)).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

async fn working_on(ctx: &Ctx, project: &Project, moved: &Moved<'_>) -> anyhow::Result<Vec<Protocol>> {
    let mut db = ctx.store.read().await?;
    let mut found = store::protocol::by_sha(&mut db, project.id, moved.sha).await?;
    if let Some(number) = moved.pull {
        found.extend(store::protocol::in_thread(&mut db, project.id, Thread::pull(number)).await?);
    }
    Ok(found)
}

/// Reads CI of the newest commit and records what changed.
pub async fn read(ctx: &Ctx, turn: &Claimed, id: ProtocolId) -> anyhow::Result<()> {
    let mut db = ctx.store.read().await?;
    let protocol =
        store::protocol::load(&mut db, id).await?.ok_or(StoreError::Missing { what: "protocol" })?;
    let project = store::project::load(&mut db, protocol.project).await?;
    let project = project.ok_or(StoreError::Missing { what: "project" })?;
    Span::current().record("project.id", project.id.0);
    let steps = store::step::of_protocol(&mut db, id).await?;
    drop(db);
    let newest = drive::newest_pushed(&steps);
    if project.access != RepoAccess::Granted || protocol.state.end.is_some() {
        return Ok(());
    }
    // Before the first step the plan's commit tells whether there is any CI at all.
    let of_plan = protocol.head.as_ref().filter(|_| !project.has_seen_ci);
    let Some(commit) = newest.map(|(_, commit, _)| commit).or(of_plan) else {
        return Ok(());
    };
    let shown = ctx.forge_of(&project)?.ci_results(&project.repo, commit).await?;
    let stages = store::stage::of_commit(&mut ctx.store.read().await?, id, commit).await?;
    let results = with_stages(shown, &stages);
    if !results.is_empty() && !project.has_seen_ci {
        let mut tx = ctx.store.begin().await?;
        store::project::mark_seen_ci(&mut tx, project.id).await?;
        tx.commit().await?;
    }
    let Some((step, commit, pushed_at)) = newest else {
        return Ok(());
    };
    let facts = CiFacts {
        results,
        none_expected: step.ci == CiStatus::None && !project.has_seen_ci,
        pushed_at,
        silence: ctx.rules.ci_silence,
        patience: ctx.rules.ci_patience,
    };
    let status = ci::judge(&facts, ctx.now());
    let is_news = status == CiStatus::Failed && step.ci != CiStatus::Failed;
    let logs = if is_news { logs(ctx, &project, &facts.results).await? } else { Vec::new() };
    let look = ci::next_look(&facts, ctx.now());
    let number = step.number;
    record(ctx, id, Some(turn.hold()), |draft| {
        if draft.step(number)?.commit.as_ref() == Some(commit) && draft.protocol.state.end.is_none() {
            settle(draft, number, status, &facts.results, &logs)?;
            if let Some(at) = look {
                draft.push_at(Job::ReadCi { protocol: id }, at);
            }
        }
        Ok(())
    })
    .await
}

/// What failed jobs printed last. Nobody waits for it: a log that cannot be had is left out.
async fn logs(ctx: &Ctx, project: &Project, results: &[CiResult]) -> anyhow::Result<Vec<CiLog>> {
    let forge = ctx.forge_of(project)?;
    let mut logs = Vec::new();
    let failed = results.iter().filter(|result| result.state == CiState::Failed);
    for (result, job) in failed.filter_map(|result| Some((result, result.job?))).take(MOST_LOGS) {
        match forge.job_log(&project.repo, job).await {
            Ok(Some(text)) => {
                let text = ctx.redactor.redact(&text).into_owned();
                logs.push(CiLog { name: result.name.clone(), text });
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "what failed in CI is told without its log"),
        }
    }
    Ok(logs)
}

/// What failed jobs printed last, if CI failed on the newest commit of this step.
pub async fn logs_of(db: &mut Session, step: StepId) -> anyhow::Result<Vec<CiLog>> {
    let last = store::event::last_of_ci(db, step).await?;
    let failed = last.filter(|event| event.kind == EventKind::CiFailed);
    let logs = failed.and_then(|event| event.facts.get(LOGS).cloned());
    Ok(logs.map(serde_json::from_value).transpose()?.unwrap_or_default())
}

/// CI cannot be read, for good. An error inside a gate closes it: what was waited for is undecided, and a person must act.
pub async fn give_up(ctx: &Ctx, turn: &Claimed, id: ProtocolId, error: &str) -> anyhow::Result<()> {
    record(ctx, id, Some(turn.hold()), |draft| {
        let detail = format!("CI could not be read: {error}");
        let waiting = drive::latest_commit_step(&draft.steps).filter(|step| step.ci == CiStatus::Waiting);
        let number = waiting.map(|step| step.number);
        draft.note(EventKind::JobFailed, number, detail.clone());
        let Some(number) = number.filter(|_| draft.protocol.state.end.is_none()) else {
            return Ok(());
        };
        draft.step_mut(number)?.ci = CiStatus::Inconclusive;
        draft.block(ReasonKey::CiUndecided, Some(number), detail.clone())
    })
    .await
}

/// Stores what CI says now, and follows it when that is news.
fn settle(
    draft: &mut Draft,
    number: u32,
    status: CiStatus,
    results: &[CiResult],
    logs: &[CiLog],
) -> Result<(), Refusal> {
    let step = draft.step_mut(number)?;
    if step.ci == status {
        return Ok(());
    }
    step.ci = status;
    let step = Some(number);
    match status {
        CiStatus::Waiting => draft.note(EventKind::CiWaiting, step, format!("CI of step {number} runs")),
        CiStatus::None => draft.note(EventKind::CiNone, step, format!("no CI for step {number}")),
        CiStatus::Passed => {
            draft.note(EventKind::CiPassed, step, format!("CI of step {number} passed"));
            let cleared = draft.lift(ProtocolMove::Clear(Clearing::CiPassed(number)))?;
            if cleared.iter().any(|reason| reason.key == ReasonKey::CiFailed) {
                recover(draft, number)?;
            }
        }
        CiStatus::Failed => {
            let detail = named(results, CiState::Failed);
            let failed = format!("CI of step {number} failed");
            draft.note_with(EventKind::CiFailed, step, failed, json!({ LOGS: logs }));
            if matches!(draft.step(number)?.status, StepStatus::Completed | StepStatus::NeedsQa) {
                draft.apply_step(number, StepMove::CiFail)?;
            }
            draft.block(ReasonKey::CiFailed, step, detail)?;
        }
        CiStatus::Inconclusive => {
            let open = named(results, CiState::Pending);
            let waits = named(results, CiState::NeedsPerson);
            let detail = format!("{open}{waits}");
            draft.note(EventKind::CiInconclusive, step, format!("CI of step {number} came to no end"));
            draft.block(ReasonKey::CiUndecided, step, detail)?;
        }
    }
    Ok(())
}

/// A re-run passed: what QA said of the step counts again.
fn recover(draft: &mut Draft, number: u32) -> Result<(), Refusal> {
    if draft.step(number)?.status != StepStatus::Failed {
        return Ok(());
    }
    draft.apply_step(number, StepMove::CiPass)?;
    let judged = draft.step(number)?.judged.clone().filter(|judged| !judged.outdated);
    match judged {
        Some(judged) => draft.apply_step(number, StepMove::Judge(judged.verdict)),
        None => Ok(()),
    }
}

/// Names and addresses of the results in this state.
fn named(results: &[CiResult], state: CiState) -> String {
    let named =
        results.iter().filter(|result| result.state == state).take(10).map(|result| match &result.url {
            Some(url) => format!("{} ({url})", result.name),
            None => result.name.clone(),
        });
    named.collect::<Vec<_>>().join(", ")
}
