//! GraphQL, as much as the bot speaks: two mutations that REST does not have.

use super::auth::may_use;
use super::desk::Access;
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::{Model, Role};
use serde_json::{Map, Value, json};
use std::iter::Peekable;

const CLASSIFIERS: [&str; 7] =
    ["SPAM", "ABUSE", "OFF_TOPIC", "OUTDATED", "DUPLICATE", "RESOLVED", "LOW_QUALITY"];

struct Failure {
    kind: &'static str,
    message: String,
}

impl Failure {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    fn unknown_node(id: &str) -> Self {
        Self::new("NOT_FOUND", format!("Could not resolve to a node with the global id of '{id}'"))
    }

    fn forbidden() -> Self {
        Self::new("FORBIDDEN", "Resource not accessible by integration")
    }
}

/// Errors come with status 200, beside `data`, as in all of GraphQL.
pub(super) fn answer(model: &mut Model, call: &Call) -> Answer {
    let query = call.body.get("query").and_then(Value::as_str).unwrap_or_default();
    let variables = call.body.get("variables").cloned().unwrap_or(Value::Null);
    let Some((field, input)) = read_mutation(query, &variables) else {
        let error = json!({ "message": "Parse error: a single mutation with an input was expected" });
        return Reply::ok(json!({ "errors": [error] }));
    };
    let done = match field.as_str() {
        "markPullRequestReadyForReview" => mark_ready(model, call, &input),
        "minimizeComment" => minimize(model, call, &input),
        other => {
            Err(Failure::new("undefinedField", format!("Field '{other}' doesn't exist on type 'Mutation'")))
        }
    };
    Reply::ok(match done {
        Ok(payload) => json!({ "data": { field: payload } }),
        Err(failure) => json!({
            "data": { &field: null },
            "errors": [{
                "type": failure.kind,
                "path": [field],
                "locations": [{ "line": 1, "column": 1 }],
                "message": failure.message,
            }],
        }),
    })
}

fn argument<'v>(input: &'v Value, name: &str) -> Result<&'v str, Failure> {
    let missing = || {
        let why = format!("Argument '{name}' on InputObject is required. Expected type ID!");
        Failure::new("missingRequiredInputObjectAttribute", why)
    };
    input.get(name).and_then(Value::as_str).ok_or_else(missing)
}

fn mark_ready(model: &mut Model, call: &Call, input: &Value) -> Result<Value, Failure> {
    let node = argument(input, "pullRequestId")?;
    let is_node = |i: &&crate::sandbox::model::Issue| i.pull.is_some() && format!("PR_{}", i.id) == node;
    let found = model.repos.iter().find_map(|r| Some((r.id, r.issues.iter().find(is_node)?.number)));
    let (repo, number) = found.ok_or_else(|| Failure::unknown_node(node))?;
    allowed(model, call, repo, (&[("pull_requests", Access::Write)], Role::Write), node)?;
    model.set_draft((repo, number), &call.actor(model), false);
    Ok(json!({ "pullRequest": { "id": node, "number": number, "isDraft": false }, "clientMutationId": null }))
}

fn minimize(model: &mut Model, call: &Call, input: &Value) -> Result<Value, Failure> {
    let node = argument(input, "subjectId")?;
    let classifier = argument(input, "classifier")?.to_owned();
    if !CLASSIFIERS.contains(&classifier.as_str()) {
        let why = format!(
            "Argument 'classifier' has an invalid value ({classifier}). Expected type 'ReportedContentClassifiers!'."
        );
        return Err(Failure::new("argumentLiteralsIncompatible", why));
    }
    let id =
        node.strip_prefix("IC_").and_then(|id| id.parse().ok()).ok_or_else(|| Failure::unknown_node(node))?;
    let repo = model.repos.iter().find(|r| model.comment(r.id, id).is_some()).map(|r| r.id);
    let repo = repo.ok_or_else(|| Failure::unknown_node(node))?;
    let rights = &[("issues", Access::Write), ("pull_requests", Access::Write)];
    allowed(model, call, repo, (rights, Role::Triage), node)?;
    if let Some(comment) = model.comment_mut(repo, id) {
        comment.minimized = Some(classifier.clone());
    }
    let reason = classifier.to_ascii_lowercase().replace('_', "-");
    let minimized = json!({ "isMinimized": true, "minimizedReason": reason, "viewerCanMinimize": true });
    Ok(json!({ "minimizedComment": minimized, "clientMutationId": null }))
}

type Rights = (&'static [(&'static str, Access)], Role);

/// A node out of reach looks like one that does not exist.
fn allowed(model: &Model, call: &Call, repo: u64, rights: Rights, node: &str) -> Result<(), Failure> {
    may_use(model, repo, &call.caller, rights).map_err(|refused| match refused.status {
        404 => Failure::unknown_node(node),
        _ => Failure::forbidden(),
    })
}

/// Finds `name(input: …)` in `mutation … { name(input: …) { … } }`, with variables put in.
fn read_mutation(query: &str, variables: &Value) -> Option<(String, Value)> {
    let tokens = tokens(query)?;
    let mut rest = tokens.iter().map(String::as_str).peekable();
    if rest.next()? != "mutation" {
        return None;
    }
    rest.find(|t| *t == "{")?;
    let mut field = rest.next()?;
    if rest.next_if_eq(&":").is_some() {
        field = rest.next()?;
    }
    let arguments = read_fields(&mut rest, ("(", ")"), variables)?;
    Some((field.to_owned(), arguments.get("input").cloned().unwrap_or(Value::Null)))
}

fn read_fields<'t>(
    rest: &mut Peekable<impl Iterator<Item = &'t str>>,
    (open, close): (&str, &str),
    variables: &Value,
) -> Option<Map<String, Value>> {
    rest.next_if_eq(&open)?;
    let mut fields = Map::new();
    loop {
        let name = rest.next()?;
        if name == close {
            return Some(fields);
        }
        rest.next_if_eq(&":")?;
        let value = match *rest.peek()? {
            "{" => Value::Object(read_fields(rest, ("{", "}"), variables)?),
            text => {
                rest.next();
                scalar(text, variables)
            }
        };
        fields.insert(name.to_owned(), value);
    }
}

fn scalar(text: &str, variables: &Value) -> Value {
    match text.strip_prefix('$') {
        Some(name) => variables.get(name).cloned().unwrap_or(Value::Null),
        // Strings, numbers and true are JSON already; a bare word is an enum.
        None => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}

/// Splits GraphQL text into words, `$variables`, quoted strings and punctuation. Commas are white space.
fn tokens(query: &str) -> Option<Vec<String>> {
    let mut tokens = Vec::new();
    let mut rest = query;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        let Some(first) = rest.chars().next() else {
            return Some(tokens);
        };
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => quoted_length(rest)?,
            c if c == '$' || c == '_' || c.is_ascii_alphanumeric() => {
                let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
                1 + rest[1..].find(|c| !word(c)).unwrap_or(rest.len() - 1)
            }
            other => other.len_utf8(),
        };
        if first != '#' {
            tokens.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
}

fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}
