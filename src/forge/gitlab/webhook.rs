//! GitLab's webhooks in the bot's words. Pure: body bytes in, `ForgeEvent` out.
//!
//! Hooks of projects, groups and the whole server are told apart by nothing: what a delivery is stands in its body, for a system
//! hook's header says no more than that. `http/` asks [`peek`] which deliveries to keep whole; a worker asks [`parse`] what
//! one says. Both decide by the same table, `kind_of`, so they cannot disagree about what is ours.

use super::payload::Head;
use super::webhook_events;
use crate::domain::stage::StageTold;
use crate::forge::stage as told_stage;
use crate::forge::webhook::{read, shown, unreadable};

pub use crate::forge::webhook::{Parsed, Peek, Unreadable};

/// Looks at a delivery just enough to record it. `event` is the header `X-Gitlab-Event`. Never fails; skips over
/// everything it need not know.
pub fn peek(event: &str, body: &[u8]) -> Peek {
    let head = match read::<Head>(event, body) {
        Ok(head) => head,
        Err(unreadable) => return bare(None, Some(unreadable.reason)),
    };
    if let Some(told) = stage_in(&head, event, body) {
        return told_stage::peek(told);
    }
    let repo = repo_of(&head);
    match kind_of(&head) {
        Err(reason) => bare(Some(reason), None),
        Ok(_) if repo.is_none() => bare(None, Some(NO_PROJECT.to_owned())),
        Ok(_) => Peek { repo, action: head.object_attributes.action, ours: true, ..Peek::default() },
    }
}

fn bare(reason: Option<String>, unreadable: Option<String>) -> Peek {
    Peek { reason, unreadable, ..Peek::default() }
}

/// Reads a delivery. `event` is the header `X-Gitlab-Event`, for the words of errors.
///
/// Bots' deliveries are read like people's; who may act is decided elsewhere.
pub fn parse(event: &str, body: &[u8]) -> Result<Parsed, Unreadable> {
    let head = read::<Head>(event, body)?;
    if let Some(told) = stage_in(&head, event, body) {
        return told_stage::parse(told);
    }
    match kind_of(&head) {
        Ok(kind) => {
            let project = repo_of(&head).ok_or_else(|| unreadable(event, NO_PROJECT.to_owned()))?;
            webhook_events::read_event(event, kind, project, body)
        }
        Err(reason) => Ok(Parsed::Foreign { reason }),
    }
}

/// The stage of CI that a delivery tells; `None` for every delivery of GitLab, whose pipelines have an id and a user.
pub fn stage(event: &str, body: &[u8]) -> Option<Result<StageTold, Unreadable>> {
    (event == PIPELINE)
        .then(|| read::<Head>(event, body).ok())
        .flatten()
        .and_then(|head| stage_in(&head, event, body))
}

fn stage_in(head: &Head, event: &str, body: &[u8]) -> Option<Result<StageTold, Unreadable>> {
    let is_pipeline = event == PIPELINE && head.object_kind.as_deref() == Some("pipeline");
    let is_told = is_pipeline && head.user.is_none() && head.object_attributes.id.is_none();
    is_told.then(|| told_stage::in_pipeline(event, body))
}

/// Scripts say it as GitLab does, so that other deliveries need not be read to know that they tell no stage.
const PIPELINE: &str = "Pipeline Hook";
const NO_PROJECT: &str = "it names no project by id";

/// The kinds of delivery that the bot acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    IssueOpened,
    IssueClosed,
    Note,
    CommitNote,
    PullOpened,
    PullClosed,
    PullReopened,
    /// New commits, or title, draft or target were edited; the body says which.
    PullUpdated,
    PipelineMoved,
    JobMoved,
    Pushed,
    ProjectMoved,
    ProjectDeleted,
}

/// Decides what a delivery is; the error is the reason why it is foreign.
/// <https://docs.gitlab.com/administration/system_hooks/>
fn kind_of(head: &Head) -> Result<Kind, String> {
    let what = head.object_kind.as_deref().or(head.event_name.as_deref()).unwrap_or_default();
    let about = &head.object_attributes;
    let action = about.action.as_deref();
    Ok(match (what, action.unwrap_or_default()) {
        ("issue" | "work_item", "open") => Kind::IssueOpened,
        ("issue" | "work_item", "close") => Kind::IssueClosed,
        ("note", _) if about.system => return Err("notes of GitLab itself are not acted on".to_owned()),
        ("note", "" | "create" | "update") => note_kind(about.noteable_type.as_deref().unwrap_or_default())?,
        ("merge_request", "open") => Kind::PullOpened,
        ("merge_request", "close" | "merge") => Kind::PullClosed,
        ("merge_request", "reopen") => Kind::PullReopened,
        ("merge_request", "update") => Kind::PullUpdated,
        ("pipeline", _) => Kind::PipelineMoved,
        ("build", _) => Kind::JobMoved,
        ("push", _) if is_branch(head) => Kind::Pushed,
        ("push" | "tag_push", _) => return Err("only branches are followed".to_owned()),
        ("project_rename" | "project_transfer" | "project_update", _) => Kind::ProjectMoved,
        ("project_destroy", _) => Kind::ProjectDeleted,
        _ => return Err(not_acted_on(what, action)),
    })
}

fn note_kind(on: &str) -> Result<Kind, String> {
    match on {
        "Issue" | "WorkItem" | "MergeRequest" => Ok(Kind::Note),
        "Commit" => Ok(Kind::CommitNote),
        other => Err(format!("notes on `{}` are not acted on", shown(other))),
    }
}

/// A push without a ref is let through: reading it then says what is missing.
fn is_branch(head: &Head) -> bool {
    head.git_ref.as_deref().is_none_or(|name| name.starts_with("refs/heads/"))
}

fn repo_of(head: &Head) -> Option<i64> {
    head.project.id.or(head.project_id)
}

fn not_acted_on(what: &str, action: Option<&str>) -> String {
    match action {
        Some(action) => format!("`{}` of `{}` is not acted on", shown(action), shown(what)),
        None => format!("`{}` is not acted on", shown(what)),
    }
}

#[cfg(test)]
mod tests;
