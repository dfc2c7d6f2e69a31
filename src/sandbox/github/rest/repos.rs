//! Repositories and who may do what on them.

use crate::sandbox::github::acts::Refused;
use crate::sandbox::github::http::{Answer, Call, Caller, Reply};
use crate::sandbox::github::json::{extend, role_booleans};
use crate::sandbox::github::model::{Access, Model, Role};
use serde_json::json;

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let role = match &call.caller {
        Caller::Person { login } => model.role(repo, login).unwrap_or(Role::Read),
        caller if caller.may("contents", Access::Write) => Role::Write,
        _ => Role::Read,
    };
    Reply::ok(model.repo_json_for(repo, role))
}

/// The right of a person, as coarse `permission`, fine `role_name`, and booleans.
pub(crate) fn permission(model: &mut Model, call: &Call) -> Answer {
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let name = call.param("username");
    let login = model.user(name).map(|u| u.login.clone());
    let login = login.ok_or_else(|| Refused::new(404, format!("{name} is not a user")))?;
    let role = model.role(repo, &login);
    let mut user = model.user_json(&login);
    let role_name = role.map_or("none", Role::as_str);
    extend(&mut user, json!({ "permissions": role_booleans(role), "role_name": role_name }));
    let permission = role.map_or("none", Role::permission);
    Reply::ok(json!({ "permission": permission, "user": user, "role_name": role_name }))
}
