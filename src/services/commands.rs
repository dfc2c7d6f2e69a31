//! From the text of a comment, or a pressed button, to acts: who asks, may they, what becomes of it.
//!
//! Every line of ours gets an outcome: eyes at once, then rocket or confused, and an answer where there is something to say.

use super::acts::{self, Reply};
use super::repository_file::Files;
use super::{Ctx, permissions, views};
use crate::command::{self, ParsedLine, PlainHelp};
use crate::domain::actor::{Actor, ActorKind};
use crate::domain::command::Asked;
use crate::domain::effect::{Effect, NewEffect, Reaction};
use crate::domain::forge_event::{Audience, CommentSource, Commented, CommitComment, ForgeEvent};
use crate::domain::ids::{CommandId, Moment, ProtocolId, Sha};
use crate::domain::project::Project;
use crate::domain::refusal::Refusal;
use crate::domain::thread::Thread;
use crate::forge::{BotIdentity, Forge};
use crate::report;
use crate::services::change::Draft;
use crate::store::command::{CommandOutcome, NewCommand, Taken};
use crate::store::delivery::Delivery;
use crate::store::{self, StoreError};

/// One command while it is answered.
#[derive(Debug, Clone)]
pub struct Asking {
    pub id: CommandId,
    pub project: Project,
    pub source: CommentSource,
    pub thread: Thread,
    pub discussion: Option<String>,
    pub audience: Audience,
    pub actor: Actor,
    /// The App that the actor acted through, when there was one.
    pub app: Option<i64>,
    pub line: String,
    /// Title and text of the thread's first post, when the delivery brought them.
    pub title: String,
    pub description: String,
    /// When its delivery came in.
    pub received_at: Moment,
    /// What the repository's own file says; shared by the commands of one delivery.
    pub files: Files,
}

/// Takes every command of a comment, in order.
pub async fn take(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
    comment: &Commented,
) -> anyhow::Result<()> {
    let forge = ctx.forge_of(project)?;
    let identity = forge.identity().await?;
    if is_own(forge, &identity, event) {
        return Ok(());
    }
    let files = Files::default();
    let help = whose_help(ctx, project, comment, &files).await?;
    let lines = command::parse(&comment.body, &identity.slug, help);
    if lines.is_empty() {
        return Ok(());
    }
    let actor = ctx.forge_of(project)?.whois(&event.sender).await?;
    for line in &lines {
        let new =
            NewCommand { actor: actor.login.clone(), ..of_line(project, delivery, event, comment, line) };
        let Some(id) = acknowledge(ctx, project, &new).await? else {
            continue;
        };
        let asking = Asking {
            id,
            project: project.clone(),
            source: comment.source,
            thread: comment.thread,
            discussion: comment.discussion.clone(),
            audience: comment.audience,
            actor: actor.clone(),
            app: event.sender_app,
            line: line.line.clone(),
            title: comment.title.clone(),
            description: comment.description.clone(),
            received_at: delivery.received_at,
            files: files.clone(),
        };
        answer(ctx, &asking, line).await?;
    }
    Ok(())
}

/// The command of a line, as it is stored.
pub(super) fn of_line(
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
    comment: &Commented,
    line: &ParsedLine,
) -> NewCommand {
    NewCommand {
        project: project.id,
        source: comment.source,
        hash: line.identity.hash.clone(),
        ordinal: line.identity.ordinal,
        delivery: delivery.id,
        thread: comment.thread,
        discussion: comment.discussion.clone(),
        actor: event.sender.login.clone(),
        line: line.line.clone(),
    }
}

/// What we do ourselves is never a command, listed or not.
fn is_own(forge: &dyn Forge, identity: &BotIdentity, event: &ForgeEvent) -> bool {
    event.sender.id == identity.actor.id || forge.is_own_app(event.sender_app)
}

/// Whose `/help` is in this comment; the repository is asked only when somebody says it.
async fn whose_help(
    ctx: &Ctx,
    project: &Project,
    comment: &Commented,
    files: &Files,
) -> anyhow::Result<PlainHelp> {
    let is_ours = command::says_plain_help(&comment.body)
        && files.on(ctx, project, &project.default_branch).await?.file.help;
    Ok(if is_ours { PlainHelp::Ours } else { PlainHelp::Others })
}

/// A comment on a commit speaks in the thread of the protocol that the commit belongs to; on any other commit it is not
/// for us.
pub async fn take_from_commit(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
    comment: &CommitComment,
) -> anyhow::Result<()> {
    let found = store::protocol::by_sha(&mut ctx.store.read().await?, project.id, &comment.sha).await?;
    let Some(protocol) = found.first() else {
        return Ok(());
    };
    let comment = Commented {
        source: CommentSource::Commit(comment.comment),
        thread: protocol.thread(),
        discussion: None,
        audience: Audience::Readers,
        title: String::new(),
        description: String::new(),
        body: comment.body.clone(),
    };
    take(ctx, project, delivery, event, &comment).await
}

/// A button of one of our check runs.
pub async fn press(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
    (check, button): (i64, &str),
    sha: &Sha,
) -> anyhow::Result<()> {
    let Some(words) = report::check::button_command(button) else {
        return Ok(());
    };
    as_if_typed(ctx, project, delivery, event, &Typed { check, sha, words: &words }).await
}

/// "Re-run" on one of our check runs.
pub async fn rerun(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
    name: &str,
    sha: &Sha,
) -> anyhow::Result<()> {
    let Some(words) = report::check::rerun_command(name) else {
        return Ok(());
    };
    as_if_typed(ctx, project, delivery, event, &Typed { check: 0, sha, words: &words }).await
}

/// "Re-run all checks": the same as re-running the protocol check.
pub async fn rerun_all(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
    sha: &Sha,
) -> anyhow::Result<()> {
    rerun(ctx, project, delivery, event, report::check::PROTOCOL, sha).await
}

/// What a press on a check means, in the words of a command.
struct Typed<'a> {
    check: i64,
    sha: &'a Sha,
    words: &'a str,
}

async fn as_if_typed(
    ctx: &Ctx,
    project: &Project,
    delivery: &Delivery,
    event: &ForgeEvent,
    typed: &Typed<'_>,
) -> anyhow::Result<()> {
    let forge = ctx.forge_of(project)?;
    if is_own(forge, &forge.identity().await?, event) {
        return Ok(());
    }
    let found = store::protocol::by_sha(&mut ctx.store.read().await?, project.id, typed.sha).await?;
    let (Some(protocol), Some(Ok(mut asked))) = (found.into_iter().next(), command::parse_words(typed.words))
    else {
        return Ok(());
    };
    asked.protocol = Some(protocol.number);
    let new = NewCommand {
        project: project.id,
        source: CommentSource::Check(typed.check),
        hash: format!("delivery-{}", delivery.id),
        ordinal: 0,
        delivery: delivery.id,
        thread: protocol.thread(),
        discussion: None,
        actor: event.sender.login.clone(),
        line: typed.words.to_owned(),
    };
    let Some(id) = acknowledge(ctx, project, &new).await? else {
        return Ok(());
    };
    let asking = Asking {
        id,
        project: project.clone(),
        source: new.source,
        thread: new.thread,
        discussion: None,
        audience: Audience::Readers,
        actor: event.sender.clone(),
        app: event.sender_app,
        line: new.line.clone(),
        title: String::new(),
        description: String::new(),
        received_at: delivery.received_at,
        files: Files::default(),
    };
    reply(ctx, &asking, &asked).await
}

/// Records the command and sends eyes; `None` when it was finished before.
async fn acknowledge(ctx: &Ctx, project: &Project, new: &NewCommand) -> anyhow::Result<Option<CommandId>> {
    let mut tx = ctx.store.begin().await?;
    let id = match store::command::take(&mut tx, new).await? {
        Taken::Finished => return Ok(None),
        Taken::New(id) | Taken::Open(id) => id,
    };
    if let Some(eyes) = reaction((new.thread, new.source), Reaction::Eyes, Some(id)) {
        store::effect::push(&mut tx, project.id, &eyes).await?;
    }
    tx.commit().await?;
    Ok(Some(id))
}

async fn answer(ctx: &Ctx, asking: &Asking, line: &ParsedLine) -> anyhow::Result<()> {
    match &line.outcome {
        Ok(asked) => reply(ctx, asking, asked).await,
        Err(mistake) => {
            let body = report::answer::mistake(&asking.actor.login, &mistake.to_string());
            asking.close(ctx, CommandOutcome::Mistake, asking.objection(body)).await
        }
    }
}

async fn reply(ctx: &Ctx, asking: &Asking, asked: &Asked) -> anyhow::Result<()> {
    tracing::info!(command.id = asking.id.0, command.name = asked.command.name(), "a command");
    let outcome = match permissions::check(ctx, asking, asked).await? {
        Ok(()) => acts::act(ctx, asking, asked).await?,
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(Some(reply)) => asking.close(ctx, CommandOutcome::Done, Some(reply)).await,
        Ok(None) => Ok(()),
        Err(refusal) => {
            let body = refused(ctx, asking, asked, &refusal).await?;
            asking.close(ctx, CommandOutcome::Refused, asking.objection(body)).await
        }
    }
}

/// The words of a refusal; of a blocked protocol with what clears each of its reasons.
pub async fn refused(ctx: &Ctx, asking: &Asking, asked: &Asked, refusal: &Refusal) -> anyhow::Result<String> {
    let view = match (refusal, acts::target(ctx, asking, asked.protocol).await?) {
        (Refusal::Blocked { .. }, Ok(protocol)) => Some(views::protocol(ctx, protocol.id).await?),
        _ => None,
    };
    Ok(report::answer::refusal(&asking.actor.login, refusal, view.as_ref()))
}

impl Asking {
    /// Ends the command in the transaction of the change it made: rocket, and an answer if there is one.
    pub fn done(&self, draft: &mut Draft, reply: Option<Reply>) {
        for effect in self.effects(Some(draft.protocol.id), Reaction::Rocket, reply) {
            draft.send(effect);
        }
        draft.finish_command(self.id);
    }

    /// The words of why nothing was done. A bot sees the reaction only: two that answer each other would never end.
    fn objection(&self, body: String) -> Option<Reply> {
        (self.actor.kind == ActorKind::Person).then(|| Reply::plain(body))
    }

    /// Ends the command by itself.
    pub async fn close(
        &self,
        ctx: &Ctx,
        outcome: CommandOutcome,
        reply: Option<Reply>,
    ) -> anyhow::Result<()> {
        let reaction = if outcome == CommandOutcome::Done { Reaction::Rocket } else { Reaction::Confused };
        let mut tx = ctx.store.begin().await?;
        if !store::command::finish(&mut tx, self.id, outcome).await? {
            return Err(StoreError::LeaseLost.into());
        }
        for effect in self.effects(None, reaction, reply) {
            store::effect::push(&mut tx, self.project.id, &effect).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    fn effects(&self, protocol: Option<ProtocolId>, kind: Reaction, reply: Option<Reply>) -> Vec<NewEffect> {
        let answer = reply.map(|reply| NewEffect {
            key: format!("answer:{}", self.id),
            protocol,
            command: Some(self.id),
            effect: Effect::Answer {
                thread: self.thread,
                discussion: self.discussion.clone(),
                body: reply.body,
                topic: reply.topic.map(|topic| format!("{topic}:{}", self.thread)),
            },
        });
        reaction((self.thread, self.source), kind, Some(self.id)).into_iter().chain(answer).collect()
    }
}

/// What ends a command that a job answers: the reaction, and the refusal if there is one.
pub async fn closing(
    ctx: &Ctx,
    id: CommandId,
    outcome: CommandOutcome,
    refusal: Option<&Refusal>,
) -> anyhow::Result<Vec<NewEffect>> {
    let command = store::command::load(&mut ctx.store.read().await?, id).await?;
    let command = command.ok_or(StoreError::Missing { what: "command" })?;
    let kind = if outcome == CommandOutcome::Done { Reaction::Rocket } else { Reaction::Confused };
    let answer = refusal.map(|refusal| NewEffect {
        key: format!("answer:{id}"),
        protocol: None,
        command: Some(id),
        effect: Effect::Answer {
            thread: command.thread,
            discussion: command.discussion.clone(),
            body: report::answer::refusal(&command.actor, refusal, None),
            topic: None,
        },
    });
    Ok(reaction((command.thread, command.source), kind, Some(id)).into_iter().chain(answer).collect())
}

/// The reaction to a command's text; checks and comments on commits take none.
pub(super) fn reaction(
    (thread, to): (Thread, CommentSource),
    reaction: Reaction,
    command: Option<CommandId>,
) -> Option<NewEffect> {
    let key = match to {
        CommentSource::Comment(id) => format!("react:comment:{id}:{reaction:?}"),
        CommentSource::Issue(id) => format!("react:issue:{id}:{reaction:?}"),
        CommentSource::Pull(id) => format!("react:pull:{id}:{reaction:?}"),
        CommentSource::Check(_) | CommentSource::Commit(_) => return None,
    };
    Some(NewEffect { key, protocol: None, command, effect: Effect::React { thread, to, reaction } })
}
