//! Where a protocol's branch stands, looked at before every job: somebody else may have pushed, rewritten or deleted it.

use super::change::{Draft, record};
use super::{Ctx, remote};
use crate::domain::claim::Claimed;
use crate::domain::event::EventKind;
use crate::domain::ids::{ProtocolId, Sha};
use crate::domain::project::{Project, Protocol, RepoAccess};
use crate::domain::protocol::ReasonKey;
use crate::domain::sight::{Sight, Told};
use crate::domain::verdict::Verdict;
use crate::forge::ForgeError;
use crate::git::{Mirror, Standing, Workplace};
use crate::store::{self, StoreError};
use tracing::Span;

/// What a job stands on: the fetched repository and the head it works from.
pub struct Ground {
    pub project: Project,
    pub protocol: Protocol,
    pub mirror: Mirror,
    /// The worktree that this job may use.
    pub workplace: Workplace,
    /// The tip of the base branch.
    pub base: Sha,
    /// The head of the protocol's branch; `None` before the plan is pushed.
    pub head: Option<Sha>,
    /// The head is a commit of ours that a worker pushed and did not live to record.
    pub unrecorded: bool,
}

/// Whether the branch holds this commit. One that was made on another machine and never pushed is known to nobody here.
pub async fn is_on_branch(ctx: &Ctx, ground: &Ground, commit: &Sha) -> anyhow::Result<bool> {
    let Some(head) = &ground.head else {
        return Ok(false);
    };
    Ok(ctx.git.has(&ground.mirror, commit).await?
        && ctx.git.is_ancestor(&ground.mirror, commit, head).await?)
}

/// Fetches, and compares the branch with what we pushed last. Commits of others on top are adopted; anything else that
/// is not ours blocks. `None` when there is nothing to work on now; the reason is stored.
///
/// Errors: among others, what git shows may be older than what was pushed; it is looked at again then.
pub async fn stand(ctx: &Ctx, turn: &Claimed, id: ProtocolId) -> anyhow::Result<Option<Ground>> {
    let protocol = store::protocol::load(&mut ctx.store.read().await?, id)
        .await?
        .ok_or(StoreError::Missing { what: "row" })?;
    let project = store::project::load(&mut ctx.store.read().await?, protocol.project).await?;
    let project = project.ok_or(StoreError::Missing { what: "project" })?;
    Span::current().record("project.id", project.id.0);
    if project.access != RepoAccess::Granted || protocol.state.end.is_some() {
        return Ok(None);
    }
    let mirror = remote::mirror(ctx, &project).await?;
    let workplace = ctx.git.workplace(&mirror, &protocol.branch())?;
    let head = ctx.git.branch_head(&mirror, &protocol.branch()).await?;
    let Some(base) = base(ctx, turn, &protocol, &mirror).await? else {
        return Ok(None);
    };
    if protocol.plan_revision == 0 {
        return Ok(Some(Ground { project, protocol, mirror, workplace, base, head, unrecorded: false }));
    }
    let standing = match &protocol.head {
        Some(ours) => ctx.git.standing(&mirror, ours, head.as_ref()).await?,
        None => Standing::Same,
    };
    wait_for_git(ctx, &protocol, &mirror, (&standing, head.as_ref())).await?;
    if let (Standing::Ahead { .. }, Some(ahead)) = (&standing, &head)
        && store::run::of_commit(&mut ctx.store.read().await?, id, ahead).await?.is_some()
    {
        return Ok(Some(Ground { project, protocol, mirror, workplace, base, head, unrecorded: true }));
    }
    let Some(head) = settle(ctx, turn, &protocol, &mirror, (standing, head)).await? else {
        return Ok(None);
    };
    let protocol = store::protocol::load(&mut ctx.store.read().await?, id)
        .await?
        .ok_or(StoreError::Missing { what: "row" })?;
    Ok(Some(Ground { project, protocol, mirror, workplace, base, head: Some(head), unrecorded: false }))
}

/// Refuses to conclude anything from a branch that git may not show as it is.
async fn wait_for_git(
    ctx: &Ctx,
    protocol: &Protocol,
    mirror: &Mirror,
    (standing, shown): (&Standing, Option<&Sha>),
) -> anyhow::Result<()> {
    let mut db = ctx.store.read().await?;
    let ours_since = store::protocol::head_since(&mut db, protocol.id).await?;
    let told = store::told_push::last(&mut db, protocol.id).await?;
    drop(db);
    let has_come = match told.as_ref().and_then(|told| told.after.as_ref()) {
        Some(after) => ctx.git.has(mirror, after).await?,
        None => true,
    };
    let sight = Sight {
        ours: protocol.head.as_ref(),
        ours_since,
        shown,
        shows_less: shown.is_none() || matches!(standing, Standing::Behind | Standing::Gone),
        told: told.as_ref().map(|told| Told {
            before: told.before.as_ref(),
            after: told.after.as_ref(),
            at: told.at,
            has_come,
        }),
    };
    if sight.is_settled(ctx.now()) {
        return Ok(());
    }
    Err(ForgeError::behind("git", format!("the newest commit of `{}`", protocol.branch())).into())
}

/// The base branch's tip. A moved base is a fact for the reports, a deleted one blocks.
async fn base(
    ctx: &Ctx,
    turn: &Claimed,
    protocol: &Protocol,
    mirror: &Mirror,
) -> anyhow::Result<Option<Sha>> {
    let tip = ctx.git.branch_head(mirror, &protocol.base).await?;
    let Some(tip) = tip else {
        record(ctx, protocol.id, Some(turn.hold()), |draft| {
            let detail =
                format!("the base branch `{}` is gone; restore it, or change the base", draft.protocol.base);
            draft.block(ReasonKey::BaseGone, None, detail)
        })
        .await?;
        return Ok(None);
    };
    if protocol.base_sha.as_ref().is_some_and(|known| *known != tip) && !protocol.base_moved {
        record(ctx, protocol.id, Some(turn.hold()), |draft| {
            draft.protocol.base_moved = true;
            draft.note(EventKind::BaseMoved, None, format!("`{}` moved on", draft.protocol.base));
            Ok(())
        })
        .await?;
    }
    Ok(Some(tip))
}

/// Records what the standing means and returns the head to work from, if there is one.
async fn settle(
    ctx: &Ctx,
    turn: &Claimed,
    protocol: &Protocol,
    mirror: &Mirror,
    (standing, head): (Standing, Option<Sha>),
) -> anyhow::Result<Option<Sha>> {
    let ours = protocol.head.clone();
    match (standing, head) {
        (Standing::Same, Some(head)) if ours.is_some() => Ok(Some(head)),
        (Standing::Same, Some(head)) => {
            let newest = ctx.git.log(mirror, None, &head, 1).await?;
            let author = newest.first().map_or_else(|| "somebody".to_owned(), |commit| commit.author.clone());
            adopted(ctx, turn, protocol, &head, &author).await?;
            Ok(Some(head))
        }
        (Standing::Ahead { commits }, Some(head)) => {
            let author = commits.first().map(|commit| commit.author.clone()).unwrap_or_default();
            adopted(ctx, turn, protocol, &head, &author).await?;
            Ok(Some(head))
        }
        (Standing::Behind, Some(head)) => {
            let detail = format!("somebody set the branch back to {}", head.short());
            block(ctx, turn, protocol, ReasonKey::HeadRewritten, &detail).await
        }
        (Standing::Rewritten { head }, Some(_)) => {
            let detail = format!("the branch was rewritten by {} ({})", head.author, head.sha.short());
            block(ctx, turn, protocol, ReasonKey::HeadRewritten, &detail).await
        }
        (_, None) | (Standing::Gone, _) => {
            let detail = format!("the branch `{}` is gone", protocol.branch());
            block(ctx, turn, protocol, ReasonKey::BranchGone, &detail).await
        }
    }
}

async fn block<T>(
    ctx: &Ctx,
    turn: &Claimed,
    protocol: &Protocol,
    key: ReasonKey,
    detail: &str,
) -> anyhow::Result<Option<T>> {
    record(ctx, protocol.id, Some(turn.hold()), |draft| draft.block(key, None, detail)).await?;
    Ok(None)
}

/// Takes over a head that is not ours; what was judged before it is outdated.
async fn adopted(
    ctx: &Ctx,
    turn: &Claimed,
    protocol: &Protocol,
    head: &Sha,
    author: &str,
) -> anyhow::Result<()> {
    record(ctx, protocol.id, Some(turn.hold()), |draft| {
        draft.protocol.head = Some(head.clone());
        draft.protocol.adopted_from = Some(author.to_owned());
        outdate_verdicts(draft, None);
        let words = format!("adopted {} of {author}; verdicts before it are outdated", head.short());
        draft.note(EventKind::HeadAdopted, None, words);
        Ok(())
    })
    .await
}

/// Somebody pushed first and our commit was put on top of theirs: theirs are adopted like any others.
pub async fn adopt_below(ctx: &Ctx, turn: &Claimed, ground: &Ground, made: &Sha) -> anyhow::Result<()> {
    let commits = ctx.git.log(&ground.mirror, ground.head.as_ref(), made, 2).await?;
    match commits.get(1) {
        Some(theirs) => adopted(ctx, turn, &ground.protocol, &theirs.sha, &theirs.author).await,
        None => Ok(()),
    }
}

/// Verdicts no longer speak of the head: of every step, or of those that come after one that was done again. Where QA is
/// skipped nothing was said of any head.
pub fn outdate_verdicts(draft: &mut Draft, after: Option<u32>) {
    for step in draft.steps.iter_mut().filter(|step| after.is_none_or(|number| step.number > number)) {
        if let Some(judged) = step.judged.as_mut().filter(|judged| judged.verdict != Verdict::Skipped) {
            judged.outdated = true;
        }
    }
}
