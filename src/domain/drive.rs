//! What comes next: the one rule that turns a protocol's facts into its next piece of work.
//!
//! It is asked after every fact, in the transaction that records it, and answers from the state alone; asking twice does
//! no harm.

use super::ci::CiStatus;
use super::ids::{Moment, Sha};
use super::project::{Protocol, PullState};
use super::protocol::{Drive, ProtocolStatus, Reason, ReasonKey};
use super::step::{Step, StepStatus};

/// The next piece of work of a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Plan,
    Execute(u32),
    Judge(u32),
    /// CI of this step is read when something is heard of it, or when its silence is over.
    AwaitCi(u32),
    /// What the drive asked for is done.
    FinishDrive,
    /// Everything is done and green: the pull request is taken out of draft.
    Offer,
    /// Nothing starts by itself now.
    Rest,
}

/// Decides what comes next for `protocol`.
pub fn next(protocol: &Protocol, steps: &[Step]) -> Next {
    match protocol.status() {
        ProtocolStatus::Planning => Next::Plan,
        ProtocolStatus::Running => next_step(protocol.state.drive, steps),
        ProtocolStatus::Planned if may_be_offered(protocol, steps) => Next::Offer,
        _ => Next::Rest,
    }
}

fn may_be_offered(protocol: &Protocol, steps: &[Step]) -> bool {
    let waiting = protocol.pull.as_ref().is_some_and(|pull| pull.state == PullState::Draft && !pull.offered);
    waiting && not_green(protocol, steps).is_none()
}

fn next_step(drive: Drive, steps: &[Step]) -> Next {
    let mut before: Option<&Step> = None;
    for step in steps {
        if !drive.covers(step.number) {
            if matches!(drive, Drive::Only(_)) {
                before = Some(step).filter(|step| step.status == StepStatus::Completed).or(before);
                continue;
            }
            break;
        }
        match step.status {
            StepStatus::Pending => return after_ci(before, Next::Execute(step.number)),
            StepStatus::NeedsQa => return Next::Judge(step.number),
            StepStatus::Running | StepStatus::Failed | StepStatus::Blocked => return Next::Rest,
            StepStatus::Completed => before = Some(step),
            StepStatus::Cancelled => {}
        }
    }
    if let Some(outdated) = steps.iter().find(|step| drive.covers(step.number) && is_outdated(step)) {
        return Next::Judge(outdated.number);
    }
    let last =
        steps.iter().rev().find(|step| drive.covers(step.number) && step.status == StepStatus::Completed);
    after_ci(last, Next::FinishDrive)
}

/// The first open step among those that `step` stands on: the ones it names, or else all earlier ones.
pub fn first_open_under<'a>(steps: &'a [Step], step: &Step) -> Option<&'a Step> {
    let stands_on = |other: &Step| match &step.spec.depends_on {
        Some(ids) => ids.contains(&other.spec.id),
        None => other.number < step.number,
    };
    steps.iter().find(|other| stands_on(other) && !other.status.is_done())
}

/// A later step, or the end of the drive, waits until CI of the step before is none or passed.
fn after_ci(before: Option<&Step>, then: Next) -> Next {
    match before {
        Some(step) if step.ci == CiStatus::Waiting => Next::AwaitCi(step.number),
        Some(step) if !step.ci.lets_pass() => Next::Rest,
        _ => then,
    }
}

fn is_outdated(step: &Step) -> bool {
    step.status == StepStatus::Completed
        && step.approval.is_none()
        && step.judged.as_ref().is_some_and(|judged| judged.outdated)
}

/// Every step is completed or cancelled, and there is at least one.
pub fn all_done(steps: &[Step]) -> bool {
    !steps.is_empty() && steps.iter().all(|step| step.status.is_done())
}

/// Why the protocol check may not be green, or `None` when it may.
///
/// Green needs every step vouched for, CI of every step none or passed, and a head that is ours.
pub fn not_green(protocol: &Protocol, steps: &[Step]) -> Option<String> {
    if steps.is_empty() {
        return Some("there is no plan yet".to_owned());
    }
    if let Some(step) = steps.iter().find(|step| !step.status.is_done()) {
        return Some(format!("step {} is {}", step.number, step.status));
    }
    if let Some(step) =
        steps.iter().find(|step| step.status == StepStatus::Completed && !step.is_vouched_for())
    {
        return Some(format!(
            "step {} has no verdict that holds on this head; `/step qa {}`",
            step.number, step.number
        ));
    }
    if let Some(step) = latest_commit_step(steps).filter(|step| !step.ci.lets_pass()) {
        return Some(format!("CI of step {} is {}", step.number, step.ci.as_str()));
    }
    if let Some(login) = &protocol.adopted_from {
        return Some(format!(
            "{login} pushed after the last judged commit; `/step qa` judges the head again"
        ));
    }
    None
}

/// The step whose commit is the newest: CI of older commits is superseded.
pub fn latest_commit_step(steps: &[Step]) -> Option<&Step> {
    steps.iter().filter(|step| step.commit.is_some()).max_by_key(|step| step.pushed_at)
}

/// The newest commit that a step pushed: that step, the commit, and when.
pub fn newest_pushed(steps: &[Step]) -> Option<(&Step, &Sha, Moment)> {
    latest_commit_step(steps).and_then(|step| Some((step, step.commit.as_ref()?, step.pushed_at?)))
}

/// Steps that wait because CI of their commit failed; none once the protocol has ended.
pub fn blocked_by_ci<'s>(protocol: &Protocol, steps: &'s [Step]) -> impl Iterator<Item = &'s Step> {
    let open = !protocol.status().is_terminal();
    let failed =
        protocol.state.reasons.iter().filter(move |reason| open && reason.key == ReasonKey::CiFailed);
    failed.filter_map(|reason| steps.iter().find(|step| Some(step.number) == reason.step))
}

/// Whether any of the reasons is red rather than a question: a step, its QA or its CI failed.
pub fn has_failed(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| {
        matches!(
            reason.key,
            ReasonKey::StepFailed | ReasonKey::QaFailed | ReasonKey::CiFailed | ReasonKey::DiffRefused
        )
    })
}

#[cfg(test)]
mod tests;
