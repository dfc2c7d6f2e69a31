//! Apps, installations, their tokens, and the log of deliveries.

use crate::sandbox::acts::Refused;
use crate::sandbox::github::auth::new_token;
use crate::sandbox::github::desk::{Access, Installation, Permissions};
use crate::sandbox::github::door::Rate;
use crate::sandbox::github::json::permissions_json;
use crate::sandbox::hooks::Delivery;
use crate::sandbox::http::{Answer, Call, Caller, Reply};
use crate::sandbox::model::{Model, Token, iso};
use serde_json::{Value, json};

const TOKEN_LIFE_MS: i64 = 3_600_000;
/// <https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries>
const LOG_LIFE_MS: i64 = 3 * 86_400_000;

fn app_of(call: &Call) -> Result<u64, Refused> {
    match call.caller {
        Caller::App { app } => Ok(app),
        _ => Err(Refused::new(401, "A JSON web token could not be decoded")),
    }
}

pub(crate) fn get_app(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(model.app_json(app_of(call)?))
}

/// What an App is registered for, for everybody who knows its slug.
pub(crate) fn by_slug(model: &mut Model, call: &Call) -> Answer {
    let slug = call.param("app_slug");
    let found = model.github.apps.iter().find(|app| app.slug == slug).ok_or_else(Refused::missing)?;
    Reply::ok(model.app_json(found.id))
}

/// GitHub answers this one without a token, and refuses an App's own assertion here.
pub(crate) fn user(model: &mut Model, call: &Call) -> Answer {
    if let Caller::App { .. } = call.caller {
        return Err(Refused::new(401, "Bad credentials"));
    }
    let login = call.param("username");
    match model.user(login) {
        Some(user) => Reply::ok(model.user_json(&user.login.clone())),
        None => Err(Refused::missing()),
    }
}

pub(crate) fn installations(model: &mut Model, call: &Call) -> Answer {
    let app = app_of(call)?;
    let mine = model.github.installations.iter().filter(|i| i.app == app);
    Reply::list(call, mine.map(|i| model.installation_json(i)).collect())
}

fn own_installation<'m>(model: &'m Model, call: &Call) -> Result<&'m Installation, Refused> {
    let (app, id) = (app_of(call)?, call.number("installation_id")?);
    model.github.installations.iter().find(|i| i.id == id && i.app == app).ok_or_else(Refused::missing)
}

pub(crate) fn installation(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(model.installation_json(own_installation(model, call)?))
}

pub(crate) fn repo_installation(model: &mut Model, call: &Call) -> Answer {
    let found = model.installation_on(app_of(call)?, call.repo).ok_or_else(Refused::missing)?;
    Reply::ok(model.installation_json(found))
}

pub(crate) fn mint(model: &mut Model, call: &Call) -> Answer {
    let found = own_installation(model, call)?;
    if found.suspended.is_some() {
        return Err(Refused::new(403, "This installation has been suspended"));
    }
    let (id, app) = (found.id, found.app);
    let chosen = chosen_repos(model, found, &call.body)?;
    let narrowed = chosen.is_some();
    let repos = chosen.unwrap_or_else(|| found.repos.clone());
    let permissions = chosen_permissions(&found.permissions, call.body.get("permissions"))?;
    let expires = model.now() + TOKEN_LIFE_MS;
    let mut answer = json!({
        "token": "",
        "expires_at": iso(expires),
        "permissions": permissions_json(&permissions),
        "repository_selection": "selected",
    });
    if narrowed {
        let list = repos.iter().filter_map(|r| model.repo(*r));
        answer["repositories"] = list.map(|r| model.repo_json(r)).collect();
    }
    let text = new_token(app, model.next_id("token"));
    answer["token"] = json!(text);
    model.tokens.insert(text, Token::Installation { installation: id, repos, permissions, expires });
    Reply::created(answer)
}

fn chosen_repos(
    model: &Model,
    installation: &Installation,
    body: &Value,
) -> Result<Option<Vec<u64>>, Refused> {
    let refused = || {
        let why = "There is at least one repository that does not exist or is not accessible to the parent installation.";
        Refused::new(422, why)
    };
    let list = |field: &str| match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items.clone())),
        Some(_) => Err(refused()),
    };
    let (names, ids) = (list("repositories")?, list("repository_ids")?);
    if names.is_none() && ids.is_none() {
        return Ok(None);
    }
    let mut chosen = Vec::new();
    for name in names.unwrap_or_default() {
        let name = name.as_str().ok_or_else(refused)?;
        let same = |id: &&u64| model.repo(**id).is_some_and(|r| r.name.eq_ignore_ascii_case(name));
        chosen.push(*installation.repos.iter().find(same).ok_or_else(refused)?);
    }
    for id in ids.unwrap_or_default() {
        let same = |has: &&u64| Some(**has) == id.as_u64();
        chosen.push(*installation.repos.iter().find(same).ok_or_else(refused)?);
    }
    Ok(Some(chosen))
}

fn chosen_permissions(granted: &Permissions, wanted: Option<&Value>) -> Result<Permissions, Refused> {
    let refused = || Refused::new(422, "The permissions requested are not granted to this installation.");
    let Some(wanted) = wanted.filter(|w| !w.is_null()) else {
        return Ok(granted.clone());
    };
    let mut chosen = Permissions::new();
    for (name, access) in wanted.as_object().ok_or_else(refused)? {
        let access = access.as_str().and_then(Access::parse).ok_or_else(refused)?;
        let is_metadata = name == "metadata" && access == Access::Read;
        if !is_metadata && granted.get(name).is_none_or(|has| *has < access) {
            return Err(refused());
        }
        chosen.insert(name.clone(), access);
    }
    chosen.insert("metadata".to_owned(), Access::Read);
    Ok(chosen)
}

pub(crate) fn repositories(model: &mut Model, call: &Call) -> Answer {
    let Caller::Installation { repos, .. } = &call.caller else {
        return Err(Refused::new(
            403,
            "You must authenticate with an installation access token in order to list repositories for an installation.",
        ));
    };
    let list = repos.iter().filter_map(|id| model.repo(*id));
    Reply::counted(call, "repositories", list.map(|r| model.repo_json(r)).collect())
}

pub(crate) fn rate_limit(model: &mut Model, _: &Call) -> Answer {
    let Rate { used, remaining, reset, .. } = Rate::of(model);
    let rate = json!({ "limit": Rate::LIMIT, "used": used, "remaining": remaining, "reset": reset });
    Reply::ok(json!({ "resources": { "core": rate, "search": rate, "graphql": rate }, "rate": rate }))
}

/// An App without a webhook has no settings of one. The secret is never shown.
pub(crate) fn hook_config(model: &mut Model, call: &Call) -> Answer {
    let app = model.app(app_of(call)?).ok_or_else(Refused::missing)?;
    let url = app.webhook_url.clone().ok_or_else(Refused::missing)?;
    Reply::ok(json!({ "content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url }))
}

/// Only what was posted is in the log, for three days; what still waits is not.
fn log_of(model: &Model, app: u64) -> impl Iterator<Item = &Delivery> {
    let oldest = model.now() - LOG_LIFE_MS;
    let posted = model.deliveries.iter().filter(|d| d.answer.is_some());
    posted.filter(move |d| d.receiver == app && d.made >= oldest)
}

fn own_delivery<'m>(model: &'m Model, call: &Call) -> Result<&'m Delivery, Refused> {
    let (app, id) = (app_of(call)?, call.number("delivery_id")?);
    log_of(model, app).find(|d| d.id == id).ok_or_else(Refused::missing)
}

/// Newest first. Deliveries that were tried again are there once for each try.
pub(crate) fn deliveries(model: &mut Model, call: &Call) -> Answer {
    let mut log: Vec<&Delivery> = log_of(model, app_of(call)?).collect();
    log.reverse();
    Ok(call.cursor_page(log.into_iter().map(|d| (d.id, model.delivery_json(d))).collect()))
}

pub(crate) fn delivery(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(model.delivery_details_json(own_delivery(model, call)?))
}

pub(crate) fn redeliver(model: &mut Model, call: &Call) -> Answer {
    let id = own_delivery(model, call)?.id;
    model.redeliver(id).ok_or_else(Refused::missing)?;
    Ok(Reply::json(202, json!({})))
}
