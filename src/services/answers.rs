//! Sends what waits to be said: reactions and answers, each once.

use super::Ctx;
use super::posting::{self, Memory, Post, comment_of, name_of};
use crate::domain::claim::Claimed;
use crate::domain::effect::Effect;
use crate::domain::ids::ProjectId;
use crate::domain::project::{Project, RepoAccess};
use crate::domain::retry::Retry;
use crate::forge::ForgeError;
use crate::report::comment;
use crate::store::effect::{EffectStatus, StoredEffect};
use crate::store::{self, StoreError};

/// Sends every open effect of a project, in order.
pub async fn send(ctx: &Ctx, turn: &Claimed, id: ProjectId) -> anyhow::Result<()> {
    let project = store::project::load(&mut ctx.store.read().await?, id).await?;
    let project = project.ok_or(StoreError::Missing { what: "project" })?;
    if project.access != RepoAccess::Granted {
        return Ok(());
    }
    let open = store::effect::open(&mut ctx.store.read().await?, id).await?;
    for effect in &open {
        one(ctx, turn, &project, effect).await?;
    }
    Ok(())
}

async fn one(ctx: &Ctx, turn: &Claimed, project: &Project, effect: &StoredEffect) -> anyhow::Result<()> {
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    store::effect::mark_sending(&mut tx, effect.id).await?;
    tx.commit().await?;
    // Before the new one, so that a worker that is lost in between leaves nothing unfolded.
    fold_earlier(ctx, project, effect).await?;
    match deliver(ctx, turn, project, effect).await {
        Ok(()) => Ok(()),
        Err(fault) if super::fault::retry(&fault) == Retry::Never => {
            tracing::warn!(effect.key, fault = format!("{fault:#}"), "the forge does not take an answer");
            let mut tx = ctx.store.begin_held(turn.hold()).await?;
            store::effect::mark_refused(&mut tx, effect.id, &format!("{fault:#}")).await?;
            tx.commit().await?;
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

/// Sends an effect and records that. A lost lease is told before anything is sent.
async fn deliver(ctx: &Ctx, turn: &Claimed, project: &Project, effect: &StoredEffect) -> anyhow::Result<()> {
    let forge = ctx.forge_of(project)?;
    match &effect.effect {
        Effect::React { thread, to, reaction } => {
            forge.react(&project.repo, *thread, *to, *reaction).await?;
        }
        Effect::ClosePull { number } => forge.close_pull(&project.repo, *number).await?,
        Effect::Answer { thread, discussion, body, .. } => {
            let post = Post { thread: *thread, discussion: discussion.clone(), body: body.clone() };
            return answer(ctx, turn, project, effect, post).await;
        }
    }
    sent(ctx, turn, effect, "").await
}

async fn sent(ctx: &Ctx, turn: &Claimed, effect: &StoredEffect, forge_ref: &str) -> anyhow::Result<()> {
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    store::effect::mark_sent(&mut tx, effect.id, forge_ref).await?;
    tx.commit().await?;
    Ok(())
}

/// Posts an answer. One that may have been sent by a worker that was lost is looked for by its marker first.
async fn answer(
    ctx: &Ctx,
    turn: &Claimed,
    project: &Project,
    effect: &StoredEffect,
    post: Post,
) -> anyhow::Result<()> {
    let marker = comment::answer_marker(&effect.key);
    if effect.status == EffectStatus::Sending
        && let Some(found) = ctx.forge_of(project)?.find_comment(&project.repo, post.thread, &marker).await?
    {
        return sent(ctx, turn, effect, &name_of(&found)).await;
    }
    let body = format!("{}\n\n{marker}", ctx.redactor.redact(&post.body));
    let post = Post { body, ..post };
    posting::post(ctx, turn, project, post, Memory::Answer(effect.id)).await.map(drop)
}

/// Earlier answers of the same topic are folded, where the forge can.
async fn fold_earlier(ctx: &Ctx, project: &Project, effect: &StoredEffect) -> anyhow::Result<()> {
    let Effect::Answer { topic: Some(topic), .. } = &effect.effect else {
        return Ok(());
    };
    let forge = ctx.forge_of(project)?;
    if !forge.capabilities().hides_comments {
        return Ok(());
    }
    let earlier =
        store::effect::earlier_of_topic(&mut ctx.store.read().await?, project.id, topic, effect.id).await?;
    for old in earlier {
        if let Some(comment) = old.forge_ref.as_deref().and_then(comment_of) {
            match forge.hide_comment(&project.repo, &comment).await {
                Ok(()) | Err(ForgeError::Missing { .. }) => {}
                Err(error) if error.retry() == Retry::Never => {
                    tracing::warn!(effect.key, %error, "an earlier answer cannot be folded");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut tx = ctx.store.begin().await?;
        store::effect::mark_hidden(&mut tx, old.id).await?;
        tx.commit().await?;
    }
    Ok(())
}
