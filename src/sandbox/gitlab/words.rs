//! Refusals in GitLab's words, names of emoji, and titles of drafts.

use crate::sandbox::acts::{No, Refused};
use serde_json::{Value, json};

/// Characters of a note.
const LONGEST_NOTE: usize = 1_000_000;

/// GitHub's word for a reaction, and GitLab's name of the emoji.
const EMOJI: [(&str, &str); 8] = [
    ("+1", "thumbsup"),
    ("-1", "thumbsdown"),
    ("laugh", "laughing"),
    ("hooray", "tada"),
    ("confused", "confused"),
    ("heart", "heart"),
    ("rocket", "rocket"),
    ("eyes", "eyes"),
];

/// The word of the model for an emoji; `None` for a name that this twin does not know.
pub(crate) fn reaction(emoji: &str) -> Option<&'static str> {
    EMOJI.iter().find(|(_, name)| *name == emoji).map(|(word, _)| *word)
}

pub(crate) fn emoji(reaction: &str) -> &str {
    EMOJI.iter().find(|(word, _)| *word == reaction).map_or(reaction, |(_, name)| name)
}

/// `{"message": "404 Project Not Found"}` and the like.
pub(crate) fn missing(what: &str) -> Refused {
    Refused::new(404, format!("404 {what} Not Found"))
}

pub(crate) fn forbidden() -> Refused {
    Refused::new(403, "403 Forbidden")
}

pub(crate) fn unauthorized() -> Refused {
    Refused::new(401, "401 Unauthorized")
}

/// An answer that is no plain message.
pub(crate) fn answered(status: u16, body: Value) -> Refused {
    Refused { status, message: body.to_string(), errors: Some(body) }
}

/// What GitLab says before it looks at the meaning: `{"error": "body is missing"}`.
pub(crate) fn unfit(why: impl Into<String>) -> Refused {
    answered(400, json!({ "error": why.into() }))
}

/// What a field's rule says: `{"message": {"title": ["can't be blank"]}}`.
pub(crate) fn invalid(field: &str, why: &str) -> Refused {
    answered(400, json!({ "message": { field: [why] } }))
}

pub(crate) fn refused(no: No) -> Refused {
    match no {
        No::Missing => missing("Merge Request"),
        No::HeadMissing(_) => invalid("source_branch", "does not exist"),
        No::BaseMissing(_) => invalid("target_branch", "does not exist"),
        No::NothingToMerge { .. } => {
            answered(422, json!({ "message": ["You can't use same project/branch for source and target"] }))
        }
        No::Again { number, .. } => {
            let why = format!("Another open merge request already exists for this source branch: !{number}");
            answered(409, json!({ "message": [why] }))
        }
        No::Draft | No::NotOpen => Refused::new(405, "405 Method Not Allowed"),
        No::Conflict | No::Unrebasable => Refused::new(422, "Branch cannot be merged"),
        No::HeadMoved => Refused::new(409, "SHA does not match HEAD of source branch"),
        No::Broken(why) => Refused::new(500, why),
    }
}

/// <https://docs.gitlab.com/api/notes/>
pub(crate) fn check_note(body: &str) -> Result<(), Refused> {
    let bad = |why: &str| Refused::new(400, format!("400 Bad request - Note {{:note=>[\"{why}\"]}}"));
    if body.trim().is_empty() {
        return Err(bad("can't be blank"));
    }
    if body.chars().count() > LONGEST_NOTE {
        return Err(bad("is too long (maximum is 1000000 characters)"));
    }
    Ok(())
}

const DRAFTS: [&str; 3] = ["draft:", "[draft]", "(draft)"];

/// A title makes a draft. <https://docs.gitlab.com/user/project/merge_requests/drafts/>
pub(crate) fn is_draft(title: &str) -> bool {
    let title = title.trim_start().to_ascii_lowercase();
    DRAFTS.iter().any(|word| title.starts_with(word))
}

pub(crate) fn as_draft(title: &str) -> String {
    if is_draft(title) { title.to_owned() } else { format!("Draft: {title}") }
}

pub(crate) fn as_ready(title: &str) -> String {
    let mut title = title.trim_start();
    while let Some(word) = DRAFTS.iter().find(|word| title.to_ascii_lowercase().starts_with(**word)) {
        title = title[word.len()..].trim_start();
    }
    title.to_owned()
}
