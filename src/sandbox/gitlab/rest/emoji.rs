//! Emoji on issues, merge requests and notes. <https://docs.gitlab.com/api/emoji_reactions/>

use super::{notes, thread};
use crate::sandbox::acts::{Reacted, Refused, Subject};
use crate::sandbox::gitlab::auth::level_of;
use crate::sandbox::gitlab::door::{caller, list as listed};
use crate::sandbox::gitlab::fields::{number, text};
use crate::sandbox::gitlab::words::{forbidden, missing, reaction};
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::{Model, Role};

/// What the path names, with GitLab's word for its kind and its id.
fn subject(model: &Model, call: &Call) -> Result<(Subject, (&'static str, u64)), Refused> {
    if !call.param("note_id").is_empty() {
        let id = notes::note(model, call)?.id;
        return Ok((Subject::Comment(id), ("Note", id)));
    }
    let number = thread(model, call)?;
    let issue = model.issue(call.repo, number).ok_or_else(|| missing("Awardable"))?;
    let kind = if issue.pull.is_some() { "MergeRequest" } else { "Issue" };
    Ok((Subject::Issue(number), (kind, issue.id)))
}

pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let (subject, on) = subject(model, call)?;
    let all = model.reactions(call.repo, subject).unwrap_or_default();
    listed(call, all.iter().map(|r| model.emoji_json(r, on)).collect())
}

pub(crate) fn award(model: &mut Model, call: &Call) -> Answer {
    let (subject, on) = subject(model, call)?;
    let name = text(call, "name")?;
    let content = reaction(&name)
        .ok_or_else(|| Refused::new(404, "404 Award Emoji Name is not a valid emoji name Not Found"))?;
    let taken = || Refused::new(404, "404 Award Emoji Name has already been taken Not Found");
    match model.react(call.repo, subject, &call.actor(model), content) {
        Some(Reacted::New(reaction)) => Reply::created(model.emoji_json(&reaction, on)),
        Some(Reacted::Already(_)) => Err(taken()),
        None => Err(missing("Awardable")),
    }
}

/// For who awarded it, and for maintainers.
pub(crate) fn take(model: &mut Model, call: &Call) -> Answer {
    let (subject, _) = subject(model, call)?;
    let id = number(call, "award_id")?;
    let found = model.reactions(call.repo, subject).and_then(|all| all.iter().find(|r| r.id == id));
    let is_mine = found.ok_or_else(|| missing("Award Emoji"))?.author == caller(call)?;
    if !is_mine && level_of(model, call).is_none_or(|role| role < Role::Maintain) {
        return Err(forbidden());
    }
    if let Some(all) = model.reactions_mut(call.repo, subject) {
        all.retain(|r| r.id != id);
    }
    Reply::empty()
}
