//! Floor 3: from a claimed job to the service that does it, and from its outcome to what becomes of the job.
//!
//! Every job is safe to run again at any point; the service says how.

use crate::domain::claim::Claimed;
use crate::domain::job::Job;
use crate::domain::retry::{JobEnd, MAX_LOST, Retry, after_failure};
use crate::queue::Handler;
use crate::services::{
    Ctx, answers, ci, cleanup, execution, fault, giving_up, head, intake, missed, planning, publish, pulls,
    quality, reconcile, runs, tidying,
};
use async_trait::async_trait;
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tracing::{Instrument as _, Span, field};

/// How long a job waits whose giving up could not be recorded.
const UNTOLD: Duration = Duration::from_secs(10);

/// Does jobs.
#[derive(Clone)]
pub struct Worker {
    ctx: Ctx,
}

impl Worker {
    pub fn new(ctx: Ctx) -> Self {
        Self { ctx }
    }

    async fn work(&self, turn: &Claimed) -> JobEnd {
        let attempt = AssertUnwindSafe(self.attempt(turn)).catch_unwind().await;
        match attempt.unwrap_or_else(|payload| Err(panicked(payload.as_ref()))) {
            Ok(()) => JobEnd::Done,
            Err(failure) => self.failed(turn, &failure).await,
        }
    }

    /// Ends what earlier workers left of the job, then does it.
    async fn attempt(&self, turn: &Claimed) -> anyhow::Result<()> {
        runs::take_over(&self.ctx, turn).await?;
        if turn.lost >= MAX_LOST {
            return Err(LostTooOften { times: turn.lost }.into());
        }
        dispatch(&self.ctx, turn).await
    }

    /// The one place where an error becomes a retry, a wait, or the end.
    async fn failed(&self, turn: &Claimed, failure: &anyhow::Error) -> JobEnd {
        let told = fault::tell(&self.ctx.redactor, failure, turn.id);
        let retry = if failure.is::<LostTooOften>() { Retry::Never } else { fault::retry(failure) };
        let end = after_failure(retry, turn, told.stored(), self.ctx.now());
        tracing::warn!(fault = told.chain, end = end.as_str(), "a job failed");
        let recorded = match &end {
            JobEnd::Dead { .. } if !fault::lost_lease(failure) => {
                giving_up::give_up(&self.ctx, turn, &told.people).await
            }
            JobEnd::Later { .. } | JobEnd::Away { .. } | JobEnd::Retry { .. } => {
                giving_up::delayed(&self.ctx, turn).await
            }
            JobEnd::Dead { .. } | JobEnd::Done => Ok(()),
        };
        let Err(error) = recorded else { return end };
        tracing::error!(
            error = format!("{error:#}"),
            end = end.as_str(),
            "what became of a job could not be reported"
        );
        match end {
            // Nobody would know of it: the whole is tried again.
            JobEnd::Dead { error } => JobEnd::Later { at: self.ctx.now().plus(UNTOLD), why: error },
            end => end,
        }
    }
}

/// Its worker was lost so often that it is likely the job that ends them.
#[derive(Debug, thiserror::Error)]
#[error("its worker was lost {times} times in a row")]
struct LostTooOften {
    times: u32,
}

fn panicked(payload: &(dyn std::any::Any + Send)) -> anyhow::Error {
    anyhow::anyhow!("panicked: {}", crate::queue::panic_message(payload))
}

#[async_trait]
impl Handler for Worker {
    async fn handle(&self, turn: Claimed) -> JobEnd {
        let span = span(&turn);
        let begun = self.ctx.now();
        let end = self.work(&turn).instrument(span).await;
        self.ctx.meters.job_ended(turn.job.kind(), end.as_str(), self.ctx.now().since(begun));
        end
    }

    async fn lost(&self, turn: &Claimed) {
        if let Err(error) = giving_up::lost(&self.ctx, turn).await {
            tracing::error!(
                job.id = turn.id.0,
                error = format!("{error:#}"),
                "what a late worker may have written cannot be published anew"
            );
        }
    }
}

/// What all lines of a job's work are found by. Ids that are learnt on the way are recorded then.
fn span(turn: &Claimed) -> Span {
    let span = tracing::info_span!(
        "job",
        job.id = turn.id.0,
        job.kind = turn.job.kind(),
        job.attempt = turn.attempt,
        delivery.id = field::Empty,
        delivery.guid = field::Empty,
        project.id = field::Empty,
        protocol.id = turn.job.protocol().map(|protocol| protocol.0),
        step.id = field::Empty,
        run.id = field::Empty,
    );
    match turn.job {
        Job::ProcessDelivery { delivery, .. } => span.record("delivery.id", delivery.0),
        Job::ExecuteStep { step, .. } | Job::RunQuality { step, .. } => span.record("step.id", step.0),
        Job::SendAnswers { project } => span.record("project.id", project.0),
        _ => &span,
    };
    span
}

async fn dispatch(ctx: &Ctx, turn: &Claimed) -> anyhow::Result<()> {
    match turn.job {
        Job::ProcessDelivery { delivery, .. } => intake::process(ctx, delivery).await,
        Job::PlanProtocol { protocol } => Box::pin(planning::plan(ctx, turn, protocol)).await,
        Job::ExecuteStep { step, protocol } => Box::pin(execution::execute(ctx, turn, step, protocol)).await,
        Job::RunQuality { step, protocol } => Box::pin(quality::judge(ctx, turn, step, protocol)).await,
        Job::OpenPr { protocol } => pulls::open(ctx, turn, protocol).await,
        Job::Merge { protocol } => pulls::merge(ctx, turn, protocol).await,
        Job::ReadCi { protocol } => ci::read(ctx, turn, protocol).await,
        Job::ReadHead { protocol } => head::stand(ctx, turn, protocol).await.map(drop),
        Job::Publish { protocol } => publish::publish(ctx, turn, protocol).await,
        Job::Republish { protocol, late } => publish::anew(ctx, turn, protocol, late).await,
        Job::SendAnswers { project } => answers::send(ctx, turn, project).await,
        Job::CleanUp { protocol } => cleanup::clean_up(ctx, turn, protocol).await,
        Job::Reconcile => reconcile::pass(ctx).await,
        Job::ReadDeliveries { forge } => missed::read(ctx, forge).await,
        Job::Tidy => tidying::tidy(ctx).await,
    }
}
