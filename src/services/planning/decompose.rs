//! A second model call for each step that is not simple.

use super::draft::{engine_facts, identity};
use crate::domain::event::EventKind;
use crate::domain::protocol::ReasonKey;
use crate::domain::spec::{StepType, infer_type, is_simple_step};
use crate::engine::{Access, Phase};
use crate::prompt::plan::{FILE_BYTES, Plan};
use crate::prompt::{self, ExecutionFacts};
use crate::services::Ctx;
use crate::services::engines::{self, Gave};
use crate::services::head::Ground;
use crate::services::runs::{Call, Run};
use std::path::Path;

/// Takes apart the plan's steps, but for set-up steps and, if so set, simple ones.
pub(super) async fn steps(
    ctx: &Ctx,
    ground: &Ground,
    run: &mut Run,
    cwd: &Path,
    mut plan: Plan,
) -> anyhow::Result<Gave<Plan>> {
    let mut taken_apart = 0;
    for index in 0..plan.step_files.len() {
        let (file, content) = plan.step_files[index].clone();
        let id = file.strip_suffix(".md").unwrap_or(&file);
        if !ctx.rules.decompose || infer_type(id) == StepType::Setup {
            continue;
        }
        if ctx.rules.skip_simple_decompose && is_simple_step(&content) {
            run.say(&format!("{file} is simple and stays as it is")).await;
            continue;
        }
        match one(ctx, ground, run, cwd, (id, &plan.plan_md, &content)).await? {
            Gave::Answer(detailed) => plan.step_files[index].1 = detailed,
            Gave::Nothing(trouble) => return Ok(Gave::Nothing(trouble)),
            Gave::Stopped => return Ok(Gave::Stopped),
        }
        taken_apart += 1;
    }
    run.say(&format!("{}: {taken_apart} steps", EventKind::DecomposeCompleted.as_str())).await;
    Ok(Gave::Answer(plan))
}

async fn one(
    ctx: &Ctx,
    ground: &Ground,
    run: &mut Run,
    cwd: &Path,
    (id, plan, step): (&str, &str, &str),
) -> anyhow::Result<Gave<String>> {
    let protocol = &ground.protocol;
    let facts = ExecutionFacts {
        identity: identity(protocol),
        step_id: id,
        plan,
        step,
        context: "",
        log: "",
        ci: &[],
        notes: &[],
    };
    let asked = prompt::decompose(&facts);
    let engine = engines::of(ctx, protocol, ctx.rules.planning_engine.as_deref());
    let model = protocol.model.clone().or_else(|| ctx.rules.models.decompose.clone());
    let mut about = engine_facts(protocol);
    about["step"] = format!("{id}.md").into();
    about["content"] = step.into();
    let call = Call {
        engine: &engine,
        model: model.as_deref(),
        phase: Phase::Decompose,
        prompt: &asked,
        schema: None,
        access: Access::ReadOnly,
        cwd,
        wall: ctx.rules.engine_wall,
        facts: about,
    };
    let text = match run.call(ctx, call).await {
        Ok(answer) => answer.text,
        Err(error) => return engines::trouble(error, ReasonKey::PlanFailed),
    };
    if text.trim().is_empty() || text.len() > FILE_BYTES || text.contains('\0') {
        let detail = format!("the engine's details for step `{id}` are empty, too long or no text");
        return Ok(Gave::nothing(ReasonKey::PlanInvalid, detail));
    }
    Ok(Gave::Answer(text))
}
