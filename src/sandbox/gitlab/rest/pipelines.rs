//! Pipelines and jobs.

use crate::sandbox::acts::Refused;
use crate::sandbox::gitlab::desk::{Job, Pipeline};
use crate::sandbox::gitlab::door::list as listed;
use crate::sandbox::gitlab::fields::number;
use crate::sandbox::gitlab::words::{forbidden, missing};
use crate::sandbox::http::{Answer, Call, Content, Reply};
use crate::sandbox::model::Model;

fn pipeline_of<'m>(model: &'m Model, call: &Call) -> Result<&'m Pipeline, Refused> {
    let found = model.pipeline(number(call, "pipeline_id")?);
    found.filter(|p| p.repo == call.repo).ok_or_else(|| missing("Pipeline"))
}

fn job_of<'m>(model: &'m Model, call: &Call) -> Result<&'m Job, Refused> {
    let found = model.job(number(call, "job_id")?);
    found.filter(|job| job.repo == call.repo && !job.outside).ok_or_else(|| missing("Job"))
}

/// Newest first.
pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let fits = |wanted: Option<&str>, has: &str| wanted.is_none_or(|wanted| wanted == has);
    let here = model.gitlab.pipelines.iter().rev().filter(|p| p.repo == call.repo);
    let found = here.filter(|p| {
        fits(call.query("sha"), &p.sha)
            && fits(call.query("ref"), &p.branch)
            && fits(call.query("source"), p.source)
            && fits(call.query("status"), model.pipeline_status(p.id))
    });
    listed(call, found.map(|p| model.pipeline_json(p)).collect())
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(model.pipeline_json(pipeline_of(model, call)?))
}

/// Jobs of runners only; statuses from outside are none.
pub(crate) fn jobs(model: &mut Model, call: &Call) -> Answer {
    let id = pipeline_of(model, call)?.id;
    let all = call.query("include_retried") == Some("true");
    let here = model.gitlab.jobs.iter().rev().filter(|j| j.pipeline == id && !j.outside);
    listed(call, here.filter(|j| all || !j.retried).map(|j| model.job_json(j)).collect())
}

/// Nothing here starts other pipelines.
pub(crate) fn bridges(model: &mut Model, call: &Call) -> Answer {
    pipeline_of(model, call)?;
    listed(call, Vec::new())
}

pub(crate) fn retry(model: &mut Model, call: &Call) -> Answer {
    let id = pipeline_of(model, call)?.id;
    let failed = |j: &&&Job| matches!(j.status, "failed" | "canceled");
    let again: Vec<u64> = model.jobs_in(id).iter().filter(failed).map(|j| j.id).collect();
    for job in again {
        model.retry_job(job);
    }
    Reply::created(model.pipeline_json(pipeline_of(model, call)?))
}

pub(crate) fn job(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(model.job_json(job_of(model, call)?))
}

pub(crate) fn trace(model: &mut Model, call: &Call) -> Answer {
    let trace = job_of(model, call)?.trace.clone().into_bytes();
    Ok(Reply::new(200, Vec::new(), Content::Bytes("text/plain".to_owned(), trace)))
}

pub(crate) fn retry_job(model: &mut Model, call: &Call) -> Answer {
    let job = job_of(model, call)?;
    let (id, is_open) = (job.id, job.is_open());
    let new = Some(id).filter(|_| !is_open).and_then(|id| model.retry_job(id)).ok_or_else(forbidden)?;
    let made = model.job(new).ok_or_else(|| missing("Job"))?;
    Reply::created(model.job_json(made))
}
