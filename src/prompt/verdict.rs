//! A QA answer to a judgement. What cannot be read is inconclusive, never a pass.

use super::answer;
use super::schema::VERDICT_VALIDATOR;
use crate::domain::text::clipped;
use crate::domain::verdict::{Finding, Judgement, Verdict};
use serde::Deserialize;
use serde_json::Value;

/// Findings that are kept at most, and characters of each text.
const FINDINGS: usize = 100;
const FINDING_CHARACTERS: usize = 2_000;
const SUMMARY_CHARACTERS: usize = 4_000;

/// Reads a judgement: JSON by the schema first, else a line that names the verdict. The rules above the engine's own word
/// are applied to it ([`Judgement::settled`]).
pub fn parse(answer: &str) -> Judgement {
    let judgement = by_schema(answer).unwrap_or_else(|| by_text(answer));
    judgement.settled()
}

#[derive(Deserialize)]
struct RawJudgement {
    verdict: Verdict,
    summary: String,
    findings: Vec<Finding>,
}

/// `None` when no object in the answer has the form of a verdict.
fn by_schema(answer: &str) -> Option<Judgement> {
    let objects = answer::objects(answer);
    let valid = objects.iter().filter(|value| VERDICT_VALIDATOR.is_valid(value));
    let mut read: Vec<RawJudgement> =
        valid.filter_map(|value: &Value| RawJudgement::deserialize(value).ok()).collect();
    let last = read.pop()?;
    if read.iter().any(|earlier| earlier.verdict != last.verdict) {
        return Some(Judgement::inconclusive("the answer holds several verdicts, and they differ"));
    }
    let findings = last.findings.into_iter().take(FINDINGS).map(|finding| Finding {
        path: finding.path.map(|path| clipped(&path, FINDING_CHARACTERS)),
        text: clipped(&finding.text, FINDING_CHARACTERS),
        ..finding
    });
    Some(Judgement {
        verdict: last.verdict,
        summary: clipped(&last.summary, SUMMARY_CHARACTERS),
        findings: findings.collect(),
        amended: None,
    })
}

fn by_text(answer: &str) -> Judgement {
    let mut named = verdict_lines(answer).into_iter();
    let Some(first) = named.next() else {
        return Judgement::inconclusive("the answer names no verdict");
    };
    if named.any(|other| other != first) {
        return Judgement::inconclusive("the answer names several verdicts, and they differ");
    }
    match first {
        Some(verdict) => Judgement {
            verdict,
            summary: clipped(answer.trim(), SUMMARY_CHARACTERS),
            findings: Vec::new(),
            amended: None,
        },
        None => {
            Judgement::inconclusive("the answer's verdict is none of pass, fail, blocked and inconclusive")
        }
    }
}

/// What each line that names a verdict says; `None` for a word that is no verdict. Code is somebody else's, and so are quotes, whose
/// lines begin with `>`.
fn verdict_lines(answer: &str) -> Vec<Option<Verdict>> {
    let mut found = Vec::new();
    let mut lines = own_lines(answer).into_iter().peekable();
    while let Some(line) = lines.next() {
        match labelled(line) {
            None => {}
            Some("") => found.push(lines.peek().and_then(|next| word(&plain(next)))),
            Some(rest) => found.push(word(rest)),
        }
    }
    found
}

/// Lines with something in them that are not in a fence, unless the fence holds the whole answer.
fn own_lines(answer: &str) -> Vec<&str> {
    let filled: Vec<&str> = answer.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let whole = match filled.as_slice() {
        [first, inner @ .., last]
            if is_fence(first) && is_fence(last) && !inner.iter().any(|line| is_fence(line)) =>
        {
            inner
        }
        all => all,
    };
    let mut inside = false;
    let mut own = Vec::new();
    for line in whole {
        if is_fence(line) {
            inside = !inside;
        } else if !inside {
            own.push(*line);
        }
    }
    own
}

fn is_fence(line: &str) -> bool {
    line.starts_with("```") || line.starts_with("~~~")
}

/// What follows the label `Verdict` on a line; empty when nothing does. `None` for a line without the label.
fn labelled(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(['#', '-', '*', '+', '_', '`', ' ', '\t']);
    let (label, rest) = text.split_at_checked("verdict".len())?;
    if !label.eq_ignore_ascii_case("verdict") {
        return None;
    }
    let bare = rest.trim_start_matches(['*', '_', '`', ' ', '\t']);
    let value = bare
        .strip_prefix([':', '=', '-', '–', '—'])
        .map(|value| value.trim_matches(['*', '_', '`', ' ', '\t']));
    match value {
        Some(value) => Some(value),
        None if bare.is_empty() => Some(""),
        None => rest.starts_with([' ', '*', '_', '`']).then_some(bare).filter(|bare| word(bare).is_some()),
    }
}

fn plain(line: &str) -> String {
    line.trim_matches(['#', '-', '*', '+', '_', '`', ' ', '\t']).to_owned()
}

/// The verdict that `text` begins with; `None` when there is none, when it is hedged, or when another one follows it.
fn word(text: &str) -> Option<Verdict> {
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    let verdict = known(first)?;
    let rest = without_brackets(rest.trim_start_matches(['*', '_', '`']));
    let rest = rest.trim();
    let contradicted =
        rest.split(|c: char| !c.is_alphanumeric()).filter_map(known).any(|other| other != verdict);
    let closed =
        rest.is_empty() || rest.starts_with(['.', ',', ';', ':', '!', '–', '—']) || rest.starts_with("- ");
    (!contradicted && (closed || (verdict != Verdict::Pass && text[end..].starts_with(' '))))
        .then_some(verdict)
}

fn known(word: &str) -> Option<Verdict> {
    match word.to_ascii_lowercase().as_str() {
        "pass" | "passed" => Some(Verdict::Pass),
        "fail" | "failed" => Some(Verdict::Fail),
        "blocked" => Some(Verdict::Blocked),
        "inconclusive" => Some(Verdict::Inconclusive),
        _ => None,
    }
}

/// A remark in brackets (`FAIL (was PASS)`) is no second verdict.
fn without_brackets(text: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests;
