//! The validated ProtocolSpec: what a protocol's steps are, by which engine, and how each is judged.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version written into specs that are built from step files.
pub const SPEC_VERSION: &str = "1";

/// The steps of a protocol, in order. Its JSON form is `schemas/protocol-spec.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProtocolSpec {
    pub version: String,
    pub steps: Vec<StepSpec>,
}

/// What a step is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepType {
    Setup,
    Work,
    Qa,
}

/// How much QA a step gets: none, in the same job right after execution, or as a job of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QaPolicy {
    Skip,
    Light,
    Full,
}

/// QA of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QaSpec {
    pub policy: QaPolicy,
    /// Repository-relative prompt file; ours when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_id: Option<String>,
}

/// Where a step's engine answer is kept: paths relative to the protocol's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aux: BTreeMap<String, String>,
}

/// One step. Every path is relative, so that the spec's hash is the same on every machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepSpec {
    /// The file's stem, `01-parser`; unique within the protocol.
    pub id: String,
    /// What people call it: the step file's heading, or its stem.
    pub name: String,
    #[serde(default)]
    pub engine_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The step file, relative to the protocol's folder: `01-parser.md`.
    pub prompt_ref: String,
    #[serde(default)]
    pub outputs: Outputs,
    pub step_type: StepType,
    /// Loop and trigger policies, as given.
    #[serde(default)]
    pub policies: Vec<serde_json::Value>,
    pub qa: QaSpec,
    /// Ids of the steps it stands on; `None` means all earlier ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Vec<String>>,
    /// Wall limit of its engine call; the engine's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

impl StepSpec {
    /// Set-up steps need no verdict, nor do those whose QA is skipped by configuration.
    pub fn needs_verdict(&self) -> bool {
        self.step_type != StepType::Setup && self.qa.policy != QaPolicy::Skip
    }
}

/// Wall limit of a work step that sets none, in seconds.
pub const WORK_TIMEOUT_SECONDS: u64 = 1200;

/// Builds the spec of a protocol from its step files: `(file name, content)`, in the order of their names.
///
/// Set-up steps (`00-…`, or "setup" in the name) skip QA; every other step gets `qa`.
pub fn from_step_files(files: &[(String, String)], engine: Option<&str>, qa: QaPolicy) -> ProtocolSpec {
    let steps = files.iter().map(|(file, content)| step_from_file(file, content, engine, qa)).collect();
    ProtocolSpec { version: SPEC_VERSION.to_owned(), steps }
}

fn step_from_file(file: &str, content: &str, engine: Option<&str>, qa: QaPolicy) -> StepSpec {
    let id = file.strip_suffix(".md").unwrap_or(file).to_owned();
    let step_type = infer_type(&id);
    let policy =
        if step_type == StepType::Setup || id.to_lowercase().contains("scan") { QaPolicy::Skip } else { qa };
    StepSpec {
        name: heading(content).unwrap_or_else(|| id.clone()),
        engine_id: engine.map(str::to_owned),
        model: None,
        prompt_ref: file.to_owned(),
        outputs: Outputs { protocol: Some(format!("outputs/{id}.md")), aux: BTreeMap::new() },
        step_type,
        policies: Vec::new(),
        qa: QaSpec { policy, prompt: None, model: None, engine_id: None },
        depends_on: None,
        timeout_seconds: (step_type == StepType::Work).then_some(WORK_TIMEOUT_SECONDS),
        id,
    }
}

/// A step's type by its id: `00-…` or "setup" is set-up, else "qa" is QA, else work.
pub fn infer_type(id: &str) -> StepType {
    let id = id.to_lowercase();
    if id.starts_with("00-") || id.contains("setup") {
        StepType::Setup
    } else if id.contains("qa") {
        StepType::Qa
    } else {
        StepType::Work
    }
}

/// The number a step file's name begins with: `01-parser.md` is 1.
pub fn step_number(file: &str) -> Option<u32> {
    let (digits, _) = file.split_once('-')?;
    let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// What the schema cannot say of a spec, one sentence a fault: ids and files are unique, dependencies exist and come
/// earlier, every step file is there and numbered, and no path leaves the protocol's folder.
pub fn faults(spec: &ProtocolSpec, files: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, step) in spec.steps.iter().enumerate() {
        let earlier = &spec.steps[..index];
        let id = &step.id;
        if earlier.iter().any(|other| other.id == *id) {
            faults.push(format!("step `{id}` is there twice"));
        }
        if !files.contains(&step.prompt_ref.as_str()) {
            faults.push(format!(
                "step `{id}` names the file `{}`, which the plan does not have",
                step.prompt_ref
            ));
        }
        if step_number(&step.prompt_ref).is_none() {
            faults.push(format!(
                "step `{id}`: `{}` does not begin with two digits and a dash",
                step.prompt_ref
            ));
        }
        for needed in step.depends_on.iter().flatten() {
            if !earlier.iter().any(|other| other.id == *needed) {
                faults.push(format!("step `{id}` depends on `{needed}`, which does not come before it"));
            }
        }
        let outputs = step.outputs.protocol.iter().chain(step.outputs.aux.values());
        for path in outputs.filter(|path| leaves_folder(path)) {
            faults
                .push(format!("step `{id}` has an output path that leaves the protocol's folder: `{path}`"));
        }
        if step.outputs.protocol.as_deref() == Some(step.prompt_ref.as_str()) {
            faults.push(format!("step `{id}` would overwrite its own prompt"));
        }
    }
    faults
}

fn leaves_folder(path: &str) -> bool {
    path.starts_with('/') || path.split('/').any(|part| part == "..")
}

/// The text of the first Markdown heading, without its marks.
fn heading(content: &str) -> Option<String> {
    let line = content.lines().map(str::trim).find(|line| line.starts_with('#'))?;
    let text: String = line.trim_start_matches('#').trim().chars().take(100).collect();
    (!text.is_empty()).then_some(text)
}

/// Whether a step file is so small that taking it apart is not worth a model's time: at most 1,200 characters, 12
/// non-blank lines and 6 list items, numbered ones included.
pub fn is_simple_step(content: &str) -> bool {
    let lines: Vec<&str> = content.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let items = lines.iter().filter(|line| is_list_item(line)).count();
    content.chars().count() <= 1200 && lines.len() <= 12 && items <= 6
}

fn is_list_item(line: &str) -> bool {
    let bullet = ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark));
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = digits > 0 && [". ", ") "].iter().any(|mark| line[digits..].starts_with(mark));
    bullet || numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(files: &[&str]) -> ProtocolSpec {
        let files: Vec<_> =
            files.iter().map(|file| ((*file).to_owned(), format!("# About {file}"))).collect();
        from_step_files(&files, Some("demo"), QaPolicy::Full)
    }

    #[test]
    fn set_up_steps_skip_qa_and_work_steps_have_a_limit() {
        let spec = spec(&["00-setup.md", "01-parser.md", "02-qa-pass.md"]);
        let seen: Vec<_> =
            spec.steps.iter().map(|step| (step.step_type, step.qa.policy, step.timeout_seconds)).collect();
        assert_eq!(
            seen,
            [
                (StepType::Setup, QaPolicy::Skip, None),
                (StepType::Work, QaPolicy::Full, Some(WORK_TIMEOUT_SECONDS)),
                (StepType::Qa, QaPolicy::Full, None),
            ]
        );
        assert_eq!(spec.steps[1].name, "About 01-parser.md");
        assert_eq!(faults(&spec, &["00-setup.md", "01-parser.md", "02-qa-pass.md"]), Vec::<String>::new());
    }

    #[test]
    fn what_the_schema_cannot_say_is_found() {
        let mut bad = spec(&["00-setup.md", "01-a.md", "01-a.md"]);
        bad.steps[1].depends_on = Some(vec!["02-later".to_owned()]);
        bad.steps[1].outputs.protocol = Some("../../etc/passwd".to_owned());
        let found = faults(&bad, &["00-setup.md"]).join("\n");
        insta::assert_snapshot!(found, @r"
        step `01-a` names the file `01-a.md`, which the plan does not have
        step `01-a` depends on `02-later`, which does not come before it
        step `01-a` has an output path that leaves the protocol's folder: `../../etc/passwd`
        step `01-a` is there twice
        step `01-a` names the file `01-a.md`, which the plan does not have
        ");
    }

    #[test]
    fn a_simple_step_is_short_in_every_way() {
        assert!(is_simple_step("# Do\n\n- one\n- two\n"));
        assert!(!is_simple_step(&"x".repeat(1201)));
        assert!(!is_simple_step(&"line\n".repeat(13)));
        assert!(!is_simple_step(&"- item\n".repeat(7)));
        assert!(!is_simple_step(&(1..=7).map(|n| format!("{n}. item\n")).collect::<String>()));
        assert!(is_simple_step(&"**bold**\n".repeat(7)));
    }
}
