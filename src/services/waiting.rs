//! Who waits for an answer to a delivery that could not be taken in.

use super::Ctx;
use super::commands::{of_line, reaction};
use crate::command::{self, PlainHelp};
use crate::domain::actor::ActorKind;
use crate::domain::effect::{Effect, NewEffect, Reaction};
use crate::domain::forge_event::{CommentSource, Commented, ForgeEvent, Happened};
use crate::domain::ids::{JobId, Sha};
use crate::domain::project::Project;
use crate::domain::thread::Thread;
use crate::report;
use crate::store::command::CommandOutcome;
use crate::store::delivery::Delivery;
use crate::store::{self, StoreError};

/// Somebody who gave a command and has no outcome of it.
pub struct Waiting {
    login: String,
    place: Place,
}

/// Where somebody gave a command, and where the answer goes.
struct Place {
    thread: Thread,
    discussion: Option<String>,
    source: CommentSource,
}

impl Waiting {
    /// That the command was not done, because of a fault which the job tells an operator.
    pub fn told_of(&self, job: JobId) -> Vec<NewEffect> {
        let Place { thread, discussion, source } = &self.place;
        let answer = Effect::Answer {
            thread: *thread,
            discussion: discussion.clone(),
            body: report::answer::stopped_by_fault(&self.login, job),
            topic: None,
        };
        let answer = NewEffect { key: format!("fault:{job}"), protocol: None, command: None, effect: answer };
        reaction((*thread, *source), Reaction::Confused, None).into_iter().chain([answer]).collect()
    }
}

/// Who gave a command by this delivery that has no outcome; bots wait for nothing.
pub async fn find(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
) -> Result<Option<Waiting>, StoreError> {
    if event.sender.kind == ActorKind::Bot || event.sender_app.is_some() {
        return Ok(None);
    }
    let place = match &event.happened {
        Happened::Commented(comment) => commented(ctx, project, delivery, event, comment).await?,
        Happened::ButtonPressed { button, sha, .. } if report::check::button_command(button).is_some() => {
            pressed(ctx, project, delivery, sha).await?
        }
        Happened::CheckRerun { name, sha, .. } if report::check::rerun_command(name).is_some() => {
            pressed(ctx, project, delivery, sha).await?
        }
        Happened::SuiteRerun { sha } => pressed(ctx, project, delivery, sha).await?,
        _ => None,
    };
    Ok(place.map(|place| Waiting { login: event.sender.login.clone(), place }))
}

/// The comment's thread, if it holds a command without an outcome. Should it be the forge that fails, then the bot does not
/// know what it is called there, and lines that begin with its name are not seen.
async fn commented(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
    comment: &Commented,
) -> Result<Option<Place>, StoreError> {
    let identity = match ctx.forge(project.forge) {
        Ok(forge) => forge.identity().await.ok(),
        Err(_) => None,
    };
    let slug = identity.map(|identity| identity.slug).unwrap_or_default();
    let mut db = ctx.store.read().await?;
    for line in command::parse(&comment.body, &slug, PlainHelp::Others) {
        let new = of_line(project, delivery, event, comment, &line);
        let outcome = store::command::outcome(&mut db, &new).await?;
        if outcome.is_none_or(|outcome| outcome == CommandOutcome::Open) {
            let discussion = comment.discussion.clone();
            return Ok(Some(Place { thread: comment.thread, discussion, source: comment.source }));
        }
    }
    Ok(None)
}

/// The thread of the protocol that has this commit; a press is one command, and its delivery knows it.
async fn pressed(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    sha: &Sha,
) -> Result<Option<Place>, StoreError> {
    let mut db = ctx.store.read().await?;
    let taken = store::command::of_delivery(&mut db, delivery.id).await?;
    if taken.iter().any(|command| command.outcome != CommandOutcome::Open) {
        return Ok(None);
    }
    let found = store::protocol::by_sha(&mut db, project.id, sha).await?.into_iter().next();
    let source = CommentSource::Check(0);
    Ok(found.map(|protocol| Place { thread: protocol.thread(), discussion: None, source }))
}
