//! Who is asking, and whether they may: App assertions, installation tokens, people's tokens.

use super::desk::{Access, AssertionClock};
use super::routes::Needs;
use crate::sandbox::acts::Refused;
use crate::sandbox::http::{Asked, Caller, Params};
use crate::sandbox::model::{Clock, Model, Role, Token};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn bad_credentials() -> Refused {
    Refused::new(401, "Bad credentials")
}

/// Reads `Authorization`: `Bearer`, `token`, or `Basic` with the token as password.
pub(crate) fn identify(model: &Model, asked: &Asked) -> Result<Caller, Refused> {
    match (asked.token(), &asked.authorization) {
        (Some(token), _) => identify_token(model, &token),
        (None, Some(_)) => Err(bad_credentials()),
        (None, None) => Ok(Caller::Nobody),
    }
}

fn identify_token(model: &Model, token: &str) -> Result<Caller, Refused> {
    match model.tokens.get(token) {
        Some(Token::Person { login }) => Ok(Caller::Person { login: login.clone() }),
        Some(Token::Installation { installation, repos, permissions, expires }) => {
            let found = model
                .github
                .installations
                .iter()
                .find(|i| i.id == *installation)
                .ok_or_else(bad_credentials)?;
            if model.now() >= *expires {
                return Err(bad_credentials());
            }
            if found.suspended.is_some() {
                return Err(Refused::new(403, "This installation has been suspended"));
            }
            let repos = repos.iter().copied().filter(|r| found.repos.contains(r)).collect();
            Ok(Caller::Installation { app: found.app, repos, permissions: permissions.clone() })
        }
        Some(Token::Access(_)) => Err(bad_credentials()),
        None if token.starts_with("ey") && token.split('.').count() == 3 => identify_app(model, token),
        None => Err(bad_credentials()),
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: Value,
    #[serde(default)]
    iat: Value,
    #[serde(default)]
    exp: Value,
}

/// Checks an App's assertion: RS256, signed by the App's key, at most ten minutes long.
///
/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>
fn identify_app(model: &Model, token: &str) -> Result<Caller, Refused> {
    let undecodable = || Refused::new(401, "A JSON web token could not be decoded");
    let unchecked = jsonwebtoken::dangerous::insecure_decode::<Claims>(token).map_err(|_| undecodable())?;
    let issuer = match &unchecked.claims.iss {
        Value::String(text) => text.strip_prefix("Iv1.").unwrap_or(text).parse().ok(),
        other => other.as_u64(),
    };
    let unknown = || Refused::new(401, "Integration must generate a public key");
    let app =
        issuer.and_then(|id| model.app(id)).filter(|a| !a.public_key.0.is_empty()).ok_or_else(unknown)?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    let key = DecodingKey::from_rsa_raw_components(&app.public_key.0, &app.public_key.1);
    let checked = jsonwebtoken::decode::<Claims>(token, &key, &rules).map_err(|_| undecodable())?;
    let clock = match model.github.assertion_clock {
        AssertionClock::Machine => Clock::Machine,
        AssertionClock::Twin => model.clock,
    };
    check_times(&checked.claims, clock.now().div_euclid(1000))?;
    Ok(Caller::App { app: app.id })
}

fn check_times(claims: &Claims, now: i64) -> Result<(), Refused> {
    let refused = |why: &str| Err(Refused::new(401, why));
    match claims.exp.as_i64() {
        None => refused(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ),
        Some(exp) if exp <= now => refused(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ),
        Some(exp) if exp > now + 600 => refused("'Expiration time' claim ('exp') is too far in the future"),
        Some(_) => match claims.iat.as_i64() {
            Some(iat) if iat <= now + 60 => Ok(()),
            _ => refused(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
            ),
        },
    }
}

/// Makes the text of an installation token in the format of 2026: about 520 characters, with dots.
pub(crate) fn new_token(app: u64, serial: u64) -> String {
    let mut noise = String::new();
    let mut seed = Sha256::digest(format!("{app}/{serial}")).to_vec();
    while noise.len() < 520 {
        noise.push_str(&BASE64_URL_SAFE_NO_PAD.encode(&seed));
        seed = Sha256::digest(&seed).to_vec();
    }
    let noise = noise.replace(['-', '_'], "x");
    format!("ghs_{app}_{}.{}.{}", &noise[..36], &noise[36..420], &noise[420..506])
}

/// Checks what a route needs. Returns the repository in the path, 0 where there is none.
pub(crate) fn authorise(
    model: &Model,
    needs: Needs,
    caller: &Caller,
    params: &Params,
) -> Result<u64, Refused> {
    match needs {
        Needs::Nothing => Ok(0),
        Needs::Someone if matches!(caller, Caller::Nobody) => {
            Err(Refused::new(401, "Requires authentication"))
        }
        Needs::Someone => Ok(0),
        Needs::App if matches!(caller, Caller::App { .. }) => Ok(0),
        Needs::AppOnRepo if matches!(caller, Caller::App { .. }) => find_repo(model, params),
        Needs::App | Needs::AppOnRepo => Err(Refused::new(401, "A JSON web token could not be decoded")),
        Needs::Repo { rights, role } => {
            let repo = find_repo(model, params)?;
            may_use(model, repo, caller, (rights, role))?;
            Ok(repo)
        }
    }
}

fn find_repo(model: &Model, params: &Params) -> Result<u64, Refused> {
    let found = match params.get("repository_id") {
        Some(id) => id.parse().ok().and_then(|id| model.repo(id)),
        None => model.repo_named(params.get("owner").map_or("", |o| o), params.get("repo").map_or("", |r| r)),
    };
    found.map(|r| r.id).ok_or_else(Refused::missing)
}

type Rights = (&'static [(&'static str, Access)], Role);

pub(crate) fn may_use(
    model: &Model,
    id: u64,
    caller: &Caller,
    (rights, role): Rights,
) -> Result<(), Refused> {
    let repo = model.repo(id).ok_or_else(Refused::missing)?;
    let writes = rights.iter().any(|(_, access)| *access == Access::Write);
    match caller {
        Caller::App { .. } => return Err(bad_credentials()),
        Caller::Nobody if repo.private => return Err(Refused::missing()),
        Caller::Nobody if writes => return Err(Refused::new(401, "Requires authentication")),
        Caller::Nobody => {}
        Caller::Person { login } => {
            let has = model.role(repo, login).ok_or_else(Refused::missing)?;
            if has < role {
                return Err(Refused::new(403, "Must have more rights to Repository."));
            }
        }
        Caller::Installation { repos, .. } => {
            if !repos.contains(&id) {
                return Err(Refused::missing());
            }
            if !rights.iter().any(|(name, access)| *name == "metadata" || caller.may(name, *access)) {
                return Err(Refused::new(403, "Resource not accessible by integration"));
            }
        }
    }
    if writes && repo.archived {
        return Err(Refused::new(403, "Repository was archived so is read-only."));
    }
    Ok(())
}
