//! Who is asking, and whether they may. <https://docs.gitlab.com/user/permissions/>

use super::words::{answered, forbidden, missing, unauthorized};
use crate::sandbox::acts::Refused;
use crate::sandbox::http::{Asked, Caller, Params};
use crate::sandbox::model::{Model, Repo, Role, Token};
use serde_json::json;

/// What a caller must have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Needs {
    Someone,
    /// To see the project at all.
    See,
    /// To be signed in, and to see it.
    Talk,
    /// To read code: everybody where it is public, else Reporter.
    Code,
    /// A role in the project.
    Least(Role),
    /// A role in the group `{id}`.
    Group(Role),
}

/// Reads `PRIVATE-TOKEN`, `Authorization: Bearer`, or for git `Basic` with the token as password and any user name.
pub(crate) fn identify(model: &Model, asked: &Asked, scope: &str) -> Result<Caller, Refused> {
    let Some(token) = asked.token() else {
        return if asked.authorization.is_some() { Err(unauthorized()) } else { Ok(Caller::Nobody) };
    };
    match model.tokens.get(&token) {
        Some(Token::Person { login }) => Ok(Caller::Person { login: login.clone() }),
        Some(Token::Access(access)) => {
            if model.now() >= access.expires {
                let why = "Token is expired. You can either do re-authorization or token refresh.";
                let body = json!({ "error": "invalid_token", "error_description": why });
                return Err(answered(401, body));
            }
            if !covers(&access.scopes, scope) {
                let why = "The request requires higher privileges than provided by the access token.";
                let body = json!({ "error": "insufficient_scope", "error_description": why, "scope": scope });
                return Err(answered(403, body));
            }
            Ok(Caller::Person { login: access.login.clone() })
        }
        Some(Token::Installation { .. }) | None => Err(unauthorized()),
    }
}

/// <https://docs.gitlab.com/user/profile/personal_access_tokens/#personal-access-token-scopes>
fn covers(scopes: &[&str], scope: &str) -> bool {
    let wider: &[&str] = match scope {
        "read_api" => &["api"],
        "read_repository" => &["write_repository", "api"],
        "write_repository" => &["api"],
        _ => &[],
    };
    scopes.iter().any(|has| *has == scope || wider.contains(has))
}

/// Checks what a route needs. Returns the project in the path, 0 where there is none.
pub(crate) fn authorise(
    model: &Model,
    needs: Needs,
    caller: &Caller,
    params: &Params,
) -> Result<u64, Refused> {
    let login = match caller {
        Caller::Person { login } => Some(login.as_str()),
        _ => None,
    };
    let id = params.get("id").map_or("", String::as_str);
    match needs {
        Needs::Someone => login.map(|_| 0).ok_or_else(unauthorized),
        Needs::Group(least) => {
            let login = login.ok_or_else(unauthorized)?;
            let has = model.group_role(group_path(model, id), login).ok_or_else(|| missing("Group"))?;
            if has < least { Err(forbidden()) } else { Ok(0) }
        }
        Needs::See | Needs::Talk | Needs::Code | Needs::Least(_) => {
            let repo = project(model, id).filter(|repo| role(model, repo, login).is_some());
            let hidden = || if login.is_some() { missing("Project") } else { unauthorized() };
            let repo = repo.ok_or_else(hidden)?;
            may_use(model, repo, login, needs)?;
            Ok(repo.id)
        }
    }
}

/// The path of a group that is named by its path or its number.
pub(super) fn group_path<'m>(model: &'m Model, id: &'m str) -> &'m str {
    let number = id.parse::<u64>().ok();
    let named = number.and_then(|number| model.users.iter().find(|user| user.id == number));
    named.map_or(id, |user| user.login.as_str())
}

fn project<'m>(model: &'m Model, id: &str) -> Option<&'m Repo> {
    match id.parse() {
        Ok(id) => model.repo(id),
        Err(_) => id.rsplit_once('/').and_then(|(owner, name)| model.repo_named(owner, name)),
    }
}

/// `None` for who may not even see the project.
fn role(model: &Model, repo: &Repo, login: Option<&str>) -> Option<Role> {
    match login {
        Some(login) => model.role(repo, login),
        None => (!repo.private).then_some(Role::Read),
    }
}

fn may_use(model: &Model, repo: &Repo, login: Option<&str>, needs: Needs) -> Result<(), Refused> {
    let has = role(model, repo, login);
    let least = match needs {
        Needs::Code if repo.private => Role::Triage,
        Needs::Least(least) => least,
        _ => Role::Read,
    };
    let is_act = matches!(needs, Needs::Talk | Needs::Least(_));
    if is_act && login.is_none() {
        return Err(unauthorized());
    }
    if has.is_none_or(|has| has < least) || (is_act && repo.archived && needs_writing(needs)) {
        return Err(forbidden());
    }
    Ok(())
}

fn needs_writing(needs: Needs) -> bool {
    matches!(needs, Needs::Least(Role::Write))
}

/// Whether somebody may push to, or merge into, this branch. The default branch is protected: it takes a maintainer.
/// <https://docs.gitlab.com/user/project/repository/branches/protected/>
pub(crate) fn may_write(model: &Model, repo: &Repo, login: &str, branch: &str) -> bool {
    let least = if branch == repo.default_branch { repo.protected } else { Role::Write };
    model.role(repo, login).is_some_and(|has| has >= least)
}

/// The role of who calls, in the project of the call.
pub(super) fn level_of(model: &Model, call: &crate::sandbox::http::Call) -> Option<Role> {
    match &call.caller {
        Caller::Person { login } => model.role(model.repo(call.repo)?, login),
        _ => None,
    }
}
