//! The `/bot` family.

use super::{Acted, Reply};
use crate::command::{self, registry};
use crate::domain::command::Asked;
use crate::report;
use crate::services::commands::{self, Asking};
use crate::services::{Ctx, permissions};

pub(super) fn help(topic: Option<&str>) -> Reply {
    Reply::of_topic("help", command::help(topic))
}

pub(super) fn ping(ctx: &Ctx, asking: &Asking) -> Reply {
    let took = u64::try_from(ctx.now().since(asking.received_at).as_millis()).unwrap_or(u64::MAX);
    Reply::of_topic("ping", report::answer::pong(&asking.actor.login, env!("CARGO_PKG_VERSION"), took))
}

/// Explains whether the asker may give a command, and what it would do or why it would be refused now.
pub(super) async fn why(ctx: &Ctx, asking: &Asking, words: &str) -> Acted {
    let line = if words.starts_with('/') { words.to_owned() } else { format!("/{words}") };
    let body = match command::parse_words(&line) {
        None => command::help(Some(words)),
        Some(Err(mistake)) => report::answer::mistake(&asking.actor.login, &mistake.to_string()),
        Some(Ok(mut asked)) => match permissions::check(ctx, asking, &asked).await? {
            Err(refusal) => report::answer::refusal(&asking.actor.login, &refusal, None),
            Ok(()) => {
                asked.dry_run = true;
                explain(ctx, asking, &asked).await?
            }
        },
    };
    Ok(Ok(Some(Reply::of_topic("why", body))))
}

/// What a command that they may give would do, and whether they may because the repository says so.
async fn explain(ctx: &Ctx, asking: &Asking, asked: &Asked) -> anyhow::Result<String> {
    let body = match Box::pin(super::act(ctx, asking, asked)).await? {
        Ok(Some(reply)) => reply.body,
        Ok(None) => report::answer::rehearsal(&asking.actor.login, &[]),
        Err(refusal) => commands::refused(ctx, asking, asked, &refusal).await?,
    };
    let said = asking.files.about(ctx, asking, asked).await?;
    let needed = permissions::needed(&said, asked);
    Ok(match needed.asked_on {
        Some(branch) => {
            let usual = registry::needs(&asked.command, None);
            let changed = (needed.permission, usual);
            let note = report::answer::changed_permission(&permissions::called(asked), changed, &branch);
            format!("{body}\n\n{note}")
        }
        None => body,
    })
}
