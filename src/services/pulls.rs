//! The pull request: opened as a draft, taken out of draft when everything is green, merged when a person asks.

use super::Ctx;
use super::change::{Draft, change, record};
use super::commands::closing;
use super::head::{self, Ground};
use super::{remote, views};
use crate::domain::claim::Claimed;
use crate::domain::drive;
use crate::domain::event::EventKind;
use crate::domain::ids::{ProtocolId, Sha};
use crate::domain::job::Job;
use crate::domain::project::{MergeRequest, Project, Protocol, PullFacts, PullState};
use crate::domain::protocol::{Clearing, ProtocolMove, ReasonKey};
use crate::domain::refusal::Refusal;
use crate::domain::sight::may_lack_ours;
use crate::domain::thread::Thread;
use crate::forge::{ForgeError, NewPull, Pull};
use crate::git::{Push, PushError};
use crate::report::{comment, tongue};
use crate::store::command::CommandOutcome;

/// Makes branch and pull request be as they should: the branch there, the pull request open, and out of draft when all is
/// done and green. Safe to repeat.
pub async fn open(ctx: &Ctx, turn: &Claimed, id: ProtocolId) -> anyhow::Result<()> {
    if !restored(ctx, turn, id).await? {
        return Ok(());
    }
    let Some(ground) = head::stand(ctx, turn, id).await? else {
        return Ok(());
    };
    if ground.protocol.plan_revision == 0 || ground.protocol.state.end.is_some() {
        return Ok(());
    }
    let pull = match opened(ctx, turn, &ground).await? {
        Ok(pull) => pull,
        Err(detail) => {
            return record(ctx, id, Some(turn.hold()), |draft| {
                draft.note(EventKind::OpenPrFailed, None, detail.clone());
                draft.block(ReasonKey::PrFailed, None, detail.clone())
            })
            .await;
        }
    };
    offer(ctx, turn, &ground, &pull).await
}

/// A branch that is gone is pushed again from what we have; `false` when that is not to be had.
async fn restored(ctx: &Ctx, turn: &Claimed, id: ProtocolId) -> anyhow::Result<bool> {
    let view = views::facts(ctx, id).await?;
    let (protocol, project) = (view.protocol, view.project);
    let Some(ours) = protocol.head.as_ref().filter(|_| !protocol.state.is_blocked_by(ReasonKey::BranchGone))
    else {
        return Ok(true);
    };
    let branch = protocol.branch();
    if remote::head(ctx, &project, &branch).await?.is_some() {
        return Ok(true);
    }
    let mirror = ctx.git.mirror(project.id).await?;
    let push = Push { branch: &branch, new: ours, onto: None };
    match remote::push(ctx, &project, &mirror, &push).await? {
        Ok(_) => Ok(true),
        Err(PushError::Git(error)) if error.is_passing() => Err(error.into()),
        Err(error) => {
            let detail = format!("the branch `{branch}` is gone and could not be pushed again: {error}");
            record(ctx, id, Some(turn.hold()), |draft| {
                draft.block(ReasonKey::PushRefused, None, detail.clone())
            })
            .await?;
            Ok(false)
        }
    }
}

/// The protocol's pull request, opened now if need be. `Err` inside is why the forge refuses, for people.
async fn opened(ctx: &Ctx, turn: &Claimed, ground: &Ground) -> anyhow::Result<Result<Pull, String>> {
    let forge = ctx.forge_of(&ground.project)?;
    let names = forge.capabilities().names;
    let repo = &ground.project.repo;
    let id = ground.protocol.id;
    if let Some(known) = &ground.protocol.pull {
        return Ok(Ok(seen(ctx, &ground.project, &ground.protocol, known.number).await?));
    }
    let view = views::protocol(ctx, id).await?;
    let new = NewPull {
        head: ground.protocol.branch(),
        base: ground.protocol.base.clone(),
        title: comment::pull_title(&view),
        body: ctx.redactor.redact(&tongue::spoken(names, &comment::pull_body(&view).body)).into_owned(),
    };
    let pull = match forge.open_pull(repo, &new).await {
        Ok(pull) => pull,
        Err(error @ (ForgeError::Refused { .. } | ForgeError::Forbidden { .. })) => {
            return Ok(Err(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    record(ctx, id, Some(turn.hold()), |draft| {
        draft.protocol.pull = Some(PullFacts {
            number: pull.number,
            node_id: pull.node_id.clone(),
            url: pull.url.clone(),
            state: pull.state,
            offered: false,
        });
        draft.apply(ProtocolMove::Clear(Clearing::Pull))?;
        draft.note(
            EventKind::OpenPr,
            None,
            format!("opened {} {}", names.pull, names.reference(Thread::pull(pull.number))),
        );
        Ok(())
    })
    .await?;
    Ok(Ok(pull))
}

/// The pull request as it is now. One that was opened just now may not be shown yet.
async fn seen(ctx: &Ctx, project: &Project, protocol: &Protocol, number: u64) -> anyhow::Result<Pull> {
    let seen = ctx.forge_of(project)?.pull(&project.repo, number).await;
    Ok(seen.map_err(|error| ctx.about_ours(protocol.changed_at, error))?)
}

/// Takes the pull request out of draft when everything is green; only tried once by itself.
async fn offer(ctx: &Ctx, turn: &Claimed, ground: &Ground, pull: &Pull) -> anyhow::Result<()> {
    let facts = views::facts(ctx, ground.protocol.id).await?;
    if drive::next(&facts.protocol, &facts.steps) != drive::Next::Offer {
        return Ok(());
    }
    let ready = ctx.forge_of(&ground.project)?.mark_ready(&ground.project.repo, pull).await;
    let outcome = match ready {
        Ok(()) => Ok(()),
        Err(error) if matches!(error.retry(), crate::domain::retry::Retry::Never) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    record(ctx, ground.protocol.id, Some(turn.hold()), |draft| {
        let Some(pull) = &mut draft.protocol.pull else {
            return Ok(());
        };
        pull.offered = true;
        match &outcome {
            Ok(()) => {
                pull.state = PullState::Ready;
                draft.note(
                    EventKind::PrReady,
                    None,
                    "everything is green: ready for review, waiting for the merge",
                );
            }
            Err(why) => {
                let words =
                    format!("could not be taken out of draft: {why}; a person must do it before the merge");
                draft.note(EventKind::PrReadyFailed, None, words);
            }
        }
        Ok(())
    })
    .await
}

/// Merges the judged head, and answers whoever asked. Safe to repeat: a merge that happened is only recorded.
pub async fn merge(ctx: &Ctx, turn: &Claimed, id: ProtocolId) -> anyhow::Result<()> {
    let facts = views::facts(ctx, id).await?;
    let (Some(request), Some(known)) = (facts.protocol.merge.clone(), facts.protocol.pull.clone()) else {
        return Ok(());
    };
    let forge = ctx.forge_of(&facts.project)?;
    let pull = seen(ctx, &facts.project, &facts.protocol, known.number).await?;
    if pull.state == PullState::Merged {
        return merged(ctx, turn, id, &request, pull.merge_sha.as_ref()).await;
    }
    if let Some(why) = drive::not_green(&facts.protocol, &facts.steps) {
        return refused(ctx, turn, id, &request, Refusal::NotGreen { why }).await;
    }
    if pull.state == PullState::Draft {
        match forge.mark_ready(&facts.project.repo, &pull).await {
            Ok(()) => {}
            Err(error) if matches!(error.retry(), crate::domain::retry::Retry::Never) => {
                return refused(ctx, turn, id, &request, Refusal::ForgeSays { words: error.to_string() })
                    .await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    match forge.merge_pull(&facts.project.repo, known.number, &request.sha).await {
        Ok(sha) => merged(ctx, turn, id, &request, Some(&sha)).await,
        Err(ForgeError::Refused { host, .. }) if may_be_merged(ctx, turn) => {
            Err(ForgeError::behind(host, "whether it merged").into())
        }
        Err(
            error @ (ForgeError::Refused { .. } | ForgeError::Forbidden { .. } | ForgeError::Missing { .. }),
        ) => refused(ctx, turn, id, &request, Refusal::ForgeSays { words: error.to_string() }).await,
        Err(error) => Err(error.into()),
    }
}

/// An earlier attempt was not answered and may have merged; a refusal now says only that it cannot be merged again.
fn may_be_merged(ctx: &Ctx, turn: &Claimed) -> bool {
    turn.failing_since.is_some_and(|since| may_lack_ours(since, ctx.now()))
}

async fn merged(
    ctx: &Ctx,
    turn: &Claimed,
    id: ProtocolId,
    request: &MergeRequest,
    sha: Option<&Sha>,
) -> anyhow::Result<()> {
    let rocket = closing(ctx, request.command, CommandOutcome::Done, None).await?;
    let recorded = change(ctx, id, Some(turn.hold()), |draft| {
        draft.protocol.merge = None;
        send(draft, request, &rocket);
        super::fates::merged(draft, &request.by, sha)
    });
    if let Err(refusal) = recorded.await? {
        tracing::debug!(%refusal, "a merge came for a protocol that had ended");
    }
    Ok(())
}

async fn refused(
    ctx: &Ctx,
    turn: &Claimed,
    id: ProtocolId,
    request: &MergeRequest,
    refusal: Refusal,
) -> anyhow::Result<()> {
    let told = (!request.by_bot).then_some(&refusal);
    let answer = closing(ctx, request.command, CommandOutcome::Refused, told).await?;
    record(ctx, id, Some(turn.hold()), |draft| {
        draft.protocol.merge = None;
        draft.note(EventKind::MergeRefused, None, refusal.to_string());
        send(draft, request, &answer);
        Ok(())
    })
    .await
}

fn send(draft: &mut Draft, request: &MergeRequest, effects: &[crate::domain::effect::NewEffect]) {
    for effect in effects {
        draft.send(effect.clone());
    }
    draft.finish_command(request.command);
}

/// A job around the pull request failed for good.
pub async fn give_up(ctx: &Ctx, turn: &Claimed, job: Job, error: &str) -> anyhow::Result<()> {
    match job {
        Job::Merge { protocol } => {
            let facts = views::facts(ctx, protocol).await?;
            match facts.protocol.merge {
                Some(request) => {
                    refused(ctx, turn, protocol, &request, Refusal::Failed { words: error.to_owned() }).await
                }
                None => Ok(()),
            }
        }
        Job::OpenPr { protocol } => {
            let detail = format!("the pull request could not be brought up to date: {error}");
            record(ctx, protocol, Some(turn.hold()), |draft| {
                draft.note(EventKind::OpenPrFailed, None, detail.clone());
                draft.block(ReasonKey::PrFailed, None, detail.clone())
            })
            .await
        }
        _ => Ok(()),
    }
}
