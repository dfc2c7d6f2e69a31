//! The pages behind "Details": no script, one style sheet, everything escaped by the templates.

use super::comment::pull_title;
use super::template::render;
use super::text::plain;
use super::time::{bytes, duration, tokens, utc};
use super::view::{ArtifactLine, ProtocolView, RunLine, RunStatus, RunView};
use super::words::{
    Phrase, capitalised, ci_words, headline, qa_words, reason_words, step_words, what_clearing_does,
};
use crate::domain::colour::{Colour, protocol_colour};
use crate::domain::ids::Moment;
use crate::domain::protocol::{ProtocolStatus, Reason};
use crate::domain::step::{Step, StepStatus};
use crate::domain::text::{clipped, revealed};
use crate::domain::thread::Thread;
use anstream::adapter::strip_str;
use minijinja::value::Serde;
use minijinja::{Value, context};

/// What is served as `/style.css`.
pub const STYLE: &str = include_str!("templates/style.css");
/// The content security policy that the pages live under.
pub const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The same for the pages of `setup`, whose form goes to GitHub.
pub const SETUP_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Seconds after which the page of something that runs is loaded again.
const REFRESH: u32 = 10;
/// Bytes of a log on a page; its end is shown.
const LOG: usize = 512 * 1024;
const PLAN: usize = 256 * 1024;
const LINE: usize = 2_000;

/// Everything about one protocol. `runs` are newest first.
pub fn protocol(view: &ProtocolView, runs: &[RunLine], artifacts: &[ArtifactLine], now: Moment) -> String {
    let head = headline(view);
    let pull = view.protocol.pull.as_ref().filter(|pull| is_web(&pull.url));
    render(
        "protocol.html",
        context! {
            refresh => is_moving(view).then_some(REFRESH),
            title => pull_title(view),
            repo => &view.repo,
            pull => pull.map(|pull| context! { url => &pull.url, reference => view.names.reference(Thread::pull(pull.number)) }),
            requester => &view.protocol.requester.login,
            tone => tone(protocol_colour(&view.protocol, &view.steps)),
            state => Value::from(Serde(&head.state)),
            next => Value::from(Serde(&head.next)),
            reasons => reasons(view),
            steps => view.steps.iter().map(|step| step_row(view, step)).collect::<Vec<_>>(),
            runs => runs.iter().map(run_row).collect::<Vec<_>>(),
            artifacts => artifacts.iter().map(artifact_row).collect::<Vec<_>>(),
            events => events(view),
            revision => view.protocol.plan_revision,
            plan => clipped(&revealed(&view.protocol.plan), PLAN),
            now => utc(now),
            branch => view.protocol.branch(),
        },
    )
}

/// One run with the end of its log.
pub fn run(view: &RunView<'_>, now: Moment) -> String {
    let line = &view.line;
    let log = revealed(&strip_str(view.log).to_string());
    let from = log.ceil_char_boundary(log.len().saturating_sub(LOG));
    let is_cut = from > 0 || u64::try_from(view.log.len()).is_ok_and(|shown| shown < view.log_bytes);
    render(
        "run.html",
        context! {
            refresh => (line.status == RunStatus::Running).then_some(REFRESH),
            title => format!("Run {}: {}", line.run, line.what),
            protocol_title => view.protocol_title,
            protocol_url => view.protocol_url,
            tone => run_tone(line.status),
            state => run_words(line.status),
            error => clipped(&revealed(view.error), 10_000),
            facts => facts(view),
            artifacts => view.artifacts.iter().map(artifact_row).collect::<Vec<_>>(),
            cut => is_cut.then(|| bytes(view.log_bytes)),
            log => &log[from..],
            now => utc(now),
        },
    )
}

/// A page that says one thing: a link that expired, something that is not there.
pub fn message(title: &str, text: &str) -> String {
    render("message.html", context! { refresh => (), title => title, text => text })
}

/// What the page that registers the App is made from.
#[derive(Debug, Clone, Copy)]
pub struct SetupPage<'a> {
    /// Where the form goes.
    pub action: &'a str,
    /// JSON.
    pub manifest: &'a str,
    /// Where deliveries will go.
    pub hook: &'a str,
    /// Name and access.
    pub permissions: &'a [(&'a str, &'a str)],
}

/// The page that hands the App's manifest to GitHub.
pub fn setup(page: &SetupPage<'_>) -> String {
    let SetupPage { action, manifest, hook, permissions } = *page;
    let permissions = Value::from(Serde(permissions));
    let title = "Register the GitHub App";
    render("setup.html", context! { refresh => (), title, action, manifest, hook, permissions })
}

/// The page after it: where the App is and how to install it.
pub fn registered(page: &str, install: &str) -> String {
    render("registered.html", context! { refresh => (), title => "Registered", page, install })
}

fn is_moving(view: &ProtocolView) -> bool {
    matches!(
        view.protocol.status(),
        ProtocolStatus::Pending | ProtocolStatus::Planning | ProtocolStatus::Running
    ) || view.steps.iter().any(|step| step.status == StepStatus::Running)
}

fn reasons(view: &ProtocolView) -> Vec<Value> {
    let row = |reason: &Reason| {
        context! {
            what => capitalised(&reason_words(reason)),
            detail => Value::from(Serde(&Phrase::marked(plain(&reason.detail, LINE).trim_end_matches('.')))),
            command => view.clearing(reason),
            does => what_clearing_does(reason),
            since => utc(reason.since),
        }
    };
    if view.protocol.status().is_terminal() {
        return Vec::new();
    }
    view.protocol.state.reasons.iter().map(row).collect()
}

fn step_row(view: &ProtocolView, step: &Step) -> Value {
    context! {
        url => view.links.runs.get(&step.number).map(|run| run.url.as_str()),
        name => format!("{:02} {}", step.number, plain(&step.spec.name, 200)),
        tone => step_tone(step.status),
        state => plain(&step_words(step), 200),
        qa => qa_words(step),
        ci => ci_words(step.ci),
        time => if step.engine_ms == 0 { String::new() } else { duration(step.engine_ms) },
        tokens => if step.tokens == 0 { String::new() } else { tokens(step.tokens) },
    }
}

fn run_row(line: &RunLine) -> Value {
    context! {
        id => line.run.0,
        url => &line.url,
        what => plain(&line.what, 200),
        tone => run_tone(line.status),
        state => run_words(line.status),
        began => utc(line.started_at),
        took => took(line),
    }
}

fn took(line: &RunLine) -> String {
    let length = |end: Moment| u64::try_from(end.since(line.started_at).as_millis()).unwrap_or(u64::MAX);
    line.finished_at.map(|end| duration(length(end))).unwrap_or_default()
}

fn artifact_row(artifact: &ArtifactLine) -> Value {
    context! { url => &artifact.url, name => plain(&artifact.name, 200), size => bytes(artifact.bytes) }
}

fn events(view: &ProtocolView) -> Vec<Value> {
    let newest_first = view.events.iter().rev();
    newest_first
        .map(|event| context! { at => utc(event.at), message => plain(&view.names.spoken(&event.message), LINE) })
        .collect()
}

fn facts(view: &RunView<'_>) -> Vec<Vec<String>> {
    let line = &view.line;
    let rows = [
        ("Attempt", Some(line.attempt.to_string())),
        ("Began", Some(utc(line.started_at))),
        ("Took", Some(took(line)).filter(|took| !took.is_empty())),
        ("Engine", view.engine.map(str::to_owned)),
        ("Model", view.model.map(str::to_owned)),
        ("Tokens", view.tokens.map(tokens)),
        ("Commit", view.commit.map(|sha| sha.as_str().to_owned())),
    ];
    rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), plain(&value?, 200)])).collect()
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn run_words(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Succeeded => "ended well",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "stopped",
    }
}

fn run_tone(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "calm",
        RunStatus::Succeeded => "good",
        RunStatus::Failed => "bad",
        RunStatus::Cancelled => "none",
    }
}

fn step_tone(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending | StepStatus::Cancelled => "none",
        StepStatus::Running | StepStatus::NeedsQa => "calm",
        StepStatus::Completed => "good",
        StepStatus::Failed => "bad",
        StepStatus::Blocked => "wait",
    }
}

fn tone(colour: Colour) -> &'static str {
    match colour {
        Colour::Queued | Colour::Running => "calm",
        Colour::Success => "good",
        Colour::Failure => "bad",
        Colour::ActionRequired => "wait",
        Colour::Cancelled | Colour::Neutral => "none",
    }
}

#[cfg(test)]
mod tests;
