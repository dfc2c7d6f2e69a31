//! One change of one protocol: load, decide, store, and whatever follows from it, in one transaction.
//!
//! The decision is a plain function on a [`Draft`]; it may run again when another change came first, so it asks nobody and
//! sends nothing. What must happen outside is written into the draft as jobs and effects.

use super::Ctx;
use crate::domain::claim::Hold;
use crate::domain::drive::{self, Next};
use crate::domain::effect::NewEffect;
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::ids::{CommandId, Moment, ProtocolId, RunId, StepId};
use crate::domain::job::Job;
use crate::domain::project::Protocol;
use crate::domain::protocol::{ProtocolMove, ProtocolStatus, Reason, ReasonKey};
use crate::domain::refusal::Refusal;
use crate::domain::step::{Step, StepMove};
use crate::store::command::CommandOutcome;
use crate::store::{self, Session, StoreError, Tx};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::time::Duration;

/// A protocol and its steps while a change of them is decided.
#[derive(Debug, Clone)]
pub struct Draft {
    pub protocol: Protocol,
    pub steps: Vec<Step>,
    pub now: Moment,
    events: Vec<NewEvent>,
    jobs: Vec<(Job, Moment)>,
    effects: Vec<NewEffect>,
    finished: Option<CommandId>,
    lost: Vec<RunId>,
}

/// How long a report waits for more to say, so that what happens together is published together.
pub(super) const GATHER: Duration = Duration::from_secs(1);
/// How often a change is decided again when another one came first.
const TRIES: usize = 8;

/// Changes a protocol by `decide`; `hold` is the job that a worker does it under.
///
/// A refusal rolls everything back and is returned. Errors: the lease was lost, the store is out of reach, or the
/// protocol is so contended that it never came to its turn.
pub async fn change<T>(
    ctx: &Ctx,
    id: ProtocolId,
    hold: Option<Hold>,
    decide: impl Fn(&mut Draft) -> Result<T, Refusal>,
) -> anyhow::Result<Result<T, Refusal>> {
    for _ in 0..TRIES {
        match attempt(ctx, id, hold, &decide).await {
            Err(fault) if is_conflict(&fault) => {}
            outcome => return outcome,
        }
    }
    Err(StoreError::Conflict { what: "protocol" }).context("the protocol is changed by too many at once")
}

/// [`change`] for facts, which no state refuses: a refusal here is a fault of ours.
pub async fn record<T>(
    ctx: &Ctx,
    id: ProtocolId,
    hold: Option<Hold>,
    decide: impl Fn(&mut Draft) -> Result<T, Refusal>,
) -> anyhow::Result<T> {
    change(ctx, id, hold, decide).await?.map_err(|refusal| anyhow::anyhow!("a fact was refused: {refusal}"))
}

/// What `decide` would do, one sentence a line, without doing it.
pub async fn rehearse<T>(
    ctx: &Ctx,
    id: ProtocolId,
    decide: impl Fn(&mut Draft) -> Result<T, Refusal>,
) -> anyhow::Result<Result<Vec<String>, Refusal>> {
    let mut draft = load(&mut ctx.store.read().await?, id, ctx.now()).await?;
    Ok(decide(&mut draft).map(|_| {
        draft.go_on();
        let jobs = draft.jobs.iter().filter_map(|(job, _)| draft.foretold(*job));
        draft.events.iter().map(|event| event.message.clone()).chain(jobs).collect()
    }))
}

async fn attempt<T>(
    ctx: &Ctx,
    id: ProtocolId,
    hold: Option<Hold>,
    decide: &impl Fn(&mut Draft) -> Result<T, Refusal>,
) -> anyhow::Result<Result<T, Refusal>> {
    let mut tx = match hold {
        Some(hold) => ctx.store.begin_held(hold).await?,
        None => ctx.store.begin().await?,
    };
    let mut draft = load(&mut tx, id, ctx.now()).await?;
    let before = draft.clone();
    let decided = match decide(&mut draft) {
        Ok(decided) => decided,
        Err(refusal) => return Ok(Err(refusal)),
    };
    draft.go_on();
    let end = new_end(&before, &draft);
    save(&mut tx, &before, draft).await?;
    tx.commit().await?;
    if let Some(end) = end {
        tracing::info!(protocol.id = id.0, status = end.as_str(), "a protocol ended");
        ctx.meters.protocol_ended(end.as_str());
    }
    Ok(Ok(decided))
}

/// The end that a change brought, if it brought one.
fn new_end(before: &Draft, after: &Draft) -> Option<ProtocolStatus> {
    let (old, new) = (before.protocol.state.end, after.protocol.state.end);
    new.filter(|_| new != old).map(|_| after.protocol.status())
}

/// Loads a protocol for deciding on it.
pub async fn load(db: &mut Session, id: ProtocolId, now: Moment) -> anyhow::Result<Draft> {
    let protocol = store::protocol::load(db, id).await?.ok_or(StoreError::Missing { what: "protocol" })?;
    let steps = store::step::of_protocol(db, id).await?;
    Ok(Draft {
        protocol,
        steps,
        now,
        events: vec![],
        jobs: vec![],
        effects: vec![],
        finished: None,
        lost: vec![],
    })
}

/// Stores what differs from `before`, and all that the draft asks for.
pub async fn save(tx: &mut Tx, before: &Draft, mut draft: Draft) -> anyhow::Result<()> {
    let changed = draft.steps.iter().filter(|step| before.steps.iter().all(|old| old != *step));
    for step in changed {
        store::step::save(tx, step).await?;
    }
    if draft.protocol != before.protocol || draft.steps != before.steps {
        store::protocol::save(tx, &mut draft.protocol).await?;
    }
    for run in &draft.lost {
        store::run::close_lost(tx, *run).await?;
    }
    for event in &draft.events {
        store::event::append(tx, event).await?;
    }
    for effect in &draft.effects {
        store::effect::push(tx, draft.protocol.project, effect).await?;
    }
    if let Some(command) = draft.finished
        && !store::command::finish(tx, command, CommandOutcome::Done).await?
    {
        // Another worker has ended the command meanwhile: this change would be its second.
        return Err(StoreError::LeaseLost.into());
    }
    if draft.protocol != before.protocol || draft.steps != before.steps || !draft.events.is_empty() {
        draft.jobs.push((Job::Publish { protocol: draft.protocol.id }, draft.now.plus(GATHER)));
    }
    for (job, at) in draft.jobs {
        store::job::push(tx, job, at).await?;
    }
    Ok(())
}

impl Draft {
    /// Moves the protocol, and writes the timeline's lines about being blocked and unblocked.
    pub fn apply(&mut self, happened: ProtocolMove) -> Result<(), Refusal> {
        let next = self.protocol.state.apply(happened)?;
        let held = std::mem::replace(&mut self.protocol.state, next);
        let now_held = self.protocol.state.reasons.clone();
        for reason in now_held.iter().filter(|reason| !has(&held.reasons, reason)) {
            let facts = json!({"reason": reason.key, "step": reason.step});
            self.note_with(EventKind::Blocked, reason.step, reason.detail.clone(), facts);
        }
        if !held.reasons.is_empty() && now_held.is_empty() && self.protocol.state.end.is_none() {
            self.note(EventKind::Unblocked, None, "nothing blocks it any more");
        }
        Ok(())
    }

    /// Moves the protocol, and returns the reasons that this cleared.
    pub fn lift(&mut self, happened: ProtocolMove) -> Result<Vec<Reason>, Refusal> {
        let held = self.protocol.state.reasons.clone();
        self.apply(happened)?;
        let left = &self.protocol.state.reasons;
        Ok(held.into_iter().filter(|reason| !has(left, reason)).collect())
    }

    /// Adds a reason that a person must clear.
    pub fn block(
        &mut self,
        key: ReasonKey,
        step: Option<u32>,
        detail: impl Into<String>,
    ) -> Result<(), Refusal> {
        let reason = Reason { key, step, since: self.now, detail: detail.into() };
        self.apply(ProtocolMove::Block(reason))
    }

    pub fn step(&self, number: u32) -> Result<&Step, Refusal> {
        let last = self.steps.last().map(|step| step.number);
        self.steps.iter().find(|step| step.number == number).ok_or(Refusal::NoSuchStep { number, last })
    }

    pub fn step_mut(&mut self, number: u32) -> Result<&mut Step, Refusal> {
        let last = self.steps.last().map(|step| step.number);
        self.steps.iter_mut().find(|step| step.number == number).ok_or(Refusal::NoSuchStep { number, last })
    }

    /// Moves a step.
    pub fn apply_step(&mut self, number: u32, happened: StepMove) -> Result<(), Refusal> {
        let now = self.now;
        let step = self.step_mut(number)?;
        step.status = step.status.apply(happened)?;
        if step.status.is_done() {
            step.finished_at = Some(now);
        }
        Ok(())
    }

    /// Writes a line of the timeline.
    pub fn note(&mut self, kind: EventKind, step: Option<u32>, message: impl Into<String>) {
        self.note_with(kind, step, message, json!({}));
    }

    /// Writes a line of the timeline with facts for scripts.
    pub fn note_with(
        &mut self,
        kind: EventKind,
        step: Option<u32>,
        message: impl Into<String>,
        facts: Value,
    ) {
        let step = step.and_then(|number| self.step_id(number));
        self.events.push(NewEvent { protocol: self.protocol.id, step, kind, message: message.into(), facts });
    }

    /// Queues a job that is due at once.
    pub fn push(&mut self, job: Job) {
        self.push_at(job, self.now);
    }

    pub fn push_at(&mut self, job: Job, at: Moment) {
        self.jobs.push((job, at));
    }

    pub fn send(&mut self, effect: NewEffect) {
        self.effects.push(effect);
    }

    /// Ends the command that asked for this change, in the same transaction.
    pub fn finish_command(&mut self, command: CommandId) {
        self.finished = Some(command);
    }

    /// Closes a run whose worker is gone, in the same transaction.
    pub fn close_lost(&mut self, run: RunId) {
        self.lost.push(run);
    }

    /// What a job would do, in words for people; nothing for those that only keep the books.
    fn foretold(&self, job: Job) -> Option<String> {
        let numbered = |id: StepId| self.steps.iter().find(|step| step.id == id).map(|step| step.number);
        Some(match job {
            Job::PlanProtocol { .. } => "then a plan is made".to_owned(),
            Job::ExecuteStep { step, .. } => format!("then step {} is executed", numbered(step)?),
            Job::RunQuality { step, .. } => format!("then QA judges step {}", numbered(step)?),
            Job::OpenPr { .. } => "then the branch and its pull request are brought up to date".to_owned(),
            Job::Merge { .. } => "then the judged commit is merged".to_owned(),
            Job::CleanUp { .. } => "then the working copy is removed".to_owned(),
            _ => return None,
        })
    }

    fn step_id(&self, number: u32) -> Option<StepId> {
        self.steps.iter().find(|step| step.number == number).map(|step| step.id)
    }

    /// Queues the next piece of work, and ends the drive when nothing of it is left.
    pub fn go_on(&mut self) {
        let protocol = self.protocol.id;
        match drive::next(&self.protocol, &self.steps) {
            Next::Plan => self.push(Job::PlanProtocol { protocol }),
            Next::Execute(number) => {
                if let Some(step) = self.step_id(number) {
                    self.push(Job::ExecuteStep { step, protocol });
                }
            }
            Next::Judge(number) => {
                if let Some(step) = self.step_id(number) {
                    self.push(Job::RunQuality { step, protocol });
                }
            }
            Next::Offer => self.push(Job::OpenPr { protocol }),
            Next::FinishDrive => self.finish_drive(),
            Next::AwaitCi(_) | Next::Rest => {}
        }
    }

    fn finish_drive(&mut self) {
        if self.apply(ProtocolMove::FinishDrive).is_ok() {
            self.note(EventKind::DriveFinished, None, "what was asked for is done");
            self.go_on();
        }
    }
}

fn has(reasons: &[Reason], reason: &Reason) -> bool {
    reasons.iter().any(|held| held.key == reason.key && held.step == reason.step)
}

fn is_conflict(fault: &anyhow::Error) -> bool {
    fault.chain().any(|cause| matches!(cause.downcast_ref(), Some(StoreError::Conflict { .. })))
}
