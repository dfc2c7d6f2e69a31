//! From a step to a commit on the branch.
//!
//! Safe to repeat: a step that is neither pending nor running is done here, and a commit that an earlier attempt made is
//! pushed or recorded instead of being made again.

mod outcome;

use super::change;
use super::engines::{self, Gave, Trouble};
use super::head::{self, Ground};
use super::planning::{engine_facts, identity};
use super::pushing::{self, Commit};
use super::runs::{self, Call, Run};
use super::{Ctx, ci, disk, files, quality, remote};
use crate::domain::ci::CiLog;
use crate::domain::claim::Claimed;
use crate::domain::event::EventKind;
use crate::domain::ids::{ProtocolId, Sha, StepId};
use crate::domain::protocol::{ProtocolStatus, ReasonKey};
use crate::domain::spec::QaPolicy;
use crate::domain::step::{Step, StepStatus};
use crate::engine::{Access, Answer, Phase};
use crate::git::{Push, PushError, Worktree};
use crate::prompt::{self, ExecutionFacts};
use crate::report::record::{self, CommitKind};
use crate::store::run::RunStatus;
use crate::store::{self, StoreError};
use std::time::Duration;

/// Bytes of a patch that is kept of work that was thrown away.
const PATCH: usize = 8 << 20;

/// Executes one step.
pub async fn execute(ctx: &Ctx, turn: &Claimed, id: StepId, protocol: ProtocolId) -> anyhow::Result<()> {
    disk::check(ctx)?;
    let Some(ground) = head::stand(ctx, turn, protocol).await? else {
        return Ok(());
    };
    let step = store::step::load(&mut ctx.store.read().await?, id)
        .await?
        .ok_or(StoreError::Missing { what: "row" })?;
    if step.status == StepStatus::Running
        && let Some(done) = recovered(ctx, turn, &ground, &step).await?
    {
        return outcome::executed(ctx, turn, &ground, &step, done).await;
    }
    let wanted = ground.protocol.status() == ProtocolStatus::Running
        && matches!(step.status, StepStatus::Pending | StepStatus::Running);
    if !wanted {
        return Ok(());
    }
    let step = outcome::started(ctx, turn, &ground, step).await?;
    let mut run = Run::open(ctx, turn, protocol, Some(id)).await?;
    match attempt(ctx, &ground, &step, &mut run).await {
        Ok(Gave::Answer(commit)) => {
            let done = outcome::Executed { commit, tokens: run.tokens(), engine_ms: run.engine_ms() };
            run.close(ctx, RunStatus::Succeeded, "").await?;
            head::adopt_below(ctx, turn, &ground, &done.commit).await?;
            outcome::executed(ctx, turn, &ground, &step, done).await?;
            inline_quality(ctx, turn, &step).await
        }
        Ok(Gave::Nothing(trouble)) => {
            run.close(ctx, RunStatus::Failed, &trouble.detail).await?;
            outcome::failed(ctx, turn, &step, &trouble).await
        }
        Ok(Gave::Stopped) => {
            run.close(ctx, RunStatus::Cancelled, "stopped").await?;
            outcome::handed_back(ctx, turn, &step).await
        }
        Err(fault) => {
            run.fail(ctx, &fault).await?;
            Err(fault)
        }
    }
}

/// The commit of an earlier attempt that did not come to record the step as executed: it is on the branch, or it can be brought
/// there, because its worker was lost before the push or the push of this job failed. Nobody executes the step again for it.
async fn recovered(
    ctx: &Ctx,
    turn: &Claimed,
    ground: &Ground,
    step: &Step,
) -> anyhow::Result<Option<outcome::Executed>> {
    let runs = store::run::of_step(&mut ctx.store.read().await?, step.id).await?;
    let made: Vec<(store::run::Run, Sha)> = runs
        .into_iter()
        .filter(|run| run.kind == turn.job.kind())
        .filter_map(|run| Some((run.clone(), run.commit?)))
        .collect();
    // What was made before the step was last executed is known.
    let known = made.iter().rposition(|(_, commit)| step.commit.as_ref() == Some(commit));
    let unknown = &made[known.map_or(0, |at| at + 1)..];
    for (run, commit) in unknown.iter().rev() {
        if head::is_on_branch(ctx, ground, commit).await? {
            return Ok(Some(outcome::Executed::recovered(commit, run)));
        }
    }
    let Some((run, commit)) = unknown.last().filter(|(run, _)| run.was_lost() || run.job == turn.id) else {
        return Ok(None);
    };
    let push = Push { branch: &ground.protocol.branch(), new: commit, onto: ground.head.as_ref() };
    match remote::push(ctx, &ground.project, &ground.mirror, &push).await? {
        Ok(_) => Ok(Some(outcome::Executed::recovered(commit, run))),
        Err(PushError::Git(error)) if error.is_passing() => Err(error.into()),
        Err(error) => {
            tracing::info!(%error, "the commit of a lost attempt is not there to be pushed");
            Ok(None)
        }
    }
}

async fn attempt(ctx: &Ctx, ground: &Ground, step: &Step, run: &mut Run) -> anyhow::Result<Gave<Sha>> {
    let head = ground.head.clone().ok_or_else(|| anyhow::anyhow!("a planned protocol has no head"))?;
    keep_leftovers(ctx, ground, run, &head).await?;
    let tree = ctx.git.worktree(&ground.mirror, &ground.workplace.name, &head).await?;
    let failed = ci::logs_of(&mut ctx.store.read().await?, step.id).await?;
    let answer = match work(ctx, ground, step, &failed, run, &tree).await {
        Ok(answer) => answer,
        Err(error) => return engines::trouble(error, ReasonKey::StepFailed),
    };
    if runs::told_to_stop(ctx, ground.protocol.id).await? {
        return Ok(Gave::Stopped);
    }
    drop_bookkeeping(ctx, ground, &tree, &head).await?;
    write_bookkeeping(ctx, ground, step, &tree, &answer).await?;
    let message =
        record::commit_message(CommitKind::Step, &step.spec.name, ground.protocol.number, Some(step.number));
    let commit = Commit { message, onto: Some(head.clone()) };
    match pushing::commit_and_push(ctx, ground, &tree, run, &commit).await? {
        Ok(sha) => Ok(Gave::Answer(sha)),
        Err(trouble) => {
            keep_patch(ctx, &tree, run, &head).await?;
            Ok(Gave::Nothing(trouble))
        }
    }
}

async fn work(
    ctx: &Ctx,
    ground: &Ground,
    step: &Step,
    failed: &[CiLog],
    run: &mut Run,
    tree: &Worktree,
) -> Result<Answer, crate::engine::EngineError> {
    let protocol = &ground.protocol;
    let folder = protocol.folder();
    let file = |name: &str| files::read(&tree.path, &format!("{folder}/{name}")).unwrap_or_default();
    let (context, log, text) = (file("context.md"), file("log.md"), file(&step.spec.prompt_ref));
    let facts = ExecutionFacts {
        identity: identity(protocol),
        step_id: &step.spec.id,
        plan: &protocol.plan,
        step: &text,
        context: &context,
        log: &log,
        ci: failed,
        notes: &[],
    };
    let engine = step.spec.engine_id.clone();
    let engine = engine.unwrap_or_else(|| engines::of(ctx, protocol, ctx.rules.execution_engine.as_deref()));
    let model =
        [&step.spec.model, &protocol.model, &ctx.rules.models.execute].into_iter().find_map(Clone::clone);
    let mut about = engine_facts(protocol);
    about["step"] = step.spec.prompt_ref.clone().into();
    let own_wall = step.spec.timeout_seconds.map(Duration::from_secs);
    let asked = prompt::execute(&facts);
    run.call(
        ctx,
        Call {
            engine: &engine,
            model: model.as_deref(),
            phase: Phase::Execute,
            prompt: &asked,
            schema: None,
            access: Access::Workspace,
            cwd: &tree.path,
            wall: own_wall.unwrap_or_default().max(ctx.rules.engine_wall),
            facts: about,
        },
    )
    .await
}

/// What an earlier attempt left in the worktree is kept as a patch before the worktree is reset.
async fn keep_leftovers(ctx: &Ctx, ground: &Ground, run: &Run, head: &Sha) -> anyhow::Result<()> {
    match ctx.git.find(&ground.mirror, &ground.workplace.name) {
        Some(tree) => {
            let stands = ctx.git.head(&tree).await?;
            let pushed = ctx.git.is_ancestor(&ground.mirror, &stands, head).await?;
            keep_patch(ctx, &tree, run, if pushed { &stands } else { head }).await
        }
        None => Ok(()),
    }
}

async fn keep_patch(ctx: &Ctx, tree: &Worktree, run: &Run, head: &Sha) -> anyhow::Result<()> {
    match ctx.git.patch(tree, head, PATCH).await {
        Ok(Some(patch)) => run.keep(ctx, "thrown-away.patch", "patch", &patch.text()).await,
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::warn!(%error, "what an attempt left could not be kept");
            Ok(())
        }
    }
}

/// The agent's edits under `.protocols/` are thrown away: the plan is a contract, and the rest is the worker's to write.
async fn drop_bookkeeping(ctx: &Ctx, ground: &Ground, tree: &Worktree, head: &Sha) -> anyhow::Result<()> {
    for change in ctx.git.status(tree).await? {
        if !change.path.starts_with(".protocols") {
            continue;
        }
        files::remove(&tree.path, &change.path)?;
        if let Some(path) = change.path.to_str()
            && let Some(content) = ctx.git.read_file(&ground.mirror, head, path, PATCH).await?
        {
            files::write(&tree.path, path, &content)?;
        }
    }
    Ok(())
}

/// The worker's own entries: the engine's answer, the log, the context, and QA's last report.
async fn write_bookkeeping(
    ctx: &Ctx,
    ground: &Ground,
    step: &Step,
    tree: &Worktree,
    answer: &Answer,
) -> anyhow::Result<()> {
    let folder = ground.protocol.folder();
    let write = |name: &str, content: &str| {
        files::write(&tree.path, &format!("{folder}/{name}"), ctx.redactor.redact(content).as_bytes())
    };
    let read = |name: &str| files::read(&tree.path, &format!("{folder}/{name}"));
    for output in step.spec.outputs.protocol.iter().chain(step.spec.outputs.aux.values()) {
        write(output, &answer.text)?;
    }
    let steps = store::step::of_protocol(&mut ctx.store.read().await?, ground.protocol.id).await?;
    let mut log = read("log.md")?;
    if let Some(report) = quality::last_report(ctx, ground.protocol.id).await? {
        write("quality-report.md", &report)?;
        if let Some((before, judged)) = steps.iter().filter_map(|s| Some((s, s.judged.as_ref()?))).next_back()
        {
            let words = format!("QA of step {:02}: {}", before.number, judged.verdict);
            log = format!("{}\n{}", log.trim_end(), record::log_entry(ctx.now(), &words));
        }
    }
    let words = format!("step {:02} executed: {}", step.number, step.spec.name);
    write("log.md", &format!("{}\n{}", log.trim_end(), record::log_entry(ctx.now(), &words)))?;
    let next = steps.iter().find(|other| other.number > step.number && !other.status.is_done());
    let next_step = next.map(|next| next.spec.id.as_str());
    let next_action = next_step
        .map_or_else(|| "review and merge".to_owned(), |id| format!("judge this step, then execute {id}"));
    let facts = record::ContextFacts {
        current_step: next_step,
        status: "executed, not judged yet",
        last_action: &words,
        next_action: &next_action,
        branch: &ground.protocol.branch(),
        head: ground.head.as_ref(),
        at: ctx.now(),
    };
    write("context.md", &record::context(&read("context.md")?, &facts))?;
    Ok(())
}

/// Light QA happens in the same job, right after execution.
async fn inline_quality(ctx: &Ctx, turn: &Claimed, step: &Step) -> anyhow::Result<()> {
    match step.spec.qa.policy {
        QaPolicy::Light => quality::judge(ctx, turn, step.id, step.protocol).await,
        QaPolicy::Full | QaPolicy::Skip => Ok(()),
    }
}

/// A job that executes a step failed for good: the step has failed.
pub async fn give_up(ctx: &Ctx, turn: &Claimed, id: StepId, error: &str) -> anyhow::Result<()> {
    let step = store::step::load(&mut ctx.store.read().await?, id)
        .await?
        .ok_or(StoreError::Missing { what: "row" })?;
    let detail = format!("step {} could not be executed: {error}", step.number);
    match step.status {
        StepStatus::Running => {
            outcome::failed(ctx, turn, &step, &Trouble { key: ReasonKey::StepFailed, detail }).await
        }
        _ => {
            change::record(ctx, step.protocol, Some(turn.hold()), |draft| {
                draft.note(EventKind::JobFailed, Some(step.number), detail.clone());
                draft.block(ReasonKey::StepFailed, Some(step.number), detail.clone())
            })
            .await
        }
    }
}
