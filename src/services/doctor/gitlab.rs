//! The bot's account on a GitLab: its token, and its role and its webhook in each project.

use super::{Finding, chain};
use crate::domain::actor::Permission;
use crate::domain::ids::Moment;
use crate::domain::project::Project;
use crate::forge::{Access, Credential, ForgeError, Hooks, ProjectHook};
use crate::services::credentials::SOON;
use url::Url;

/// Projects that are looked at.
const MOST: usize = 20;

const RENEW: &str =
    "make a new token with the scope `api`, set TASKSGODZILLA_GITLAB_TOKEN and restart the bot";

/// Looks at the account and its token; the rest is left out where they are refused.
pub async fn account(forge: &dyn Access, now: Moment) -> Vec<Finding> {
    let account = match forge.identity().await {
        Ok(account) => account.actor,
        Err(error) => {
            let todo = remedy(&error, RENEW);
            return vec![Finding::wrong("GitLab account", chain(error), todo)];
        }
    };
    let says = format!("@{} (id {}), its token is accepted", account.login, account.id);
    let credential = match forge.credential().await {
        Ok(credential) => credential.map(|credential| token(&credential, now)),
        Err(error) => {
            let todo = remedy(&error, RENEW);
            Some(Finding::warn("GitLab token", format!("not known: {}", chain(error)), todo))
        }
    };
    [Finding::ok("GitLab account", says)].into_iter().chain(credential).collect()
}

fn token(token: &Credential, now: Moment) -> Finding {
    const ABOUT: &str = "GitLab token";
    if !token.scopes.iter().any(|scope| scope == "api") {
        let says = format!("lacks the scope api; it has {}", token.scopes.join(", "));
        return Finding::wrong(ABOUT, says, RENEW);
    }
    let Some(expires) = token.expires else {
        return Finding::ok(ABOUT, "never expires");
    };
    let says = format!("expires on {}", expires.date_time());
    match expires {
        expires if expires <= now => Finding::wrong(ABOUT, says, RENEW),
        expires if expires <= now.plus(SOON) => Finding::warn(ABOUT, says, RENEW),
        _ => Finding::ok(ABOUT, says),
    }
}

/// What to do about an error: where GitLab could not be asked, that, and else what it takes to get `lacking` right.
fn remedy(error: &ForgeError, lacking: &str) -> String {
    let todo = match error {
        ForgeError::Transport { .. } => {
            "see whether TASKSGODZILLA_GITLAB_URL is right and can be reached from here: proxy, certificates, firewall"
        }
        ForgeError::Limited { .. } => "ask again when the limit has passed",
        ForgeError::Broken { .. } | ForgeError::Behind { .. } => {
            "ask again later; if it stays so, see how the GitLab server is"
        }
        ForgeError::Unreadable { .. } => {
            "see whether TASKSGODZILLA_GITLAB_URL is GitLab's, and whether something before it answers"
        }
        ForgeError::Unauthorized { .. } => RENEW,
        ForgeError::Missing { .. }
        | ForgeError::Forbidden { .. }
        | ForgeError::Refused { .. }
        | ForgeError::Unfit { .. } => lacking,
    };
    todo.to_owned()
}

/// Looks at each project that the bot knows: the account's role there, and the webhook, whose deliveries should go to
/// `webhook`. Where the account is refused there is nothing to add to what [`account`] says.
pub async fn projects(
    forge: &(impl Access + Hooks),
    projects: &[&Project],
    webhook: Option<&Url>,
) -> Vec<Finding> {
    let Ok(us) = forge.identity().await else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if webhook.is_none() {
        let says = "not looked at: where they should go is not set";
        findings.push(Finding::warn("GitLab webhooks", says, "set TASKSGODZILLA_PUBLIC_URL"));
    }
    let mut unseen = Vec::new();
    for project in projects.iter().take(MOST) {
        let path = project.repo.full_name();
        findings.push(role(&path, forge.permission(&project.repo, &us.actor).await));
        let Some(webhook) = webhook else {
            continue;
        };
        match forge.hook_at(&project.repo, webhook).await {
            Err(ForgeError::Forbidden { .. }) => unseen.push(path),
            found => findings.push(hook(&path, found)),
        }
    }
    findings.extend(not_shown(&unseen));
    findings
}

/// Whether the account may do in a project what the bot does there.
fn role(path: &str, found: Result<Permission, ForgeError>) -> Finding {
    let about = format!("role in {path}");
    let todo = format!("give the bot's account the role Developer in {path}");
    let too_little = match found {
        Ok(Permission::Admin) => return Finding::ok(about, "Owner"),
        Ok(Permission::Maintain) => return Finding::ok(about, "Maintainer"),
        Ok(Permission::Write) => return Finding::ok(about, "Developer"),
        Ok(Permission::Triage) => "Reporter: the bot can neither push branches nor open merge requests",
        Ok(Permission::Read) => "Guest or less: the bot can neither push branches nor open merge requests",
        Ok(Permission::None) | Err(ForgeError::Missing { .. }) => "none: the bot cannot work there",
        Err(error) => {
            let todo = remedy(&error, &todo);
            return Finding::warn(about, format!("not known: {}", chain(error)), todo);
        }
    };
    Finding::wrong(about, too_little, todo)
}

fn hook(path: &str, found: Result<Option<ProjectHook>, ForgeError>) -> Finding {
    let about = format!("webhook of {path}");
    let todo = format!("`tasksgodzilla gitlab connect {path}` makes it, or sets it right");
    match found {
        Ok(Some(hook)) if hook.is_off => Finding::wrong(about, "GitLab switched it off after failures", todo),
        Ok(Some(hook)) if !hook.lacks.is_empty() => {
            let says = format!("goes to the bot without what the bot reads: {}", hook.lacks.join(", "));
            Finding::wrong(about, says, todo)
        }
        Ok(Some(hook)) if !hook.checks_certificate => {
            let says = "goes to the bot with SSL verification off: its secret may reach somebody else";
            Finding::warn(about, says, todo)
        }
        Ok(Some(_)) => Finding::ok(about, "goes to the bot"),
        Ok(None) => Finding::warn(about, "is not there; one of its group may serve it", todo),
        Err(error) => {
            let todo = remedy(&error, &todo);
            Finding::wrong(about, chain(error), todo)
        }
    }
}

/// A Developer's token, which is all that the bot needs to work, is not shown webhooks: that is said once, not as a fault
/// of each project.
fn not_shown(paths: &[String]) -> Option<Finding> {
    let path = paths.first()?;
    let says = format!("not looked at in {}: GitLab shows them to Maintainers only", paths.join(", "));
    let todo = format!(
        "nothing, where commands are answered; else `tasksgodzilla gitlab connect {path}` with a token of a Maintainer \
         looks and sets right"
    );
    Some(Finding::warn("GitLab webhooks", says, todo))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::doctor::State;
    use std::time::Duration;

    const DAY: i64 = 86_400_000;

    #[track_caller]
    fn check(scope: &str, expires: Option<i64>, state: State, says: &str) {
        let expires = expires.map(Moment);
        let found = token(
            &Credential { name: "bot".to_owned(), scopes: vec![scope.to_owned()], expires },
            Moment(100 * DAY),
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

    #[test]
    fn what_to_do_depends_on_what_went_wrong() {
        let host = || "lab.example".to_owned();
        let told = |error: ForgeError| hook("acme/api", Err(error)).todo;
        let wait = Duration::from_secs(7);
        assert_eq!(told(ForgeError::Limited { host: host(), wait }), "ask again when the limit has passed");
        let silent = ForgeError::Transport { host: host(), source: "connection refused".into() };
        assert!(told(silent).contains("TASKSGODZILLA_GITLAB_URL"));
        assert_eq!(told(ForgeError::Unauthorized { host: host(), todo: "" }), RENEW);
        let missing = ForgeError::Missing { host: host(), what: "webhooks".to_owned() };
        assert!(told(missing).starts_with("`tasksgodzilla gitlab connect acme/api`"));
    }
}
