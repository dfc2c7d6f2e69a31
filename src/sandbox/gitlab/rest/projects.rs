//! Projects, groups and members.

use crate::sandbox::gitlab::auth::group_path;
use crate::sandbox::gitlab::door::{caller, list as listed, project};
use crate::sandbox::gitlab::fields::number;
use crate::sandbox::gitlab::words::missing;
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::Model;
use serde_json::json;

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    Reply::ok(model.project_json(repo, caller(call).ok()))
}

pub(crate) fn members(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    listed(call, model.members(repo))
}

pub(crate) fn member(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let id = number(call, "user_id")?;
    let login = model.users.iter().find(|u| u.id == id).map(|u| u.login.as_str());
    let member = login.and_then(|login| model.member_json(repo, login));
    Reply::ok(member.ok_or_else(|| missing("Member"))?)
}

pub(crate) fn group(model: &mut Model, call: &Call) -> Answer {
    let mut group = model.namespace_json(group_path(model, call.param("id")));
    group["full_name"] = group["full_path"].clone();
    group["visibility"] = json!("private");
    Reply::ok(group)
}
