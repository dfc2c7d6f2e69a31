//! A replica that lies behind: what it would answer, made from the present answer.
//!
//! Things know when they were made and leave the answer while they are too young. A commit that is too young does not
//! exist yet, and where a branch stands on one, the answer names the commit before it.

use crate::sandbox::Host;
use crate::sandbox::acts::Refused;
use crate::sandbox::http::call::{Asked, Content, Reply};
use crate::sandbox::model::{Model, iso};
use serde_json::Value;
use std::time::Duration;

/// A branch that moved.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    pub(crate) to: String,
    pub(crate) from: Option<String>,
    /// Milliseconds since the Unix epoch, by the twin's clock.
    pub(crate) at: i64,
}

/// What was not there yet.
struct Young<'a> {
    /// Times as hosts write them sort like the moments they name.
    since: String,
    moves: Vec<&'a Moved>,
}

impl<'a> Young<'a> {
    fn of(model: &'a Model, behind: Duration) -> Self {
        let since = model.now() - i64::try_from(behind.as_millis()).unwrap_or(i64::MAX);
        Self { since: iso(since), moves: model.moves.iter().rev().filter(|moved| moved.at > since).collect() }
    }

    /// With young commits replaced by those before them, the newest first; one without leaves a word of its own.
    fn rewound(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for moved in &self.moves {
            text = text.replace(&moved.to, moved.from.as_deref().unwrap_or(NOT_YET));
        }
        text
    }
}

/// As long as a commit id, and none.
const NOT_YET: &str = "not-there-yet-not-there-yet-not-there-ye";

/// Refuses a call that names a commit which is not known yet.
pub(super) fn refusal(model: &Model, asked: &Asked, behind: Duration) -> Option<Reply> {
    let named = [asked.path.as_bytes(), asked.query.as_bytes(), &asked.body].concat();
    let named = String::from_utf8_lossy(&named);
    let young = Young::of(model, behind);
    let is_git = asked.path.contains("/git-");
    let unknown = young.moves.iter().find(|moved| !is_git && named.contains(&moved.to))?;
    let refused = match model.host {
        Host::Github => Refused::new(422, format!("No commit found for SHA: {}", unknown.to)),
        Host::Gitlab if asked.path.ends_with("/repository/tree") => Refused::new(404, "404 Tree Not Found"),
        Host::Gitlab => Refused::new(404, "404 Commit Not Found"),
    };
    Some(model.refusal(refused))
}

/// The answer as it would have been then; only reads have an earlier answer.
pub(super) fn earlier(model: &Model, asked: &Asked, reply: Reply, behind: Duration) -> Reply {
    let young = Young::of(model, behind);
    match reply.content {
        Content::Json(value) if asked.method == "GET" && reply.status == 200 => {
            let rewound = serde_json::from_str(&young.rewound(&value.to_string()));
            match rewound.ok().and_then(|value| without(value, &young.since)) {
                Some(value) => Reply { content: Content::Json(value), ..reply },
                None => model.refusal(Refused::missing()),
            }
        }
        Content::Bytes(kind, bytes) if asked.body.windows(15).any(|part| part == b"command=ls-refs") => {
            let refs = young.rewound(&String::from_utf8_lossy(&bytes));
            Reply { content: Content::Bytes(kind, known_refs(&refs).into_bytes()), ..reply }
        }
        content => Reply { content, ..reply },
    }
}

/// Leaves out what is younger than `since`, and takes back what happened to it since; `None` when all of it is too young.
fn without(value: Value, since: &str) -> Option<Value> {
    match value {
        Value::Array(items) => Some(items.into_iter().filter_map(|item| without(item, since)).collect()),
        Value::Object(mut fields) => {
            let is_young = |field: &Value| field.as_str().is_some_and(|at| at > since);
            let made = ["created_at", "started_at"].iter().filter_map(|name| fields.get(*name));
            if made.into_iter().any(is_young) {
                return None;
            }
            if fields.get("closed_at").is_some_and(is_young) {
                let open = if fields.contains_key("iid") { "opened" } else { "open" };
                fields.insert("state".to_owned(), open.into());
                for name in ["closed_at", "merged_at", "merge_commit_sha"] {
                    fields.insert(name.to_owned(), Value::Null);
                }
                fields.insert("merged".to_owned(), false.into());
            }
            for list in fields.values_mut().filter(|field| field.is_array()) {
                *list = without(list.take(), since).unwrap_or_default();
            }
            let value = Value::Object(fields);
            (!value.to_string().contains(NOT_YET)).then_some(value)
        }
        other => Some(other),
    }
}

/// The lines of a listing of refs, each behind its length, without the branches that were not there yet.
fn known_refs(listing: &str) -> String {
    let mut known = String::new();
    let mut rest = listing;
    while let Some(length) = rest.get(..4).and_then(|length| usize::from_str_radix(length, 16).ok()) {
        let (line, after) = rest.split_at_checked(length.max(4)).unwrap_or((rest, ""));
        if !line.contains(NOT_YET) {
            known.push_str(line);
        }
        rest = after;
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_young_is_not_there_and_what_just_closed_is_open() {
        let list = json!([
            { "id": 1, "created_at": "2027-01-15T08:00:00Z" },
            { "id": 2, "created_at": "2027-01-15T08:00:09Z" },
        ]);
        let since = "2027-01-15T08:00:05Z";
        assert_eq!(without(list, since).unwrap()[1], Value::Null);
        let runs = json!({ "check_runs": [{ "started_at": "2027-01-15T08:00:09Z" }] });
        assert_eq!(without(runs, since).unwrap(), json!({ "check_runs": [] }));
        let pull = json!({
            "created_at": "2027-01-15T08:00:00Z", "closed_at": "2027-01-15T08:00:09Z", "state": "closed", "merged": true,
        });
        let pull = without(pull, since).unwrap();
        assert_eq!(
            (&pull["state"], &pull["merged"], &pull["closed_at"]),
            (&json!("open"), &json!(false), &Value::Null)
        );
    }

    #[test]
    fn a_listing_of_refs_loses_whole_lines() {
        let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
        let (old, young) = (line("aaaa refs/heads/a\n"), line(&format!("{NOT_YET} refs/heads/b\n")));
        assert_eq!(known_refs(&format!("{old}{young}0000")), format!("{old}0000"));
    }
}
