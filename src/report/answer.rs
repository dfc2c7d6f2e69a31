//! Answers in a thread. Each names the person who asked, and nobody else is called.

use super::comment::{footer, reason_lines, step_table};
use super::fit::{FORGE_BYTES, Keep, fenced, fit};
use super::template::render;
use super::text::{code, escape_inline};
use super::time::duration;
use super::view::ProtocolView;
use super::words::{Phrase, capitalised, ci_words, headline, qa_words, reason_words, step_words};
use crate::domain::actor::Permission;
use crate::domain::ids::JobId;
use crate::domain::names::as_written;
use crate::domain::project::REPOSITORY_FILE;
use crate::domain::refusal::Refusal;
use crate::domain::step::Step;
use crate::domain::text::clipped;
use minijinja::context;

/// Bytes that stay free for the marker of the answer.
const MARKER: usize = 500;
const BODY: usize = FORGE_BYTES - MARKER;

/// Why a command was not done: what is so, then what to do.
pub fn refusal(login: &str, refusal: &Refusal, view: Option<&ProtocolView>) -> String {
    match (refusal, view) {
        (Refusal::Blocked { reasons }, Some(view)) => {
            let lines = reasons.iter().take(20).map(|reason| {
                let what = capitalised(&reason_words(reason));
                format!("\n- {what}; clear it with {}", code(&view.clearing(reason)))
            });
            to(login, &format!("this protocol is blocked.\n{}", lines.collect::<String>()))
        }
        _ => told(login, &refusal.to_string()),
    }
}

/// What is wrong with a line that was meant as a command. `said` is what the command room says of it.
pub fn mistake(login: &str, said: &str) -> String {
    told(login, said)
}

/// Any sentence of ours to one person; what stands in backticks becomes code, whatever else it holds is shown as it is.
pub fn told(login: &str, said: &str) -> String {
    to(login, &Phrase::marked(&clipped(said, 4_000)).markdown())
}

/// A fault shows people its job's id and nothing else.
pub fn fault_of_ours(job: JobId) -> String {
    format!("a fault of ours; {}", where_to_find(job))
}

/// That a fault of ours stopped a command.
pub fn stopped_by_fault(login: &str, job: JobId) -> String {
    let found = where_to_find(job);
    told(
        login,
        &format!(
            "a fault of ours stopped this before it was done; {found}. Give the command again to try once more"
        ),
    )
}

fn where_to_find(job: JobId) -> String {
    format!("the bot's operator finds it in the log as job {job}")
}

/// What a command would do, one sentence a line.
pub fn rehearsal(login: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return to(login, "that would change nothing.");
    }
    let listed: Vec<String> =
        lines.iter().map(|line| format!("- {}", Phrase::marked(&clipped(line, 300)).markdown())).collect();
    to(login, &format!("nothing was changed; it would go like this:\n\n{}", listed.join("\n")))
}

/// That the bot is there, and how long the question took to get here.
pub fn pong(login: &str, version: &str, took_ms: u64) -> String {
    told(
        login,
        &format!(
            "pong. TasksGodzilla {version} is here; your comment took {} to reach it",
            duration(took_ms)
        ),
    )
}

/// How every protocol of a thread stands.
pub fn status(views: &[ProtocolView]) -> String {
    let protocols: Vec<_> = views
        .iter()
        .map(|view| {
            let head = headline(view);
            context! {
                mark => head.mark,
                number => view.protocol.number.to_string(),
                state => head.state.markdown(),
                next => head.next.markdown(),
                reasons => reason_lines(view),
                table => step_table(view),
                footer => footer(view),
            }
        })
        .collect();
    let page = views.iter().find_map(|view| view.links.page.as_deref());
    fit(render("status.md", context! { protocols => protocols }).trim_end(), BODY, Keep::Head, page)
}

/// One step: how it stands, and its file.
pub fn show_step(view: &ProtocolView, step: &Step, content: &str) -> String {
    let name = escape_inline(&clipped(&as_written(&step.spec.name), 200));
    let state = escape_inline(&clipped(&step_words(step), 200));
    let head = format!(
        "**Step {}: {name}** ({state}; QA: {}; CI: {})",
        step.number,
        qa_words(step),
        ci_words(step.ci),
    );
    let page = view.links.page.as_deref();
    let mut parts = vec![head];
    if !step.summary.trim().is_empty() {
        parts.push(fenced(&step.summary, "", BODY / 4, Keep::Tail, page));
    }
    parts.push(format!(
        "<details><summary>Step file</summary>\n\n{}\n\n</details>",
        fenced(content, "markdown", BODY / 2, Keep::Head, page)
    ));
    fit(&parts.join("\n\n"), BODY, Keep::Head, page)
}

/// That a command needs something else here than by itself, for the end of an answer to `/bot why`.
pub fn changed_permission(command: &str, (here, usual): (Permission, Permission), branch: &str) -> String {
    let said = format!(
        "`{command}` needs {here} access here, because `{REPOSITORY_FILE}` on `{branch}` says so; by itself it needs {usual}."
    );
    Phrase::marked(&clipped(&said, 600)).markdown()
}

/// The one form of an answer to somebody: `@login: …`.
fn to(login: &str, markdown: &str) -> String {
    let is_login = !login.is_empty()
        && login.len() <= 255
        && login.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let called = if is_login { format!("@{login}") } else { escape_inline(login) };
    let stop =
        if markdown.ends_with(['.', '?', '!', ')', '`']) || markdown.contains('\n') { "" } else { "." };
    fit(&format!("{called}: {markdown}{stop}"), BODY, Keep::Head, None)
}

#[cfg(test)]
mod tests;
