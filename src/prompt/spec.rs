//! A ProtocolSpec from JSON, and its name.

use super::schema::{SPEC_VALIDATOR, faults};
use crate::domain::spec::ProtocolSpec;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Takes `value` as a spec by its schema. What a schema cannot say is asked of [`crate::domain::spec::faults`].
pub fn validate(value: &Value) -> Result<ProtocolSpec, Vec<String>> {
    let found = faults(&SPEC_VALIDATOR, value);
    if !found.is_empty() {
        return Err(found);
    }
    serde_json::from_value(value.clone()).map_err(|error| vec![error.to_string()])
}

/// First 12 hexadecimal digits of the SHA-256 of the spec's canonical JSON: keys sorted, no white space. It is the same on
/// every machine, since no path in a spec is absolute.
pub fn hash(spec: &ProtocolSpec) -> String {
    let value = serde_json::to_value(spec).expect("a spec has only string keys");
    let digest = hex::encode(Sha256::digest(sorted(value).to_string()));
    digest[..12].to_owned()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spec::{QaPolicy, from_step_files};
    use serde_json::json;

    fn spec() -> ProtocolSpec {
        let files = ["00-setup.md", "01-parser.md"].map(|file| (file.to_owned(), format!("# About {file}")));
        from_step_files(&files, Some("codex"), QaPolicy::Full)
    }

    #[test]
    fn what_is_built_from_files_is_valid_and_comes_back() {
        let mut full = spec();
        full.steps[1].depends_on = Some(vec!["00-setup".to_owned()]);
        full.steps[1].policies = vec![json!({"behavior": "loop"})];
        let value = serde_json::to_value(&full).unwrap();
        assert_eq!(validate(&value), Ok(full));
    }

    #[test]
    fn every_fault_of_a_spec_is_told() {
        let bad = json!({"version": "1", "steps": [{"id": "", "name": "a", "prompt_ref": "01-a.md", "step_type": "wrok",
            "qa": {"policy": "full", "modle": "x"}, "outputs": {"other": 1}}]});
        insta::assert_snapshot!(validate(&bad).unwrap_err().join("\n"), @r#"
        steps/0/id: this is shorter than 1 character
        steps/0/step_type: this is not one of "setup", "work" or "qa"
        steps/0/qa: Additional properties are not allowed ('modle' was unexpected)
        steps/0/outputs: Additional properties are not allowed ('other' was unexpected)
        "#);
        assert!(validate(&json!("text")).is_err());
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_keys() {
        insta::assert_snapshot!(hash(&spec()), @"2d6b6677a557");
        let mut a = spec();
        let mut b = spec();
        a.steps[0].policies = vec![json!({"x": {"a": 1, "b": 2}})];
        b.steps[0].policies = vec![json!({"x": {"b": 2, "a": 1}})];
        assert_eq!(hash(&a), hash(&b));
        b.steps[0].policies.clear();
        assert_ne!(hash(&a), hash(&b));
    }
}
