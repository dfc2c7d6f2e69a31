//! From a commit to a verdict on it.

mod evidence;

use super::change::{Draft, change};
use super::head::{self, Ground};
use super::planning::{engine_facts, identity};
use super::runs::{Call, Run};
use super::{Ctx, disk, engines, files};
use crate::domain::claim::Claimed;
use crate::domain::event::EventKind;
use crate::domain::ids::{ProtocolId, Sha, StepId};
use crate::domain::names::as_written;
use crate::domain::protocol::{Clearing, ProtocolMove, ProtocolStatus, ReasonKey};
use crate::domain::refusal::Refusal;
use crate::domain::retry::Retry;
use crate::domain::spec::QaPolicy;
use crate::domain::step::{Judged, Step, StepMove, StepStatus};
use crate::domain::verdict::{Judgement, Verdict};
use crate::engine::{Access, EngineError, Phase};
use crate::git::Worktree;
use crate::prompt::{self, Depth, QualityFacts, schema};
use crate::report::record;
use crate::store::run::RunStatus;
use crate::store::{self, StoreError};
use serde_json::json;

/// The artifact that holds QA's report.
pub const REPORT: &str = "quality-report.md";

/// What a verdict's line of the timeline calls the judged commit, beside the judgement itself.
const COMMIT: &str = "commit";

/// Bytes of a step's diff that QA is shown at most.
const DIFF: usize = 400_000;

/// Judges one step on the present head. Safe to repeat: the last judgement counts.
pub async fn judge(ctx: &Ctx, turn: &Claimed, id: StepId, protocol: ProtocolId) -> anyhow::Result<()> {
    disk::check(ctx)?;
    let Some(ground) = head::stand(ctx, turn, protocol).await? else {
        return Ok(());
    };
    let step = store::step::load(&mut ctx.store.read().await?, id).await?;
    let step = step.ok_or(StoreError::Missing { what: "step" })?;
    let rests = matches!(ground.protocol.status(), ProtocolStatus::Paused | ProtocolStatus::Failed);
    let (Some(head), true) = (ground.head.clone(), is_wanted(&step) && !rests) else {
        return Ok(());
    };
    let mut run = Run::open(ctx, turn, protocol, Some(id)).await?;
    let judgement = match ask(ctx, &ground, &step, &head, &mut run).await {
        Ok(Some(judgement)) => judgement,
        Ok(None) => return run.close(ctx, RunStatus::Cancelled, "stopped").await,
        Err(fault) => {
            run.fail(ctx, &fault).await?;
            return Err(fault);
        }
    };
    let report = record::quality_report(&record::QualityReportFacts {
        step_id: &step.spec.id,
        sha: &head,
        at: ctx.now(),
        judgement: &judgement,
    });
    run.keep(ctx, REPORT, "qa_report", &report).await?;
    let used = Used { tokens: run.tokens(), engine_ms: run.engine_ms() };
    run.close(ctx, RunStatus::Succeeded, "").await?;
    judged(ctx, turn, &step, &head, &judgement, &used).await
}

/// A step is judged once after it was executed, and again when its verdict no longer speaks of the head.
fn is_wanted(step: &Step) -> bool {
    let outdated = step.judged.as_ref().is_some_and(|judged| judged.outdated);
    match step.status {
        StepStatus::NeedsQa => true,
        StepStatus::Blocked | StepStatus::Completed | StepStatus::Failed => outdated,
        _ => false,
    }
}

/// A job that judges a step failed for good: nobody judged it, so it is inconclusive.
pub async fn give_up(ctx: &Ctx, turn: &Claimed, id: StepId, error: &str) -> anyhow::Result<()> {
    let step = store::step::load(&mut ctx.store.read().await?, id).await?;
    let step = step.ok_or(StoreError::Missing { what: "step" })?;
    let Some(head) = step.commit.clone() else {
        return Ok(());
    };
    let judgement = Judgement::inconclusive(format!("QA could not be run: {error}"));
    judged(ctx, turn, &step, &head, &judgement, &Used { tokens: 0, engine_ms: 0 }).await
}

/// The newest QA report of a protocol, for the next commit on the branch. Made from the timeline: the file of the run that
/// judged may lie on another machine.
pub async fn last_report(ctx: &Ctx, protocol: ProtocolId) -> anyhow::Result<Option<String>> {
    let mut db = ctx.store.read().await?;
    let Some(event) = store::event::last_verdict(&mut db, protocol).await? else {
        return Ok(None);
    };
    let steps = store::step::of_protocol(&mut db, protocol).await?;
    let step = steps.into_iter().find(|step| Some(step.id) == event.step);
    let sha = event.facts[COMMIT].as_str().and_then(Sha::parse);
    let (Some(step), Some(sha)) = (step, sha) else {
        return Ok(None);
    };
    let judgement: Judgement = serde_json::from_value(event.facts.clone())?;
    let (step_id, at) = (step.spec.id.as_str(), event.at);
    Ok(Some(record::quality_report(&record::QualityReportFacts {
        step_id,
        sha: &sha,
        at,
        judgement: &judgement,
    })))
}

/// Asks the engine; `None` when it was told to stop. An engine that fails is never a pass.
async fn ask(
    ctx: &Ctx,
    ground: &Ground,
    step: &Step,
    head: &Sha,
    run: &mut Run,
) -> anyhow::Result<Option<Judgement>> {
    let tree = ctx.git.worktree(&ground.mirror, &ground.workplace.name, head).await?;
    let asked = question(ctx, ground, step, head, &tree, run).await?;
    let protocol = &ground.protocol;
    let own = step.spec.qa.engine_id.clone();
    let engine = own.unwrap_or_else(|| engines::of(ctx, protocol, ctx.rules.quality_engine.as_deref()));
    let model = step.spec.qa.model.clone().or_else(|| ctx.rules.models.quality.clone());
    let mut about = engine_facts(protocol);
    about["step"] = step.spec.prompt_ref.clone().into();
    let call = Call {
        engine: &engine,
        model: model.as_deref(),
        phase: Phase::Quality,
        prompt: &asked,
        schema: Some(schema::verdict()),
        access: Access::ReadOnly,
        cwd: &tree.path,
        wall: ctx.rules.engine_wall,
        facts: about,
    };
    match run.call(ctx, call).await {
        Ok(answer) => Ok(Some(prompt::verdict::parse(&answer.text))),
        Err(EngineError::Stopped { .. }) => Ok(None),
        Err(error @ (EngineError::RateLimited { .. } | EngineError::ModelUnavailable { .. }))
            if error.retry() != Retry::Never =>
        {
            Err(error.into())
        }
        Err(error) => Ok(Some(Judgement::inconclusive(format!("the engine gave no verdict: {error}")))),
    }
}

async fn question(
    ctx: &Ctx,
    ground: &Ground,
    step: &Step,
    head: &Sha,
    tree: &Worktree,
    run: &mut Run,
) -> anyhow::Result<prompt::Prompt> {
    let protocol = &ground.protocol;
    let folder = protocol.folder();
    let file = |name: &str| files::read(&tree.path, &format!("{folder}/{name}")).unwrap_or_default();
    let (context, log, text) = (file("context.md"), file("log.md"), file(&step.spec.prompt_ref));
    let commits = ctx.git.log(&ground.mirror, None, head, 2).await?;
    let before = commits.get(1).map_or(&ground.base, |commit| &commit.sha);
    let diff = ctx.git.diff_commits(&ground.mirror, before, head, DIFF).await?;
    let status = ctx.git.status(tree).await?;
    let status: Vec<String> = status.iter().map(|change| change.path.display().to_string()).collect();
    let evidence = evidence::gather(ctx, tree, run).await?;
    Ok(prompt::quality(&QualityFacts {
        identity: identity(protocol),
        step_id: &step.spec.id,
        plan: &protocol.plan,
        context: &context,
        log: &log,
        step: &text,
        git_status: &status.join("\n"),
        last_commit: commits.first().map_or("", |commit| commit.subject.as_str()),
        diff: &diff.text(),
        evidence: &evidence,
        depth: if step.spec.qa.policy == QaPolicy::Light { Depth::Light } else { Depth::Full },
    }))
}

/// What judging took.
struct Used {
    tokens: u64,
    engine_ms: u64,
}

async fn judged(
    ctx: &Ctx,
    turn: &Claimed,
    step: &Step,
    head: &Sha,
    judgement: &Judgement,
    used: &Used,
) -> anyhow::Result<()> {
    let number = step.number;
    let recorded = change(ctx, step.protocol, Some(turn.hold()), |draft| {
        draft.apply_step(number, StepMove::Judge(judgement.verdict))?;
        let step = draft.step_mut(number)?;
        step.judged = Some(Judged { verdict: judgement.verdict, sha: head.clone(), outdated: false });
        step.summary.clone_from(&judgement.summary);
        step.tokens += used.tokens;
        step.engine_ms += used.engine_ms;
        note(draft, number, head, judgement);
        follow(draft, number, head, judgement)
    });
    match recorded.await? {
        Ok(()) => ctx.meters.verdict(judgement.verdict.as_str()),
        Err(refusal) => {
            tracing::debug!(%refusal, "a verdict came that is not wanted any more");
        }
    }
    Ok(())
}

fn note(draft: &mut Draft, number: u32, head: &Sha, judgement: &Judgement) {
    let kind = match judgement.verdict {
        Verdict::Pass => EventKind::QaPassed,
        Verdict::Fail => EventKind::QaFailed,
        Verdict::Blocked | Verdict::Inconclusive => EventKind::QaUndecided,
        Verdict::Skipped => EventKind::QaSkippedPolicy,
    };
    let mut facts = json!(judgement);
    facts[COMMIT] = json!(head);
    draft.note_with(kind, Some(number), format!("QA of step {number}: {}", judgement.verdict), facts);
    if let Some(amended) = &judgement.amended {
        draft.note(EventKind::QaDowngradedProtocolOnly, Some(number), amended.clone());
    }
}

/// A pass clears what QA held against the step; anything else needs a person.
fn follow(draft: &mut Draft, number: u32, head: &Sha, judgement: &Judgement) -> Result<(), Refusal> {
    let step = Some(number);
    match judgement.verdict {
        Verdict::Pass | Verdict::Skipped => {
            if draft.protocol.head.as_ref() == Some(head) {
                draft.protocol.adopted_from = None;
            }
            draft.apply(ProtocolMove::Clear(Clearing::QaPassed(number)))?;
            draft.note(EventKind::StepCompleted, step, format!("step {number} completed"));
            Ok(())
        }
        Verdict::Fail => draft.block(ReasonKey::QaFailed, step, reason("QA failed", judgement)),
        Verdict::Blocked => draft.block(ReasonKey::QaUndecided, step, reason("QA is blocked", judgement)),
        Verdict::Inconclusive => {
            draft.block(ReasonKey::QaUndecided, step, reason("QA is inconclusive", judgement))
        }
    }
}

fn reason(what: &str, judgement: &Judgement) -> String {
    let summary: String = judgement.summary.chars().take(300).collect();
    if summary.trim().is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {}", as_written(summary.trim()))
    }
}
