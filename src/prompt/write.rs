//! Facts to prompts. Each part has a budget of its own, so that no part can crowd out another.

use super::facts::{Depth, Evidence, ExecutionFacts, PlanningFacts, QualityFacts, RepairFacts, Replan};
use super::quote::{Keep, inline, quoted, without_comments};
use super::template::{PLAN_REPAIR, PROTOCOL_NEW, Prompt, QUALITY_VALIDATOR, STEP_DECOMPOSE, STEP_EXECUTE};
use crate::domain::spec;
use minijinja::{Value, context};

const PLAN: usize = 200_000;
const STEP: usize = 200_000;
const CONTEXT: usize = 60_000;
const LOG: usize = 40_000;
const CI_LOG: usize = 10_000;
const REQUEST: usize = 100_000;
const FILES: usize = 60_000;
const README: usize = 20_000;
const LIST: usize = 10_000;
const NOTE: usize = 8_000;
const NOTES: usize = 20;
const STATUS: usize = 20_000;
const DIFF: usize = 200_000;
const SCRIPT: usize = 15_000;
const SCRIPTS: usize = 10;
const FEEDBACK: usize = 20_000;
const ANSWER: usize = 600_000;
const WORD: usize = 200;
const COMMANDS: usize = 12;

/// The prompt that makes a plan, or a new plan in place of an earlier one.
pub fn planning(facts: &PlanningFacts<'_>) -> Prompt {
    let request = without_comments(facts.request);
    let commands: Vec<String> = facts.commands.iter().take(COMMANDS).map(|command| code(command)).collect();
    PROTOCOL_NEW.prompt(context! {
        repo => inline(facts.repo, WORD),
        number => facts.identity.number.to_string(),
        slug => inline(facts.identity.slug, WORD),
        base => inline(facts.base, WORD),
        title => quoted("title of the thread", facts.title, WORD * 2, Keep::Head),
        request => quoted("what the person wrote", &request, REQUEST, Keep::Head),
        files => listed("files in the tree", facts.files, FILES),
        readme => quoted("beginning of the readme", facts.readme, README, Keep::Head),
        ci => listed("definitions of CI", facts.ci_files, LIST),
        commands => commands.join(", "),
        replan => facts.replan.as_ref().map(replanned),
    })
}

/// The prompt that takes one step file apart into smaller sub-tasks.
pub fn decompose(facts: &ExecutionFacts<'_>) -> Prompt {
    STEP_DECOMPOSE.prompt(context! {
        number => facts.identity.number.to_string(),
        slug => inline(facts.identity.slug, WORD),
        file => inline(&format!("{}.md", facts.step_id), WORD),
        plan => quoted("the file plan.md", facts.plan, PLAN, Keep::Head),
        step => quoted("the step file", facts.step, STEP, Keep::Head),
    })
}

/// The prompt that does one step.
pub fn execute(facts: &ExecutionFacts<'_>) -> Prompt {
    let newest = facts.notes.len().saturating_sub(NOTES);
    let ci = facts.ci.iter().map(|log| {
        quoted(&format!("the end of the log of {}", inline(&log.name, WORD)), &log.text, CI_LOG, Keep::Tail)
    });
    let notes = facts.notes[newest..].iter().map(|note| quoted("note", note, NOTE, Keep::Head));
    STEP_EXECUTE.prompt(context! {
        number => facts.identity.number.to_string(),
        slug => inline(facts.identity.slug, WORD),
        step_id => inline(facts.step_id, WORD),
        plan => quoted("the file plan.md", facts.plan, PLAN, Keep::Head),
        context => quoted("the file context.md", facts.context, CONTEXT, Keep::Head),
        log => quoted("the end of log.md", facts.log, LOG, Keep::Tail),
        ci => ci.collect::<Vec<_>>().join("\n\n"),
        notes => notes.collect::<Vec<_>>().join("\n\n"),
        step => quoted("the step file", facts.step, STEP, Keep::Head),
    })
}

/// The prompt that judges one step.
pub fn quality(facts: &QualityFacts<'_>) -> Prompt {
    QUALITY_VALIDATOR.prompt(context! {
        number => facts.identity.number.to_string(),
        slug => inline(facts.identity.slug, WORD),
        step_id => inline(facts.step_id, WORD),
        light => facts.depth == Depth::Light,
        plan => quoted("the file plan.md", facts.plan, PLAN, Keep::Head),
        context => quoted("the file context.md", facts.context, CONTEXT, Keep::Head),
        log => quoted("the end of log.md", facts.log, LOG, Keep::Tail),
        step => quoted("the step file", facts.step, STEP, Keep::Head),
        git_status => quoted("git status", facts.git_status, STATUS, Keep::Head),
        last_commit => quoted("last commit", facts.last_commit, WORD * 5, Keep::Head),
        diff => quoted("diff of the step", facts.diff, DIFF, Keep::Head),
        evidence => evidence(facts.evidence),
    })
}

/// The prompt for the one turn in which an engine may mend the form of its plan.
pub fn repair(facts: &RepairFacts<'_>) -> Prompt {
    PLAN_REPAIR.prompt(context! {
        number => facts.identity.number.to_string(),
        slug => inline(facts.identity.slug, WORD),
        faults => quoted("faults", facts.faults, FEEDBACK, Keep::Head),
        answer => quoted("your answer", facts.answer, ANSWER, Keep::Head),
        setup => facts.done.is_empty(),
    })
}

fn replanned(replan: &Replan<'_>) -> Value {
    let done: Vec<String> = replan
        .done
        .iter()
        .map(|done| format!("- {}: {}", code(&done.file), inline(&done.name, WORD)))
        .collect();
    let last = replan.done.iter().filter_map(|done| spec::step_number(&done.file)).max();
    context! {
        words => quoted("why, in the words of the person who asked", &without_comments(replan.words), REQUEST, Keep::Head),
        plan => quoted("the plan so far", replan.plan, PLAN, Keep::Head),
        done => (!done.is_empty()).then(|| format!("\n{}", done.join("\n"))),
        next => format!("{:02}", last.map_or(0, |last| last + 1)),
    }
}

fn evidence(evidence: &[Evidence]) -> String {
    if evidence.is_empty() {
        return "The worker ran no script of the repository.".to_owned();
    }
    let shown = evidence.iter().take(SCRIPTS).map(|evidence| {
        let ended = match evidence.exit {
            Some(code) => format!("ended with exit code {code}"),
            None => "did not end by itself or was not run".to_owned(),
        };
        let script = inline(&evidence.script, WORD);
        format!("`{script}` {ended}.\n\n{}", quoted("end of its output", &evidence.tail, SCRIPT, Keep::Tail))
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

fn listed(label: &str, lines: &[String], limit: usize) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.replace('\n', " "));
        text.push('\n');
        if text.len() > limit * 4 {
            break;
        }
    }
    quoted(label, &text, limit, Keep::Head)
}

fn code(text: &str) -> String {
    format!("`{}`", inline(text, WORD))
}

#[cfg(test)]
mod tests;
