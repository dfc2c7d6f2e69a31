//! Notes and discussions. <https://docs.gitlab.com/api/notes/>, <https://docs.gitlab.com/api/discussions/>

use super::thread;
use crate::sandbox::acts::{NewComment, Refused};
use crate::sandbox::gitlab::auth::level_of;
use crate::sandbox::gitlab::door::{caller, list as listed, project};
use crate::sandbox::gitlab::fields::{maybe_flag, maybe_word, number, text};
use crate::sandbox::gitlab::words::{check_note, forbidden, missing, refused};
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::{Comment, Issue, Model, Role};
use serde_json::Value;

fn issue<'m>(model: &'m Model, call: &Call) -> Result<&'m Issue, Refused> {
    let number = thread(model, call)?;
    model.issue(call.repo, number).ok_or_else(|| missing("Noteable"))
}

/// Internal notes are for members from the role Reporter up.
fn reads(model: &Model, call: &Call, note: &Comment) -> bool {
    !note.internal || level_of(model, call).is_some_and(|role| role >= Role::Triage)
}

/// The note that the path names, within its thread.
pub(super) fn note<'m>(model: &'m Model, call: &Call) -> Result<&'m Comment, Refused> {
    let id = number(call, "note_id")?;
    let found = issue(model, call)?.comments.iter().find(|note| note.id == id && reads(model, call, note));
    found.ok_or_else(|| missing("Note"))
}

fn shown(model: &Model, call: &Call, id: u64) -> Result<Value, Refused> {
    let issue = issue(model, call)?;
    let note = issue.comments.iter().find(|note| note.id == id).ok_or_else(|| missing("Note"))?;
    Ok(model.note_json(project(model, call)?, issue, note))
}

/// Newest first, unless it is asked otherwise.
pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let (repo, issue) = (project(model, call)?, issue(model, call)?);
    let sort = maybe_word(call, "sort", &["asc", "desc"])?;
    let order = maybe_word(call, "order_by", &["created_at", "updated_at"])?;
    let mut notes: Vec<&Comment> = issue.comments.iter().filter(|note| reads(model, call, note)).collect();
    if order.as_deref() == Some("updated_at") {
        notes.sort_by_key(|note| note.updated);
    }
    if sort.as_deref() != Some("asc") {
        notes.reverse();
    }
    listed(call, notes.into_iter().map(|note| model.note_json(repo, issue, note)).collect())
}

pub(crate) fn create(model: &mut Model, call: &Call) -> Answer {
    add(model, call, None)
}

fn add(model: &mut Model, call: &Call, discussion: Option<String>) -> Answer {
    let body = text(call, "body")?;
    check_note(&body)?;
    let number = thread(model, call)?;
    let internal = maybe_flag(call, "internal")?.unwrap_or(false);
    if internal && level_of(model, call).is_none_or(|role| role < Role::Triage) {
        return Err(forbidden());
    }
    let new = NewComment { body: &body, discussion, internal };
    let id = model.add_comment((call.repo, number), &call.actor(model), new).map_err(refused)?;
    Reply::created(shown(model, call, id)?)
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    let id = note(model, call)?.id;
    Reply::ok(shown(model, call, id)?)
}

/// Only its author changes a note.
pub(crate) fn update(model: &mut Model, call: &Call) -> Answer {
    let note = note(model, call)?;
    let (id, is_mine) = (note.id, note.author == caller(call)?);
    let body = text(call, "body")?;
    check_note(&body)?;
    if !is_mine {
        return Err(forbidden());
    }
    model.edit_comment(call.repo, id, &call.actor(model), &body).map_err(refused)?;
    Reply::ok(shown(model, call, id)?)
}

/// For its author, and for maintainers.
pub(crate) fn delete(model: &mut Model, call: &Call) -> Answer {
    let note = note(model, call)?;
    let (id, is_mine) = (note.id, note.author == caller(call)?);
    if !is_mine && level_of(model, call).is_none_or(|role| role < Role::Maintain) {
        return Err(forbidden());
    }
    model.delete_comment(call.repo, id, &call.actor(model)).map_err(refused)?;
    Reply::empty()
}

pub(crate) fn discussions(model: &mut Model, call: &Call) -> Answer {
    let (repo, issue) = (project(model, call)?, issue(model, call)?);
    listed(call, model.discussions(repo, issue))
}

fn discussion_json(model: &Model, call: &Call, id: &str) -> Result<Value, Refused> {
    let all = model.discussions(project(model, call)?, issue(model, call)?);
    all.into_iter().find(|found| found["id"] == id).ok_or_else(|| missing("Discussion"))
}

pub(crate) fn discussion(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(discussion_json(model, call, call.param("discussion_id"))?)
}

/// Begins a discussion.
pub(crate) fn discuss(model: &mut Model, call: &Call) -> Answer {
    let fresh = format!("{:040x}", model.next_id("discussion"));
    add(model, call, Some(fresh.clone()))?;
    Reply::created(discussion_json(model, call, &fresh)?)
}

/// Answers in a discussion. What it began with belongs to a thread from now on; what begins an internal one makes answers
/// internal.
pub(crate) fn reply(model: &mut Model, call: &Call) -> Answer {
    let id = call.param("discussion_id").to_owned();
    let issue = issue(model, call)?;
    let first =
        issue.comments.iter().find(|note| note.discussion == id).ok_or_else(|| missing("Discussion"))?;
    let (first, internal) = (first.id, first.internal);
    let body = text(call, "body")?;
    check_note(&body)?;
    let number = issue.number;
    if let Some(note) = model.comment_mut(call.repo, first) {
        note.in_thread = true;
    }
    let new = NewComment { body: &body, discussion: Some(id), internal };
    let made = model.add_comment((call.repo, number), &call.actor(model), new).map_err(refused)?;
    Reply::created(shown(model, call, made)?)
}
