//! Repositories and who may do what on them.

use crate::sandbox::acts::Refused;
use crate::sandbox::github::desk::Access;
use crate::sandbox::github::json::{extend, role_booleans};
use crate::sandbox::http::{Answer, Call, Caller, Reply};
use crate::sandbox::model::{Model, Role, UserKind};
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

/// The right of a person, as coarse `permission`, fine `role_name`, and booleans. The account of an App never has one.
pub(crate) fn permission(model: &mut Model, call: &Call) -> Answer {
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let name = call.param("username");
    let user = model.user(name).ok_or_else(|| Refused::new(404, format!("{name} is not a user")))?;
    let login = user.login.clone();
    let role = model.role(repo, &login).filter(|_| user.kind != UserKind::Bot);
    let mut user = model.user_json(&login);
    let role_name = role.map_or("none", Role::as_str);
    extend(&mut user, json!({ "permissions": role_booleans(role), "role_name": role_name }));
    let permission = role.map_or("none", Role::permission);
    Reply::ok(json!({ "permission": permission, "user": user, "role_name": role_name }))
}

/// People with a role of their own, and the owner where that is a person; with `permission`, those who have at least that.
pub(crate) fn collaborators(model: &mut Model, call: &Call) -> Answer {
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let wanted = call.query("permission").unwrap_or("pull");
    let granted = repo.roles.keys().filter(|login| !login.eq_ignore_ascii_case(&repo.owner));
    let logins = std::iter::once(&repo.owner).chain(granted);
    let people =
        logins.filter_map(|login| model.user(login)).filter(|user| user.kind != UserKind::Organization);
    let listed = people.filter_map(|user| {
        let role = model.role(repo, &user.login);
        let booleans = role_booleans(role);
        let mut value = model.user_json(&user.login);
        let fits = booleans[wanted] == true;
        extend(
            &mut value,
            json!({ "permissions": booleans, "role_name": role.map_or("none", Role::as_str) }),
        );
        fits.then_some(value)
    });
    Reply::list(call, listed.collect())
}
