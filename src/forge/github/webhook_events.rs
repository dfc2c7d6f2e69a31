//! From the payload of a delivery of ours to a [`ForgeEvent`].

use super::payload as wire;
use super::webhook::Kind;
use crate::domain::actor::{Actor, ActorKind};
use crate::domain::forge_event::{
    Audience, CommentSource, Commented, ForgeEvent, Happened, RepoFacts, RepoMention, Whose,
};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::domain::thread::{Thread, ThreadKind};
use crate::forge::webhook::{Parsed, Unreadable, read, unreadable};
use crate::forge::wire::is_commit;

/// What happened, and the App that did it.
type Told = (Happened, Option<i64>);

/// Reads the content of a delivery of `kind`.
pub(super) fn read_event(event: &str, kind: Kind, body: &[u8]) -> Result<Parsed, Unreadable> {
    let envelope = read::<wire::Envelope>(event, body)?;
    let Some((happened, sender_app)) = happened(event, kind, body)? else {
        return Ok(foreign("it changes nothing the bot looks at"));
    };
    let installation = envelope.installation.map_or(0, |installation| installation.id);
    let repo = match envelope.repository {
        Some(repository) => Some(RepoMention::Described(repo_facts(event, repository, installation)?)),
        None if is_about_one_repository(kind) => {
            return Err(unreadable(event, "missing field `repository`".to_owned()));
        }
        None => None,
    };
    let sender = match envelope.sender {
        Some(account) => actor(account),
        None if kind == Kind::Ping => github_itself(),
        None => return Err(unreadable(event, "missing field `sender`".to_owned())),
    };
    Ok(Parsed::Ours(Box::new(ForgeEvent { repo, sender, sender_app, happened })))
}

fn foreign(reason: &str) -> Parsed {
    Parsed::Foreign { reason: reason.to_owned() }
}

fn happened(event: &str, kind: Kind, body: &[u8]) -> Result<Option<Told>, Unreadable> {
    let nobody = |happened| Ok(Some((happened, None)));
    match kind {
        Kind::IssueOpened => Ok(issue_opened(read::<wire::IssueEvent>(event, body)?.issue)),
        Kind::IssueClosed => {
            nobody(Happened::IssueClosed { issue: read::<wire::IssueEvent>(event, body)?.issue.number })
        }
        Kind::Comment => Ok(commented(read(event, body)?)),
        Kind::PullOpened | Kind::PullClosed | Kind::PullReopened | Kind::PullChanged | Kind::PullEdited => {
            Ok(pull(kind, read(event, body)?).map(|happened| (happened, None)))
        }
        Kind::CheckMoved | Kind::CheckRerun => {
            Ok(Some(check(kind, read::<wire::CheckRunEvent>(event, body)?.check_run)))
        }
        Kind::ButtonPressed => nobody(button(event, read(event, body)?)?),
        Kind::SuiteMoved => {
            let suite = read::<wire::SuiteEvent>(event, body)?.check_suite;
            Ok(Some(moved(suite.head_sha, suite.app)))
        }
        Kind::SuiteRerun => {
            nobody(Happened::SuiteRerun { sha: read::<wire::SuiteEvent>(event, body)?.check_suite.head_sha })
        }
        Kind::WorkflowMoved => {
            let run = read::<wire::WorkflowEvent>(event, body)?.workflow_run;
            Ok(Some(moved(run.head_sha, None)))
        }
        Kind::StatusMoved => Ok(Some(moved(read::<wire::StatusEvent>(event, body)?.sha, None))),
        Kind::Pushed => nobody(pushed(read(event, body)?)),
        Kind::BranchDeleted => {
            let branch = read::<wire::DeleteEvent>(event, body)?.branch;
            nobody(Happened::Pushed { branch, before: None, tip: None })
        }
        Kind::RepoChanged(change) => nobody(Happened::RepoChanged(change)),
        Kind::Installed | Kind::Uninstalled | Kind::ReposAdded | Kind::ReposRemoved => {
            nobody(access(kind, read(event, body)?))
        }
        Kind::Ping => nobody(Happened::Ping),
    }
}

fn issue_opened(issue: wire::Issue) -> Option<Told> {
    let app = issue.performed_via_github_app.map(|app| app.id);
    let number = issue.number;
    let text = issue.body.filter(|body| !body.trim().is_empty())?;
    let commented = Commented {
        source: CommentSource::Issue(i64::try_from(number).ok()?),
        thread: Thread::issue(number),
        discussion: None,
        audience: Audience::Readers,
        title: issue.title,
        description: text.clone(),
        body: text,
    };
    Some((Happened::Commented(commented), app))
}

fn commented(event: wire::CommentEvent) -> Option<Told> {
    let app = event.comment.performed_via_github_app.map(|app| app.id);
    let kind = if event.issue.pull_request.is_some() { ThreadKind::Pull } else { ThreadKind::Issue };
    let commented = Commented {
        source: CommentSource::Comment(event.comment.id),
        thread: Thread { kind, number: event.issue.number },
        discussion: None,
        audience: Audience::Readers,
        title: event.issue.title,
        description: event.issue.body.unwrap_or_default(),
        body: event.comment.body.filter(|body| !body.trim().is_empty())?,
    };
    Some((Happened::Commented(commented), app))
}

fn pull(kind: Kind, event: wire::PullEvent) -> Option<Happened> {
    let number = event.pull_request.number;
    match kind {
        Kind::PullOpened => pull_opened(event.pull_request),
        Kind::PullClosed => Some(Happened::PullClosed { number }),
        Kind::PullReopened => Some(Happened::PullReopened { number }),
        Kind::PullEdited => {
            let changes = event.changes?;
            (changes.base.is_some() || changes.title.is_some()).then_some(Happened::PullChanged { number })
        }
        _ => Some(Happened::PullChanged { number }),
    }
}

fn pull_opened(pull: wire::Pull) -> Option<Happened> {
    let text = pull.body.filter(|body| !body.trim().is_empty())?;
    Some(Happened::Commented(Commented {
        source: CommentSource::Pull(i64::try_from(pull.number).ok()?),
        thread: Thread::pull(pull.number),
        discussion: None,
        audience: Audience::Readers,
        title: pull.title,
        description: text.clone(),
        body: text,
    }))
}

/// A check run's App is who moved it; who asked for a re-run is a person.
fn check(kind: Kind, run: wire::CheckRun) -> Told {
    if kind == Kind::CheckMoved {
        return moved(run.head_sha, run.app);
    }
    let rerun = Happened::CheckRerun { check: run.id, name: run.name, sha: run.head_sha };
    (rerun, None)
}

fn button(event: &str, pressed: wire::CheckRunEvent) -> Result<Happened, Unreadable> {
    let Some(action) = pressed.requested_action else {
        return Err(unreadable(event, "missing field `requested_action`".to_owned()));
    };
    Ok(Happened::ButtonPressed {
        check: pressed.check_run.id,
        button: action.identifier,
        sha: pressed.check_run.head_sha,
    })
}

fn moved(sha: Sha, app: Option<wire::Identified>) -> Told {
    let app = app.map(|app| app.id);
    let whose = app.map_or(Whose::Others, Whose::App);
    (Happened::CiMoved { sha, pull: None, whose }, app)
}

fn pushed(push: wire::PushEvent) -> Happened {
    let branch = push.git_ref.strip_prefix("refs/heads/").unwrap_or(&push.git_ref);
    Happened::Pushed {
        branch: branch.to_owned(),
        before: push.before.filter(is_commit),
        tip: Some(push.after).filter(|tip| is_commit(tip) && !push.deleted),
    }
}

fn access(kind: Kind, event: wire::InstallationEvent) -> Happened {
    let installation = event.installation.id;
    let ids = |list: Vec<wire::Identified>| list.into_iter().map(|repository| repository.id).collect();
    match kind {
        Kind::Installed => Happened::AccessGained { installation, repos: ids(event.repositories) },
        Kind::ReposAdded => Happened::AccessGained { installation, repos: ids(event.repositories_added) },
        Kind::ReposRemoved => {
            Happened::AccessLost { installation, repos: Some(ids(event.repositories_removed)) }
        }
        _ => Happened::AccessLost { installation, repos: None },
    }
}

fn is_about_one_repository(kind: Kind) -> bool {
    !matches!(kind, Kind::Installed | Kind::Uninstalled | Kind::ReposAdded | Kind::ReposRemoved | Kind::Ping)
}

fn repo_facts(event: &str, repository: wire::Repository, installation: i64) -> Result<RepoFacts, Unreadable> {
    let Some((owner, name)) = repository.full_name.split_once('/') else {
        return Err(unreadable(event, "`repository.full_name` has no owner".to_owned()));
    };
    Ok(RepoFacts {
        repo: RepoRef { id: repository.id, owner: owner.to_owned(), name: name.to_owned(), installation },
        default_branch: Some(repository.default_branch),
        private: Some(repository.private),
        archived: repository.archived,
    })
}

fn actor(account: wire::Account) -> Actor {
    Actor {
        kind: if account.kind == "Bot" { ActorKind::Bot } else { ActorKind::Person },
        login: account.login,
        id: account.id,
    }
}

/// An App's `ping` has no sender.
fn github_itself() -> Actor {
    Actor { login: "github".to_owned(), id: 0, kind: ActorKind::Bot }
}
