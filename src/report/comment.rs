//! The comments that are kept current, and the pull request's own words.

use super::fit::{FORGE_BYTES, Keep, fenced, fit};
use super::template::render;
use super::text::{code, defused, escape_inline, link, plain};
use super::time::{duration, tokens};
use super::view::{ProtocolView, step_label};
use super::words::{
    Phrase, ci_words, count, headline, headline_from_afar, qa_words, reason_words, step_mark, step_words,
    what_clearing_does,
};
use crate::domain::ci::CiLog;
use crate::domain::names::as_written;
use crate::domain::protocol::{ProtocolStatus, Reason, ReasonKey};
use crate::domain::step::Step;
use crate::domain::text::clipped;
use crate::domain::thread::Thread;
use minijinja::context;

/// A comment, and the hidden mark by which it is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Ends with the marker.
    pub body: String,
    pub marker: String,
}

/// Characters of one reason's detail, and of one step's name in a table.
const DETAIL: usize = 600;
const NAME: usize = 60;
const REASONS: usize = 20;
/// Bytes of one log.
const LOG: usize = 4_000;
/// Bytes of a request in a pull request's text.
const REQUEST: usize = 20_000;

/// The comment on the pull request that always shows the state of things.
pub fn sticky(view: &ProtocolView) -> Comment {
    let without_plan = sticky_body(view, None);
    let room = FORGE_BYTES.saturating_sub(without_plan.len() + 500);
    let plan = (!view.protocol.plan.is_empty() && room > 1_000)
        .then(|| fenced(&view.protocol.plan, "markdown", room, Keep::Head, view.links.page.as_deref()));
    finished(view, "sticky", &sticky_body(view, plan))
}

/// The short comment on the issue: where the work is, and what a person has to do.
pub fn on_issue(view: &ProtocolView) -> Comment {
    let head = headline_from_afar(view);
    let body = render(
        "issue.md",
        context! {
            mark => head.mark,
            state => head.state.markdown(),
            next => head.next.markdown(),
            pull => view.protocol.pull.as_ref().map(|pull| view.names.reference(Thread::pull(pull.number))),
            reasons => reason_lines(view),
            footer => standing_footer(view),
        },
    );
    finished(view, "issue", &body)
}

/// What is going on, in one line of plain text.
pub fn in_a_line(view: &ProtocolView) -> String {
    headline(view).state.plain(200)
}

/// `Split importer (protocol 0007)`.
pub fn pull_title(view: &ProtocolView) -> String {
    let words: String =
        view.protocol.slug.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words = super::words::capitalised(&plain(&words, 150));
    format!("{words} (protocol {})", view.protocol.number)
}

/// The pull request's own text. It does not change with the state, and may become the message of a squash commit, where
/// fences mean nothing: so what the request quotes can name nobody, close nothing and skip no CI there. It closes the issue, unless more than this protocol
/// works on it.
pub fn pull_body(view: &ProtocolView) -> Comment {
    let closes = view.also_open.is_empty() && !view.protocol.asked_in.is_pull();
    let body = render(
        "pull.md",
        context! {
            relation => if closes { "Closes" } else { "Part of" },
            issue => view.names.reference(view.protocol.asked_in),
            number => view.protocol.number.to_string(),
            folder => plain(&view.protocol.folder(), 200).replace('`', "'"),
            request => defused(&fenced(&view.protocol.request, "", REQUEST, Keep::Head, None)),
            footer => standing_footer(view),
        },
    );
    finished(view, "pull", &body)
}

/// The hidden mark of an answer, by its effect's key: a retry finds the answer that was sent before.
pub fn answer_marker(effect_key: &str) -> String {
    let key: String = effect_key
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '.' | '/' | '='))
        .collect();
    format!("<!-- tasksgodzilla:answer={key} -->")
}

fn finished(view: &ProtocolView, kind: &str, body: &str) -> Comment {
    let marker = format!("<!-- tasksgodzilla:protocol={}:{kind} -->", view.protocol.id);
    let room = FORGE_BYTES - marker.len() - 2;
    let body = format!("{}\n\n{marker}", fit(body.trim_end(), room, Keep::Head, view.links.page.as_deref()));
    Comment { body, marker }
}

fn sticky_body(view: &ProtocolView, plan: Option<String>) -> String {
    let head = headline(view);
    let body = context! {
        mark => head.mark,
        state => head.state.markdown(),
        next => head.next.markdown(),
        reasons => reason_lines(view),
        instead => instead(view),
        notes => notes(view),
        logs => view.ci_logs.values().flatten().map(|log| log_words(log, LOG)).collect::<Vec<_>>(),
        table => step_table(view),
        revision => view.protocol.plan_revision,
        plan => plan,
        footer => footer(view),
    };
    render("sticky.md", body)
}

/// Each reason with what is so and the command that clears it, which the headline has said already where there is only
/// one; nothing once the protocol has ended.
pub(super) fn reason_lines(view: &ProtocolView) -> Vec<String> {
    let reasons = &view.protocol.state.reasons;
    if view.protocol.status().is_terminal() {
        return Vec::new();
    }
    let mut lines: Vec<String> =
        reasons.iter().take(REASONS).map(|reason| reason_line(view, reason)).collect();
    if reasons.len() > REASONS {
        lines.push(format!("and {} more", reasons.len() - REASONS));
    }
    lines
}

fn reason_line(view: &ProtocolView, reason: &Reason) -> String {
    let what = super::words::capitalised(&reason_words(reason));
    let detail = Phrase::marked(&clipped(&reason.detail, DETAIL)).markdown();
    let detail =
        if detail.is_empty() { ".".to_owned() } else { format!(": {}.", detail.trim_end_matches('.')) };
    if view.protocol.status() == ProtocolStatus::Blocked && view.protocol.state.reasons.len() == 1 {
        return format!("**{what}**{detail}");
    }
    format!("**{what}**{detail} {} {}.", code(&view.clearing(reason)), what_clearing_does(reason))
}

/// Other ways out of what blocks, for reasons that belong to a step.
fn instead(view: &ProtocolView) -> Option<String> {
    let reasons = &view.protocol.state.reasons;
    let step = reasons.iter().find_map(|reason| reason.step)?.to_string();
    if view.protocol.status().is_terminal() {
        return None;
    }
    let mut ways = Vec::new();
    if reasons.iter().any(|reason| reason.key == ReasonKey::QaUndecided) {
        ways.push(format!("{} judges it again", code(&view.call("step", "qa", &step))));
    }
    ways.push(format!(
        "{} takes the responsibility",
        code(&view.call("step", "approve", &format!("{step} <why>")))
    ));
    ways.push(format!("{} leaves it out", code(&view.call("step", "skip", &format!("{step} <why>")))));
    ways.push(format!("{} plans anew", code(&view.call("protocol", "replan", "<what to change>"))));
    Some(format!("{}.", ways.join(", ")))
}

fn notes(view: &ProtocolView) -> Vec<String> {
    let protocol = &view.protocol;
    let mut notes = Vec::new();
    if protocol.status().is_terminal() {
        return notes;
    }
    if protocol.base_moved {
        notes.push(format!("{} has moved on since the plan was made.", code(&protocol.base)));
    }
    if let Some(login) = &protocol.adopted_from {
        notes.push(format!("{} pushed to the branch; the work goes on from there.", escape_inline(login)));
    }
    notes
}

/// What a failed job printed last, in at most `bytes`.
pub(super) fn log_words(log: &CiLog, bytes: usize) -> String {
    let name = escape_inline(&clipped(&log.name, NAME));
    format!("{name} printed last:\n\n{}", fenced(&log.text, "", bytes, Keep::Tail, None))
}

/// The steps as a table; `None` before there is a plan.
pub(super) fn step_table(view: &ProtocolView) -> Option<String> {
    if view.steps.is_empty() {
        return None;
    }
    let mut table = "| Step | State | QA | CI | Time | Tokens |\n|:--|:--|:--|:--|--:|--:|".to_owned();
    for step in &view.steps {
        table.push_str(&format!(
            "\n| {} | {} {} | {} | {} | {} | {} |",
            step_cell(view, step),
            step_mark(step),
            escape_inline(&clipped(&step_words(step), NAME)),
            qa_words(step),
            ci_words(step.ci),
            spent(step.engine_ms, duration),
            spent(step.tokens, tokens),
        ));
    }
    Some(table)
}

fn step_cell(view: &ProtocolView, step: &Step) -> String {
    let label = format!("{:02} {}", step.number, clipped(&as_written(&step.spec.name), NAME));
    match view.links.runs.get(&step.number) {
        Some(run) => link(&label, &run.url),
        None => escape_inline(&label),
    }
}

fn spent(amount: u64, shown: fn(u64) -> String) -> String {
    if amount == 0 { "–".to_owned() } else { shown(amount) }
}

/// What the work is, where it is and where its logs are.
pub(super) fn footer(view: &ProtocolView) -> String {
    let run = view.links.last_run.as_ref().map(|run| link(&format!("run {}", run.run), &run.url));
    std::iter::once(standing_footer(view)).chain(run).collect::<Vec<_>>().join(" · ")
}

/// The footer where nothing is to be written anew for each run.
fn standing_footer(view: &ProtocolView) -> String {
    let protocol = &view.protocol;
    let mut parts = vec![
        format!("Protocol {}", protocol.number),
        format!("branch {}", code(&protocol.branch())),
        format!("asked for by {}", escape_inline(&protocol.requester.login)),
    ];
    parts.extend(view.links.page.as_ref().map(|url| link("timeline and logs", url)));
    parts.join(" · ")
}

/// One line on how much is done, for the title of a check: `2 of 4 steps done`.
pub(super) fn progress(view: &ProtocolView) -> String {
    let done = view.steps.iter().filter(|step| step.status.is_done()).count();
    format!("{done} of {} done", count(view.steps.len(), "step"))
}

/// A step as its checks call it.
pub(super) fn label(step: &Step) -> String {
    plain(&step_label(step), 120)
}

#[cfg(test)]
mod tests;
