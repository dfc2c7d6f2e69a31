//! What the worker writes into the branch: lines of log.md, the head of context.md, quality-report.md, commit messages.

use super::check::finding_line;
use super::template::render;
use super::text::{escape_inline, one_line, paragraph};
use super::time::utc;
use crate::domain::ids::{Moment, ProtocolNumber, Sha};
use crate::domain::text::clipped;
use crate::domain::verdict::{Judgement, Severity};
use minijinja::context;

/// `- 2026-03-01 12:00:05 UTC - Step 2 was done.`, with a line feed. The text becomes one line.
pub fn log_entry(at: Moment, text: &str) -> String {
    format!("- {} - {}\n", utc(at), clipped(&one_line(text), 1_000))
}

/// What the head of context.md says.
#[derive(Debug, Clone, Copy)]
pub struct ContextFacts<'a> {
    /// `02-writer`; `None` when every step is done.
    pub current_step: Option<&'a str>,
    pub status: &'a str,
    pub last_action: &'a str,
    pub next_action: &'a str,
    pub branch: &'a str,
    pub head: Option<&'a Sha>,
    pub at: Moment,
}

const CONTEXT_BEGIN: &str = "<!-- kept by the worker: begin -->";
const CONTEXT_END: &str = "<!-- kept by the worker: end -->";

/// `context` with its head, which the worker keeps, replaced by these facts; everything else stays as it is.
pub fn context(context: &str, facts: &ContextFacts<'_>) -> String {
    let line = |name: &str, value: &str| format!("- {name}: {}\n", clipped(&one_line(value), 500));
    let head = [
        line("Current step", facts.current_step.unwrap_or("none, every step is done")),
        line("Status", facts.status),
        line("Last action", facts.last_action),
        line("Next action", facts.next_action),
        line("Branch", facts.branch),
        line("Commit", facts.head.map_or("none yet", Sha::as_str)),
        line("Written", &utc(facts.at)),
    ];
    let kept = match (context.find(CONTEXT_BEGIN), context.find(CONTEXT_END)) {
        (Some(begin), Some(end)) if begin < end => {
            format!("{}{}", &context[..begin], context[end + CONTEXT_END.len()..].trim_start_matches('\n'))
        }
        _ => context.to_owned(),
    };
    format!("{CONTEXT_BEGIN}\n{}{CONTEXT_END}\n\n{}", head.concat(), kept.trim_start_matches('\n'))
}

/// What quality-report.md says of one judgement.
#[derive(Debug, Clone, Copy)]
pub struct QualityReportFacts<'a> {
    /// `01-parser`.
    pub step_id: &'a str,
    pub sha: &'a Sha,
    pub at: Moment,
    pub judgement: &'a Judgement,
}

/// The whole of quality-report.md.
pub fn quality_report(facts: &QualityReportFacts<'_>) -> String {
    let judgement = facts.judgement;
    let group = |title: &str, severity: Severity| {
        let of_it = judgement.findings.iter().filter(|finding| finding.severity == severity);
        let findings: Vec<String> = of_it.map(finding_line).collect();
        (!findings.is_empty()).then(|| context! { title => title, findings => findings })
    };
    let groups = [
        group("Blocking", Severity::Blocking),
        group("Warnings", Severity::Warning),
        group("Notes", Severity::Note),
    ];
    let report = render(
        "quality-report.md",
        context! {
            step => escape_inline(facts.step_id),
            verdict => judgement.verdict.as_str().to_uppercase(),
            amended => judgement.amended.as_deref().map(escape_inline),
            sha => facts.sha.as_str(),
            at => utc(facts.at),
            summary => paragraph(&clipped(&judgement.summary, 4_000)),
            groups => groups.into_iter().flatten().collect::<Vec<_>>(),
        },
    );
    format!("{}\n", report.trim_end())
}

/// What a commit is for; the words before its colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitKind {
    Plan,
    Step,
    /// Reports, log and context only.
    Records,
}

/// Characters of a commit's first line.
const COMMIT_LINE: usize = 72;

/// `feat(importer): subject [protocol-0007/02]`: one line of at most 72 characters.
///
/// Nothing in the subject makes a forge skip CI (`[skip ci]`), close an issue or call somebody, whoever wrote it.
pub fn commit_message(kind: CommitKind, subject: &str, number: ProtocolNumber, step: Option<u32>) -> String {
    let kind = match kind {
        CommitKind::Plan => "docs(plan)",
        CommitKind::Step => "feat(step)",
        CommitKind::Records => "chore(protocol)",
    };
    let tag = match step {
        Some(step) => format!("[protocol-{number}/{step:02}]"),
        None => format!("[protocol-{number}/plan]"),
    };
    let room = COMMIT_LINE.saturating_sub(kind.len() + tag.len() + 4);
    let subject = match clipped(&subject_words(&clipped(subject, 500)), room) {
        subject if subject.is_empty() => "work".to_owned(),
        subject => subject,
    };
    format!("{kind}: {subject} {tag}")
}

/// Letters, digits and quiet punctuation; everything else becomes a space.
fn subject_words(subject: &str) -> String {
    let quiet = |c: char| {
        c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | ',' | '/' | '\'' | '+' | '&' | '(' | ')')
    };
    let words: String = one_line(subject).chars().map(|c| if quiet(c) { c } else { ' ' }).collect();
    let words = without_issue_names(&words);
    one_line(&words).trim_matches(['.', ',', ' ']).to_owned()
}

/// `GH-12` names an issue on GitHub, and `fixes GH-12` closes it.
fn without_issue_names(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in words.chars() {
        let names_issue = c == '-' && out.to_ascii_lowercase().ends_with("gh");
        out.push(if names_issue { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests;
