//! GitLab's front door: which route a call takes, who may, and what every answer carries.

use super::auth::{authorise, identify, may_write};
use super::routes::{self, Route};
use super::words::{answered, missing, unauthorized};
use crate::sandbox::acts::Refused;
use crate::sandbox::http::{Answer, Asked, Call, Caller, GitPath, Leave, Note, Params, Purpose, Reply};
use crate::sandbox::model::{Clock, Model, Role};
use serde_json::json;

/// Answers a call of the API; `None` for what is none.
pub(crate) fn answer(model: &mut Model, asked: &Asked, note: &mut Note) -> Option<Answer> {
    let path = asked.path.strip_prefix(&model.api_path())?.to_owned();
    let Some((route, params)) = routes::find(&asked.method, &path) else {
        return Some(Err(answered(404, json!({ "error": "404 Not Found" }))));
    };
    note.operation = route.path;
    let call = call(model, asked, (route, params), note);
    Some(call.and_then(|call| (route.act)(model, &call)))
}

fn call(
    model: &Model,
    asked: &Asked,
    (route, params): (&Route, Params),
    note: &mut Note,
) -> Result<Call, Refused> {
    let scope = if matches!(asked.method.as_str(), "GET" | "HEAD") { "read_api" } else { "api" };
    let caller = identify(model, asked, scope)?;
    (note.app, note.login) = caller.names(model);
    let repo = authorise(model, route.needs, &caller, &params)?;
    let broken = |_| answered(400, json!({ "error": "400 Bad request - The request body is not JSON" }));
    let body = asked.fields().map_err(broken)?;
    Ok(Call::new(model, asked, body, (params, caller, repo)))
}

/// The path template that a call is for; empty for what is no call of the API.
pub(crate) fn operation(model: &Model, asked: &Asked) -> &'static str {
    let path = asked.path.strip_prefix(&model.api_path());
    path.and_then(|path| routes::find(&asked.method, path)).map_or("", |(route, _)| route.path)
}

pub(crate) fn refusal(refused: Refused) -> Reply {
    let body = refused.errors.unwrap_or_else(|| json!({ "message": refused.message }));
    Reply::json(refused.status, body)
}

/// Whether git may be used like that: by whom, and what git's hook is told. Says who asked all the same.
pub(crate) fn allow_git(
    model: &Model,
    (git, asked): (&GitPath, &Asked),
    purpose: Purpose,
    note: &mut Note,
) -> Result<Leave, Refused> {
    let scope = if purpose == Purpose::Push { "write_repository" } else { "read_repository" };
    let denied = || Refused::new(401, "HTTP Basic: Access denied");
    let caller = identify(model, asked, scope).map_err(|_| denied())?;
    (note.app, note.login) = caller.names(model);
    let repo = model.repo_named(&git.owner, &git.name);
    let Caller::Person { login } = &caller else {
        let open = repo.filter(|repo| purpose == Purpose::Fetch && !repo.private).ok_or_else(denied)?;
        return Ok(Leave { repo: open.id, actor: caller.actor(model), told: Vec::new() });
    };
    let hidden = || Refused::new(404, "The project you were looking for could not be found.");
    let repo = repo.filter(|repo| model.role(repo, login).is_some()).ok_or_else(hidden)?;
    let least = match purpose {
        Purpose::Push => Role::Write,
        Purpose::Fetch if repo.private => Role::Triage,
        Purpose::Fetch => Role::Read,
    };
    if model.role(repo, login).is_none_or(|has| has < least) || (purpose == Purpose::Push && repo.archived) {
        return Err(Refused::new(403, "You are not allowed to do that to this project's code."));
    }
    let is_free = may_write(model, repo, login, &repo.default_branch);
    let protected = ("SANDBOX_PROTECTED", repo.default_branch.clone());
    let told = if is_free { Vec::new() } else { vec![protected] };
    Ok(Leave { repo: repo.id, actor: caller.actor(model), told })
}

/// What every answer carries. The limit never runs out here; it starts anew in wall time, which is what bots compare it with.
pub(crate) fn headers(model: &Model) -> Vec<(&'static str, String)> {
    const LIMIT: usize = 2_000;
    let used = model.requests.len() % LIMIT;
    vec![
        ("ratelimit-limit", LIMIT.to_string()),
        ("ratelimit-observed", used.to_string()),
        ("ratelimit-remaining", (LIMIT - used).to_string()),
        ("ratelimit-reset", (Clock::Machine.now() / 1000 + 60).to_string()),
        ("x-request-id", format!("TWIN{}", model.requests.len())),
    ]
}

/// A list of the page asked for, with the numbers of its neighbours.
/// <https://docs.gitlab.com/api/rest/#offset-based-pagination>
pub(super) fn list(call: &Call, items: Vec<serde_json::Value>) -> Answer {
    let (size, page, total) = (call.page_size(20), call.page_number(), items.len());
    let last = total.div_ceil(size).max(1);
    let mut links = Vec::new();
    let mut link = |rel: &str, page: usize| links.push(call.link(rel, ("page", page.to_string())));
    if page > 1 {
        link("prev", page - 1);
    }
    if page < last {
        link("next", page + 1);
    }
    link("first", 1);
    link("last", last);
    let next = if page < last { (page + 1).to_string() } else { String::new() };
    let previous = if page > 1 { (page - 1).to_string() } else { String::new() };
    let mut headers = crate::sandbox::http::link_header(&links);
    headers.extend([
        ("x-page", page.to_string()),
        ("x-per-page", size.to_string()),
        ("x-next-page", next),
        ("x-prev-page", previous),
        ("x-total", total.to_string()),
        ("x-total-pages", last.to_string()),
    ]);
    let shown: Vec<_> = items.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    Ok(Reply { headers, ..Reply::json(200, shown) })
}

/// Who calls; routes that get here without anybody need nobody.
pub(super) fn caller(call: &Call) -> Result<&str, Refused> {
    match &call.caller {
        Caller::Person { login } => Ok(login),
        _ => Err(unauthorized()),
    }
}

pub(super) fn project<'m>(model: &'m Model, call: &Call) -> Result<&'m crate::sandbox::model::Repo, Refused> {
    model.repo(call.repo).ok_or_else(|| missing("Project"))
}
