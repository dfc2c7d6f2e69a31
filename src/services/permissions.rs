//! May they? Asked of the forge for every command, by what the repository's file says; fails closed.

use super::Ctx;
use super::commands::Asking;
use super::repository_file::Said;
use crate::command::registry::{self, Effect};
use crate::domain::actor::{ActorKind, Permission};
use crate::domain::command::{Asked, Command};
use crate::domain::forge_event::Audience;
use crate::domain::refusal::Refusal;
use crate::store;
use std::time::Duration;

/// People whom a refusal names at most.
const HOLDERS: usize = 5;
/// Commands that a bot may give in [`BOT_SPAN`] in one thread, so that two bots that answer each other come to an end.
const BOT_COMMANDS: u32 = 20;
const BOT_SPAN: Duration = Duration::from_secs(3600);

/// What a command needs, and the branch whose file says so when it is not what the command needs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    pub permission: Permission,
    pub asked_on: Option<String>,
}

/// Whether the asker may give this command here.
pub async fn check(ctx: &Ctx, asking: &Asking, asked: &Asked) -> anyhow::Result<Result<(), Refusal>> {
    let said = asking.files.about(ctx, asking, asked).await?;
    if asking.actor.kind == ActorKind::Bot
        && let Err(refusal) = check_bot(ctx, asking, &said).await?
    {
        return Ok(Err(refusal));
    }
    let spec = registry::spec_of(&asked.command);
    if asking.audience == Audience::Confidants && spec.text.is_some() {
        return Ok(Err(Refusal::Confidential { command: called(asked) }));
    }
    if spec.effect == Effect::Acting {
        if !asking.project.private && !ctx.rules.allow_public {
            return Ok(Err(Refusal::PublicRepository));
        }
        if !said.faults.is_empty() {
            let faults = said.faults.clone();
            return Ok(Err(Refusal::FaultyFile { branch: said.branch.clone(), faults }));
        }
    }
    check_right(ctx, asking, asked, needed(&said, asked)).await
}

/// What a command needs by itself and by the repository's file.
pub fn needed(said: &Said, asked: &Asked) -> Needed {
    let changed = said.file.permission(asked.command.name());
    let permission = registry::needs(&asked.command, changed);
    let is_changed = permission != registry::needs(&asked.command, None);
    Needed { permission, asked_on: is_changed.then(|| said.branch.clone()) }
}

/// A command as people know it, with the option that makes it need more.
pub fn called(asked: &Asked) -> String {
    let option =
        if matches!(asked.command, Command::StepRun { anyway: true, .. }) { " --anyway" } else { "" };
    format!("/{}{option}", asked.command.name())
}

async fn check_bot(ctx: &Ctx, asking: &Asking, said: &Said) -> anyhow::Result<Result<(), Refusal>> {
    if !said.file.lists(asking.actor.id, asking.app) {
        return Ok(Err(Refusal::BotNotListed { branch: said.branch.clone() }));
    }
    let since = ctx.now().minus(BOT_SPAN);
    let mut db = ctx.store.read().await?;
    let given =
        store::command::given_since(&mut db, asking.project.id, asking.thread, &asking.actor.login, since);
    Ok(if given.await? > BOT_COMMANDS { Err(Refusal::TooManyOfBot { most: BOT_COMMANDS }) } else { Ok(()) })
}

async fn check_right(
    ctx: &Ctx,
    asking: &Asking,
    asked: &Asked,
    needed: Needed,
) -> anyhow::Result<Result<(), Refusal>> {
    if needed.permission == Permission::None {
        return Ok(Ok(()));
    }
    let forge = ctx.forge_of(&asking.project)?;
    let held = forge.permission(&asking.project.repo, &asking.actor).await?;
    if held >= needed.permission {
        return Ok(Ok(()));
    }
    let mut holders = match asking.actor.kind {
        ActorKind::Person => forge.holders(&asking.project.repo, needed.permission, HOLDERS).await?,
        ActorKind::Bot => Vec::new(),
    };
    // Each forge lists them in an order of its own.
    holders.sort();
    let Needed { permission: needed, asked_on } = needed;
    Ok(Err(Refusal::NotAllowed { command: called(asked), needed, asked_on, held, holders }))
}
