//! Steps that are said to run and that nobody works on.

use crate::domain::event::EventKind;
use crate::domain::protocol::ReasonKey;
use crate::domain::step::{Step, StepMove, StepStatus};
use crate::services::Ctx;
use crate::services::change::record;
use crate::store;

/// Steps that one pass fails.
const MOST: u32 = 100;

/// Fails every step that runs without a job for longer than an engine may be silent.
pub(super) async fn fail_abandoned(ctx: &Ctx) -> anyhow::Result<()> {
    let before = ctx.now().minus(ctx.rules.engine_idle);
    for step in store::step::abandoned(&mut ctx.store.read().await?, before, MOST).await? {
        fail(ctx, &step).await?;
    }
    Ok(())
}

async fn fail(ctx: &Ctx, step: &Step) -> anyhow::Result<()> {
    let number = step.number;
    let detail = format!("the worker of step {number} was lost, and nobody took the step over");
    record(ctx, step.protocol, None, |draft| {
        if draft.step(number)?.status != StepStatus::Running {
            return Ok(());
        }
        draft.apply_step(number, StepMove::Fail)?;
        draft.step_mut(number)?.summary.clone_from(&detail);
        draft.note(EventKind::StepExecutionFailed, Some(number), format!("step {number} failed"));
        draft.block(ReasonKey::StepFailed, Some(number), detail.clone())
    })
    .await
}
