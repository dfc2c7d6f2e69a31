//! Sends what waits to be said: reactions and answers, each once.

use super::Ctx;
use crate::domain::effect::Effect;
use crate::domain::ids::ProjectId;
use crate::domain::project::{Project, RepoAccess};
use crate::domain::retry::Retry;
use crate::forge::{CommentRef, Forge, ForgeError, Place};
use crate::report::comment;
use crate::store::effect::{EffectStatus, StoredEffect};
use crate::store::{self, StoreError};
use serde_json::json;

/// Sends every open effect of a project, in order.
pub async fn send(ctx: &Ctx, id: ProjectId) -> anyhow::Result<()> {
    let project = store::project::load(&mut ctx.store.read().await?, id).await?;
    let project = project.ok_or(StoreError::Missing { what: "project" })?;
    if project.access != RepoAccess::Granted {
        return Ok(());
    }
    let open = store::effect::open(&mut ctx.store.read().await?, id).await?;
    for effect in &open {
        one(ctx, &project, effect).await?;
    }
    Ok(())
}

async fn one(ctx: &Ctx, project: &Project, effect: &StoredEffect) -> anyhow::Result<()> {
    let mut tx = ctx.store.begin().await?;
    store::effect::mark_sending(&mut tx, effect.id).await?;
    tx.commit().await?;
    match deliver(ctx, project, effect).await {
        Ok(forge_ref) => {
            let mut tx = ctx.store.begin().await?;
            store::effect::mark_sent(&mut tx, effect.id, &forge_ref).await?;
            tx.commit().await?;
            fold_earlier(ctx, project, effect).await
        }
        Err(fault) if super::fault::retry(&fault) == Retry::Never => {
            tracing::warn!(effect.key, fault = format!("{fault:#}"), "the forge does not take an answer");
            let mut tx = ctx.store.begin().await?;
            store::effect::mark_refused(&mut tx, effect.id, &format!("{fault:#}")).await?;
            tx.commit().await?;
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

async fn deliver(ctx: &Ctx, project: &Project, effect: &StoredEffect) -> anyhow::Result<String> {
    let forge = ctx.forge_of(project)?;
    match &effect.effect {
        Effect::React { thread, to, reaction } => {
            forge.react(&project.repo, *thread, *to, *reaction).await?;
            Ok(String::new())
        }
        Effect::ClosePull { number } => {
            forge.close_pull(&project.repo, *number).await?;
            Ok(String::new())
        }
        Effect::Answer { thread, discussion, body, .. } => {
            let place = Place { thread: *thread, discussion: discussion.as_deref() };
            let comment = answer(ctx, forge, project, effect, (place, body)).await?;
            Ok(json!({"id": comment.id, "node_id": comment.node_id}).to_string())
        }
    }
}

/// Posts an answer. One that may have been sent by a worker that was lost is looked for by its marker first.
async fn answer(
    ctx: &Ctx,
    forge: &dyn Forge,
    project: &Project,
    effect: &StoredEffect,
    (place, body): (Place<'_>, &str),
) -> Result<CommentRef, ForgeError> {
    let marker = comment::answer_marker(&effect.key);
    if effect.status == EffectStatus::Sending
        && let Some(found) = forge.find_comment(&project.repo, place.thread, &marker).await?
    {
        return Ok(found);
    }
    let body = format!("{}\n\n{marker}", ctx.redactor.redact(body));
    forge.create_comment(&project.repo, place, &body).await
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
                Err(error) => return Err(error.into()),
            }
        }
        let mut tx = ctx.store.begin().await?;
        store::effect::mark_hidden(&mut tx, old.id).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Reads back what `deliver` stored of a comment.
pub fn comment_of(forge_ref: &str) -> Option<CommentRef> {
    let stored: serde_json::Value = serde_json::from_str(forge_ref).ok()?;
    Some(CommentRef { id: stored["id"].as_i64()?, node_id: stored["node_id"].as_str()?.to_owned() })
}
