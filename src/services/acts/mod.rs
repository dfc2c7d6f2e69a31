//! What each command does. A new command is one arm here and one function in the file of its family.

mod bot;
mod new;
mod protocol;
mod step;

use super::change::{self, Draft, change};
use super::commands::Asking;
use super::{Ctx, disk};
use crate::command::registry::{self, Status};
use crate::domain::command::{Asked, Command};
use crate::domain::ids::ProtocolNumber;
use crate::domain::project::Protocol;
use crate::domain::refusal::Refusal;
use crate::store;

/// What a person reads in the thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub body: String,
    /// Answers of one topic fold the earlier ones.
    pub topic: Option<String>,
}

impl Reply {
    pub fn plain(body: String) -> Self {
        Self { body, topic: None }
    }

    fn of_topic(topic: &str, body: String) -> Self {
        Self { body, topic: Some(topic.to_owned()) }
    }
}

/// How an act ended: `Ok(Some)` is an answer for the caller to send, `Ok(None)` means the act ended its command itself, in
/// the transaction of its change.
pub type Acted = anyhow::Result<Result<Option<Reply>, Refusal>>;

/// Does what was asked, or says why not.
pub async fn act(ctx: &Ctx, asking: &Asking, asked: &Asked) -> Acted {
    if registry::spec_of(&asked.command).status == Status::Later {
        return Ok(Err(Refusal::NotYet { command: format!("/{}", asked.command.name()) }));
    }
    if starts_work(&asked.command)
        && let Err(shortage) = disk::check(ctx)
    {
        tracing::warn!(setting = shortage.setting, %shortage, "a command is refused");
        return Ok(Err(Refusal::DiskFull));
    }
    match &asked.command {
        Command::ProtocolNew(new) => new::start(ctx, asking, new, asked.dry_run).await,
        Command::ProtocolStatus => protocol::status(ctx, asking, asked.protocol).await,
        Command::BotHelp { topic } => Ok(Ok(Some(bot::help(topic.as_deref())))),
        Command::BotPing => Ok(Ok(Some(bot::ping(ctx, asking)))),
        Command::BotWhy { command } => bot::why(ctx, asking, command).await,
        Command::StepShow { number } => step::show(ctx, asking, asked.protocol, *number).await,
        _ => on_protocol(ctx, asking, asked).await,
    }
}

/// Commands after which an engine works.
fn starts_work(command: &Command) -> bool {
    matches!(
        command,
        Command::ProtocolNew(_)
            | Command::ProtocolRun { .. }
            | Command::ProtocolReplan { .. }
            | Command::ProtocolResume
            | Command::StepRun { .. }
            | Command::StepQa { .. }
            | Command::StepRetry { .. }
    )
}

/// The commands that change one protocol, each a plain function on its draft.
async fn on_protocol(ctx: &Ctx, asking: &Asking, asked: &Asked) -> Acted {
    let protocol = match target(ctx, asking, asked.protocol).await? {
        Ok(protocol) => protocol,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let decide = |draft: &mut Draft| decide(draft, asking, &asked.command);
    if asked.dry_run {
        return rehearse(ctx, &protocol, &asking.actor.login, decide).await;
    }
    let decided = change(ctx, protocol.id, None, |draft| {
        if decide(draft)? == Answered::Now {
            asking.done(draft, None);
        }
        Ok(())
    });
    Ok(decided.await?.map(|()| None))
}

/// Whether a command is answered at once or by the job that it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Now,
    ByJob,
}

fn decide(draft: &mut Draft, asking: &Asking, command: &Command) -> Result<Answered, Refusal> {
    let by = asking.actor.login.as_str();
    match command {
        Command::ProtocolRun { to } => protocol::run(draft, by, *to),
        Command::ProtocolPause { now } => protocol::pause(draft, by, *now),
        Command::ProtocolResume => protocol::resume(draft, by),
        Command::ProtocolCancel { close } => protocol::cancel(draft, asking.id, *close),
        Command::ProtocolReplan { text } => protocol::replan(draft, by, text.as_deref()),
        Command::ProtocolPr => protocol::pull(draft),
        Command::ProtocolMerge => return protocol::merge(draft, asking),
        Command::StepRun { which, anyway } => step::run(draft, by, *which, *anyway),
        Command::StepQa { number } => step::quality(draft, *number),
        Command::StepRetry { number } => step::retry(draft, by, *number),
        Command::StepSkip { number, why } => step::skip(draft, by, *number, why),
        Command::StepApprove { number, why } => step::approve(draft, by, *number, why),
        _ => Err(Refusal::NotYet { command: format!("/{}", command.name()) }),
    }?;
    Ok(Answered::Now)
}

/// Says what a command would do, and does none of it.
async fn rehearse(
    ctx: &Ctx,
    protocol: &Protocol,
    by: &str,
    decide: impl Fn(&mut Draft) -> Result<Answered, Refusal>,
) -> Acted {
    let rehearsed = change::rehearse(ctx, protocol.id, decide).await?;
    Ok(rehearsed.map(|lines| Some(Reply::plain(crate::report::answer::rehearsal(by, &lines)))))
}

/// The protocol that a command speaks of: the one it names, or the only open one of its thread.
pub(super) async fn target(
    ctx: &Ctx,
    asking: &Asking,
    named: Option<ProtocolNumber>,
) -> anyhow::Result<Result<Protocol, Refusal>> {
    let here =
        store::protocol::in_thread(&mut ctx.store.read().await?, asking.project.id, asking.thread).await?;
    Ok(pick(here, named))
}

fn pick(mut here: Vec<Protocol>, named: Option<ProtocolNumber>) -> Result<Protocol, Refusal> {
    if let Some(number) = named {
        let found = here.into_iter().find(|protocol| protocol.number == number);
        return found.ok_or(Refusal::UnknownProtocol { number });
    }
    here.sort_by_key(|protocol| protocol.number);
    let open: Vec<&Protocol> = here.iter().filter(|protocol| !protocol.status().is_terminal()).collect();
    match open.as_slice() {
        [one] => Ok((*one).clone()),
        [] => here.pop().ok_or(Refusal::NoProtocol),
        several => {
            Err(Refusal::WhichProtocol { open: several.iter().map(|protocol| protocol.number).collect() })
        }
    }
}

/// The protocols a reading command answers for: the one it names, or all of its thread.
async fn readable(
    ctx: &Ctx,
    asking: &Asking,
    named: Option<ProtocolNumber>,
) -> anyhow::Result<Result<Vec<Protocol>, Refusal>> {
    let here =
        store::protocol::in_thread(&mut ctx.store.read().await?, asking.project.id, asking.thread).await?;
    Ok(match named {
        Some(_) => pick(here, named).map(|protocol| vec![protocol]),
        None if here.is_empty() => Err(Refusal::NoProtocol),
        None => Ok(here),
    })
}
