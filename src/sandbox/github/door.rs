//! GitHub's front door: which route a call takes, who may, and what every answer carries.

use super::auth::{authorise, identify, may_use};
use super::desk::Access;
use super::routes;
use crate::sandbox::acts::Refused;
use crate::sandbox::http::{Answer, Asked, Call, Caller, GitPath, Leave, Note, Params, Purpose, Reply};
use crate::sandbox::model::{Model, Role};
use serde_json::{Value, json};

/// Answers a call of the API; `None` for what is none.
pub(crate) fn answer(model: &mut Model, asked: &Asked, note: &mut Note) -> Option<Answer> {
    let (route, params) = routes::find(&model.site.prefix, &asked.method, &asked.path)?;
    note.operation = route.operation;
    let call = call(model, asked, (route, params), note);
    Some(call.and_then(|call| (route.act)(model, &call)))
}

fn call(
    model: &Model,
    asked: &Asked,
    (route, params): (&routes::Route, Params),
    note: &mut Note,
) -> Result<Call, Refused> {
    if asked.agent.is_none() {
        let rules = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Err(Refused::new(403, rules));
    }
    let caller = identify(model, asked)?;
    (note.app, note.login) = caller.names(model);
    let repo = authorise(model, route.needs, &caller, &params)?;
    let body = match asked.body.as_slice() {
        [] => Value::Null,
        bytes => serde_json::from_slice(bytes).map_err(|_| Refused::new(400, "Problems parsing JSON"))?,
    };
    Ok(Call::new(model, asked, body, (params, caller, repo)))
}

/// The name of the operation that a call is for; empty for what is no call of the API.
pub(crate) fn operation(model: &Model, asked: &Asked) -> &'static str {
    let route = routes::find(&model.site.prefix, &asked.method, &asked.path);
    route.map_or("", |(route, _)| route.operation)
}

pub(crate) fn refusal(refused: Refused) -> Reply {
    let mut body = json!({ "message": refused.message });
    if let Some(errors) = refused.errors {
        body["errors"] = errors;
    }
    body["documentation_url"] = json!("https://docs.github.com/rest");
    body["status"] = json!(refused.status.to_string());
    Reply::json(refused.status, body)
}

/// Whether git may be used like that: by whom, and what git's hook is told. Says who asked all the same.
pub(crate) fn allow_git(
    model: &Model,
    (git, asked): (&GitPath, &Asked),
    purpose: Purpose,
    note: &mut Note,
) -> Result<Leave, Refused> {
    let rights: (&[_], _) = match purpose {
        Purpose::Fetch => (&[("contents", Access::Read)], Role::Read),
        Purpose::Push => (&[("contents", Access::Write)], Role::Write),
    };
    let caller = identify(model, asked)?;
    (note.app, note.login) = caller.names(model);
    let repo = model.repo_named(&git.owner, &git.name);
    let is_open = purpose == Purpose::Fetch && repo.is_some_and(|r| !r.private);
    if matches!(caller, Caller::Nobody) && !is_open {
        return Err(Refused::new(401, "Repository not found."));
    }
    let repo = repo.ok_or_else(Refused::missing)?;
    may_use(model, repo.id, &caller, rights)?;
    let workflows = !matches!(caller, Caller::Installation { .. }) || caller.may("workflows", Access::Write);
    let told = if workflows { Vec::new() } else { vec![("SANDBOX_NO_WORKFLOWS", "1".to_owned())] };
    Ok(Leave { repo: repo.id, actor: caller.actor(model), told })
}

/// The hourly rate as GitHub tells it. It never runs out here.
pub(crate) struct Rate {
    pub(crate) used: usize,
    pub(crate) remaining: usize,
    pub(crate) reset: i64,
    serial: usize,
}

impl Rate {
    pub(crate) const LIMIT: usize = 5000;

    pub(crate) fn of(model: &Model) -> Self {
        let serial = model.requests.len();
        let used = serial % Self::LIMIT;
        let now = model.now();
        Self { used, remaining: Self::LIMIT - used, reset: now / 1000 + 3600, serial }
    }
}

/// What every answer carries.
pub(crate) fn headers(model: &Model) -> Vec<(&'static str, String)> {
    let rate = Rate::of(model);
    vec![
        ("x-ratelimit-limit", Rate::LIMIT.to_string()),
        ("x-ratelimit-remaining", rate.remaining.to_string()),
        ("x-ratelimit-used", rate.used.to_string()),
        ("x-ratelimit-reset", rate.reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
        ("x-github-request-id", format!("TWIN:{}", rate.serial)),
    ]
}
