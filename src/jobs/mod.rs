//! Floor 3: from a claimed job to the service that does it, and from its outcome to what becomes of the job.
//!
//! Every job is safe to run again at any point; the service says how.

use crate::domain::claim::Claimed;
use crate::domain::job::Job;
use crate::domain::retry::{JobEnd, MAX_ATTEMPTS, after_failure};
use crate::queue::Handler;
use crate::services::{
    Ctx, answers, ci, cleanup, execution, fault, giving_up, head, intake, planning, publish, pulls, quality,
    reconcile, runs,
};
use async_trait::async_trait;
use tracing::Instrument as _;

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
        match take_up(&self.ctx, turn).await {
            Ok(()) => JobEnd::Done,
            Err(failure) => self.failed(turn, &failure).await,
        }
    }

    /// The one place where an error becomes a retry, a wait, or the end.
    async fn failed(&self, turn: &Claimed, failure: &anyhow::Error) -> JobEnd {
        let words = self.ctx.redactor.redact(&format!("{failure:#}")).into_owned();
        let end = after_failure(fault::retry(failure), turn.attempt, words.clone(), self.ctx.now(), jitter());
        tracing::warn!(fault = words, ?end, "a job failed");
        if matches!(end, JobEnd::Dead { .. })
            && !fault::lost_lease(failure)
            && let Err(error) = giving_up::give_up(&self.ctx, turn, &words).await
        {
            tracing::error!(error = format!("{error:#}"), "that a job failed for good could not be recorded");
        }
        if matches!(end, JobEnd::Later { .. } | JobEnd::Retry { .. })
            && let Err(error) = giving_up::delayed(&self.ctx, turn).await
        {
            tracing::error!(error = format!("{error:#}"), "that a job waits could not be reported");
        }
        end
    }
}

#[async_trait]
impl Handler for Worker {
    async fn handle(&self, turn: Claimed) -> JobEnd {
        let span = tracing::info_span!(
            "job",
            job.id = %turn.id,
            job.kind = turn.job.kind(),
            job.attempt = turn.attempt,
            protocol.id = turn.job.protocol().map(|protocol| protocol.0),
        );
        self.work(&turn).instrument(span).await
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

/// Ends what earlier workers left of the job, then does it.
async fn take_up(ctx: &Ctx, turn: &Claimed) -> anyhow::Result<()> {
    runs::take_over(ctx, turn).await?;
    anyhow::ensure!(turn.attempt <= MAX_ATTEMPTS, "it lost its worker {MAX_ATTEMPTS} times");
    dispatch(ctx, turn).await
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
    }
}

/// A number from 0 to 1 that differs between jobs that fail together.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}
