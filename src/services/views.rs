//! What reports and pages are made of, read from the store.

use super::{Ctx, ci, remote};
use crate::domain::drive;
use crate::domain::ids::ProtocolId;
use crate::domain::job::Job;
use crate::domain::project::{Project, Protocol};
use crate::domain::step::Step;
use crate::report::view::{Delay, Links, ProtocolView, RunLink};
use crate::store::run::Run;
use crate::store::{self, StoreError};
use std::collections::BTreeMap;
use tracing::Span;

/// Timeline lines that a view holds at most.
const EVENTS: u32 = 200;
/// Runs that a view looks through at most.
const RUNS: u32 = 500;

/// A protocol and what belongs to it.
pub struct Facts {
    pub project: Project,
    pub protocol: Protocol,
    pub steps: Vec<Step>,
}

/// Reads a protocol, its steps and its project.
pub async fn facts(ctx: &Ctx, id: ProtocolId) -> anyhow::Result<Facts> {
    let mut db = ctx.store.read().await?;
    let protocol =
        store::protocol::load(&mut db, id).await?.ok_or(StoreError::Missing { what: "protocol" })?;
    let project = store::project::load(&mut db, protocol.project).await?;
    let project = project.ok_or(StoreError::Missing { what: "project" })?;
    Span::current().record("project.id", project.id.0);
    let steps = store::step::of_protocol(&mut db, id).await?;
    Ok(Facts { project, protocol, steps })
}

/// Reads everything that a protocol's reports show.
pub async fn protocol(ctx: &Ctx, id: ProtocolId) -> anyhow::Result<ProtocolView> {
    let Facts { project, protocol, steps } = facts(ctx, id).await?;
    let identity = ctx.forge_of(&project)?.identity().await?;
    let mut db = ctx.store.read().await?;
    let events = store::event::of_protocol(&mut db, id, EVENTS).await?;
    let runs = store::run::of_protocol(&mut db, id, RUNS).await?;
    let open = store::protocol::open_in_thread(&mut db, project.id, protocol.asked_in).await?;
    let mut ci_logs = BTreeMap::new();
    for step in drive::blocked_by_ci(&protocol, &steps) {
        ci_logs.insert(step.number, ci::logs_of(&mut db, step.id).await?);
    }
    let jobs = store::job::open_of_protocol(&mut db, id).await?;
    let now = ctx.now();
    let delayed = jobs
        .iter()
        .filter(|job| !matches!(job.job, Job::Publish { .. } | Job::Republish { .. } | Job::ReadCi { .. }));
    let delay = delayed
        .filter(|job| job.next_run_at > now && !job.error.is_empty())
        .map(|job| Delay { until: job.next_run_at, why: for_people(&job.error) })
        .next();
    Ok(ProtocolView {
        links: links(ctx, &protocol, &steps, &runs),
        also_open: open.iter().filter(|other| other.id != id).map(|other| other.number).collect(),
        steps,
        events,
        repo: project.repo.full_name(),
        names: ctx.forge_of(&project)?.capabilities().names,
        ci_logs,
        delay,
        app_slug: identity.slug,
        protocol,
    })
}

/// What people may read of a job's error.
fn for_people(error: &str) -> String {
    error.lines().next().unwrap_or_default().to_owned()
}

fn links(ctx: &Ctx, protocol: &Protocol, steps: &[Step], runs: &[Run]) -> Links {
    let link = |run: &Run| RunLink { run: run.id, url: ctx.rules.links.run(run.id, protocol.created_at) };
    let newest = |runs: Vec<&Run>| runs.into_iter().max_by_key(|run| run.id).map(link);
    let of_step = |step: &Step| {
        let link = newest(runs.iter().filter(|run| run.step == Some(step.id)).collect())?;
        Some((step.number, link))
    };
    Links {
        page: Some(ctx.rules.links.protocol(protocol.id, protocol.created_at)),
        runs: steps.iter().filter_map(of_step).collect(),
        last_run: newest(runs.iter().collect()),
    }
}

/// The content of a step's file as it stands on the branch; empty where it cannot be had. The mirror may have been removed
/// since; it is fetched again then.
pub async fn step_file(ctx: &Ctx, protocol: &Protocol, step: &Step) -> anyhow::Result<String> {
    const MOST: usize = 64 << 10;
    let Some(head) = &protocol.head else {
        return Ok(String::new());
    };
    let mirror = ctx.git.mirror(protocol.project).await?;
    if !ctx.git.has(&mirror, head).await? {
        let project = store::project::load(&mut ctx.store.read().await?, protocol.project).await?;
        let project = project.ok_or(StoreError::Missing { what: "project" })?;
        remote::fetch(ctx, &project, &mirror).await?;
    }
    if !ctx.git.has(&mirror, head).await? {
        return Ok(String::new());
    }
    let path = format!("{}/{}", protocol.folder(), step.spec.prompt_ref);
    let content = ctx.git.read_file(&mirror, head, &path, MOST).await?;
    Ok(content.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
}
