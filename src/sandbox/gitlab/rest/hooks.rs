//! Hooks of projects and groups. <https://docs.gitlab.com/api/project_webhooks/>

use crate::sandbox::acts::Refused;
use crate::sandbox::gitlab::auth::group_path;
use crate::sandbox::gitlab::desk::{Hook, Place};
use crate::sandbox::gitlab::door::list as listed;
use crate::sandbox::gitlab::fields::{maybe, maybe_flag, number, text};
use crate::sandbox::gitlab::words::{answered, missing, unfit};
use crate::sandbox::hooks::Notice;
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::Model;
use serde_json::json;

/// What a hook may hear.
pub(in crate::sandbox::gitlab) const EVENTS: [&str; 12] = [
    "push_events",
    "tag_push_events",
    "issues_events",
    "confidential_issues_events",
    "note_events",
    "confidential_note_events",
    "merge_requests_events",
    "pipeline_events",
    "job_events",
    "releases_events",
    "wiki_page_events",
    "deployment_events",
];

fn place(model: &Model, call: &Call) -> Place {
    match call.repo {
        0 => Place::Group(group_path(model, call.param("id")).to_owned()),
        id => Place::Project(id),
    }
}

fn hook<'m>(model: &'m Model, call: &Call) -> Result<&'m Hook, Refused> {
    let found = model.hook(number(call, "hook_id")?);
    found.filter(|hook| hook.place == place(model, call)).ok_or_else(|| missing("Hook"))
}

pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let here = place(model, call);
    let found = model.gitlab.hooks.iter().filter(|hook| hook.place == here);
    listed(call, found.map(|hook| model.hook_json(hook)).collect())
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(model.hook_json(hook(model, call)?))
}

pub(crate) fn create(model: &mut Model, call: &Call) -> Answer {
    text(call, "url")?;
    let (id, created) = (model.next_id("hook"), model.now());
    let mut hook = Hook {
        id,
        place: place(model, call),
        url: String::new(),
        token: None,
        signing: None,
        events: ["push_events".to_owned()].into(),
        failures: 0,
        off_until: None,
        created,
    };
    change(&mut hook, call)?;
    let value = model.hook_json(&hook);
    model.gitlab.hooks.push(hook);
    Reply::created(value)
}

pub(crate) fn update(model: &mut Model, call: &Call) -> Answer {
    let id = hook(model, call)?.id;
    text(call, "url")?;
    if let Some(hook) = model.gitlab.hooks.iter_mut().find(|hook| hook.id == id) {
        change(hook, call)?;
    }
    Reply::ok(model.hook_json(hook(model, call)?))
}

/// Tokens are kept unless others are sent.
fn change(hook: &mut Hook, call: &Call) -> Result<(), Refused> {
    let url = maybe(call, "url").unwrap_or_else(|| hook.url.clone());
    if url::Url::parse(&url).is_err_and(|_| true) || !url.starts_with("http") {
        return Err(answered(422, json!({ "error": "Invalid url given" })));
    }
    let signing = maybe(call, "signing_token");
    if signing.as_ref().is_some_and(|key| !key.starts_with("whsec_")) {
        return Err(unfit("signing_token is invalid"));
    }
    hook.url = url;
    hook.token = maybe(call, "token").or(hook.token.take());
    hook.signing = signing.or(hook.signing.take());
    for event in EVENTS {
        match maybe_flag(call, event)? {
            Some(true) => drop(hook.events.insert(event.to_owned())),
            Some(false) => drop(hook.events.remove(event)),
            None => {}
        }
    }
    Ok(())
}

pub(crate) fn delete(model: &mut Model, call: &Call) -> Answer {
    let id = hook(model, call)?.id;
    model.gitlab.hooks.retain(|hook| hook.id != id);
    Reply::empty()
}

/// Tells of a push that never was, also where the hook is off, and is answered by what the receiver says.
/// <https://docs.gitlab.com/api/project_webhooks/#trigger-a-test-project-webhook>
pub(crate) fn test(model: &mut Model, call: &Call) -> Answer {
    let id = hook(model, call)?.id;
    let trigger = call.param("trigger");
    if trigger != "push_events" {
        return Err(unfit("trigger does not have a valid value"));
    }
    let repo = model.repo(call.repo);
    let project = repo.map(|r| model.hook_project(r));
    let body = json!({
        "object_kind": "push", "event_name": "push", "before": crate::sandbox::acts::NO_COMMIT,
        "after": crate::sandbox::acts::NO_COMMIT, "ref": "refs/heads/test", "project_id": call.repo,
        "project": project, "commits": [], "total_commits_count": 0, "user_username": "test",
    });
    let delivery = model.record(Notice {
        receiver: id,
        installation: None,
        repo: Some(call.repo),
        event: "Push Hook".to_owned(),
        action: Some("test".to_owned()),
        body: body.to_string().into_bytes(),
    });
    Ok(Reply { after: Some(delivery), ..Reply::json(201, json!({ "message": "201 Created" })) })
}
