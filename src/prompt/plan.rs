//! A planning answer to a plan, or to everything that is wrong with it.

use super::answer;
use super::facts::Done;
use super::schema::{PLANNING_VALIDATOR, bounded, faults};
use crate::domain::spec::step_number;
use crate::domain::text::is_unseen;
use serde::Deserialize;
use std::fmt;

/// Step files of one plan at most.
pub const STEP_FILES: usize = 50;
/// Bytes of one file at most.
pub const FILE_BYTES: usize = 256 * 1024;
/// Bytes of a file name at most.
pub const NAME_BYTES: usize = 120;
/// The file that a plan begins with, unless steps of an earlier plan are done.
pub const SETUP_FILE: &str = "00-setup.md";

/// A plan whose form is right. Nothing in it was renamed, repaired or cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub plan_md: String,
    pub context_md: String,
    pub log_md: String,
    /// File name and content, in the order of the names.
    pub step_files: Vec<(String, String)>,
}

/// Everything that is wrong with a planning answer, one sentence a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFaults(Vec<String>);

impl PlanFaults {
    /// The faults as a list for the engine, which may mend them in one more turn.
    pub fn as_feedback(&self) -> String {
        self.0.iter().map(|fault| format!("- {fault}\n")).collect()
    }
}

impl fmt::Display for PlanFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the engine's plan was not taken: {}", self.0.join("; "))
    }
}

impl std::error::Error for PlanFaults {}

/// Takes the plan out of an engine's answer: JSON alone, in a fence, or within prose.
///
/// `done` are the steps of an earlier plan that stay: the numbers of the new ones come after theirs, and the plan then
/// needs no `00-setup.md`. File names and sizes are held to design section 9; anything outside of it is a fault.
pub fn accept(answer: &str, done: &[Done]) -> Result<Plan, PlanFaults> {
    let raw = parsed(answer)?;
    let mut found = Vec::new();
    for (name, content) in
        [("plan_md", &raw.plan_md), ("context_md", &raw.context_md), ("log_md", &raw.log_md)]
    {
        found.extend(content_fault(name, content));
    }
    if raw.plan_md.trim().is_empty() {
        found.push("`plan_md` is empty".to_owned());
    }
    found.extend(file_faults(&raw.step_files, done));
    if !found.is_empty() {
        return Err(PlanFaults(bounded(found.into_iter())));
    }
    let mut step_files: Vec<_> =
        raw.step_files.into_iter().map(|file| (file.filename, file.content)).collect();
    step_files.sort();
    Ok(Plan { plan_md: raw.plan_md, context_md: raw.context_md, log_md: raw.log_md, step_files })
}

#[derive(Deserialize)]
struct RawPlan {
    plan_md: String,
    context_md: String,
    log_md: String,
    step_files: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    filename: String,
    content: String,
}

/// The first object that has the form of a plan; else the faults of the one that comes nearest, which is the longest.
fn parsed(answer: &str) -> Result<RawPlan, PlanFaults> {
    let objects = answer::objects(answer);
    let value = objects
        .iter()
        .find(|value| PLANNING_VALIDATOR.is_valid(value))
        .or_else(|| objects.iter().max_by_key(|value| value.as_object().map(serde_json::Map::len)));
    let Some(value) = value else {
        return Err(PlanFaults(vec!["the answer holds no JSON object".to_owned()]));
    };
    let found = faults(&PLANNING_VALIDATOR, value);
    if !found.is_empty() {
        return Err(PlanFaults(found));
    }
    RawPlan::deserialize(value).map_err(|error| PlanFaults(vec![error.to_string()]))
}

fn content_fault(name: &str, content: &str) -> Option<String> {
    if content.len() > FILE_BYTES {
        return Some(format!("{name} has {} bytes; at most {FILE_BYTES} are taken", content.len()));
    }
    content.contains('\0').then(|| format!("{name} holds a zero byte"))
}

fn file_faults(files: &[RawFile], done: &[Done]) -> Vec<String> {
    let mut found = Vec::new();
    if files.len() > STEP_FILES {
        found.push(format!("there are {} step files; at most {STEP_FILES} are taken", files.len()));
    }
    if files.is_empty() {
        found.push("there are no step files".to_owned());
    }
    if done.is_empty() && !files.iter().any(|file| file.filename == SETUP_FILE) {
        found.push(format!("the step file `{SETUP_FILE}` is missing"));
    }
    let last_done = done.iter().filter_map(|done| step_number(&done.file)).max();
    for (index, file) in files.iter().enumerate() {
        let shown = shown(&file.filename);
        if let Err(fault) = check_name(&file.filename) {
            found.push(format!("the file name {shown} {fault}"));
            continue;
        }
        found.extend(content_fault(&shown, &file.content));
        if file.content.trim().is_empty() {
            found.push(format!("{shown} is empty"));
        }
        let number = step_number(&file.filename);
        if files[..index].iter().any(|earlier| step_number(&earlier.filename) == number) {
            found.push(format!("{shown} has the number of an earlier file"));
        }
        if number <= last_done && last_done.is_some() {
            found.push(format!("{shown} has a number that is not after the steps that are done"));
        }
    }
    found
}

/// One plain name: two digits, a dash, letters, digits, dots, dashes and underlines, `.md`.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.len() > NAME_BYTES {
        return Err("is longer than 120 bytes");
    }
    if name.chars().any(is_unseen) {
        return Err("holds control, direction or zero-width characters");
    }
    if name.contains(['/', '\\']) || name.contains("..") {
        return Err("is not one plain name");
    }
    let stem = name.strip_suffix(".md").ok_or("does not end in `.md`")?;
    step_number(name).ok_or("does not begin with two digits and a dash")?;
    let word = stem.split_once('-').map(|(_, word)| word).unwrap_or_default();
    if word.is_empty() || word.ends_with('.') {
        return Err("has no name after its number");
    }
    if !word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err("holds characters other than letters, digits, `-`, `_` and `.`");
    }
    let reserved = ["plan", "context", "log", "quality-report"];
    if reserved.contains(&word.to_lowercase().as_str()) {
        return Err("uses a name that the worker's own files have");
    }
    Ok(())
}

/// A name of unknown content, for people and engines: short, visible, in a code span.
fn shown(name: &str) -> String {
    format!("`{}`", super::quote::inline(name, 60))
}

#[cfg(test)]
mod tests;
