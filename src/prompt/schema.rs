//! The schemas under schemas/, embedded and compiled once.

use crate::domain::text::clipped;
use jsonschema::Validator;
use serde_json::Value;
use std::sync::LazyLock;

/// What a planning answer has to be; engines that take a schema get this one.
pub const PLANNING: &str = include_str!("../../schemas/protocol-planning.schema.json");
/// What a ProtocolSpec has to be.
pub const SPEC: &str = include_str!("../../schemas/protocol-spec.schema.json");
/// What a QA answer has to be; engines that take a schema get this one.
pub const VERDICT: &str = include_str!("../../schemas/qa-verdict.schema.json");

/// [`PLANNING`] as a value.
pub fn planning() -> Value {
    parsed(PLANNING)
}

/// [`VERDICT`] as a value.
pub fn verdict() -> Value {
    parsed(VERDICT)
}

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("embedded schemas are JSON; the validators are made of them")
}

/// Faults that are listed at most; the rest is counted.
pub(super) const FAULTS: usize = 20;

pub(super) static PLANNING_VALIDATOR: LazyLock<Validator> = LazyLock::new(|| compiled(PLANNING));
pub(super) static SPEC_VALIDATOR: LazyLock<Validator> = LazyLock::new(|| compiled(SPEC));
pub(super) static VERDICT_VALIDATOR: LazyLock<Validator> = LazyLock::new(|| compiled(VERDICT));

/// What is wrong with `value`, one sentence a fault, without its content; empty when nothing is.
pub(super) fn faults(validator: &Validator, value: &Value) -> Vec<String> {
    let errors = validator.iter_errors(value);
    bounded(errors.map(|error| {
        let path = error.instance_path().to_string();
        let place = if path.is_empty() { "the answer" } else { path.trim_start_matches('/') };
        format!("{place}: {}", error.masked_with("this"))
    }))
}

/// The first [`FAULTS`] of them, and how many more there are.
pub(super) fn bounded(faults: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = faults.map(|fault| clipped(&fault, 300)).collect();
    if all.len() > FAULTS {
        let more = all.len() - FAULTS;
        all.truncate(FAULTS);
        all.push(format!("and {more} more"));
    }
    all
}

fn compiled(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).expect("an embedded schema is JSON; a test reads each");
    jsonschema::validator_for(&schema).expect("an embedded schema is a schema; a test compiles each")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The structured outputs of the OpenAI API take a schema only if every object is closed and requires all it has:
    /// <https://platform.openai.com/docs/guides/structured-outputs>.
    #[track_caller]
    fn check_strict(schema: &Value) {
        if let Some(properties) = schema["properties"].as_object() {
            let names: Vec<&str> = properties.keys().map(String::as_str).collect();
            let required: Vec<&str> =
                schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!(names, required);
            assert_eq!(schema["additionalProperties"], json!(false));
            properties.values().for_each(check_strict);
        }
        if schema.get("items").is_some() {
            check_strict(&schema["items"]);
        }
    }

    #[test]
    fn what_engines_answer_by_is_strict() {
        for text in [PLANNING, VERDICT] {
            let schema: Value = serde_json::from_str(text).unwrap();
            assert_eq!(schema["type"], "object");
            check_strict(&schema);
        }
    }

    #[test]
    fn every_fault_is_listed_without_the_content() {
        let bad = json!({"verdict": "great", "summary": 3, "findings": [{"path": "SECRET", "severity": "x", "text": "t"}], "more": 1});
        insta::assert_snapshot!(faults(&VERDICT_VALIDATOR, &bad).join("\n"), @r#"
        verdict: this is not one of "pass", "fail" or 2 other candidates
        summary: this is not of type "string"
        findings/0/severity: this is not one of "blocking", "warning" or "note"
        the answer: Additional properties are not allowed ('more' was unexpected)
        "#);
    }

    #[test]
    fn faults_are_bounded() {
        let findings: Vec<Value> = (0..100).map(|n| json!(n)).collect();
        let bad = json!({"verdict": "pass", "summary": "", "findings": findings});
        let found = faults(&VERDICT_VALIDATOR, &bad);
        assert_eq!((found.len(), found[FAULTS].as_str()), (FAULTS + 1, "and 80 more"));
    }
}
