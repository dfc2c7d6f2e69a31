//! What people and Apps can do to the model, whichever way they ask. Each act changes it and fires its webhooks.
//!
//! Rights are judged by the callers (`http/`, `people/`); the rules of the thing itself are judged here.

mod checks;
mod ci;
mod places;
mod pulls;
mod pushes;
mod threads;

pub(crate) use checks::{Output, RunChange};
pub(crate) use pulls::{MergeMethod, MergeOrder, NewPull, PullChange};
pub(crate) use pushes::RefChange;
pub(crate) use threads::{Reacted, Subject, check_body};

use serde_json::{Value, json};

/// An answer of "no", with GitHub's status and words.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) errors: Option<Value>,
}

impl Refused {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: None }
    }

    pub(crate) fn missing() -> Self {
        Self::new(404, "Not Found")
    }

    /// A 422 that names the field, as GitHub does: `code` is `missing_field`, `invalid`, `custom` …
    pub(crate) fn invalid(resource: &str, field: &str, code: &str, why: impl Into<String>) -> Self {
        let why = why.into();
        let mut error = json!({ "resource": resource, "field": field, "code": code });
        if !why.is_empty() {
            error["message"] = json!(why);
        }
        Self { status: 422, message: "Validation Failed".to_owned(), errors: Some(json!([error])) }
    }

    /// A 422 from the JSON schema check that GitHub runs before it looks at the meaning.
    pub(crate) fn schema(why: impl std::fmt::Display) -> Self {
        Self::new(422, format!("Invalid request.\n\n{why}"))
    }
}
