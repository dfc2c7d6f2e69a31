//! What reports are made of: plain data that services fill from the store.

use crate::domain::ci::CiLog;
use crate::domain::event::Event;
use crate::domain::ids::{Moment, ProtocolNumber, RunId, Sha};
use crate::domain::names::Names;
use crate::domain::project::Protocol;
use crate::domain::protocol::{Act, Reason};
use crate::domain::spec;
use crate::domain::step::Step;
use std::collections::BTreeMap;

/// A protocol as its reports show it. Nothing in it depends on the time of rendering.
#[derive(Debug, Clone)]
pub struct ProtocolView {
    pub protocol: Protocol,
    /// In the order of their numbers.
    pub steps: Vec<Step>,
    /// The end of the timeline, newest last.
    pub events: Vec<Event>,
    /// The repository's `owner/name`.
    pub repo: String,
    pub names: Names,
    /// Other open protocols of the same thread: commands then have to name theirs.
    pub also_open: Vec<ProtocolNumber>,
    /// What failed jobs of CI printed last, by the number of the step that waits because of it.
    pub ci_logs: BTreeMap<u32, Vec<CiLog>>,
    /// The next piece of work waits, for instance because a limit was met.
    pub delay: Option<Delay>,
    pub links: Links,
    pub app_slug: String,
}

/// Addresses of our own pages; none where the bot has no public address.
#[derive(Debug, Clone, Default)]
pub struct Links {
    pub page: Option<String>,
    /// The newest run of each step, by the step's number.
    pub runs: BTreeMap<u32, RunLink>,
    /// The newest run of all.
    pub last_run: Option<RunLink>,
}

#[derive(Debug, Clone)]
pub struct RunLink {
    pub run: RunId,
    pub url: String,
}

/// Until when the next piece of work waits, and why.
#[derive(Debug, Clone)]
pub struct Delay {
    pub until: Moment,
    pub why: String,
}

impl ProtocolView {
    /// A command as it has to be typed here: `/step retry 2`, or `/step retry #0003 2` where several protocols are open.
    pub fn call(&self, family: &str, verb: &str, rest: &str) -> String {
        let which =
            if self.also_open.is_empty() { String::new() } else { format!(" #{}", self.protocol.number) };
        let rest = if rest.is_empty() { String::new() } else { format!(" {rest}") };
        format!("/{family} {verb}{which}{rest}")
    }

    /// The command that clears a reason.
    pub fn clearing(&self, reason: &Reason) -> String {
        match (reason.key.cleared_by(), reason.step) {
            (Act::Retry, Some(step)) => self.call("step", "retry", &step.to_string()),
            (Act::Retry, None) => self.call("step", "retry", ""),
            (Act::Replan, _) => self.call("protocol", "replan", ""),
            (Act::Resume, _) => self.call("protocol", "resume", ""),
            (Act::Pr, _) => self.call("protocol", "pr", ""),
        }
    }

    pub(super) fn step(&self, number: u32) -> Option<&Step> {
        self.steps.iter().find(|step| step.number == number)
    }
}

/// `01 parser`, from the id `01-parser`: how checks and tables call a step.
pub(super) fn step_label(step: &Step) -> String {
    let word = match (spec::step_number(&step.spec.id), step.spec.id.split_once('-')) {
        (Some(_), Some((_, word))) => word,
        _ => step.spec.id.as_str(),
    };
    format!("{:02} {word}", step.number)
}

/// How one attempt of a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// One run in a list.
#[derive(Debug, Clone)]
pub struct RunLine {
    pub run: RunId,
    /// What it did, for people: `step 2: parser`, `QA of step 2`, `planning`.
    pub what: String,
    pub attempt: u32,
    pub status: RunStatus,
    pub started_at: Moment,
    pub finished_at: Option<Moment>,
    /// Its page.
    pub url: String,
}

/// A file that a run left.
#[derive(Debug, Clone)]
pub struct ArtifactLine {
    pub name: String,
    pub bytes: u64,
    pub url: String,
}

/// One run as its page shows it.
#[derive(Debug, Clone)]
pub struct RunView<'a> {
    pub line: RunLine,
    pub protocol_title: &'a str,
    pub protocol_url: &'a str,
    pub engine: Option<&'a str>,
    pub model: Option<&'a str>,
    pub tokens: Option<u64>,
    pub commit: Option<&'a Sha>,
    pub error: &'a str,
    /// The end of its log.
    pub log: &'a str,
    /// Bytes of the whole log.
    pub log_bytes: u64,
    pub artifacts: &'a [ArtifactLine],
}
