//! Issues.

use super::{sees, thread};
use crate::sandbox::acts::Refused;
use crate::sandbox::gitlab::auth::level_of;
use crate::sandbox::gitlab::door::{caller, list as listed, project};
use crate::sandbox::gitlab::fields::{maybe, maybe_flag, maybe_word, text};
use crate::sandbox::gitlab::words::{forbidden, invalid, missing, refused};
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::{Issue, Model, Role};

pub(super) fn shown(model: &Model, call: &Call, number: u64) -> Result<serde_json::Value, Refused> {
    let repo = project(model, call)?;
    let issue = model.issue(repo.id, number).ok_or_else(|| missing("Issue"))?;
    Ok(model.thread_json(repo, issue))
}

/// Newest first.
pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let state = maybe_word(call, "state", &["opened", "closed", "all"])?;
    let fits = |issue: &&Issue| {
        let in_state = match state.as_deref() {
            Some("opened") => issue.open,
            Some("closed") => !issue.open,
            _ => true,
        };
        issue.pull.is_none() && in_state && sees(model, call, issue)
    };
    listed(call, repo.issues.iter().rev().filter(fits).map(|i| model.thread_json(repo, i)).collect())
}

pub(crate) fn create(model: &mut Model, call: &Call) -> Answer {
    let title = text(call, "title")?;
    check_title(&title)?;
    let body = maybe(call, "description").unwrap_or_default();
    let actor = call.actor(model);
    let made = if maybe_flag(call, "confidential")?.unwrap_or(false) {
        model.open_confidential_issue(call.repo, &actor, &title, &body)
    } else {
        model.open_issue(call.repo, &actor, &title, &body)
    };
    Reply::created(shown(model, call, made.ok_or_else(|| missing("Project"))?)?)
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(shown(model, call, thread(model, call)?)?)
}

/// For the author, and for members from the role Reporter up.
pub(crate) fn update(model: &mut Model, call: &Call) -> Answer {
    let number = thread(model, call)?;
    may_change(model, call, (number, Role::Triage))?;
    let title = maybe(call, "title");
    title.as_deref().map_or(Ok(()), check_title)?;
    let event = maybe_word(call, "state_event", &["close", "reopen"])?;
    let actor = call.actor(model);
    model.edit_words((call.repo, number), &actor, [title, maybe(call, "description")]).map_err(refused)?;
    match event.as_deref() {
        Some("close") => model.close_thread(call.repo, number, &actor),
        Some("reopen") => model.reopen_thread(call.repo, number, &actor),
        _ => {}
    }
    Reply::ok(shown(model, call, number)?)
}

pub(super) fn may_change(model: &Model, call: &Call, (number, least): (u64, Role)) -> Result<(), Refused> {
    let author = model.issue(call.repo, number).map(|issue| issue.author.as_str());
    let is_author = author == Some(caller(call)?);
    let may = is_author || level_of(model, call).is_some_and(|role| role >= least);
    if may { Ok(()) } else { Err(forbidden()) }
}

pub(super) fn check_title(title: &str) -> Result<(), Refused> {
    match title.trim() {
        "" => Err(invalid("title", "can't be blank")),
        title if title.chars().count() > 255 => {
            Err(invalid("title", "is too long (maximum is 255 characters)"))
        }
        _ => Ok(()),
    }
}
