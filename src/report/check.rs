//! Check runs: what the Checks tab says of a protocol, its plan, its steps and their quality.

mod button;

pub use button::{Button, button_command};

use super::comment::{label, log_words, progress, reason_lines, step_table};
use super::fit::{FORGE_BYTES, Keep, fenced, fit};
use super::text::{code, escape_inline, paragraph, plain};
use super::time::{duration, tokens};
use super::view::ProtocolView;
use super::words::{capitalised, count, headline, qa_words, step_words, verdict_words};
use crate::domain::colour::{self, Colour};
use crate::domain::ids::Sha;
use crate::domain::names::as_written;
use crate::domain::protocol::ProtocolStatus;
use crate::domain::step::{Step, StepStatus};
use crate::domain::text::clipped;
use crate::domain::verdict::{Finding, Judgement, Severity};

/// The one check to require.
pub const PROTOCOL: &str = "TasksGodzilla / protocol";
const PLAN: &str = "TasksGodzilla / plan";

/// Bytes of one log.
const LOG: usize = 10_000;

/// What "Re-run" on a check of ours means as a command; `None` for a name that is not ours.
pub fn rerun_command(name: &str) -> Option<String> {
    match name {
        PROTOCOL => return Some("/protocol run".to_owned()),
        PLAN => return Some("/protocol replan".to_owned()),
        _ => {}
    }
    let step = name.strip_prefix("TasksGodzilla / ")?;
    let (number, rest) = step.split_once(' ')?;
    let number: u32 = number.parse().ok()?;
    let verb = if rest.ends_with(" QA") { "qa" } else { "retry" };
    Some(format!("/step {verb} {number}"))
}

/// A check run before it is in a forge's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckText {
    pub name: String,
    pub colour: Colour,
    /// Plain text, at most 255 characters.
    pub title: String,
    /// Markdown, at most [`FORGE_BYTES`].
    pub summary: String,
    pub text: Option<String>,
    /// Our page behind "Details".
    pub details: Option<String>,
    /// At most three; GitHub shows them on completed runs only.
    pub buttons: Vec<Button>,
}

/// `TasksGodzilla / protocol`: the one check to require.
pub fn protocol(view: &ProtocolView) -> CheckText {
    let head = headline(view);
    let mut summary = head.next.markdown();
    for line in reason_lines(view) {
        summary.push_str(&format!("\n\n- {line}"));
    }
    let progress = if view.steps.is_empty() { String::new() } else { format!("{}.", progress(view)) };
    if !progress.is_empty() {
        summary = format!("{progress} {summary}");
    }
    CheckText {
        name: PROTOCOL.to_owned(),
        colour: colour::protocol_colour(&view.protocol, &view.steps),
        title: head.state.plain(200),
        summary: bounded(view, &summary),
        text: step_table(view).map(|table| bounded(view, &table)),
        details: view.links.page.clone(),
        buttons: button::of_protocol(view),
    }
}

/// `TasksGodzilla / plan`.
pub fn plan(view: &ProtocolView) -> CheckText {
    let colour = colour::plan_colour(&view.protocol);
    let title = match colour {
        Colour::Success => {
            format!("{}, plan {}", count(view.steps.len(), "step"), view.protocol.plan_revision)
        }
        Colour::Running => "Planning".to_owned(),
        Colour::Cancelled => "Cancelled before there was a plan".to_owned(),
        _ => "There is no plan".to_owned(),
    };
    let names = view.steps.iter().map(|step| {
        format!(
            "- {}",
            escape_inline(&format!("{:02} {}", step.number, clipped(&as_written(&step.spec.name), 100)))
        )
    });
    let summary = match colour {
        Colour::Success => names.collect::<Vec<_>>().join("\n"),
        _ => headline(view).next.markdown(),
    };
    let plan = &view.protocol.plan;
    let page = view.links.page.as_deref();
    CheckText {
        name: PLAN.to_owned(),
        colour,
        title,
        summary: bounded(view, &summary),
        text: (!plan.is_empty()).then(|| fenced(plan, "markdown", FORGE_BYTES, Keep::Head, page)),
        details: view.links.page.clone(),
        buttons: if may_replan(view) { vec![button::REPLAN.button()] } else { Vec::new() },
    }
}

/// `TasksGodzilla / NN slug`.
pub fn step(view: &ProtocolView, step: &Step) -> CheckText {
    let spent = [
        (step.engine_ms > 0).then(|| duration(step.engine_ms)),
        (step.tokens > 0).then(|| format!("{} tokens", tokens(step.tokens))),
        (step.attempts > 1).then(|| format!("attempt {}", step.attempts)),
    ];
    let executed = step.status == StepStatus::Failed && colour::step_colour(step) == Colour::Success;
    let words = if executed { "executed".to_owned() } else { step_words(step) };
    let mut title = vec![capitalised(&words)];
    title.extend(spent.into_iter().flatten());
    let summary =
        format!("{}\n\nQA: {}.", escape_inline(&clipped(&as_written(&step.spec.name), 300)), qa_words(step));
    let retry = matches!(step.status, StepStatus::Failed | StepStatus::Blocked) && is_open(view);
    CheckText {
        name: format!("TasksGodzilla / {}", label(step)),
        colour: colour::step_colour(step),
        title: plain(&title.join(", "), 200),
        summary: bounded(view, &summary),
        text: failed_and_said(view, step),
        details: details(view, step),
        buttons: if retry { vec![button::RETRY.for_step(step.number)] } else { Vec::new() },
    }
}

/// `TasksGodzilla / NN slug QA`; `None` when the step was not judged. `judgement` is what the verdict rests on.
pub fn quality(view: &ProtocolView, step: &Step, judgement: Option<&Judgement>) -> Option<CheckText> {
    let colour = colour::qa_colour(step)?;
    let judged = step.judged.as_ref()?;
    if judged.outdated && is_open(view) {
        return Some(judged_again(view, step, &judged.sha));
    }
    let findings = judgement.map_or(&[][..], |judgement| &judgement.findings);
    let weighed =
        [Severity::Blocking, Severity::Warning, Severity::Note].map(|severity| weighed(findings, severity));
    let amended = judgement.and_then(|judgement| judgement.amended.as_deref());
    let weighed = if amended.is_some() {
        vec!["with a note".to_owned()]
    } else {
        weighed.into_iter().flatten().collect()
    };
    let title: Vec<String> = std::iter::once(capitalised(&qa_words(step))).chain(weighed).collect();
    let mut summary = format!("QA of commit {}: {}.", judged.sha.short(), verdict_words(judged.verdict));
    if let Some(amended) = amended {
        summary.push_str(&format!(" {}.", super::words::Phrase::marked(&capitalised(amended)).markdown()));
    }
    if let Some(judgement) = judgement {
        summary.push_str(&format!("\n\n{}", paragraph(&clipped(&as_written(&judgement.summary), 4_000))));
    }
    let mut buttons = Vec::new();
    if is_open(view) && colour != Colour::Success {
        buttons.push(button::JUDGE.for_step(step.number));
        if matches!(step.status, StepStatus::Failed | StepStatus::Blocked) {
            buttons.push(button::RETRY.for_step(step.number));
        }
    }
    Some(CheckText {
        name: format!("TasksGodzilla / {} QA", label(step)),
        colour,
        title: plain(&title.join(", "), 200),
        summary: bounded(view, &summary),
        text: (!findings.is_empty()).then(|| bounded(view, &finding_lines(findings).join("\n"))),
        details: details(view, step),
        buttons,
    })
}

/// QA was asked for again and has not answered yet.
fn judged_again(view: &ProtocolView, step: &Step, sha: &Sha) -> CheckText {
    CheckText {
        name: format!("TasksGodzilla / {} QA", label(step)),
        colour: Colour::Queued,
        title: "Judging again".to_owned(),
        summary: format!("QA judges commit {} again; its last verdict no longer counts.", sha.short()),
        text: None,
        details: details(view, step),
        buttons: Vec::new(),
    }
}

/// Findings as list items, the heaviest first.
pub(super) fn finding_lines(findings: &[Finding]) -> Vec<String> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity as u8);
    sorted
        .into_iter()
        .map(|finding| format!("- **{}** {}", severity_words(finding.severity), finding_line(finding)))
        .collect()
}

pub(super) fn finding_line(finding: &Finding) -> String {
    let place =
        finding.path.as_deref().map(|path| format!("{}: ", code(&clipped(path, 200)))).unwrap_or_default();
    format!("{place}{}", escape_inline(&clipped(&as_written(&finding.text), 2_000)))
}

fn severity_words(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocking => "Blocks:",
        Severity::Warning => "Warning:",
        Severity::Note => "Note:",
    }
}

fn weighed(findings: &[Finding], severity: Severity) -> Option<String> {
    let number = findings.iter().filter(|finding| finding.severity == severity).count();
    let words = match severity {
        Severity::Blocking => format!("{number} blocking"),
        Severity::Warning => count(number, "warning"),
        Severity::Note => count(number, "note"),
    };
    (number > 0).then_some(words)
}

fn may_replan(view: &ProtocolView) -> bool {
    matches!(
        view.protocol.status(),
        ProtocolStatus::Planned | ProtocolStatus::Paused | ProtocolStatus::Blocked
    )
}

fn is_open(view: &ProtocolView) -> bool {
    !view.protocol.status().is_terminal()
}

fn details(view: &ProtocolView, step: &Step) -> Option<String> {
    let run = view.links.runs.get(&step.number).map(|run| run.url.clone());
    run.or_else(|| view.links.page.clone())
}

fn said(view: &ProtocolView, words: &str) -> Option<String> {
    let page = view.links.page.as_deref();
    (!words.trim().is_empty()).then(|| fenced(words, "", FORGE_BYTES, Keep::Tail, page))
}

/// What failed jobs of CI printed last, and what the agent said.
fn failed_and_said(view: &ProtocolView, step: &Step) -> Option<String> {
    let logs = view.ci_logs.get(&step.number).into_iter().flatten();
    let parts: Vec<String> = logs.map(|log| log_words(log, LOG)).chain(said(view, &step.summary)).collect();
    (!parts.is_empty()).then(|| bounded(view, &parts.join("\n\n")))
}

fn bounded(view: &ProtocolView, text: &str) -> String {
    fit(text, FORGE_BYTES, Keep::Head, view.links.page.as_deref())
}

#[cfg(test)]
mod tests;
