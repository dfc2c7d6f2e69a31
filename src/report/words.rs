//! The one place for what states are called: the same words in comments, checks, answers and pages.

mod phrase;

pub(super) use phrase::Phrase;

use super::text::plain;
use super::time::utc;
use super::view::ProtocolView;
use crate::domain::ci::CiStatus;
use crate::domain::colour::{Colour, end_words, protocol_colour};
use crate::domain::drive::{self, Next};
use crate::domain::names::as_written;
use crate::domain::project::PullState;
use crate::domain::protocol::{CancelKind, End, Pause, ProtocolStatus, Reason, ReasonKey};
use crate::domain::step::{Step, StepEnd, StepStatus};
use crate::domain::verdict::Verdict;

/// What is going on, and what to do next.
#[derive(Debug, Clone)]
pub(super) struct Headline {
    pub(super) mark: &'static str,
    pub(super) state: Phrase,
    pub(super) next: Phrase,
}

pub(super) fn headline(view: &ProtocolView) -> Headline {
    let (state, next) = match view.protocol.status() {
        ProtocolStatus::Pending | ProtocolStatus::Planning => planning(view),
        ProtocolStatus::Planned => planned(view),
        ProtocolStatus::Running => running(view),
        ProtocolStatus::Paused => paused(view),
        ProtocolStatus::Blocked => blocked(view),
        ProtocolStatus::Failed => (
            "Stopped by a fault of the bot".to_owned(),
            format!("`{}` tries again.", view.call("protocol", "resume", "")),
        ),
        ProtocolStatus::Cancelled | ProtocolStatus::Completed => ended(view),
    };
    let mark = mark(protocol_colour(&view.protocol, &view.steps));
    Headline { mark, state: Phrase::marked(&state), next: Phrase::marked(&next) }
}

/// The same for where the steps are shown elsewhere: that the work goes on stands for all of them, so that it is written once.
pub(super) fn headline_from_afar(view: &ProtocolView) -> Headline {
    let goes_on = view.protocol.status() == ProtocolStatus::Running && waiting(view).is_none();
    if !goes_on || view.protocol.pull.is_none() {
        return headline(view);
    }
    let next =
        format!("Nothing for you to do; `{}` stops after this step.", view.call("protocol", "pause", ""));
    Headline { state: Phrase::marked("Running"), next: Phrase::marked(&next), ..headline(view) }
}

pub(super) fn mark(colour: Colour) -> &'static str {
    match colour {
        Colour::Queued | Colour::Running => "⏳",
        Colour::Success => "✅",
        Colour::Failure => "❌",
        Colour::ActionRequired => "✋",
        Colour::Cancelled => "🚫",
        Colour::Neutral => "➖",
    }
}

fn planning(view: &ProtocolView) -> (String, String) {
    let state = match view.protocol.plan_revision {
        0 => "Planning".to_owned(),
        earlier => format!("Planning again (plan {} is being replaced)", earlier),
    };
    waiting(view).unwrap_or((state, "The plan appears here as soon as it is made.".to_owned()))
}

fn planned(view: &ProtocolView) -> (String, String) {
    let steps = &view.steps;
    let done = steps.iter().filter(|step| step.status.is_done()).count();
    let run = view.call("protocol", "run", "");
    let one = view.call("step", "run", "next");
    if drive::all_done(steps) {
        return all_done(view);
    }
    if done == 0 {
        let replan = view.call("protocol", "replan", "<what to change>");
        return (
            format!("Planned: {}", count(steps.len(), "step")),
            format!(
                "Read the plan, then `{run}` does all of it and `{one}` one step; `{replan}` makes another plan."
            ),
        );
    }
    (
        format!("Resting: {done} of {} are done", count(steps.len(), "step")),
        format!("`{run}` does the rest, `{one}` one step."),
    )
}

fn all_done(view: &ProtocolView) -> (String, String) {
    let done = match view.steps.len() {
        1 => "The only step is done".to_owned(),
        steps => format!("All {steps} steps are done"),
    };
    if let Some(why) = drive::not_green(&view.protocol, &view.steps) {
        return (format!("{done}, but it is not green"), format!("{}.", capitalised(&why)));
    }
    if view.protocol.merge.is_some() {
        return (format!("{done}; the merge is under way"), "Nothing for you to do.".to_owned());
    }
    match view.protocol.pull {
        None => (done, format!("There is no pull request; `{}` opens it.", view.call("protocol", "pr", ""))),
        Some(_) => (
            format!("{done}; waiting for the merge"),
            format!("`{}` merges it, or merge it yourself.", view.call("protocol", "merge", "")),
        ),
    }
}

fn running(view: &ProtocolView) -> (String, String) {
    let pause = format!("Nothing for you to do; `{}` stops after this.", view.call("protocol", "pause", ""));
    if let Some(step) = view.steps.iter().find(|step| step.status == StepStatus::Running) {
        return (format!("Running {}", place(view, step.number)), pause);
    }
    if let Some(waiting) = waiting(view) {
        return waiting;
    }
    let state = match drive::next(&view.protocol, &view.steps) {
        Next::Execute(number) => format!("Starting {}", place(view, number)),
        Next::Judge(number) => format!("Checking the quality of {}", place(view, number)),
        Next::AwaitCi(number) => format!("Waiting for CI of {}", place(view, number)),
        Next::FinishDrive => "Finishing".to_owned(),
        Next::Plan | Next::Offer | Next::Rest => "Running".to_owned(),
    };
    (state, pause)
}

fn paused(view: &ProtocolView) -> (String, String) {
    let resume = view.call("protocol", "resume", "");
    let running = view.steps.iter().find(|step| step.status == StepStatus::Running);
    match (running, view.protocol.state.pause) {
        (Some(step), Some(Pause::AfterThis)) => (
            format!("Pausing after {}", place(view, step.number)),
            format!("`{resume}` goes on, `{}` stops it at once.", view.call("protocol", "pause", "--now")),
        ),
        _ if view.protocol.state.reasons.is_empty() => ("Paused".to_owned(), format!("`{resume}` goes on.")),
        _ => {
            let open = count(view.protocol.state.reasons.len(), "thing");
            let after = if view.protocol.state.reasons.len() == 1 { "is" } else { "are" };
            (format!("Paused, and {open} below {after} to be cleared"), format!("`{resume}` ends the pause."))
        }
    }
}

fn blocked(view: &ProtocolView) -> (String, String) {
    match view.protocol.state.reasons.as_slice() {
        [reason] => {
            let command = view.clearing(reason);
            (
                format!("Blocked: {}", reason_words(reason)),
                format!("`{command}` {}.", what_clearing_does(reason)),
            )
        }
        reasons => (
            format!("Blocked by {}", count(reasons.len(), "thing")),
            "Clear each of them as the list says; the work then goes on by itself.".to_owned(),
        ),
    }
}

fn ended(view: &ProtocolView) -> (String, String) {
    let another = format!("`{}` starts another.", "/protocol new");
    let merged = view.protocol.pull.as_ref().is_some_and(|pull| pull.state == PullState::Merged);
    let early = view.steps.iter().filter(|step| step.end == Some(StepEnd::MergedEarly)).count();
    match view.protocol.state.end {
        Some(End::Completed) if early > 0 => (format!("Merged before {} done", were(early)), another),
        Some(End::Completed) if merged => ("Merged".to_owned(), "Nothing for you to do.".to_owned()),
        Some(end @ End::Cancelled(CancelKind::PrClosed)) => {
            (capitalised(end_words(end)), format!("Reopen it to go on; {another}"))
        }
        Some(end) => (capitalised(end_words(end)), another),
        None => (String::new(), String::new()),
    }
}

fn were(steps: usize) -> String {
    if steps == 1 { "1 step was".to_owned() } else { format!("{steps} steps were") }
}

fn waiting(view: &ProtocolView) -> Option<(String, String)> {
    let delay = view.delay.as_ref()?;
    let why = plain(&delay.why.replace('`', "'"), 200);
    Some((format!("Waiting until {}: {why}", utc(delay.until)), "It goes on by itself then.".to_owned()))
}

/// `step 2 of 4: parser`: the number people type, and the number of the last step.
fn place(view: &ProtocolView, number: u32) -> String {
    let last = view.steps.last().map_or(number, |step| step.number);
    let name = view
        .step(number)
        .map(|step| plain(&as_written(&step.spec.name).replace('`', "'"), 80))
        .unwrap_or_default();
    let name = if name.is_empty() { name } else { format!(": {name}") };
    format!("step {number} of {last}{name}")
}

/// What a reason means, without its detail.
pub(super) fn reason_words(reason: &Reason) -> String {
    let step = reason.step.map_or_else(|| "a step".to_owned(), |step| format!("step {step}"));
    match reason.key {
        ReasonKey::PlanInvalid => "the plan could not be taken".to_owned(),
        ReasonKey::PlanFailed => "no plan was made".to_owned(),
        ReasonKey::EngineMissing => "the engine is not there".to_owned(),
        ReasonKey::StepFailed => format!("{step} failed"),
        ReasonKey::QaFailed => format!("QA of {step} failed"),
        ReasonKey::QaUndecided => format!("QA of {step} came to no verdict"),
        ReasonKey::CiFailed => format!("CI of {step} failed"),
        ReasonKey::CiUndecided => format!("CI of {step} came to no end"),
        ReasonKey::DiffRefused => format!("the changes of {step} were refused"),
        ReasonKey::PushRefused => "the push was refused".to_owned(),
        ReasonKey::PrFailed => "the pull request could not be opened".to_owned(),
        ReasonKey::HeadRewritten => "somebody rewrote the branch".to_owned(),
        ReasonKey::BranchGone => "the branch is gone".to_owned(),
        ReasonKey::BaseGone => "the base branch is gone".to_owned(),
        ReasonKey::BranchTaken => "the branch belongs to somebody else".to_owned(),
    }
}

pub(super) fn what_clearing_does(reason: &Reason) -> &'static str {
    match reason.key {
        ReasonKey::PlanInvalid | ReasonKey::PlanFailed => "plans again",
        ReasonKey::EngineMissing => "goes on once it is there",
        ReasonKey::StepFailed
        | ReasonKey::QaFailed
        | ReasonKey::QaUndecided
        | ReasonKey::CiFailed
        | ReasonKey::CiUndecided
        | ReasonKey::DiffRefused => "does the step again",
        ReasonKey::PushRefused | ReasonKey::PrFailed => "tries again",
        ReasonKey::HeadRewritten => "goes on from what is there now",
        ReasonKey::BranchGone => "pushes it again",
        ReasonKey::BaseGone => "goes on once it is back",
        ReasonKey::BranchTaken => "goes on once the name is free",
    }
}

pub(super) fn step_words(step: &Step) -> String {
    match (step.status, &step.end, &step.approval) {
        (StepStatus::Pending, ..) => "to do".to_owned(),
        (StepStatus::Running, ..) if step.attempts > 1 => format!("running, attempt {}", step.attempts),
        (StepStatus::Running, ..) => "running".to_owned(),
        (StepStatus::NeedsQa, ..) => "done, not judged yet".to_owned(),
        (StepStatus::Completed, _, Some(approval)) => format!("approved by {}", approval.by),
        (StepStatus::Completed, ..) => "done".to_owned(),
        (StepStatus::Failed, ..) => "failed".to_owned(),
        (StepStatus::Blocked, ..) => "blocked".to_owned(),
        (StepStatus::Cancelled, Some(StepEnd::Skipped { by, .. }), _) => format!("skipped by {by}"),
        (StepStatus::Cancelled, Some(StepEnd::MergedEarly), _) => "not done: merged before".to_owned(),
        (StepStatus::Cancelled, ..) => "cancelled".to_owned(),
    }
}

pub(super) fn step_mark(step: &Step) -> &'static str {
    match step.status {
        StepStatus::Pending => "▫️",
        StepStatus::Running | StepStatus::NeedsQa => "⏳",
        StepStatus::Completed => "✅",
        StepStatus::Failed => "❌",
        StepStatus::Blocked => "✋",
        StepStatus::Cancelled => "🚫",
    }
}

/// QA of a step in one or two words; a dash where there is none.
pub(super) fn qa_words(step: &Step) -> String {
    match &step.judged {
        None if !step.spec.needs_verdict() => "not needed".to_owned(),
        None => "–".to_owned(),
        Some(judged) if judged.outdated => format!("{}, outdated", verdict_words(judged.verdict)),
        Some(judged) => verdict_words(judged.verdict).to_owned(),
    }
}

pub(super) fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Blocked => "blocked",
        Verdict::Inconclusive => "no verdict",
        Verdict::Skipped => "skipped",
    }
}

pub(super) fn ci_words(ci: CiStatus) -> &'static str {
    match ci {
        CiStatus::None => "–",
        CiStatus::Waiting => "waiting",
        CiStatus::Passed => "passed",
        CiStatus::Failed => "failed",
        CiStatus::Inconclusive => "no end",
    }
}

/// `1 step`, `4 steps`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

pub(super) fn capitalised(words: &str) -> String {
    let mut rest = words.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
