//! From the payload of a delivery of ours to a `ForgeEvent`.

use super::payload as wire;
use super::webhook::Kind;
use crate::domain::actor::{Actor, ActorKind};
use crate::domain::forge_event::{
    Audience, CommentSource, Commented, CommitComment, ForgeEvent, Happened, RepoChange, RepoFacts,
    RepoMention, Whose,
};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::domain::thread::Thread;
use crate::forge::webhook::{Parsed, Unreadable, read, unreadable};
use crate::forge::wire::is_commit;

/// Reads the content of a delivery of `kind` in the project of this id.
pub(super) fn read_event(event: &str, kind: Kind, project: i64, body: &[u8]) -> Result<Parsed, Unreadable> {
    let happened = match happened(event, kind, body)? {
        Ok(happened) => happened,
        Err(reason) => return Ok(Parsed::Foreign { reason: reason.to_owned() }),
    };
    let envelope = read::<wire::Envelope>(event, body)?;
    let sender = match sender(&envelope) {
        Some(actor) => actor,
        None if speaks(kind) => return Err(unreadable(event, "missing field `user.id`".to_owned())),
        None => gitlab_itself(),
    };
    let repo = match envelope.project {
        Some(described) => RepoMention::Described(facts(event, project, &described)?),
        None => RepoMention::Named(project),
    };
    Ok(Parsed::Ours(Box::new(ForgeEvent { repo: Some(repo), sender, sender_app: None, happened })))
}

/// Why a delivery of a kind that the bot acts on is foreign all the same.
type Foreign = &'static str;

const NOTHING: Foreign = "it changes nothing the bot looks at";

fn happened(event: &str, kind: Kind, body: &[u8]) -> Result<Result<Happened, Foreign>, Unreadable> {
    Ok(match kind {
        Kind::IssueOpened => issue_opened(read::<wire::IssueEvent>(event, body)?.object_attributes),
        Kind::IssueClosed => {
            let issue = read::<wire::IssueEvent>(event, body)?.object_attributes.iid;
            Ok(Happened::IssueClosed { issue })
        }
        Kind::Note => noted(event, read(event, body)?)?,
        Kind::CommitNote => commit_noted(event, read(event, body)?)?,
        Kind::PullOpened | Kind::PullClosed | Kind::PullReopened | Kind::PullUpdated => {
            pull(kind, read(event, body)?)
        }
        Kind::PipelineMoved => Ok(pipeline(read(event, body)?)),
        Kind::JobMoved => {
            let sha = read::<wire::JobEvent>(event, body)?.sha;
            Ok(Happened::CiMoved { sha, pull: None, whose: Whose::Others })
        }
        Kind::Pushed => Ok(pushed(read(event, body)?)),
        Kind::ProjectMoved => Ok(moved(event, &read(event, body)?)?),
        Kind::ProjectDeleted => Ok(Happened::RepoChanged(RepoChange::Deleted)),
    })
}

fn issue_opened(issue: wire::Issue) -> Result<Happened, Foreign> {
    let text = spoken(issue.description).ok_or(NOTHING)?;
    Ok(Happened::Commented(Commented {
        source: CommentSource::Issue(i64::try_from(issue.iid).map_err(|_| NOTHING)?),
        thread: Thread::issue(issue.iid),
        discussion: None,
        audience: audience(issue.confidential == Some(true)),
        title: issue.title,
        description: text.clone(),
        body: text,
    }))
}

fn noted(event: &str, noted: wire::NoteEvent) -> Result<Result<Happened, Foreign>, Unreadable> {
    let confidential = is_confidential(&noted);
    let wire::NoteEvent { object_attributes: note, issue, merge_request, .. } = noted;
    let (thread, title, description) = match (issue, merge_request) {
        (Some(issue), _) => (Thread::issue(issue.iid), issue.title, issue.description),
        (None, Some(pull)) => (Thread::pull(pull.iid), pull.title, pull.description),
        (None, None) => return Err(unreadable(event, "it names neither issue nor merge request".to_owned())),
    };
    Ok(said(&note).and_then(|body| {
        let discussion = discussion(&note, confidential)?;
        Ok(Happened::Commented(Commented {
            source: CommentSource::Comment(note.id),
            thread,
            discussion,
            audience: audience(confidential),
            title,
            description: description.unwrap_or_default(),
            body,
        }))
    }))
}

fn commit_noted(event: &str, noted: wire::NoteEvent) -> Result<Result<Happened, Foreign>, Unreadable> {
    let sha = noted.commit.and_then(|commit| Sha::parse(&commit.id));
    let sha = sha.ok_or_else(|| unreadable(event, "missing field `commit.id`".to_owned()))?;
    let note = noted.object_attributes;
    Ok(said(&note).map(|body| Happened::CommitCommented(CommitComment { comment: note.id, sha, body })))
}

/// What its author said. An edit by somebody else must not speak with the author's rights.
fn said(note: &wire::Note) -> Result<String, Foreign> {
    match (note.updated_by_id, note.author_id) {
        (Some(editor), Some(author)) if editor != author => Err("somebody else edited the note"),
        _ => spoken(Some(note.note.clone())).ok_or(NOTHING),
    }
}

/// Where to answer: within a thread that people began; and within the discussion of an internal note, whose replies are
/// internal too. Any other note is left by itself: a reply would make a thread of it, which somebody then has to resolve.
fn discussion(note: &wire::Note, confidential: bool) -> Result<Option<String>, Foreign> {
    let is_internal = note.internal == Some(true) || note.confidential == Some(true);
    match (&note.discussion_id, note.kind.is_some() || is_internal || confidential) {
        (Some(id), true) => Ok(Some(id.clone())),
        (None, _) if is_internal => {
            Err("an internal note without its discussion cannot be answered in place")
        }
        _ => Ok(None),
    }
}

fn is_confidential(noted: &wire::NoteEvent) -> bool {
    let note = &noted.object_attributes;
    noted.event_type.as_deref() == Some("confidential_note")
        || note.confidential == Some(true)
        || note.internal == Some(true)
        || noted.issue.as_ref().is_some_and(|issue| issue.confidential == Some(true))
}

fn audience(confidential: bool) -> Audience {
    if confidential { Audience::Confidants } else { Audience::Readers }
}

fn pull(kind: Kind, event: wire::MergeRequestEvent) -> Result<Happened, Foreign> {
    let pull = event.object_attributes;
    let number = pull.iid;
    match kind {
        Kind::PullOpened => pull_opened(pull),
        Kind::PullClosed => Ok(Happened::PullClosed { number }),
        Kind::PullReopened => Ok(Happened::PullReopened { number }),
        _ => {
            let edited = event.changes.is_some_and(|changes| {
                changes.title.is_some() || changes.draft.is_some() || changes.target_branch.is_some()
            });
            let matters = edited || pull.oldrev.is_some();
            matters.then_some(Happened::PullChanged { number }).ok_or(NOTHING)
        }
    }
}

fn pull_opened(pull: wire::MergeRequest) -> Result<Happened, Foreign> {
    let text = spoken(pull.description).ok_or(NOTHING)?;
    Ok(Happened::Commented(Commented {
        source: CommentSource::Pull(i64::try_from(pull.iid).map_err(|_| NOTHING)?),
        thread: Thread::pull(pull.iid),
        discussion: None,
        audience: Audience::Readers,
        title: pull.title,
        description: text.clone(),
        body: text,
    }))
}

/// Statuses that somebody sets from outside, ours too, make a pipeline whose source is `external`.
fn pipeline(event: wire::PipelineEvent) -> Happened {
    let is_external = event.object_attributes.source.as_deref() == Some("external");
    Happened::CiMoved {
        sha: event.object_attributes.sha,
        pull: event.merge_request.and_then(|pull| pull.iid),
        whose: if is_external { Whose::Anybodys } else { Whose::Others },
    }
}

fn pushed(push: wire::PushEvent) -> Happened {
    let branch = push.git_ref.strip_prefix("refs/heads/").unwrap_or(&push.git_ref);
    Happened::Pushed {
        branch: branch.to_owned(),
        before: push.before.filter(is_commit),
        tip: Some(push.after).filter(is_commit),
    }
}

fn moved(event: &str, project: &wire::ProjectEvent) -> Result<Happened, Unreadable> {
    let (owner, name) = owner_and_name(event, &project.path_with_namespace)?;
    let said = project.project_visibility.as_deref().filter(|said| !said.is_empty());
    Ok(Happened::RepoMoved { owner, name, private: said.map(|said| said.ends_with("private")) })
}

fn spoken(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Whether a delivery of this kind does something in its sender's name.
fn speaks(kind: Kind) -> bool {
    matches!(kind, Kind::Note | Kind::CommitNote | Kind::IssueOpened | Kind::PullOpened)
}

/// Whether the account is a person's or a bot's is not told: the API says so.
fn sender(envelope: &wire::Envelope) -> Option<Actor> {
    let (id, login) = match &envelope.user {
        Some(user) => (user.id?, user.username.clone()),
        None => (envelope.user_id?, envelope.user_username.clone()),
    };
    Some(Actor { login: login.unwrap_or_default(), id, kind: ActorKind::Person })
}

fn gitlab_itself() -> Actor {
    Actor { login: "gitlab".to_owned(), id: 0, kind: ActorKind::Bot }
}

fn facts(event: &str, id: i64, project: &wire::Project) -> Result<RepoFacts, Unreadable> {
    let (owner, name) = owner_and_name(event, &project.path_with_namespace)?;
    Ok(RepoFacts {
        repo: RepoRef { id, owner, name, installation: 0 },
        default_branch: project.default_branch.clone(),
        // What everybody signed in can read is as good as public.
        private: project.visibility_level.map(|level| level == 0),
        archived: false,
    })
}

/// A project's namespace may have several parts: `group/team/project`.
fn owner_and_name(event: &str, path: &str) -> Result<(String, String), Unreadable> {
    let parts = path.rsplit_once('/').map(|(owner, name)| (owner.to_owned(), name.to_owned()));
    parts.ok_or_else(|| unreadable(event, "`path_with_namespace` has no namespace".to_owned()))
}
