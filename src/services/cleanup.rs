//! After a protocol ended: its worktree goes, with what was put aside of it; its branch and pull request stay.

use super::Ctx;
use crate::domain::claim::Claimed;
use crate::domain::event::EventKind;
use crate::domain::ids::ProtocolId;
use crate::services::change::change;
use crate::services::views;

/// Removes what an ended protocol needs no more. Safe to repeat.
pub async fn clean_up(ctx: &Ctx, turn: &Claimed, id: ProtocolId) -> anyhow::Result<()> {
    let facts = views::facts(ctx, id).await?;
    if facts.protocol.state.end.is_none() {
        return Ok(());
    }
    let mirror = ctx.git.mirror(facts.project.id).await?;
    ctx.git.remove_all(&mirror, &facts.protocol.branch()).await?;
    let noted = change(ctx, id, Some(turn.hold()), |draft| {
        draft.note(EventKind::CleanedUp, None, "the worktree is removed");
        Ok(())
    });
    noted.await?.map_err(anyhow::Error::from)
}
