//! Check runs and check suites.

use super::check_body::read_change;
use crate::sandbox::acts::Refused;
use crate::sandbox::git::Bare;
use crate::sandbox::github::checks::{Run, Suite};
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::Model;
use serde_json::Value;

fn run_json(model: &Model, call: &Call, id: u64) -> Result<Value, Refused> {
    let run = model.run(id).filter(|r| r.repo == call.repo).ok_or_else(Refused::missing)?;
    Ok(model.run_json(run))
}

pub(crate) fn create(model: &mut Model, call: &Call) -> Answer {
    let actor = call.actor(model);
    if actor.app.is_none() {
        return Err(Refused::new(403, "You must authenticate via a GitHub App."));
    }
    call.text("name")?;
    let sha = call.text("head_sha")?;
    let change = read_change(call)?;
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let known = Bare(&repo.dir).commit(sha).is_some_and(|c| c.sha == sha);
    if !known {
        return Err(Refused::new(422, format!("No commit found for SHA: {sha}")));
    }
    let id = model.create_run(call.repo, &actor, sha, change);
    Reply::created(run_json(model, call, id)?)
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(run_json(model, call, call.number("check_run_id")?)?)
}

/// Only the App that made a run may change it.
pub(crate) fn update(model: &mut Model, call: &Call) -> Answer {
    let id = call.number("check_run_id")?;
    let actor = call.actor(model);
    let run = model.run(id).filter(|r| r.repo == call.repo).ok_or_else(Refused::missing)?;
    if actor.app != Some(run.app) {
        return Err(Refused::new(
            403,
            format!(
                "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it.",
                actor.app.unwrap_or_default()
            ),
        ));
    }
    let change = read_change(call)?;
    model.change_run(id, &actor, change);
    Reply::ok(run_json(model, call, id)?)
}

fn resolve(model: &Model, call: &Call) -> Result<String, Refused> {
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let name = call.param("ref");
    Bare(&repo.dir).resolve(name).ok_or_else(|| Refused::new(422, format!("No commit found for SHA: {name}")))
}

pub(crate) fn of_ref(model: &mut Model, call: &Call) -> Answer {
    let sha = resolve(model, call)?;
    let here = model.github.runs.iter().filter(|r| r.repo == call.repo && r.sha == sha);
    list_runs(model, call, here.collect())
}

pub(crate) fn of_suite(model: &mut Model, call: &Call) -> Answer {
    let id = call.number("check_suite_id")?;
    model.suite(id).filter(|s| s.repo == call.repo).ok_or_else(Refused::missing)?;
    let here = model.github.runs.iter().filter(|r| r.suite == id);
    list_runs(model, call, here.collect())
}

/// Newest first; `filter=latest`, the default, shows one run per name and App.
fn list_runs(model: &Model, call: &Call, mut runs: Vec<&Run>) -> Answer {
    runs.reverse();
    let app: Option<u64> = call.query("app_id").and_then(|id| id.parse().ok());
    runs.retain(|r| call.query("check_name").is_none_or(|n| n == r.name));
    runs.retain(|r| call.query("status").is_none_or(|s| s == r.status.as_str()));
    runs.retain(|r| app.is_none_or(|id| id == r.app));
    if call.query("filter") != Some("all") {
        let mut seen = std::collections::BTreeSet::new();
        runs.retain(|r| seen.insert((r.app, r.name.as_str())));
    }
    Reply::counted(call, "check_runs", runs.into_iter().map(|r| model.run_json(r)).collect())
}

pub(crate) fn suites_of_ref(model: &mut Model, call: &Call) -> Answer {
    let sha = resolve(model, call)?;
    let app: Option<u64> = call.query("app_id").and_then(|id| id.parse().ok());
    let named = |s: &&Suite| {
        let has = |name: &str| model.github.runs.iter().any(|r| r.suite == s.id && r.name == name);
        call.query("check_name").is_none_or(has)
    };
    let here = model.github.suites.iter().filter(|s| s.repo == call.repo && s.sha == sha);
    let wanted = here.filter(|s| app.is_none_or(|id| id == s.app)).filter(named);
    Reply::counted(call, "check_suites", wanted.map(|s| model.suite_json(s)).collect())
}
