//! From a request to a plan on a branch.
//!
//! Safe to repeat: a protocol that left `planning` is done, and a plan that an earlier attempt pushed is taken from the
//! branch instead of being made again. A branch of the same name that is not ours is left alone.

mod decompose;
mod draft;

pub use draft::{engine_facts, identity};

use super::change::{Draft, record};
use super::engines::{self, Gave};
use super::head::{self, Ground};
use super::pushing::{self, Commit};
use super::runs::{Call, Run};
use super::{Ctx, disk, files};
use crate::domain::claim::Claimed;
use crate::domain::event::EventKind;
use crate::domain::ids::{ProtocolId, Sha};
use crate::domain::job::Job;
use crate::domain::project::Protocol;
use crate::domain::protocol::{ProtocolMove, ProtocolStatus, ReasonKey, Work};
use crate::domain::refusal::Refusal;
use crate::domain::spec::{self, ProtocolSpec, StepSpec};
use crate::domain::step::{Step, StepStatus};
use crate::engine::{Access, Phase};
use crate::prompt::plan::{self, Plan};
use crate::prompt::{self, Done, schema};
use crate::store;
use crate::store::run::RunStatus;

/// Plans one protocol.
pub async fn plan(ctx: &Ctx, turn: &Claimed, id: ProtocolId) -> anyhow::Result<()> {
    disk::check(ctx)?;
    let Some(ground) = head::stand(ctx, turn, id).await? else {
        return Ok(());
    };
    if ground.protocol.status() != ProtocolStatus::Planning {
        return Ok(());
    }
    let mut run = Run::open(ctx, turn, id, None).await?;
    let outcome = make(ctx, turn, &ground, &mut run).await;
    match &outcome {
        Ok(()) => run.close(ctx, RunStatus::Succeeded, "").await?,
        Err(fault) => run.fail(ctx, fault).await?,
    }
    outcome
}

async fn make(ctx: &Ctx, turn: &Claimed, ground: &Ground, run: &mut Run) -> anyhow::Result<()> {
    let steps = store::step::of_protocol(&mut ctx.store.read().await?, ground.protocol.id).await?;
    match draft::found(ctx, turn, ground).await? {
        draft::Found::Nothing => {}
        draft::Found::Ours { plan, commit } => {
            run.say("an earlier attempt pushed the plan; it is taken from the branch").await;
            return accept(ctx, turn, ground, plan, commit).await;
        }
        draft::Found::Foreign { head } => {
            let branch = ground.protocol.branch();
            let detail =
                format!("somebody else has a branch `{branch}` (at {}); rename or delete it", head.short());
            return blocked(ctx, turn, ground, ReasonKey::BranchTaken, detail).await;
        }
    }
    let start = ground.head.clone().unwrap_or_else(|| ground.base.clone());
    let tree = ctx.git.worktree(&ground.mirror, &ground.workplace.name, &start).await?;
    let plan = match ask(ctx, ground, &steps, run, &tree.path).await? {
        Gave::Answer(plan) => plan,
        Gave::Nothing(trouble) => return blocked(ctx, turn, ground, trouble.key, trouble.detail).await,
        Gave::Stopped => return Ok(()),
    };
    if let Err(faults) = spec_of(ctx, &ground.protocol, &plan) {
        return invalid(ctx, turn, ground, faults).await;
    }
    for (name, content) in draft::folder(ctx, ground, &plan) {
        files::write(&tree.path, &format!("{}/{name}", ground.protocol.folder()), content.as_bytes())?;
    }
    let message = format!(
        "feat(protocol): add plan for {} [protocol-{}/00]",
        ground.protocol.branch(),
        ground.protocol.number
    );
    let commit = Commit { message, onto: ground.head.clone() };
    match pushing::commit_and_push(ctx, ground, &tree, run, &commit).await? {
        Ok(sha) => accept(ctx, turn, ground, plan, sha).await,
        Err(trouble) => blocked(ctx, turn, ground, trouble.key, trouble.detail).await,
    }
}

/// Asks the engine for a plan, with one turn to mend its form, and takes apart the steps that are not simple.
async fn ask(
    ctx: &Ctx,
    ground: &Ground,
    steps: &[Step],
    run: &mut Run,
    cwd: &std::path::Path,
) -> anyhow::Result<Gave<Plan>> {
    let done = done_steps(steps);
    let facts = draft::Facts::read(ctx, ground).await?;
    let engine = engines::of(ctx, &ground.protocol, ctx.rules.planning_engine.as_deref());
    let model = ground.protocol.model.clone().or_else(|| ctx.rules.models.planning.clone());
    let call = |phase, prompt| Call {
        engine: &engine,
        model: model.as_deref(),
        phase,
        prompt,
        schema: Some(schema::planning()),
        access: Access::ReadOnly,
        cwd,
        wall: ctx.rules.engine_wall,
        facts: draft::engine_facts(&ground.protocol),
    };
    let asked = prompt::planning(&facts.of(ground, &done));
    let answer = match run.call(ctx, call(Phase::Plan, &asked)).await {
        Ok(answer) => answer,
        Err(error) => return engines::trouble(error, ReasonKey::PlanFailed),
    };
    let plan = match plan::accept(&answer.text, &done) {
        Ok(plan) => plan,
        Err(faults) => {
            run.say(&format!("asks once more: {faults}")).await;
            let feedback = faults.as_feedback();
            let asked = prompt::repair(&draft::repair(&ground.protocol, &feedback, &answer.text, &done));
            match run
                .call(ctx, call(Phase::Repair, &asked))
                .await
                .map(|answer| plan::accept(&answer.text, &done))
            {
                Ok(Ok(plan)) => plan,
                Ok(Err(faults)) => return Ok(Gave::nothing(ReasonKey::PlanInvalid, faults.to_string())),
                Err(error) => return engines::trouble(error, ReasonKey::PlanFailed),
            }
        }
    };
    decompose::steps(ctx, ground, run, cwd, plan).await
}

fn done_steps(steps: &[Step]) -> Vec<Done> {
    let done = steps.iter().filter(|step| step.status == StepStatus::Completed);
    done.map(|step| Done { file: step.spec.prompt_ref.clone(), name: step.spec.name.clone() }).collect()
}

/// The spec of the plan's step files, validated by its schema and by the rules that a schema cannot say.
fn spec_of(ctx: &Ctx, protocol: &Protocol, plan: &Plan) -> Result<ProtocolSpec, Vec<String>> {
    let built = spec::from_step_files(&plan.step_files, protocol.engine.as_deref(), ctx.rules.qa_policy);
    let value = serde_json::to_value(&built).map_err(|error| vec![error.to_string()])?;
    let spec = prompt::spec::validate(&value)?;
    let files: Vec<&str> = plan.step_files.iter().map(|(name, _)| name.as_str()).collect();
    let faults = spec::faults(&spec, &files);
    if faults.is_empty() { Ok(spec) } else { Err(faults) }
}

/// Stores the plan and its steps. Completed steps of an earlier plan keep their number and commits.
async fn accept(ctx: &Ctx, turn: &Claimed, ground: &Ground, plan: Plan, sha: Sha) -> anyhow::Result<()> {
    let spec = match spec_of(ctx, &ground.protocol, &plan) {
        Ok(spec) => spec,
        Err(faults) => return invalid(ctx, turn, ground, faults).await,
    };
    let id = ground.protocol.id;
    let numbered: Vec<(u32, StepSpec)> = spec
        .steps
        .iter()
        .filter_map(|step| Some((spec::step_number(&step.prompt_ref)?, step.clone())))
        .collect();
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    let mut held = super::change::load(&mut tx, id, ctx.now()).await?;
    if held.protocol.state.work != Work::Planning {
        return Ok(());
    }
    store::step::retire_unfinished(&mut tx, id).await?;
    store::step::insert_all(&mut tx, id, &numbered).await?;
    held.steps = store::step::of_protocol(&mut tx, id).await?;
    let before = held.clone();
    planned(&mut held, &plan, &spec, ground, &sha)?;
    super::change::save(&mut tx, &before, held).await?;
    tx.commit().await?;
    Ok(())
}

fn planned(
    draft: &mut Draft,
    plan: &Plan,
    spec: &ProtocolSpec,
    ground: &Ground,
    sha: &Sha,
) -> Result<(), Refusal> {
    draft.apply(ProtocolMove::AcceptPlan)?;
    let protocol = &mut draft.protocol;
    protocol.plan_revision += 1;
    protocol.plan.clone_from(&plan.plan_md);
    protocol.spec = Some(spec.clone());
    protocol.spec_hash = Some(prompt::spec::hash(spec));
    protocol.head = Some(sha.clone());
    protocol.base_sha = Some(ground.base.clone());
    protocol.base_moved = false;
    let facts = serde_json::json!({
        "steps": spec.steps.len(), "revision": protocol.plan_revision, "spec_hash": protocol.spec_hash, "commit": sha,
    });
    let words = format!("planned {} steps", spec.steps.len());
    draft.note_with(EventKind::Planned, None, words, facts);
    draft.push(Job::OpenPr { protocol: draft.protocol.id });
    Ok(())
}

async fn invalid(ctx: &Ctx, turn: &Claimed, ground: &Ground, faults: Vec<String>) -> anyhow::Result<()> {
    record(ctx, ground.protocol.id, Some(turn.hold()), |draft| {
        for fault in &faults {
            draft.note(EventKind::SpecValidationError, None, fault.clone());
        }
        draft.block(ReasonKey::PlanInvalid, None, format!("the plan is not valid: {}", faults.join("; ")))
    })
    .await
}

async fn blocked(
    ctx: &Ctx,
    turn: &Claimed,
    ground: &Ground,
    key: ReasonKey,
    detail: String,
) -> anyhow::Result<()> {
    record(ctx, ground.protocol.id, Some(turn.hold()), |draft| {
        draft.note(EventKind::PlanningFailed, None, detail.clone());
        draft.block(key, None, detail.clone())
    })
    .await
}
