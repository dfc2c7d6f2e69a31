//! Sends what waits to be said: reactions and answers, each once.

use super::Ctx;
use super::posting::{self, Memory, Post, comment_of, name_of};
use crate::domain::claim::Claimed;
use crate::domain::effect::Effect;
use crate::domain::ids::ProjectId;
use crate::domain::project::{Project, RepoAccess};
use crate::domain::retry::Retry;
use crate::domain::sight::{may_lack_ours, may_lack_told};
use crate::forge::ForgeError;
use crate::report::{comment, tongue};
use crate::store::effect::{EffectStatus, StoredEffect};
use crate::store::{self, StoreError};

/// Sends every open effect of a project, in order. What the forge is not ready for yet lets the others pass.
pub async fn send(ctx: &Ctx, turn: &Claimed, id: ProjectId) -> anyhow::Result<()> {
    let project = store::project::load(&mut ctx.store.read().await?, id).await?;
    let project = project.ok_or(StoreError::Missing { what: "project" })?;
    if project.access != RepoAccess::Granted {
        return Ok(());
    }
    let open = store::effect::open(&mut ctx.store.read().await?, id).await?;
    let mut not_yet = None;
    for effect in &open {
        match one(ctx, turn, &project, effect).await {
            Err(fault) if is_behind(&fault) => not_yet = Some(fault),
            sent => sent?,
        }
    }
    not_yet.map_or(Ok(()), Err)
}

fn is_behind(fault: &anyhow::Error) -> bool {
    matches!(fault.downcast_ref(), Some(ForgeError::Behind { .. }))
}

async fn one(ctx: &Ctx, turn: &Claimed, project: &Project, effect: &StoredEffect) -> anyhow::Result<()> {
    match deliver(ctx, turn, project, effect).await {
        Err(fault) if super::fault::retry(&fault) == Retry::Never => refused(ctx, turn, effect, fault).await,
        sent => sent,
    }
}

/// The forge does not take it. While it may not know yet what its own webhook told of, that is not its last word.
async fn refused(
    ctx: &Ctx,
    turn: &Claimed,
    effect: &StoredEffect,
    fault: anyhow::Error,
) -> anyhow::Result<()> {
    let fault = match fault.downcast::<ForgeError>() {
        Ok(error @ ForgeError::Missing { .. }) if may_lack_told(effect.created_at, ctx.now()) => {
            return Err(error.of_something_new().into());
        }
        Ok(error) => error.into(),
        Err(fault) => fault,
    };
    tracing::warn!(effect.key, fault = format!("{fault:#}"), "the forge does not take an answer");
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    store::effect::mark_refused(&mut tx, effect.id, &format!("{fault:#}")).await?;
    tx.commit().await?;
    Ok(())
}

/// Sends an effect and records that. A lost lease is told before anything is sent.
async fn deliver(ctx: &Ctx, turn: &Claimed, project: &Project, effect: &StoredEffect) -> anyhow::Result<()> {
    let forge = ctx.forge_of(project)?;
    match &effect.effect {
        Effect::React { thread, to, reaction } => {
            sending(ctx, turn, effect).await?;
            forge.react(&project.repo, *thread, *to, *reaction).await?;
        }
        Effect::ClosePull { number } => {
            sending(ctx, turn, effect).await?;
            forge.close_pull(&project.repo, *number).await?;
        }
        Effect::Answer { thread, discussion, body, .. } => {
            let post = Post { thread: *thread, discussion: discussion.clone(), body: body.clone() };
            return answer(ctx, turn, project, effect, post).await;
        }
    }
    sent(ctx, turn, effect, "").await
}

async fn sending(ctx: &Ctx, turn: &Claimed, effect: &StoredEffect) -> anyhow::Result<()> {
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    store::effect::mark_sending(&mut tx, effect.id).await?;
    tx.commit().await?;
    Ok(())
}

async fn sent(ctx: &Ctx, turn: &Claimed, effect: &StoredEffect, forge_ref: &str) -> anyhow::Result<()> {
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    store::effect::mark_sent(&mut tx, effect.id, forge_ref).await?;
    tx.commit().await?;
    Ok(())
}

/// Posts an answer, once. One whose sending was begun and never answered is looked for by its marker first; while the
/// forge may not show it yet, its absence says nothing.
async fn answer(
    ctx: &Ctx,
    turn: &Claimed,
    project: &Project,
    effect: &StoredEffect,
    post: Post,
) -> anyhow::Result<()> {
    let marker = comment::answer_marker(&effect.key);
    if effect.status == EffectStatus::Sending {
        let forge = ctx.forge_of(project)?;
        if let Some(found) = forge.find_comment(&project.repo, post.thread, &marker).await? {
            return sent(ctx, turn, effect, &name_of(&found)).await;
        }
        if effect.sending_at.is_some_and(|begun| may_lack_ours(begun, ctx.now())) {
            return Err(ForgeError::behind(project.forge.as_str(), "the answer that was just posted").into());
        }
    }
    fold_earlier(ctx, project, effect).await?;
    sending(ctx, turn, effect).await?;
    let body = tongue::spoken(ctx.forge_of(project)?.capabilities().names, &post.body);
    let body = format!("{}\n\n{marker}", ctx.redactor.redact(&body));
    let post = Post { body, ..post };
    posting::post(ctx, turn, project, post, Memory::Answer(effect.id)).await.map(drop)
}

/// Earlier answers of the same topic are folded.
async fn fold_earlier(ctx: &Ctx, project: &Project, effect: &StoredEffect) -> anyhow::Result<()> {
    let Effect::Answer { topic: Some(topic), .. } = &effect.effect else {
        return Ok(());
    };
    let forge = ctx.forge_of(project)?;
    let earlier =
        store::effect::earlier_of_topic(&mut ctx.store.read().await?, project.id, topic, effect.id).await?;
    for old in earlier {
        if let Some(comment) = old.forge_ref.as_deref().and_then(comment_of) {
            let hidden = forge.hide_comment(&project.repo, &comment).await;
            let sent = old.sending_at.unwrap_or(old.created_at);
            match hidden.map_err(|error| ctx.about_ours(sent, error)) {
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
