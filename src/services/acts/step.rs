//! The `/step` family.

use super::{Acted, Reply, readable};
use crate::domain::ci::CiStatus;
use crate::domain::command::WhichStep;
use crate::domain::drive;
use crate::domain::event::EventKind;
use crate::domain::ids::ProtocolNumber;
use crate::domain::job::Job;
use crate::domain::protocol::{Clearing, Drive, ProtocolMove, ProtocolStatus};
use crate::domain::refusal::Refusal;
use crate::domain::step::{Approval, Judged, Step, StepEnd, StepMove, StepStatus};
use crate::domain::verdict::Verdict;
use crate::report;
use crate::services::change::Draft;
use crate::services::commands::Asking;
use crate::services::{Ctx, views};

pub(super) fn run(draft: &mut Draft, by: &str, which: WhichStep, anyway: bool) -> Result<(), Refusal> {
    refuse_ended(draft)?;
    let drive = match which {
        WhichStep::All => return super::protocol::run(draft, by, None),
        WhichStep::Next => Drive::Only(next_open(draft)?.number),
        WhichStep::Number(number) => Drive::Only(startable(draft, number, anyway)?.number),
    };
    draft.apply(ProtocolMove::Run(drive))?;
    let words = if anyway { " out of order" } else { "" };
    draft.note(EventKind::RunRequested, None, format!("{by} runs a step{words}"));
    Ok(())
}

fn next_open(draft: &Draft) -> Result<&Step, Refusal> {
    draft.steps.iter().find(|step| !step.status.is_done()).ok_or(Refusal::NothingToRun)
}

/// A pending step that stands on nothing open; `anyway` lets a maintainer go out of order.
fn startable(draft: &Draft, number: u32, anyway: bool) -> Result<&Step, Refusal> {
    let step = draft.step(number)?;
    match step.status {
        StepStatus::Pending => {}
        StepStatus::Running => return Err(Refusal::AlreadyRunning),
        from => {
            return Err(Refusal::NoSuchStepMove { from, happened: StepMove::Retry });
        }
    }
    match drive::first_open_under(&draft.steps, step) {
        Some(open) if !anyway => Err(Refusal::OutOfOrder { open: open.number, status: open.status }),
        _ => Ok(step),
    }
}

/// Judges a step again on the present head; without a number the last one that was executed.
pub(super) fn quality(draft: &mut Draft, number: Option<u32>) -> Result<(), Refusal> {
    refuse_ended(draft)?;
    if draft.protocol.status() == ProtocolStatus::Paused {
        return Err(Refusal::NotNow { status: ProtocolStatus::Paused });
    }
    let step = match number {
        Some(number) => draft.step(number)?,
        None => drive::latest_commit_step(&draft.steps).ok_or(Refusal::NothingToJudge)?,
    };
    let may_be_judged = match step.status {
        StepStatus::NeedsQa | StepStatus::Blocked | StepStatus::Completed => true,
        StepStatus::Failed => step.judged.as_ref().is_some_and(|judged| judged.verdict == Verdict::Fail),
        _ => false,
    };
    if !may_be_judged || step.commit.is_none() {
        return Err(Refusal::NoSuchStepMove { from: step.status, happened: StepMove::Judge(Verdict::Pass) });
    }
    let (id, number, head) = (step.id, step.number, draft.protocol.head.clone());
    if let Some(head) = head {
        let verdict = step.judged.as_ref().map_or(Verdict::Skipped, |judged| judged.verdict);
        draft.step_mut(number)?.judged = Some(Judged { verdict, sha: head, outdated: true });
    }
    draft.note(EventKind::QaEnqueued, Some(number), "QA runs again on the present head");
    draft.push(Job::Publish { protocol: draft.protocol.id });
    draft.push(Job::RunQuality { step: id, protocol: draft.protocol.id });
    Ok(())
}

/// Works on the present head and rewrites nothing; without a number the step that failed or is blocked.
pub(super) fn retry(draft: &mut Draft, by: &str, number: Option<u32>) -> Result<(), Refusal> {
    refuse_ended(draft)?;
    let stuck = |step: &&Step| matches!(step.status, StepStatus::Failed | StepStatus::Blocked);
    let number = match number {
        Some(number) => draft.step(number)?.number,
        None => draft.steps.iter().find(stuck).ok_or(Refusal::NothingToRun)?.number,
    };
    draft.apply_step(number, StepMove::Retry)?;
    let step = draft.step_mut(number)?;
    step.ci = CiStatus::None;
    step.commit = None;
    step.pushed_at = None;
    step.judged = None;
    step.finished_at = None;
    draft.apply(ProtocolMove::Clear(Clearing::Step(number)))?;
    draft.apply(ProtocolMove::Redo(number))?;
    draft.note(EventKind::StepRetryEnqueued, Some(number), format!("{by} tries step {number} again"));
    Ok(())
}

/// A person decides that the step is not done at all.
pub(super) fn skip(draft: &mut Draft, by: &str, number: u32, why: &str) -> Result<(), Refusal> {
    refuse_ended(draft)?;
    draft.apply_step(number, StepMove::Skip)?;
    draft.step_mut(number)?.end = Some(StepEnd::Skipped { by: by.to_owned(), why: why.to_owned() });
    draft.apply(ProtocolMove::Clear(Clearing::Step(number)))?;
    draft.note(EventKind::StepSkipped, Some(number), format!("step {number} was skipped by {by}: {why}"));
    Ok(())
}

/// A person takes the responsibility, by name; the verdict stays what it was.
pub(super) fn approve(draft: &mut Draft, by: &str, number: u32, why: &str) -> Result<(), Refusal> {
    refuse_ended(draft)?;
    draft.apply_step(number, StepMove::Approve)?;
    let step = draft.step_mut(number)?;
    step.approval = Some(Approval { by: by.to_owned(), why: why.to_owned() });
    if !step.ci.lets_pass() {
        step.ci = CiStatus::None;
    }
    draft.apply(ProtocolMove::Clear(Clearing::Step(number)))?;
    draft.note(EventKind::ManualApproval, Some(number), format!("step {number} was approved by {by}: {why}"));
    Ok(())
}

fn refuse_ended(draft: &Draft) -> Result<(), Refusal> {
    match draft.protocol.state.end {
        Some(_) => Err(Refusal::Ended { status: draft.protocol.status() }),
        None => Ok(()),
    }
}

pub(super) async fn show(ctx: &Ctx, asking: &Asking, named: Option<ProtocolNumber>, number: u32) -> Acted {
    let protocols = match readable(ctx, asking, named).await? {
        Ok(protocols) => protocols,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut parts = Vec::new();
    for protocol in protocols {
        let view = views::protocol(ctx, protocol.id).await?;
        let last = view.steps.last().map(|step| step.number);
        match view.steps.iter().find(|step| step.number == number) {
            Some(step) => parts.push(report::answer::show_step(
                &view,
                step,
                &views::step_file(ctx, &view.protocol, step).await?,
            )),
            None => return Ok(Err(Refusal::NoSuchStep { number, last })),
        }
    }
    Ok(Ok(Some(Reply::of_topic(&format!("step {number}"), parts.join("\n\n")))))
}
