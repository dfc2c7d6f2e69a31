//! Posting a comment under the lease of a job.

use super::Ctx;
use crate::domain::claim::{Claimed, Hold};
use crate::domain::ids::ProtocolId;
use crate::domain::project::Project;
use crate::domain::thread::Thread;
use crate::forge::{CommentRef, ForgeError, Place};
use crate::store::effect::EffectId;
use crate::store::posted::PostedComment;
use crate::store::{self, StoreError};
use serde_json::json;
use tracing::Instrument as _;

/// What is posted, and where.
pub struct Post {
    pub thread: Thread,
    /// See [`Place`].
    pub discussion: Option<String>,
    pub body: String,
}

/// Where a posted comment is remembered.
pub enum Memory {
    /// As a report of a protocol; the forge's name for it is filled in.
    Report(ProtocolId, PostedComment),
    Answer(EffectId),
}

/// Posts a comment and remembers it. When another worker has the job by then, the comment is taken back: that worker has
/// posted its own, or will.
///
/// It goes on to its end even if the job is dropped meanwhile, because nobody else knows of the comment.
pub async fn post(
    ctx: &Ctx,
    turn: &Claimed,
    project: &Project,
    post: Post,
    memory: Memory,
) -> anyhow::Result<CommentRef> {
    let posting = posted(ctx.clone(), turn.hold(), project.clone(), post, memory);
    tokio::spawn(posting.in_current_span()).await?
}

async fn posted(
    ctx: Ctx,
    hold: Hold,
    project: Project,
    post: Post,
    memory: Memory,
) -> anyhow::Result<CommentRef> {
    let forge = ctx.forge_of(&project)?;
    let place = Place { thread: post.thread, discussion: post.discussion.as_deref() };
    let comment = forge.create_comment(&project.repo, place, &post.body).await?;
    let remembered = memory.remember(&ctx, hold, &comment).await;
    if let Err(StoreError::LeaseLost) = remembered {
        tracing::info!(thread = ?post.thread, "a comment came too late, after another worker's; taking it back");
        match forge.delete_comment(&project.repo, &comment).await {
            Ok(()) | Err(ForgeError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    remembered?;
    Ok(comment)
}

impl Memory {
    async fn remember(self, ctx: &Ctx, hold: Hold, comment: &CommentRef) -> Result<(), StoreError> {
        let named = name_of(comment);
        let mut tx = ctx.store.begin_held(hold).await?;
        match self {
            Self::Report(protocol, posted) => {
                let posted = PostedComment { forge_ref: Some(named), ..posted };
                store::posted::save_comment(&mut tx, protocol, &posted).await?;
            }
            Self::Answer(effect) => store::effect::mark_sent(&mut tx, effect, &named).await?,
        }
        tx.commit().await
    }
}

/// What is stored of a comment, to find it again.
pub fn name_of(comment: &CommentRef) -> String {
    json!({"id": comment.id, "node_id": comment.node_id}).to_string()
}

/// Reads back what [`name_of`] made.
pub fn comment_of(named: &str) -> Option<CommentRef> {
    let stored: serde_json::Value = serde_json::from_str(named).ok()?;
    Some(CommentRef { id: stored["id"].as_i64()?, node_id: stored["node_id"].as_str()?.to_owned() })
}
