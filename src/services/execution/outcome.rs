//! What an attempt at a step changes in the store.

use crate::domain::ci::{CiStatus, is_ci_file};
use crate::domain::claim::Claimed;
use crate::domain::event::EventKind;
use crate::domain::ids::Sha;
use crate::domain::job::Job;
use crate::domain::names::as_written;
use crate::domain::protocol::ReasonKey;
use crate::domain::spec::QaPolicy;
use crate::domain::step::{Judged, Step, StepMove, StepStatus};
use crate::domain::verdict::Verdict;
use crate::services::Ctx;
use crate::services::change::{Draft, change, record};
use crate::services::engines::Trouble;
use crate::services::head::{Ground, outdate_verdicts};
use crate::services::runs::tokens_of;
use crate::store;
use crate::store::run::Run;
use serde_json::json;

/// Paths that are looked through for CI definitions at most.
const PATHS: usize = 100_000;

/// What a finished attempt brought.
pub(super) struct Executed {
    pub(super) commit: Sha,
    pub(super) tokens: u64,
    pub(super) engine_ms: u64,
}

impl Executed {
    /// The commit of an earlier attempt. What it used was counted when its run was closed, if its worker was lost.
    pub(super) fn recovered(commit: &Sha, run: &Run) -> Self {
        let usage = run.usage.as_ref().filter(|_| !run.was_lost());
        let engine_ms = usage.and_then(|usage| usage["engine_ms"].as_u64()).unwrap_or_default();
        Self { commit: commit.clone(), tokens: usage.map(tokens_of).unwrap_or_default(), engine_ms }
    }
}

/// The step begins. What its job does again after a passing fault or a lost worker is the same attempt.
pub(super) async fn started(ctx: &Ctx, turn: &Claimed, ground: &Ground, step: Step) -> anyhow::Result<Step> {
    let number = step.number;
    record(ctx, ground.protocol.id, Some(turn.hold()), |draft| {
        let now = draft.now;
        let begins = draft.step(number)?.status == StepStatus::Pending;
        if begins {
            draft.apply_step(number, StepMove::Start)?;
        }
        let step = draft.step_mut(number)?;
        step.attempts += u32::from(begins);
        step.started_at = Some(now);
        step.finished_at = None;
        let (name, attempt) = (as_written(&step.spec.name).into_owned(), step.attempts);
        draft.note_with(
            EventKind::StepStarted,
            Some(number),
            format!("step {number} {}: {name}", if begins { "started" } else { "starts again" }),
            json!({"attempt": attempt}),
        );
        draft.step(number).cloned()
    })
    .await
}

/// The step's commit is on the branch.
pub(super) async fn executed(
    ctx: &Ctx,
    turn: &Claimed,
    ground: &Ground,
    step: &Step,
    done: Executed,
) -> anyhow::Result<()> {
    let ci = first_ci(ctx, ground, &done.commit).await?;
    let number = step.number;
    let recorded = change(ctx, ground.protocol.id, Some(turn.hold()), |draft| {
        draft.protocol.head = Some(done.commit.clone());
        draft.apply_step(number, StepMove::Finish)?;
        let now = draft.now;
        let step = draft.step_mut(number)?;
        step.commit = Some(done.commit.clone());
        step.pushed_at = Some(now);
        step.tokens += done.tokens;
        step.engine_ms += done.engine_ms;
        step.ci = ci;
        step.judged = None;
        step.approval = None;
        outdate_verdicts(draft, Some(number));
        let words = format!("step {number} executed and pushed as {}", done.commit.short());
        draft.note_with(EventKind::StepExecuted, Some(number), words, json!({"commit": done.commit}));
        skip_quality(draft, number, &done.commit)?;
        if ci == CiStatus::Waiting {
            draft.push(Job::ReadCi { protocol: draft.protocol.id });
        }
        Ok(())
    });
    match recorded.await? {
        Ok(()) if step.spec.qa.policy == QaPolicy::Skip => ctx.meters.verdict(Verdict::Skipped.as_str()),
        Ok(()) => {}
        Err(refusal) => {
            tracing::debug!(%refusal, "a step was executed that is not wanted any more");
            remember_head(ctx, turn, ground, &done.commit).await?;
        }
    }
    Ok(())
}

/// A push that could not be called back after a cancel is at least known.
async fn remember_head(ctx: &Ctx, turn: &Claimed, ground: &Ground, commit: &Sha) -> anyhow::Result<()> {
    record(ctx, ground.protocol.id, Some(turn.hold()), |draft| {
        draft.protocol.head = Some(commit.clone());
        Ok(())
    })
    .await
}

fn skip_quality(draft: &mut Draft, number: u32, commit: &Sha) -> Result<(), crate::domain::refusal::Refusal> {
    if draft.step(number)?.spec.qa.policy != QaPolicy::Skip {
        return Ok(());
    }
    draft.apply_step(number, StepMove::Judge(Verdict::Skipped))?;
    draft.step_mut(number)?.judged =
        Some(Judged { verdict: Verdict::Skipped, sha: commit.clone(), outdated: false });
    draft.note(EventKind::QaSkippedPolicy, Some(number), format!("step {number} completed, QA skipped"));
    Ok(())
}

/// CI is none at once when nobody was ever seen to report here and the commit has no CI files.
async fn first_ci(ctx: &Ctx, ground: &Ground, commit: &Sha) -> anyhow::Result<CiStatus> {
    let project = store::project::load(&mut ctx.store.read().await?, ground.project.id).await?;
    if project.is_some_and(|project| project.has_seen_ci) {
        return Ok(CiStatus::Waiting);
    }
    let files = ctx.git.files(&ground.mirror, commit, PATHS).await?;
    Ok(if files.iter().any(|path| is_ci_file(path)) { CiStatus::Waiting } else { CiStatus::None })
}

/// The attempt gave nothing, for a reason that a person must clear.
pub(super) async fn failed(ctx: &Ctx, turn: &Claimed, step: &Step, trouble: &Trouble) -> anyhow::Result<()> {
    let number = step.number;
    let recorded = change(ctx, step.protocol, Some(turn.hold()), |draft| {
        let (happened, kind, what) = match trouble.key {
            ReasonKey::StepFailed => (StepMove::Fail, EventKind::StepExecutionFailed, "failed"),
            _ => (StepMove::Block, EventKind::StepBlocked, "is blocked"),
        };
        draft.apply_step(number, happened)?;
        draft.step_mut(number)?.summary.clone_from(&trouble.detail);
        draft.note(kind, Some(number), format!("step {number} {what}"));
        draft.block(trouble.key, Some(number), trouble.detail.clone())
    });
    if let Err(refusal) = recorded.await? {
        tracing::debug!(%refusal, "a step failed that is not wanted any more");
    }
    Ok(())
}

/// The attempt was stopped and does not count.
pub(super) async fn handed_back(ctx: &Ctx, turn: &Claimed, step: &Step) -> anyhow::Result<()> {
    let number = step.number;
    let recorded = change(ctx, step.protocol, Some(turn.hold()), |draft| {
        draft.apply_step(number, StepMove::HandBack)?;
        let step = draft.step_mut(number)?;
        step.attempts = step.attempts.saturating_sub(1);
        draft.note(
            EventKind::StepHandedBack,
            Some(number),
            format!("step {number} was stopped; the attempt does not count"),
        );
        Ok(())
    });
    if let Err(refusal) = recorded.await? {
        tracing::debug!(%refusal, "the stopped step has ended already");
    }
    Ok(())
}
