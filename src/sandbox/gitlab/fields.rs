//! What was sent with a call: GitLab takes each field from the body, as JSON or as a form, or from the query.

use super::words::unfit;
use crate::sandbox::acts::Refused;
use crate::sandbox::http::Call;
use serde_json::Value;

/// A field as text; numbers and booleans as they are written.
pub(super) fn maybe(call: &Call, field: &str) -> Option<String> {
    match call.body.get(field) {
        None | Some(Value::Null) => call.query(field).map(str::to_owned),
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    }
}

pub(super) fn text(call: &Call, field: &str) -> Result<String, Refused> {
    maybe(call, field).ok_or_else(|| unfit(format!("{field} is missing")))
}

pub(super) fn maybe_flag(call: &Call, field: &str) -> Result<Option<bool>, Refused> {
    match maybe(call, field).as_deref() {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(unfit(format!("{field} is invalid"))),
    }
}

pub(super) fn maybe_number(call: &Call, field: &str) -> Result<Option<u64>, Refused> {
    let number = maybe(call, field).map(|text| text.parse());
    number.transpose().map_err(|_| unfit(format!("{field} is invalid")))
}

/// A number in the path.
pub(super) fn number(call: &Call, name: &str) -> Result<u64, Refused> {
    call.param(name).parse().map_err(|_| unfit(format!("{name} is invalid")))
}

/// A text out of a closed list.
pub(super) fn maybe_word(call: &Call, field: &str, words: &[&str]) -> Result<Option<String>, Refused> {
    match maybe(call, field) {
        Some(word) if !words.contains(&word.as_str()) => {
            Err(unfit(format!("{field} does not have a valid value")))
        }
        word => Ok(word),
    }
}
