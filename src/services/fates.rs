//! What happens to a protocol from outside: its issue or pull request is closed, reopened or merged, its repository goes
//! away or comes back.

use super::Ctx;
use super::change::{Draft, change};
use crate::domain::event::EventKind;
use crate::domain::ids::{ProtocolId, Sha};
use crate::domain::job::Job;
use crate::domain::project::{ForgeKind, Project, PullState, RepoAccess};
use crate::domain::protocol::{CancelKind, End, Pause, ProtocolMove};
use crate::domain::refusal::Refusal;
use crate::domain::step::{StepEnd, StepMove, StepStatus};
use crate::domain::thread::Thread;
use crate::store;

/// Whether the forge's API says what a webhook told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// It does, or nobody here cares.
    Yes,
    No,
}

/// Closing the issue cancels what has no pull request yet; afterwards the issue's fate changes nothing.
pub async fn issue_closed(ctx: &Ctx, project: &Project, issue: u64) -> anyhow::Result<Confirmed> {
    let issue = Thread::issue(issue);
    let open = store::protocol::open_in_thread(&mut ctx.store.read().await?, project.id, issue).await?;
    let touched: Vec<ProtocolId> =
        open.iter().filter(|protocol| protocol.pull.is_none()).map(|protocol| protocol.id).collect();
    if touched.is_empty() {
        return Ok(Confirmed::Yes);
    }
    if ctx.forge_of(project)?.thread(&project.repo, issue).await?.is_open {
        return Ok(Confirmed::No);
    }
    for id in touched {
        ignore_refusal(change(ctx, id, None, |draft| cancel(draft, CancelKind::IssueClosed)).await?);
    }
    Ok(Confirmed::Yes)
}

/// A merge completes, a close without merge cancels.
pub async fn pull_closed(ctx: &Ctx, project: &Project, number: u64, by: &str) -> anyhow::Result<Confirmed> {
    let touched = with_pull(ctx, project, number).await?;
    if touched.is_empty() {
        return Ok(Confirmed::Yes);
    }
    let pull = ctx.forge_of(project)?.pull(&project.repo, number).await?;
    if matches!(pull.state, PullState::Draft | PullState::Ready) {
        return Ok(Confirmed::No);
    }
    for id in touched {
        let decide = |draft: &mut Draft| match pull.state {
            PullState::Merged => merged(draft, by, pull.merge_sha.as_ref()),
            _ => closed_unmerged(draft, by),
        };
        ignore_refusal(change(ctx, id, None, decide).await?);
    }
    Ok(Confirmed::Yes)
}

/// Reopening brings back what the closing cancelled, paused: it starts again by a person's `resume` only.
pub async fn pull_reopened(ctx: &Ctx, project: &Project, number: u64, by: &str) -> anyhow::Result<Confirmed> {
    let touched = with_pull(ctx, project, number).await?;
    if touched.is_empty() {
        return Ok(Confirmed::Yes);
    }
    let pull = ctx.forge_of(project)?.pull(&project.repo, number).await?;
    if matches!(pull.state, PullState::Closed | PullState::Merged) {
        return Ok(Confirmed::No);
    }
    for id in touched {
        ignore_refusal(change(ctx, id, None, |draft| reopened(draft, by, pull.state)).await?);
    }
    Ok(Confirmed::Yes)
}

/// A changed head or base is read again by the protocol's worker.
pub async fn pull_changed(ctx: &Ctx, project: &Project, number: u64) -> anyhow::Result<()> {
    for id in with_pull(ctx, project, number).await? {
        let mut tx = ctx.store.begin().await?;
        store::job::push(&mut tx, Job::ReadHead { protocol: id }, ctx.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The App gained or lost repositories: those named, or all of an installation.
pub async fn access(
    ctx: &Ctx,
    forge: ForgeKind,
    installation: i64,
    repos: Option<&[i64]>,
    access: RepoAccess,
) -> anyhow::Result<()> {
    let known = store::project::of_installation(&mut ctx.store.read().await?, forge, installation).await?;
    for project in known.iter().filter(|project| repos.is_none_or(|repos| repos.contains(&project.repo.id))) {
        set_access(ctx, project, access).await?;
    }
    Ok(())
}

/// Without access open protocols rest and no forge is called for them; a deleted repository cancels them.
pub async fn set_access(ctx: &Ctx, project: &Project, access: RepoAccess) -> anyhow::Result<()> {
    if project.access == access && access == RepoAccess::Granted {
        return Ok(());
    }
    let mut tx = ctx.store.begin().await?;
    store::project::set_access(&mut tx, project.id, access).await?;
    tx.commit().await?;
    let open = store::protocol::open_of_project(&mut ctx.store.read().await?, project.id).await?;
    for protocol in &open {
        ignore_refusal(change(ctx, protocol.id, None, |draft| access_changed(draft, access)).await?);
    }
    Ok(())
}

fn access_changed(draft: &mut Draft, access: RepoAccess) -> Result<(), Refusal> {
    match access {
        RepoAccess::Granted => {
            draft.note(
                EventKind::AccessRegained,
                None,
                "the repository can be reached again; `/protocol resume` goes on",
            );
            Ok(())
        }
        RepoAccess::Lost => {
            draft.note(EventKind::AccessLost, None, "the bot has no access to the repository");
            draft.apply(ProtocolMove::Pause(Pause::Now))
        }
        RepoAccess::Deleted => cancel(draft, CancelKind::ProjectDeleted),
    }
}

/// Cancels a protocol and its open steps; a running engine is killed by whoever watches it.
pub fn cancel(draft: &mut Draft, kind: CancelKind) -> Result<(), Refusal> {
    draft.apply(ProtocolMove::Cancel(kind))?;
    end_steps(draft, &StepEnd::Protocol(kind))?;
    draft.note(EventKind::Cancelled, None, crate::domain::colour::end_words(End::Cancelled(kind)));
    draft.push(Job::CleanUp { protocol: draft.protocol.id });
    Ok(())
}

fn end_steps(draft: &mut Draft, end: &StepEnd) -> Result<(), Refusal> {
    let open: Vec<u32> =
        draft.steps.iter().filter(|step| !step.status.is_done()).map(|step| step.number).collect();
    for number in open {
        draft.apply_step(number, StepMove::Cancel)?;
        draft.step_mut(number)?.end = Some(end.clone());
    }
    Ok(())
}

/// Completes a merged protocol; open steps are cancelled for that reason.
pub fn merged(draft: &mut Draft, by: &str, sha: Option<&Sha>) -> Result<(), Refusal> {
    if draft.protocol.state.end == Some(End::Completed) {
        return Ok(());
    }
    draft.apply(ProtocolMove::Merge)?;
    end_steps(draft, &StepEnd::MergedEarly)?;
    set_pull_state(draft, PullState::Merged);
    let sha = sha.map(|sha| format!(" as {}", sha.short())).unwrap_or_default();
    draft.note(EventKind::PrMerged, None, format!("merged by {by}{sha}"));
    draft.note(EventKind::ProtocolCompleted, None, "the pull request is merged");
    draft.push(Job::CleanUp { protocol: draft.protocol.id });
    Ok(())
}

fn closed_unmerged(draft: &mut Draft, by: &str) -> Result<(), Refusal> {
    set_pull_state(draft, PullState::Closed);
    draft.note(EventKind::PrClosed, None, format!("the pull request was closed by {by}"));
    cancel(draft, CancelKind::PrClosed)
}

fn reopened(draft: &mut Draft, by: &str, state: PullState) -> Result<(), Refusal> {
    draft.apply(ProtocolMove::Reopen)?;
    set_pull_state(draft, state);
    let revived: Vec<u32> = draft
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Cancelled)
        .filter(|step| step.end == Some(StepEnd::Protocol(CancelKind::PrClosed)))
        .map(|step| step.number)
        .collect();
    for number in revived {
        draft.apply_step(number, StepMove::Revive)?;
        let step = draft.step_mut(number)?;
        step.end = None;
        step.finished_at = None;
    }
    draft.note(EventKind::PrReopened, None, format!("reopened by {by}; `/protocol resume` goes on"));
    draft.push(Job::ReadHead { protocol: draft.protocol.id });
    Ok(())
}

fn set_pull_state(draft: &mut Draft, state: PullState) {
    if let Some(pull) = &mut draft.protocol.pull {
        pull.state = state;
    }
}

async fn with_pull(ctx: &Ctx, project: &Project, number: u64) -> anyhow::Result<Vec<ProtocolId>> {
    let thread = Thread::pull(number);
    let all = store::protocol::in_thread(&mut ctx.store.read().await?, project.id, thread).await?;
    let theirs =
        all.iter().filter(|protocol| protocol.pull.as_ref().is_some_and(|pull| pull.number == number));
    Ok(theirs.map(|protocol| protocol.id).collect())
}

/// What the forge did is so; that a protocol has ended already is no news to anybody.
fn ignore_refusal(outcome: Result<(), Refusal>) {
    if let Err(refusal) = outcome {
        tracing::debug!(%refusal, "nothing to change");
    }
}
