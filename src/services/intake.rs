//! From a stored delivery to what it changes.
//!
//! Safe to repeat: commands are taken once each, everything else is "read the forge again".

use super::{Ctx, ci, commands, fates, stages, waiting};
use crate::domain::claim::Claimed;
use crate::domain::forge_event::{ForgeEvent, Happened, RepoChange, RepoFacts, RepoMention};
use crate::domain::ids::{DeliveryId, ProtocolId, Sha};
use crate::domain::job::Job;
use crate::domain::project::{ForgeKind, Project, RepoAccess, RepoRef};
use crate::domain::sight::{may_lack_ours, may_lack_told};
use crate::forge::{self, ForgeError, Parsed};
use crate::services::fates::Confirmed;
use crate::store::delivery::{Delivery as Stored, DeliveryStatus};
use crate::store::{self, Accepted, NewDelivery, StoreError};
use tracing::Span;

/// A delivery whose signature was verified.
pub struct Delivery<'a> {
    pub forge: ForgeKind,
    pub guid: &'a str,
    pub event: &'a str,
    pub body: &'a [u8],
    /// The protocol that its address named; only scripts of CI do that.
    pub named_protocol: Option<ProtocolId>,
}

/// What became of a delivery that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Stored,
    Duplicate,
    /// Nothing we act on: recorded without its body.
    Foreign,
    /// Signed, but not what its event must be; not stored.
    Unreadable(String),
}

/// Stores a verified delivery, and nothing else.
///
/// Errors: it could not be stored, and the forge must be told so.
pub async fn receive(ctx: &Ctx, delivery: &Delivery<'_>) -> anyhow::Result<Received> {
    let mut peek = forge::peek(delivery.forge, delivery.event, delivery.body);
    if let Some(why) = peek.unreadable {
        return Ok(Received::Unreadable(why));
    }
    if ctx.forge(delivery.forge)?.is_own_app(peek.app) {
        peek.ours = false;
        peek.reason = Some("the bot did it itself".to_owned());
    }
    let accepted = ctx.store.accept(NewDelivery {
        forge: delivery.forge,
        guid: delivery.guid.to_owned(),
        event: delivery.event.to_owned(),
        body: peek.ours.then(|| delivery.body.to_vec()),
        reason: peek.reason.unwrap_or_default(),
        repo: peek.repo,
        named_protocol: delivery.named_protocol,
    });
    Ok(match (accepted.await?, peek.ours) {
        (Accepted::Duplicate, _) => Received::Duplicate,
        (Accepted::New(_), true) => Received::Stored,
        (Accepted::New(_), false) => Received::Foreign,
    })
}

/// Takes one delivery in. A delivery that cannot be read is recorded as failed, with the reason, and not tried again.
pub async fn process(ctx: &Ctx, id: DeliveryId) -> anyhow::Result<()> {
    let delivery = store::delivery::load(&mut ctx.store.read().await?, id).await?;
    let delivery = delivery.ok_or(StoreError::Missing { what: "delivery" })?;
    Span::current().record("delivery.guid", delivery.guid.as_str());
    // One that failed is taken in again when an operator asks for it.
    let is_open = matches!(delivery.status, DeliveryStatus::Stored | DeliveryStatus::Failed);
    let Some(body) = delivery.body.as_deref().filter(|_| is_open) else {
        return Ok(());
    };
    let (status, reason) = match forge::parse(delivery.forge, &delivery.event, body) {
        Ok(Parsed::Ours(event)) => {
            act(ctx, &delivery, &event).await.map_err(|fault| not_yet(ctx, &delivery, fault))?;
            (DeliveryStatus::Done, String::new())
        }
        Ok(Parsed::Stage(told)) => match stages::take(ctx, &delivery, &told).await? {
            Ok(()) => (DeliveryStatus::Done, String::new()),
            Err(unmatched) => (DeliveryStatus::Ignored, unmatched.to_string()),
        },
        Ok(Parsed::Foreign { reason }) => (DeliveryStatus::Ignored, reason),
        Err(unreadable) => (DeliveryStatus::Failed, unreadable.to_string()),
    };
    let mut tx = ctx.store.begin().await?;
    store::delivery::finish(&mut tx, id, status, &reason).await?;
    tx.commit().await?;
    tracing::debug!(delivery.event, delivery.status = ?status, "a delivery was taken in");
    Ok(())
}

/// A delivery could not be taken in, for good. Who waits for an answer to a command in it gets one, with the job's id and
/// nothing else of the fault; then the delivery has failed. One that nobody waits for stays, to be taken in later.
pub async fn give_up(ctx: &Ctx, turn: &Claimed, id: DeliveryId) -> anyhow::Result<()> {
    let delivery = store::delivery::load(&mut ctx.store.read().await?, id).await?;
    let delivery = delivery.ok_or(StoreError::Missing { what: "delivery" })?;
    let Some(Ok(Parsed::Ours(event))) =
        delivery.body.as_deref().map(|body| forge::parse(delivery.forge, &delivery.event, body))
    else {
        return Ok(());
    };
    let Some(mention) = &event.repo else {
        return Ok(());
    };
    let Some(project) = meet(ctx, delivery.forge, mention).await? else {
        return Ok(());
    };
    let Some(waiting) = waiting::find(ctx, &project, &delivery, &event).await? else {
        return Ok(());
    };
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    for effect in waiting.told_of(turn.id) {
        store::effect::push(&mut tx, project.id, &effect).await?;
    }
    let reason = format!("a command in it could not be taken, see job {}", turn.id);
    store::delivery::finish(&mut tx, id, DeliveryStatus::Failed, &reason).await?;
    tx.commit().await?;
    Ok(())
}

/// A webhook may come before the forge's API knows what it tells of.
fn not_yet(ctx: &Ctx, delivery: &Stored, fault: anyhow::Error) -> anyhow::Error {
    match fault.downcast::<ForgeError>() {
        Ok(error) if may_lack_told(delivery.received_at, ctx.now()) => error.of_something_new().into(),
        Ok(error) => error.into(),
        Err(fault) => fault,
    }
}

async fn act(ctx: &Ctx, delivery: &Stored, event: &ForgeEvent) -> anyhow::Result<()> {
    match (&event.happened, &event.repo) {
        (Happened::Ping, _) => Ok(()),
        (Happened::AccessGained { installation, repos }, _) => {
            // An installation that is suspended no more names no repositories: it has those that it had.
            let repos = Some(repos.as_slice()).filter(|repos| !repos.is_empty());
            fates::access(ctx, delivery.forge, *installation, repos, RepoAccess::Granted).await
        }
        (Happened::AccessLost { installation, repos }, _) => {
            fates::access(ctx, delivery.forge, *installation, repos.as_deref(), RepoAccess::Lost).await
        }
        (happened, Some(mention)) => match meet(ctx, delivery.forge, mention).await? {
            Some(project) => in_project(ctx, &project, delivery, event, happened).await,
            None => Ok(()),
        },
        (_, None) => Ok(()),
    }
}

/// Stores the repository as this delivery describes it; one that is only named must be known.
async fn meet(ctx: &Ctx, forge: ForgeKind, mention: &RepoMention) -> anyhow::Result<Option<Project>> {
    match mention {
        RepoMention::Described(facts) => described(ctx, forge, facts).await.map(Some),
        RepoMention::Named(id) => {
            Ok(store::project::by_repo(&mut ctx.store.read().await?, forge, *id).await?)
        }
    }
}

async fn described(ctx: &Ctx, forge: ForgeKind, facts: &RepoFacts) -> anyhow::Result<Project> {
    let facts = completed(ctx, forge, facts).await?;
    let mut tx = ctx.store.begin().await?;
    let project = store::project::upsert(&mut tx, forge, &facts).await?;
    tx.commit().await?;
    Span::current().record("project.id", project.id.0);
    Ok(project)
}

/// What a delivery does not say of a repository that was never seen before is asked for.
async fn completed(ctx: &Ctx, forge: ForgeKind, facts: &RepoFacts) -> anyhow::Result<RepoFacts> {
    let known = store::project::by_repo(&mut ctx.store.read().await?, forge, facts.repo.id).await?;
    if facts.private.is_some() || known.is_some() {
        return Ok(facts.clone());
    }
    match ctx.forge(forge)?.repository(&facts.repo).await {
        Ok(seen) => Ok(RepoFacts {
            default_branch: Some(seen.default_branch),
            private: Some(seen.private),
            ..facts.clone()
        }),
        Err(ForgeError::Missing { .. } | ForgeError::Forbidden { .. }) => Ok(facts.clone()),
        Err(error) => Err(error.into()),
    }
}

async fn in_project(
    ctx: &Ctx,
    project: &Project,
    delivery: &Stored,
    event: &ForgeEvent,
    happened: &Happened,
) -> anyhow::Result<()> {
    match happened {
        Happened::Commented(comment) => commands::take(ctx, project, delivery, event, comment).await,
        Happened::CommitCommented(comment) => {
            commands::take_from_commit(ctx, project, delivery, event, comment).await
        }
        Happened::CheckRerun { name, sha, .. } => {
            commands::rerun(ctx, project, delivery, event, name, sha).await
        }
        Happened::SuiteRerun { sha } => commands::rerun_all(ctx, project, delivery, event, sha).await,
        Happened::ButtonPressed { check, button, sha } => {
            commands::press(ctx, project, delivery, event, (*check, button), sha).await
        }
        Happened::IssueClosed { issue } => {
            let told = fates::issue_closed(ctx, project, *issue).await?;
            believed(ctx, project, delivery, told)
        }
        Happened::PullClosed { number } => {
            let told = fates::pull_closed(ctx, project, *number, &event.sender.login).await?;
            believed(ctx, project, delivery, told)
        }
        Happened::PullReopened { number } => {
            let told = fates::pull_reopened(ctx, project, *number, &event.sender.login).await?;
            believed(ctx, project, delivery, told)
        }
        Happened::PullChanged { number } => fates::pull_changed(ctx, project, *number).await,
        Happened::CiMoved { sha, pull, whose } => {
            ci::heard_of(ctx, project, &ci::Moved { sha, pull: *pull, whose: *whose }).await
        }
        Happened::Pushed { branch, before, tip } => {
            pushed(ctx, project, branch, (before.as_ref(), tip.as_ref())).await
        }
        Happened::RepoChanged(change) => repo_changed(ctx, project, *change).await,
        Happened::RepoMoved { owner, name, private } => {
            let repo = RepoRef { owner: owner.clone(), name: name.clone(), ..project.repo.clone() };
            // Whether it is archived is not said either, and asked for below.
            let facts = RepoFacts { repo, default_branch: None, private: *private, archived: false };
            let project = described(ctx, project.forge, &facts).await?;
            look_at(ctx, &project).await
        }
        Happened::AccessGained { .. } | Happened::AccessLost { .. } | Happened::Ping => Ok(()),
    }
}

/// Whether the repository is archived, or out of our sight, is not told when it moved.
async fn look_at(ctx: &Ctx, project: &Project) -> anyhow::Result<()> {
    if project.access == RepoAccess::Deleted {
        return Ok(());
    }
    let access = match ctx.forge_of(project)?.repository(&project.repo).await {
        Ok(seen) if !seen.archived => RepoAccess::Granted,
        Ok(_) | Err(ForgeError::Missing { .. }) => RepoAccess::Lost,
        Err(error) => return Err(error.into()),
    };
    fates::set_access(ctx, project, access).await
}

/// What the API does not confirm is news that it has not heard, or news that is out of date: deliveries come in any order.
fn believed(ctx: &Ctx, project: &Project, delivery: &Stored, told: Confirmed) -> anyhow::Result<()> {
    if told == Confirmed::No && may_lack_ours(delivery.received_at, ctx.now()) {
        let what = format!("what its `{}` told", delivery.event);
        return Err(ForgeError::behind(project.forge.as_str(), what).into());
    }
    Ok(())
}

/// A push to a protocol's branch is looked at by its worker, who is told what to look for; a push to a base branch is a
/// line in its reports.
async fn pushed(
    ctx: &Ctx,
    project: &Project,
    branch: &str,
    (before, after): (Option<&Sha>, Option<&Sha>),
) -> anyhow::Result<()> {
    let open = store::protocol::open_of_project(&mut ctx.store.read().await?, project.id).await?;
    let touched = open.iter().filter(|protocol| protocol.branch() == branch || protocol.base == branch);
    let mut tx = ctx.store.begin().await?;
    for protocol in touched {
        if protocol.branch() == branch {
            store::told_push::save(&mut tx, protocol.id, before, after).await?;
        }
        store::job::push(&mut tx, Job::ReadHead { protocol: protocol.id }, ctx.now()).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn repo_changed(ctx: &Ctx, project: &Project, change: RepoChange) -> anyhow::Result<()> {
    match change {
        RepoChange::Updated => Ok(()),
        RepoChange::Archived => fates::set_access(ctx, project, RepoAccess::Lost).await,
        RepoChange::Unarchived => fates::set_access(ctx, project, RepoAccess::Granted).await,
        RepoChange::Deleted => fates::set_access(ctx, project, RepoAccess::Deleted).await,
    }
}
