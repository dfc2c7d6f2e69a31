//! The bot's account on a GitLab: its token, and the webhooks of its projects.

use super::{Finding, chain};
use crate::domain::ids::Moment;
use crate::domain::project::Project;
use crate::forge::{Access, Credential, ForgeError, Hooks, ProjectHook};
use crate::services::credentials::SOON;
use url::Url;

/// Projects whose webhooks are looked at.
const MOST: usize = 20;

/// Looks at the account and its token; the rest is left out where they are refused.
pub async fn account(forge: &dyn Access, now: Moment) -> Vec<Finding> {
    const TODO: &str =
        "make a new token with the scope `api`, set TASKSGODZILLA_GITLAB_TOKEN and restart the bot";
    let account = match forge.identity().await {
        Ok(account) => account.actor,
        Err(error) => return vec![Finding::wrong("GitLab account", chain(error), TODO)],
    };
    let says = format!("@{} (id {}), its token is accepted", account.login, account.id);
    let credential = match forge.credential().await {
        Ok(credential) => credential.map(|credential| token(&credential, now, TODO)),
        Err(error) => Some(Finding::warn("GitLab token", format!("not known: {}", chain(error)), TODO)),
    };
    [Finding::ok("GitLab account", says)].into_iter().chain(credential).collect()
}

fn token(token: &Credential, now: Moment, todo: &str) -> Finding {
    const ABOUT: &str = "GitLab token";
    if !token.scopes.iter().any(|scope| scope == "api") {
        let says = format!("lacks the scope api; it has {}", token.scopes.join(", "));
        return Finding::wrong(ABOUT, says, todo);
    }
    let Some(expires) = token.expires else {
        return Finding::ok(ABOUT, "never expires");
    };
    let says = format!("expires on {}", expires.date_time());
    match expires {
        expires if expires <= now => Finding::wrong(ABOUT, says, todo),
        expires if expires <= now.plus(SOON) => Finding::warn(ABOUT, says, todo),
        _ => Finding::ok(ABOUT, says),
    }
}

/// Looks at the webhook of each project that the bot knows; `webhook` is where deliveries should go.
pub async fn webhooks(forge: &dyn Hooks, projects: &[&Project], webhook: Option<&Url>) -> Vec<Finding> {
    let Some(webhook) = webhook else {
        let todo = "set TASKSGODZILLA_PUBLIC_URL";
        return vec![Finding::warn(
            "GitLab webhooks",
            "not looked at: where they should go is not set",
            todo,
        )];
    };
    let mut findings = Vec::new();
    for project in projects.iter().take(MOST) {
        let path = project.repo.full_name();
        findings.push(hook(&path, forge.hook_at(&project.repo, webhook).await));
    }
    findings
}

fn hook(path: &str, found: Result<Option<ProjectHook>, ForgeError>) -> Finding {
    let about = format!("webhook of {path}");
    let todo = format!("`tasksgodzilla gitlab connect {path}` makes it, or sets it right");
    match found {
        Ok(Some(hook)) if hook.is_off => Finding::wrong(about, "GitLab switched it off after failures", todo),
        Ok(Some(_)) => Finding::ok(about, "goes to the bot"),
        Ok(None) => Finding::warn(about, "is not there; one of its group may serve it", todo),
        Err(ForgeError::Forbidden { .. } | ForgeError::Missing { .. }) => {
            Finding::ok(about, "not looked at: that takes a token with the role Maintainer")
        }
        Err(error) => Finding::wrong(about, chain(error), todo),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::doctor::State;

    const DAY: i64 = 86_400_000;

    #[track_caller]
    fn check(scope: &str, expires: Option<i64>, state: State, says: &str) {
        let expires = expires.map(Moment);
        let found = token(
            &Credential { name: "bot".to_owned(), scopes: vec![scope.to_owned()], expires },
            Moment(100 * DAY),
            "renew it",
        );
        assert_eq!((found.state, found.says.as_str()), (state, says));
    }

    #[test]
    fn a_token_that_ends_is_told_in_time() {
        check("api", None, State::Ok, "never expires");
        check("api", Some(120 * DAY), State::Ok, "expires on 1970-05-01 00:00:00");
        check("api", Some(110 * DAY), State::Warn, "expires on 1970-04-21 00:00:00");
        check("api", Some(100 * DAY), State::Wrong, "expires on 1970-04-11 00:00:00");
        check("read_api", None, State::Wrong, "lacks the scope api; it has read_api");
    }
}
