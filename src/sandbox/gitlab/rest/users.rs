//! Accounts and tokens.

use crate::sandbox::acts::Refused;
use crate::sandbox::gitlab::door::{caller, list as listed};
use crate::sandbox::gitlab::fields::number;
use crate::sandbox::gitlab::json::at;
use crate::sandbox::gitlab::words::missing;
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::{Model, Token, UserKind};
use serde_json::{Value, json};

pub(crate) fn version(_: &mut Model, _: &Call) -> Answer {
    Reply::ok(json!({ "version": "18.6.0-ee", "revision": "twin" }))
}

pub(crate) fn me(model: &mut Model, call: &Call) -> Answer {
    let login = caller(call)?;
    let mut user = model.account_details(login);
    user["email"] = json!(format!("{login}@noreply.example.invalid"));
    user["commit_email"] = user["email"].clone();
    user["is_admin"] = json!(false);
    user["can_create_project"] = json!(true);
    Reply::ok(user)
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    let id = number(call, "user_id")?;
    let user = model.users.iter().find(|u| u.id == id && u.kind != UserKind::Organization);
    let login = user.map(|u| u.login.clone()).ok_or_else(|| missing("User"))?;
    Reply::ok(model.account_details(&login))
}

pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let wanted = call.query("username");
    let people = model.users.iter().filter(|u| u.kind != UserKind::Organization);
    let found = people.filter(|u| wanted.is_none_or(|name| u.login.eq_ignore_ascii_case(name)));
    listed(call, found.map(|u| model.account_details(&u.login)).collect())
}

/// <https://docs.gitlab.com/api/personal_access_tokens/#self-inform>
pub(crate) fn token(model: &mut Model, call: &Call) -> Answer {
    let login = caller(call)?;
    let mine = model.tokens.values().find_map(|token| match token {
        Token::Access(access) if access.login == login => Some(access),
        _ => None,
    });
    let user = model.user(login).map(|u| u.id).ok_or_else(|| Refused::new(400, "400 Bad request"))?;
    let value: Value = match mine {
        Some(token) => json!({
            "id": token.id, "name": token.name, "revoked": false, "active": true, "user_id": user,
            "scopes": token.scopes, "created_at": at(token.created), "last_used_at": at(model.now()),
            "expires_at": at(token.expires).get(..10),
        }),
        None => json!({
            "id": user, "name": login, "revoked": false, "active": true, "user_id": user, "scopes": ["api"],
            "created_at": at(0), "last_used_at": at(model.now()), "expires_at": null,
        }),
    };
    Reply::ok(value)
}
