//! From an engine's last words to an answer.

use super::{Answer, EngineError, Usage};
use serde_json::Value;
use std::time::Duration;

/// What is known when an engine said that it is done.
pub(super) struct LastWords {
    pub text: String,
    pub usage: Usage,
    pub session: Option<String>,
    pub wall: Duration,
}

impl LastWords {
    /// Makes the answer; with `wants_json` the text must hold JSON, with or without prose around it.
    pub(super) fn into_answer(self, wants_json: WantsJson, limit: usize) -> Result<Answer, EngineError> {
        let LastWords { text, usage, session, wall } = self;
        let bad = |why: &str| Err(EngineError::BadOutput { why: why.to_owned(), usage: Some(usage) });
        if text.trim().is_empty() {
            return bad("it ended without a final message");
        }
        if text.len() > limit {
            return bad(&format!("the final message has more than {limit} bytes"));
        }
        let json = match wants_json {
            WantsJson::No => None,
            WantsJson::Yes => match find_json(&text) {
                Some(json) => Some(json),
                None => return bad("the final message holds no JSON"),
            },
        };
        Ok(Answer { text, json, usage, session, wall })
    }
}

/// Whether a schema was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WantsJson {
    Yes,
    No,
}

impl From<&Option<Value>> for WantsJson {
    fn from(schema: &Option<Value>) -> Self {
        if schema.is_some() { WantsJson::Yes } else { WantsJson::No }
    }
}

/// Finds the JSON document in `text`: all of it, the content of a code fence, or the outermost braces.
fn find_json(text: &str) -> Option<Value> {
    let whole = std::iter::once(text);
    let braces = text.find('{').zip(text.rfind('}')).filter(|(open, close)| open < close);
    let braces = braces.map(|(open, close)| &text[open..=close]);
    let mut candidates = whole.chain(fences(text)).chain(braces);
    candidates.find_map(|candidate| {
        serde_json::from_str(candidate).ok().filter(|json: &Value| json.is_object() || json.is_array())
    })
}

/// The contents of code fences, the last first: models explain, then answer.
fn fences(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```").skip(1).step_by(2);
    let contents: Vec<_> =
        blocks.filter_map(|block| block.split_once('\n').map(|(_, content)| content)).collect();
    contents.into_iter().rev()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, wanted: Option<&Value>) {
        assert_eq!(find_json(text).as_ref(), wanted);
    }

    #[test]
    fn json_is_found_with_or_without_prose() {
        let object = json!({"a": 1});
        let object = Some(&object);
        check("{\"a\":1}", object);
        check("  {\"a\":1}\n", object);
        check("Here it is:\n```json\n{\"a\":1}\n```\nDone.", object);
        check("first\n```sh\nls {}\n```\nthen\n```\n{\"a\":1}\n```", object);
        check("The answer is {\"a\":1}.", object);
        check("[1, 2]", Some(&json!([1, 2])));
    }

    #[test]
    fn prose_is_not_json() {
        check("", None);
        check("42", None);
        check("\"done\"", None);
        check("} nothing {", None);
        check("```json\n{\"a\":\n```", None);
    }

    #[test]
    fn an_answer_is_neither_empty_nor_endless() {
        let words = |text: &str| LastWords {
            text: text.to_owned(),
            usage: Usage::default(),
            session: None,
            wall: Duration::ZERO,
        };
        assert!(words(" \n").into_answer(WantsJson::No, 10).is_err());
        assert!(words("12345678901").into_answer(WantsJson::No, 10).is_err());
        assert_eq!(words("1234567890").into_answer(WantsJson::No, 10).unwrap().text, "1234567890");
        assert!(words("no json").into_answer(WantsJson::Yes, 10).is_err());
    }
}
