//! Statuses of commits. <https://docs.gitlab.com/api/commits/#commit-status>

use crate::sandbox::acts::Refused;
use crate::sandbox::git::Bare;
use crate::sandbox::gitlab::desk::Pipeline;
use crate::sandbox::gitlab::door::{list as listed, project};
use crate::sandbox::gitlab::fields::{maybe, maybe_flag, maybe_number, text};
use crate::sandbox::gitlab::pipelines::NewStatus;
use crate::sandbox::gitlab::words::{invalid, missing};
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::Model;

/// Characters of a description and of an address.
const LONGEST: usize = 255;

/// The newest of each name in each pipeline; with `all` every one.
pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let sha = Bare(&repo.dir).resolve(call.param("sha")).ok_or_else(|| missing("Commit"))?;
    let all = maybe_flag(call, "all")?.unwrap_or(false);
    let fits = |wanted: Option<&str>, has: &str| wanted.is_none_or(|wanted| wanted == has);
    let mut found = Vec::new();
    for job in model.gitlab.jobs.iter().filter(|j| j.repo == repo.id && j.sha == sha) {
        let named = fits(call.query("name"), &job.name) && fits(call.query("stage"), &job.stage);
        if (all || !job.retried) && named && fits(call.query("ref"), &job.branch) {
            found.push(model.status_of(job));
        }
    }
    listed(call, found)
}

pub(crate) fn set(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let bare = Bare(&repo.dir);
    let sha = call.param("sha").to_owned();
    let state = text(call, "state")?;
    bare.commit(&sha).ok_or_else(|| missing("Commit"))?;
    let description = fitting(call, "description")?;
    let target_url = fitting(call, "target_url")?;
    if target_url.as_deref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Err(invalid("target_url", "is blocked: Only allowed schemes are http, https"));
    }
    let name = maybe(call, "name").or_else(|| maybe(call, "context"));
    let known = pipeline(model, call, &sha)?;
    let actor = call.actor(model);
    let pipeline = match known {
        Some(id) => id,
        None => {
            let at_tip = || bare.branches().into_iter().find(|(_, tip)| *tip == sha).map(|(name, _)| name);
            let branch =
                maybe(call, "ref").or_else(at_tip).ok_or_else(|| missing("References for commit"))?;
            model.add_pipeline(call.repo, (&branch, &sha), "external", &actor.login)
        }
    };
    let name = name.unwrap_or_else(|| "default".to_owned());
    let id = model.set_status(&actor, NewStatus { pipeline, name, state, description, target_url })?;
    let made = model.job(id).ok_or_else(|| missing("Status"))?;
    Reply::created(model.status_of(made))
}

/// The pipeline that is named, or the newest of the commit and the ref.
fn pipeline(model: &Model, call: &Call, sha: &str) -> Result<Option<u64>, Refused> {
    let (wanted, branch) = (maybe_number(call, "pipeline_id")?, maybe(call, "ref"));
    let fits = |p: &&Pipeline| {
        p.repo == call.repo
            && p.sha == sha
            && branch.as_ref().is_none_or(|branch| *branch == p.branch)
            && wanted.is_none_or(|id| id == p.id)
    };
    match (model.gitlab.pipelines.iter().rev().find(fits), wanted) {
        (None, Some(_)) => Err(missing("Pipeline for pipeline_id, sha and ref")),
        (found, _) => Ok(found.map(|p| p.id)),
    }
}

fn fitting(call: &Call, field: &str) -> Result<Option<String>, Refused> {
    let text = maybe(call, field);
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST) {
        return Err(invalid(field, "is too long (maximum is 255 characters)"));
    }
    Ok(text)
}
