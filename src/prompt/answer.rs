//! JSON objects in what an engine said: alone, in a fence, or in the middle of prose.

use serde_json::Value;

/// Answers longer than this are not searched, in bytes: 50 step files of 256 KiB, escaped, and something to spare.
const LONGEST: usize = 32 * 1024 * 1024;
/// Places that are tried in one answer.
const PLACES: usize = 2_000;

/// Every outermost JSON object in `answer`, in order.
pub(super) fn objects(answer: &str) -> Vec<Value> {
    let mut found = Vec::new();
    if answer.len() > LONGEST {
        return found;
    }
    let mut at = 0;
    for _ in 0..PLACES {
        let Some(offset) = answer[at..].find('{') else {
            break;
        };
        let start = at + offset;
        let mut values = serde_json::Deserializer::from_str(&answer[start..]).into_iter::<Value>();
        at = match values.next() {
            Some(Ok(value)) => {
                found.push(value);
                start + values.byte_offset()
            }
            _ => start + 1,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: &[&str]) {
        let found: Vec<String> = objects(answer).iter().map(Value::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_object_is_found_wherever_it_stands() {
        check(r#"{"a":1}"#, &[r#"{"a":1}"#]);
        check("Here it is:\n```json\n{\"a\": {\"b\": \"}{\"}}\n```\nDone.", &[r#"{"a":{"b":"}{"}}"#]);
        check(r#"{not json} then {"a":1} and {"b":2}"#, &[r#"{"a":1}"#, r#"{"b":2}"#]);
    }

    #[test]
    fn what_is_no_object_is_not_found() {
        check("", &[]);
        check("[1, 2]", &[]);
        check(r#"{"a": "never closed"#, &[]);
    }

    #[test]
    fn hostile_nesting_ends_soon() {
        assert!(objects(&r#"{"a":["#.repeat(500_000)).is_empty());
    }
}
