//! Comments and reactions.

use crate::sandbox::acts::{NewComment, Reacted, Refused, Subject};
use crate::sandbox::github::json::REACTIONS;
use crate::sandbox::github::words::{check_body, refused};
use crate::sandbox::http::{Answer, Call, Caller, Reply};
use crate::sandbox::model::{Model, Role};
use serde_json::Value;

fn comment_json(model: &Model, repo: u64, id: u64) -> Result<Value, Refused> {
    let (number, comment) = model.comment(repo, id).ok_or_else(Refused::missing)?;
    let repo = model.repo(repo).ok_or_else(Refused::missing)?;
    Ok(model.comment_json(repo, number, comment))
}

/// People may change their own comments, and others' with write access; an App may with its right to issues.
fn may_change(model: &Model, call: &Call, id: u64) -> Result<(), Refused> {
    let Caller::Person { login } = &call.caller else {
        return Ok(());
    };
    let (_, comment) = model.comment(call.repo, id).ok_or_else(Refused::missing)?;
    let writer = model.repo(call.repo).and_then(|r| model.role(r, login)).is_some_and(|r| r >= Role::Write);
    if writer || comment.author == *login {
        return Ok(());
    }
    Err(Refused::new(403, "Must have admin rights to Repository."))
}

pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let (repo, number) = call.thread()?;
    let issue = model.issue(repo, number).ok_or_else(Refused::missing)?;
    let repo = model.repo(repo).ok_or_else(Refused::missing)?;
    Reply::list(call, issue.comments.iter().map(|c| model.comment_json(repo, number, c)).collect())
}

pub(crate) fn create(model: &mut Model, call: &Call) -> Answer {
    let at = call.thread()?;
    model.issue(at.0, at.1).ok_or_else(Refused::missing)?;
    let body = call.text("body")?;
    check_body("IssueComment", body)?;
    let new = NewComment { body, ..NewComment::default() };
    let id = model.add_comment(at, &call.actor(model), new).map_err(refused)?;
    Reply::created(comment_json(model, call.repo, id)?)
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(comment_json(model, call.repo, call.number("comment_id")?)?)
}

pub(crate) fn update(model: &mut Model, call: &Call) -> Answer {
    let id = call.number("comment_id")?;
    model.comment(call.repo, id).ok_or_else(Refused::missing)?;
    may_change(model, call, id)?;
    let body = call.text("body")?;
    check_body("IssueComment", body)?;
    model.edit_comment(call.repo, id, &call.actor(model), body).map_err(refused)?;
    Reply::ok(comment_json(model, call.repo, id)?)
}

pub(crate) fn delete(model: &mut Model, call: &Call) -> Answer {
    let id = call.number("comment_id")?;
    may_change(model, call, id)?;
    model.delete_comment(call.repo, id, &call.actor(model)).map_err(refused)?;
    Reply::empty()
}

/// What the path names: a comment, or the issue itself.
fn subject(call: &Call) -> Result<Subject, Refused> {
    if call.param("comment_id").is_empty() {
        return Ok(Subject::Issue(call.number("number")?));
    }
    Ok(Subject::Comment(call.number("comment_id")?))
}

pub(crate) fn reactions(model: &mut Model, call: &Call) -> Answer {
    let all = model.reactions(call.repo, subject(call)?).ok_or_else(Refused::missing)?;
    let wanted = all.iter().filter(|r| call.query("content").is_none_or(|c| c == r.content));
    Reply::list(call, wanted.map(|r| model.reaction_json(r)).collect())
}

/// Answers 201 for a new reaction and 200 for one that was already there.
pub(crate) fn react(model: &mut Model, call: &Call) -> Answer {
    let subject = subject(call)?;
    model.reactions(call.repo, subject).ok_or_else(Refused::missing)?;
    call.text("content")?;
    let content = call.maybe_word("content", &REACTIONS)?.unwrap_or_default().to_owned();
    let reacted =
        model.react(call.repo, subject, &call.actor(model), &content).ok_or_else(Refused::missing)?;
    match reacted {
        Reacted::New(reaction) => Reply::created(model.reaction_json(&reaction)),
        Reacted::Already(reaction) => Reply::ok(model.reaction_json(&reaction)),
    }
}

pub(crate) fn unreact(model: &mut Model, call: &Call) -> Answer {
    let (subject, id, actor) = (subject(call)?, call.number("reaction_id")?, call.actor(model));
    let all = model.reactions_mut(call.repo, subject).ok_or_else(Refused::missing)?;
    let at = all.iter().position(|r| r.id == id).ok_or_else(Refused::missing)?;
    if all[at].author != actor.login {
        return Err(Refused::new(403, "Must have admin rights to Repository."));
    }
    all.remove(at);
    Reply::empty()
}
