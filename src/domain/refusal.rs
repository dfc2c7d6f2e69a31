//! Why something cannot be done: what is so, then what to do.

use super::actor::Permission;
use super::ids::ProtocolNumber;
use super::project::REPOSITORY_FILE;
use super::protocol::{ProtocolStatus, Reason};
use super::step::{StepMove, StepStatus};

/// An answer to a person. Its `Display` is what they read, so no variant carries raw words of others but in `quoted`
/// fields that the report escapes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this protocol is {status}; comment `/protocol new` to start another")]
    Ended { status: ProtocolStatus },
    #[error("this protocol is {status}, so that cannot be done now; {}", first(*status))]
    NotNow { status: ProtocolStatus },
    #[error("this protocol is {status}; pause it first (`/protocol pause`), then `/protocol replan`")]
    CannotReplan { status: ProtocolStatus },
    #[error("already running; `/protocol status` shows how far it is")]
    AlreadyRunning,
    #[error("already paused; `/protocol resume` goes on")]
    AlreadyPaused,
    #[error("this protocol is {status}, there is nothing to resume")]
    NotPaused { status: ProtocolStatus },
    #[error("only a protocol whose pull request was closed can come back")]
    NotClosed,
    #[error("this protocol is blocked: {}", listed(reasons))]
    Blocked { reasons: Vec<Reason> },
    #[error("the step is {from}, so that cannot be done now{}", advice(*happened))]
    NoSuchStepMove { from: StepStatus, happened: StepMove },
    #[error("there is no step {number}; this protocol has {}", steps(*last))]
    NoSuchStep { number: u32, last: Option<u32> },
    #[error("step {open} comes first and is {status}; run it, or add `--anyway` (needs maintain)")]
    OutOfOrder { open: u32, status: StepStatus },
    #[error("every step is done; `/protocol merge` is next")]
    NothingToRun,
    #[error("no step was executed yet, so there is nothing to judge; `/step run` does the next one")]
    NothingToJudge,
    /// `asked_on` is the branch whose file asks for this permission; `None` means it needs it by itself.
    #[error(
        "`{command}` needs {needed} access to this repository{}; you have {held}{}",
        asked_by(asked_on.as_deref()),
        held_by(holders)
    )]
    NotAllowed {
        command: String,
        needed: Permission,
        asked_on: Option<String>,
        held: Permission,
        holders: Vec<String>,
    },
    #[error("`{REPOSITORY_FILE}` on `{branch}` does not list this bot, so it may not give commands here")]
    BotNotListed { branch: String },
    #[error("a bot may give {most} commands an hour in one thread")]
    TooManyOfBot { most: u32 },
    #[error(
        "`{REPOSITORY_FILE}` on `{branch}` cannot be followed, so no command that acts is done until it is mended: {}",
        faulty(faults)
    )]
    FaultyFile { branch: String, faults: Vec<String> },
    #[error(
        "this place is confidential and `{command}` takes words that others would read; say it where they may"
    )]
    Confidential { command: String },
    #[error("there is no protocol here yet; comment `/protocol new` and say what is to be done")]
    NoProtocol,
    #[error("several protocols are open here, name one: {}", numbers(open))]
    WhichProtocol { open: Vec<ProtocolNumber> },
    #[error("there is no protocol #{number} in this thread")]
    UnknownProtocol { number: ProtocolNumber },
    #[error("this pull request comes from a fork; the bot works on branches of this repository only")]
    Fork,
    #[error("this is the pull request of protocol #{number}; `/protocol replan` changes its plan")]
    OwnPullRequest { number: ProtocolNumber },
    #[error("`/protocol new` needs to know what to do: write it under the command, or in the issue")]
    NothingAsked,
    #[error("this repository is public and the bot's operator has not set `TASKSGODZILLA_ALLOW_PUBLIC=true`")]
    PublicRepository,
    #[error("`{command}` is not there yet; `/bot help` lists what is")]
    NotYet { command: String },
    #[error("there is no pull request to merge yet; `/protocol pr` opens it")]
    NoPullRequest,
    #[error("`TasksGodzilla / protocol` is not green on the head: {why}")]
    NotGreen { why: String },
    #[error("the forge says no: {words}")]
    ForgeSays { words: String },
    /// A job did not come to its end; `words` say why, or are the id of a fault of ours.
    #[error("it could not be done: {words}")]
    Failed { words: String },
    #[error("there is no branch `{branch}` in this repository")]
    NoSuchBranch { branch: String },
    #[error("the bot's disk is nearly full; its operator has to make room, then comment this again")]
    DiskFull,
    #[error("there is no engine `{engine}`; there are: {}", known.join(", "))]
    NoSuchEngine { engine: String, known: Vec<String> },
}

fn first(status: ProtocolStatus) -> &'static str {
    match status {
        ProtocolStatus::Paused | ProtocolStatus::Failed => "`/protocol resume` goes on",
        ProtocolStatus::Pending | ProtocolStatus::Planning => "wait for the plan",
        _ => "see `/protocol status`",
    }
}

fn listed(reasons: &[Reason]) -> String {
    let named = |reason: &Reason| match reason.step {
        Some(step) => format!("step {step}: {}", reason.detail),
        None => reason.detail.clone(),
    };
    reasons.iter().map(named).collect::<Vec<_>>().join("; ")
}

fn advice(happened: StepMove) -> &'static str {
    match happened {
        StepMove::Retry => "; `/step retry` takes a failed or blocked step",
        StepMove::Approve => "; `/step approve` takes a failed, blocked or unjudged step",
        StepMove::Skip => "; `/step skip` takes a step that is not running and not done",
        StepMove::Judge(_) => "; `/step qa` takes a step that was executed",
        _ => "",
    }
}

fn steps(last: Option<u32>) -> String {
    match last {
        None => "no steps yet".to_owned(),
        Some(last) => format!("steps 0 to {last}"),
    }
}

fn asked_by(branch: Option<&str>) -> String {
    branch.map(|branch| format!(" (`{REPOSITORY_FILE}` on `{branch}` says so)")).unwrap_or_default()
}

/// The first faults, and how many there are besides.
fn faulty(faults: &[String]) -> String {
    const SHOWN: usize = 3;
    let first = faults.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    match faults.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first}; and {more} more"),
    }
}

fn held_by(holders: &[String]) -> String {
    match holders {
        [] => "; ask somebody who has it".to_owned(),
        [one] => format!(". {one} can do it"),
        [first @ .., last] => format!(". {} and {last} can do it", first.join(", ")),
    }
}

fn numbers(open: &[ProtocolNumber]) -> String {
    open.iter().map(|number| format!("`#{number}`")).collect::<Vec<_>>().join(", ")
}
