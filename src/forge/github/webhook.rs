//! GitHub's webhooks in the bot's words. Pure: event header and body bytes in, `ForgeEvent` out.
//!
//! `http/` asks [`peek`] which deliveries to keep whole; a worker asks [`parse`] what one says. Both decide by the same
//! table, `kind_of`, so they cannot disagree about what is ours.

use super::payload::Head;
use super::webhook_events;
use crate::domain::forge_event::RepoChange;
use crate::domain::stage::StageTold;
use crate::forge::stage as told_stage;
use crate::forge::webhook::{read, shown};

pub use crate::forge::webhook::{Parsed, Peek, Unreadable};

/// The events an App of ours subscribes to. `installation`, `installation_repositories` and `ping` come unasked.
pub const EVENTS: [&str; 10] = [
    "issues",
    "issue_comment",
    "pull_request",
    "check_run",
    "check_suite",
    "workflow_run",
    "status",
    "push",
    "delete",
    "repository",
];

/// Looks at a delivery just enough to record it. Never fails; skips over everything it need not know.
pub fn peek(event: &str, body: &[u8]) -> Peek {
    match read::<Head>(event, body) {
        Ok(head) => {
            if let Some(told) = stage_in(&head, event, body) {
                return told_stage::peek(told);
            }
            let kind = kind_of(event, &head);
            Peek {
                app: kind.as_ref().ok().and_then(|kind| done_by(*kind, &head)),
                repo: head.repository.map(|repository| repository.id),
                action: head.action,
                ours: kind.is_ok(),
                reason: kind.err(),
                unreadable: None,
            }
        }
        Err(unreadable) => Peek {
            reason: (!is_known(event)).then(|| unreadable.reason.clone()),
            unreadable: is_known(event).then_some(unreadable.reason),
            ..Peek::default()
        },
    }
}

/// Reads a delivery. `event` is the header `X-GitHub-Event`.
///
/// Bots' deliveries are read like people's; who may act is decided elsewhere.
pub fn parse(event: &str, body: &[u8]) -> Result<Parsed, Unreadable> {
    if !is_known(event) {
        return Ok(Parsed::Foreign { reason: not_acted_on(event, None) });
    }
    let head = read(event, body)?;
    if let Some(told) = stage_in(&head, event, body) {
        return told_stage::parse(told);
    }
    match kind_of(event, &head) {
        Ok(kind) => webhook_events::read_event(event, kind, body),
        Err(reason) => Ok(Parsed::Foreign { reason }),
    }
}

/// The stage of CI that a delivery tells; `None` for every delivery of GitHub, whose statuses have an id and a sender.
pub fn stage(event: &str, body: &[u8]) -> Option<Result<StageTold, Unreadable>> {
    if event != STATUS {
        return None;
    }
    stage_in(&read::<Head>(event, body).ok()?, event, body)
}

fn stage_in(head: &Head, event: &str, body: &[u8]) -> Option<Result<StageTold, Unreadable>> {
    let is_told = event == STATUS && head.id.is_none() && head.sender.is_none();
    is_told.then(|| told_stage::in_status(event, body))
}

const STATUS: &str = "status";

/// Why deliveries of this event and action are foreign; `None` when they are ours, or when only the body can tell.
pub fn foreign(event: &str, action: Option<&str>) -> Option<String> {
    if matches!(event, "push" | "delete") {
        return None;
    }
    let head = Head { action: action.map(str::to_owned), ..Head::default() };
    kind_of(event, &head).err()
}

/// The kinds of delivery that the bot acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    IssueOpened,
    IssueClosed,
    Comment,
    PullOpened,
    PullClosed,
    PullReopened,
    PullChanged,
    /// Title, text or base was edited; the body says which.
    PullEdited,
    CheckMoved,
    CheckRerun,
    ButtonPressed,
    SuiteMoved,
    SuiteRerun,
    WorkflowMoved,
    StatusMoved,
    Pushed,
    BranchDeleted,
    RepoChanged(RepoChange),
    Installed,
    Uninstalled,
    ReposAdded,
    ReposRemoved,
    Ping,
}

/// Decides what a delivery is; the error is the reason why it is foreign.
fn kind_of(event: &str, head: &Head) -> Result<Kind, String> {
    let action = head.action.as_deref();
    Ok(match (event, action.unwrap_or_default()) {
        ("issues", "opened") => Kind::IssueOpened,
        ("issues", "closed") => Kind::IssueClosed,
        ("issue_comment", "created" | "edited") => Kind::Comment,
        ("issue_comment", "deleted") => return Err("deleting a comment changes nothing".to_owned()),
        ("pull_request", "opened") => Kind::PullOpened,
        ("pull_request", "closed") => Kind::PullClosed,
        ("pull_request", "reopened") => Kind::PullReopened,
        ("pull_request", "synchronize" | "ready_for_review" | "converted_to_draft") => Kind::PullChanged,
        ("pull_request", "edited") => Kind::PullEdited,
        ("check_run", "created" | "completed") => Kind::CheckMoved,
        ("check_run", "rerequested") => Kind::CheckRerun,
        ("check_run", "requested_action") => Kind::ButtonPressed,
        ("check_suite", "completed") => Kind::SuiteMoved,
        ("check_suite", "rerequested") => Kind::SuiteRerun,
        ("workflow_run", "requested" | "in_progress" | "completed") => Kind::WorkflowMoved,
        ("status", _) => Kind::StatusMoved,
        ("push", _) if !is_branch(head) => return Err("only branches are followed".to_owned()),
        ("push", _) => Kind::Pushed,
        ("delete", _) if head.ref_type.as_deref() != Some("branch") => {
            return Err("only branches are followed".to_owned());
        }
        ("delete", _) => Kind::BranchDeleted,
        ("repository", "renamed" | "transferred" | "edited" | "privatized" | "publicized") => {
            Kind::RepoChanged(RepoChange::Updated)
        }
        ("repository", "archived") => Kind::RepoChanged(RepoChange::Archived),
        ("repository", "unarchived") => Kind::RepoChanged(RepoChange::Unarchived),
        ("repository", "deleted") => Kind::RepoChanged(RepoChange::Deleted),
        ("installation", "created" | "unsuspend") => Kind::Installed,
        ("installation", "deleted" | "suspend") => Kind::Uninstalled,
        ("installation_repositories", "added") => Kind::ReposAdded,
        ("installation_repositories", "removed") => Kind::ReposRemoved,
        ("ping", _) => Kind::Ping,
        _ => return Err(not_acted_on(event, action.filter(|_| is_known(event)))),
    })
}

/// The App behind a check that moved, or behind a comment. Who asks for a re-run is a person, whosever check it is.
fn done_by(kind: Kind, head: &Head) -> Option<i64> {
    let done = match kind {
        Kind::CheckMoved => &head.check_run,
        Kind::SuiteMoved => &head.check_suite,
        Kind::Comment => &head.comment,
        _ => return None,
    };
    done.as_ref()?.app.as_ref().map(|app| app.id)
}

/// A push without a ref is let through: reading it then says what is missing.
fn is_branch(head: &Head) -> bool {
    head.git_ref.as_deref().is_none_or(|name| name.starts_with("refs/heads/"))
}

fn is_known(event: &str) -> bool {
    EVENTS.contains(&event) || matches!(event, "installation" | "installation_repositories" | "ping")
}

fn not_acted_on(event: &str, action: Option<&str>) -> String {
    match action {
        Some(action) => format!("`{}` of `{}` is not acted on", shown(action), shown(event)),
        None => format!("`{}` is not acted on", shown(event)),
    }
}

#[cfg(test)]
mod tests;
