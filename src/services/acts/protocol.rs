//! The `/protocol` family, but for `new`.

use super::{Acted, Answered, Reply, readable};
use crate::domain::actor::ActorKind;
use crate::domain::drive;
use crate::domain::effect::{Effect, NewEffect};
use crate::domain::event::EventKind;
use crate::domain::ids::{CommandId, ProtocolNumber};
use crate::domain::job::Job;
use crate::domain::project::MergeRequest;
use crate::domain::protocol::{CancelKind, Clearing, Drive, Pause, ProtocolMove, ProtocolStatus, ReasonKey};
use crate::domain::refusal::Refusal;
use crate::domain::step::StepMove;
use crate::report;
use crate::services::change::Draft;
use crate::services::commands::Asking;
use crate::services::{Ctx, fates, views};

pub(super) fn run(draft: &mut Draft, by: &str, to: Option<u32>) -> Result<(), Refusal> {
    if draft.protocol.state.end.is_some() {
        return Err(Refusal::Ended { status: draft.protocol.status() });
    }
    let drive = match to {
        Some(number) => Drive::To(draft.step(number)?.number),
        None => Drive::All,
    };
    let open = draft.steps.iter().any(|step| !step.status.is_done() && drive.covers(step.number));
    if !open && drive::not_green(&draft.protocol, &draft.steps).is_none() {
        return Err(Refusal::NothingToRun);
    }
    draft.apply(ProtocolMove::Run(drive))?;
    let how_far = to.map(|number| format!(" to step {number}")).unwrap_or_default();
    draft.note(EventKind::RunRequested, None, format!("{by} approved the plan and runs it{how_far}"));
    Ok(())
}

pub(super) fn pause(draft: &mut Draft, by: &str, now: bool) -> Result<(), Refusal> {
    let pause = if now { Pause::Now } else { Pause::AfterThis };
    draft.apply(ProtocolMove::Pause(pause))?;
    draft.note(EventKind::Paused, None, format!("paused by {by}"));
    Ok(())
}

/// Lifts the pause, or clears what a `resume` clears: a missing engine is tried again, a rewritten head is adopted, a
/// branch that is gone is pushed again.
pub(super) fn resume(draft: &mut Draft, by: &str) -> Result<(), Refusal> {
    let cleared = draft.lift(ProtocolMove::Resume)?;
    draft.note(EventKind::Resumed, None, format!("resumed by {by}"));
    for reason in cleared {
        match (reason.key, reason.step) {
            (ReasonKey::EngineMissing, Some(number)) => draft.apply_step(number, StepMove::Retry)?,
            (ReasonKey::HeadRewritten, _) => draft.protocol.head = None,
            (ReasonKey::BranchGone, _) => draft.push(Job::OpenPr { protocol: draft.protocol.id }),
            _ => {}
        }
    }
    if draft.protocol.plan_revision > 0 {
        draft.push(Job::ReadHead { protocol: draft.protocol.id });
    }
    Ok(())
}

pub(super) fn cancel(draft: &mut Draft, command: CommandId, close: bool) -> Result<(), Refusal> {
    fates::cancel(draft, CancelKind::Command)?;
    if let Some(pull) = draft.protocol.pull.as_ref().filter(|_| close) {
        draft.send(NewEffect {
            key: format!("close:{command}"),
            protocol: Some(draft.protocol.id),
            command: Some(command),
            effect: Effect::ClosePull { number: pull.number },
        });
    }
    Ok(())
}

pub(super) fn replan(draft: &mut Draft, by: &str, text: Option<&str>) -> Result<(), Refusal> {
    draft.apply(ProtocolMove::Replan)?;
    if let Some(text) = text {
        draft.protocol.request =
            format!("{}\n\nFor the new plan, {by} adds:\n\n{text}", draft.protocol.request);
    }
    draft.note(EventKind::PlanningEnqueued, None, format!("{by} asked for a new plan"));
    Ok(())
}

/// Opens the pull request, or pushes the branch again, after that failed.
pub(super) fn pull(draft: &mut Draft) -> Result<(), Refusal> {
    if draft.protocol.state.end.is_some() {
        return Err(Refusal::Ended { status: draft.protocol.status() });
    }
    if draft.protocol.plan_revision == 0 {
        return Err(Refusal::NotNow { status: draft.protocol.status() });
    }
    for step in draft.lift(ProtocolMove::Clear(Clearing::Pull))?.iter().filter_map(|reason| reason.step) {
        draft.apply_step(step, StepMove::Retry)?;
    }
    if let Some(pull) = &mut draft.protocol.pull {
        pull.offered = false;
    }
    draft.push(Job::OpenPr { protocol: draft.protocol.id });
    Ok(())
}

/// Records who asked for the merge; the job merges the judged head, or answers why not.
pub(super) fn merge(draft: &mut Draft, asking: &Asking) -> Result<Answered, Refusal> {
    let protocol = &draft.protocol;
    if protocol.state.end.is_some() {
        return Err(Refusal::Ended { status: protocol.status() });
    }
    if protocol.pull.is_none() {
        return Err(Refusal::NoPullRequest);
    }
    if let Some(why) = drive::not_green(protocol, &draft.steps) {
        return Err(Refusal::NotGreen { why });
    }
    if protocol.status() != ProtocolStatus::Planned {
        return Err(Refusal::NotNow { status: protocol.status() });
    }
    let Some(sha) = protocol.head.clone() else {
        return Err(Refusal::NoPullRequest);
    };
    draft.protocol.merge = Some(MergeRequest {
        by: asking.actor.login.clone(),
        command: asking.id,
        sha,
        by_bot: asking.actor.kind == ActorKind::Bot,
    });
    draft.note(EventKind::MergeRequested, None, format!("{} asked for the merge", asking.actor.login));
    draft.push(Job::Merge { protocol: draft.protocol.id });
    Ok(Answered::ByJob)
}

pub(super) async fn status(ctx: &Ctx, asking: &Asking, named: Option<ProtocolNumber>) -> Acted {
    let protocols = match readable(ctx, asking, named).await? {
        Ok(protocols) => protocols,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut shown = Vec::new();
    for protocol in protocols {
        shown.push(views::protocol(ctx, protocol.id).await?);
    }
    Ok(Ok(Some(Reply::of_topic("status", report::answer::status(&shown)))))
}
