//! May they? Asked of the forge for every command; fails closed.

use super::Ctx;
use super::commands::Asking;
use crate::command::registry::{self, Effect};
use crate::domain::actor::{ActorKind, Permission};
use crate::domain::command::{Asked, Command};
use crate::domain::refusal::Refusal;

/// Whether the asker may give this command here.
pub async fn check(ctx: &Ctx, asking: &Asking, asked: &Asked) -> anyhow::Result<Result<(), Refusal>> {
    let spec = registry::spec_of(&asked.command);
    if asking.actor.kind == ActorKind::Bot {
        return Ok(Err(Refusal::BotsNotListened));
    }
    if spec.effect == Effect::Acting && !asking.project.private && !ctx.rules.allow_public {
        return Ok(Err(Refusal::PublicRepository));
    }
    let needed = registry::needs(&asked.command);
    if needed == Permission::None {
        return Ok(Ok(()));
    }
    let held = ctx.forge_of(&asking.project)?.permission(&asking.project.repo, &asking.actor.login).await?;
    if held >= needed {
        return Ok(Ok(()));
    }
    let how = if matches!(asked.command, Command::StepRun { anyway: true, .. }) { " --anyway" } else { "" };
    let command = format!("/{}{how}", spec.name);
    Ok(Err(Refusal::NotAllowed { command, needed, held, holders: Vec::new() }))
}
