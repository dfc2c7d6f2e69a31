//! The App on its forge: credentials, clock, rights, installations, webhook, deliveries.

use super::{Finding, chain};
use crate::config::Manifest;
use crate::domain::ids::Moment;
use crate::forge::{DeliveryLog, ForgeError, Granted, Hook, Installation, Logged, Operations};
use crate::report::time::utc;
use std::collections::BTreeMap;
use std::time::Duration;

/// The App's assertions are good from a minute before to nine minutes after our time.
const MOST_SKEW: Duration = Duration::from_secs(60);
const SOME_SKEW: Duration = Duration::from_secs(15);
/// Deliveries of so long are looked at.
const LOOK_BACK: Duration = Duration::from_secs(60 * 60);

/// What the App should be like.
pub struct Wanted<'a> {
    pub manifest: &'a Manifest,
    /// Where deliveries should go; `None` when the public address is not set.
    pub webhook: Option<String>,
    /// Our time, in milliseconds.
    pub now: Moment,
}

/// Looks at the App; what cannot be asked because the credentials are refused is left out.
pub async fn app(forge: &(impl Operations + DeliveryLog), wanted: &Wanted<'_>) -> Vec<Finding> {
    let mut findings = vec![clock(forge, wanted.now).await];
    let app = match forge.app().await {
        Ok(app) => app,
        Err(error) => {
            let todo = unanswered(&error);
            findings.push(Finding::wrong("App", chain(error), todo));
            return findings;
        }
    };
    findings.push(Finding::ok("App", format!("{} (id {}), its credentials are accepted", app.slug, app.id)));
    findings.push(rights(
        "App rights",
        &app.granted,
        wanted.manifest,
        "change them on the App's settings page",
    ));
    findings.extend(installed(forge, wanted.manifest).await);
    findings.push(match forge.hook().await {
        Ok(hook) => webhook(hook.as_ref(), wanted.webhook.as_deref()),
        Err(error) => Finding::wrong("webhook", chain(error), "see the App's settings page"),
    });
    findings.push(match forge.deliveries(wanted.now.minus(LOOK_BACK)).await {
        Ok(log) => deliveries(&log),
        Err(error) => {
            Finding::wrong("deliveries", chain(error), "see \"Advanced\" on the App's settings page")
        }
    });
    findings
}

/// What to do when the forge does not say who the App is.
fn unanswered(error: &ForgeError) -> &'static str {
    match error {
        ForgeError::Transport { .. } => {
            "see that TASKSGODZILLA_GITHUB_API_URL can be reached from here: address, proxy, certificates, firewall"
        }
        ForgeError::Unauthorized { .. } => {
            "see that TASKSGODZILLA_GITHUB_APP_ID and the private key belong together, and the clock"
        }
        ForgeError::Limited { .. } | ForgeError::Broken { .. } | ForgeError::Behind { .. } => {
            "ask again later; see https://www.githubstatus.com, or the status of your own server"
        }
        _ => "see that TASKSGODZILLA_GITHUB_API_URL is the REST API of the server that has the App",
    }
}

async fn clock(forge: &dyn Operations, now: Moment) -> Finding {
    let theirs = match forge.time().await {
        Ok(theirs) => theirs,
        Err(error) => {
            let todo = "see whether the forge's API can be reached from here: proxy, certificates, firewall";
            return Finding::wrong("clock", format!("not compared: {}", chain(error)), todo);
        }
    };
    let skew = now.since(theirs).max(theirs.since(now));
    let side = if now > theirs { "ahead of" } else { "behind" };
    let says = format!("{} s {side} the forge's", skew.as_secs());
    let todo = "set this machine's clock, for example by NTP; the forge refuses credentials that are off by a minute";
    match skew {
        skew if skew > MOST_SKEW => Finding::wrong("clock", says, todo),
        skew if skew > SOME_SKEW => Finding::warn("clock", says, todo),
        _ => Finding::ok("clock", says),
    }
}

async fn installed(forge: &dyn Operations, wanted: &Manifest) -> Vec<Finding> {
    let installations = match forge.installations().await {
        Ok(installations) => installations,
        Err(error) => return vec![Finding::wrong("installations", chain(error), "ask again later")],
    };
    if installations.is_empty() {
        let todo = "install it from its page, on the repositories that it is to work in";
        return vec![Finding::warn("installations", "the App is installed nowhere", todo)];
    }
    installations.iter().map(|installation| on_account(installation, wanted)).collect()
}

fn on_account(installation: &Installation, wanted: &Manifest) -> Finding {
    let about = format!("installation on {}", installation.account);
    if installation.suspended {
        let todo = format!("unsuspend it at {}", installation.page);
        return Finding::warn(about, "is suspended", todo);
    }
    let todo = format!("accept what the App asks for at {}", installation.page);
    rights(&about, &installation.granted, wanted, &todo)
}

/// What is wanted against what is granted. More than the bot uses is told as well: it should have no more.
fn rights(about: &str, granted: &Granted, wanted: &Manifest, todo: &str) -> Finding {
    let has = |name: &str| granted.permissions.get(name).map_or(0, |level| rank(level));
    let missing =
        wanted.default_permissions.iter().filter(|(name, access)| has(name) < rank(access.as_str()));
    let missing = missing.map(|(name, access)| format!("{name}: {}", access.as_str()));
    let silent = wanted.default_events.iter().filter(|event| !granted.events.contains(event));
    let missing: Vec<String> = missing.chain(silent.map(|event| format!("the event {event}"))).collect();
    if !missing.is_empty() {
        return Finding::wrong(about, format!("lacks {}", missing.join(", ")), todo);
    }
    let surplus = surplus(&granted.permissions, wanted);
    if !surplus.is_empty() {
        let todo = "take it away: the bot does not use it";
        return Finding::warn(about, format!("has more than is used: {}", surplus.join(", ")), todo);
    }
    Finding::ok(about, "all that is used and nothing else")
}

fn surplus(granted: &BTreeMap<String, String>, wanted: &Manifest) -> Vec<String> {
    let used = |name: &str| wanted.default_permissions.get(name).map_or(0, |access| rank(access.as_str()));
    let more = granted.iter().filter(|(name, level)| rank(level) > used(name));
    more.map(|(name, level)| format!("{name}: {level}")).collect()
}

fn rank(level: &str) -> u8 {
    match level {
        "read" => 1,
        "write" => 2,
        "admin" => 3,
        _ => 0,
    }
}

fn webhook(hook: Option<&Hook>, wanted: Option<&str>) -> Finding {
    const ABOUT: &str = "webhook";
    let place = "on the App's settings page";
    let Some(hook) = hook else {
        return Finding::wrong(ABOUT, "is not set, so nothing is heard", format!("activate it {place}"));
    };
    if hook.content_type != "json" {
        let says = format!("sends {}", hook.content_type);
        return Finding::wrong(ABOUT, says, format!("choose application/json {place}"));
    }
    match wanted {
        None => Finding::warn(
            ABOUT,
            format!("goes to {}", hook.url),
            "set TASKSGODZILLA_PUBLIC_URL: links of reports lead to the address that is listened on",
        ),
        Some(wanted) if wanted != hook.url => {
            let todo = format!("enter {wanted} {place}, or change TASKSGODZILLA_PUBLIC_URL");
            Finding::wrong(ABOUT, format!("goes to {}", hook.url), todo)
        }
        Some(_) if !hook.checks_certificate => Finding::warn(
            ABOUT,
            "the forge does not check the bot's certificate",
            format!("enable SSL verification {place}"),
        ),
        Some(wanted) => Finding::ok(ABOUT, format!("goes to {wanted}")),
    }
}

/// Deliveries, oldest first, that failed and did not arrive since. When the newest failed, none may come through.
fn deliveries(log: &[Logged]) -> Finding {
    const ABOUT: &str = "deliveries";
    let failed: Vec<&Logged> = log.iter().filter(|delivery| !delivery.has_arrived()).collect();
    let Some(last) = failed.last() else {
        return Finding::ok(ABOUT, format!("none of {} in the last hour failed", log.len()));
    };
    let Logged { guid, event, at, status, .. } = last;
    let says = format!(
        "{} of {} in the last hour failed, the last at {}: {event}, answered with {status} ({guid})",
        failed.len(),
        log.len(),
        utc(*at),
    );
    if log.last().is_some_and(|newest| !newest.has_arrived()) {
        let todo = "see that the forge reaches the webhook's address and that the secrets are the same, then send them again";
        return Finding::wrong(ABOUT, says, todo);
    }
    Finding::warn(ABOUT, says, "send them again from \"Advanced\" on the App's settings page")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::doctor::State;

    fn granted() -> Granted {
        let manifest = Manifest::embedded();
        let permissions = manifest.default_permissions.iter();
        Granted {
            permissions: permissions
                .map(|(name, access)| (name.clone(), access.as_str().to_owned()))
                .collect(),
            events: manifest.default_events,
        }
    }

    #[track_caller]
    fn check_rights(change: impl FnOnce(&mut Granted), state: State, says: &str) {
        let mut granted = granted();
        change(&mut granted);
        let found = rights("App", &granted, &Manifest::embedded(), "do it");
        assert_eq!((found.state, found.says.as_str()), (state, says));
    }

    #[test]
    fn rights_are_as_wanted_or_told() {
        check_rights(|_| {}, State::Ok, "all that is used and nothing else");
        check_rights(|now| drop(now.permissions.remove("checks")), State::Wrong, "lacks checks: write");
        let read = |now: &mut Granted| drop(now.permissions.insert("contents".to_owned(), "read".to_owned()));
        check_rights(read, State::Wrong, "lacks contents: write");
        check_rights(|now| now.events.retain(|event| event != "push"), State::Wrong, "lacks the event push");
        let more = |now: &mut Granted| drop(now.permissions.insert("members".to_owned(), "read".to_owned()));
        check_rights(more, State::Warn, "has more than is used: members: read");
        let admin = |now: &mut Granted| drop(now.permissions.insert("issues".to_owned(), "admin".to_owned()));
        check_rights(admin, State::Warn, "has more than is used: issues: admin");
    }

    fn hook(url: &str, content_type: &str, checks_certificate: bool) -> Hook {
        Hook { url: url.to_owned(), content_type: content_type.to_owned(), checks_certificate }
    }

    #[test]
    fn the_webhook_goes_where_the_bot_is() {
        const HERE: &str = "https://bot.example/webhooks/github";
        let check = |hook: Option<Hook>, wanted, state| {
            let found = webhook(hook.as_ref(), wanted);
            assert_eq!(found.state, state, "{found:?}");
        };
        check(Some(hook(HERE, "json", true)), Some(HERE), State::Ok);
        check(Some(hook("https://old.example/x", "json", true)), Some(HERE), State::Wrong);
        check(Some(hook(HERE, "form", true)), Some(HERE), State::Wrong);
        check(Some(hook(HERE, "json", false)), Some(HERE), State::Warn);
        check(Some(hook(HERE, "json", true)), None, State::Warn);
        check(None, Some(HERE), State::Wrong);
    }

    #[test]
    fn a_failed_delivery_is_told_and_the_newest_is_the_worst() {
        let delivery = |status| Logged {
            id: 1,
            guid: "g".to_owned(),
            event: "push".to_owned(),
            action: None,
            repo: None,
            at: Moment(1_795_467_067_000),
            status,
        };
        assert_eq!(deliveries(&[]).state, State::Ok);
        assert_eq!(deliveries(&[delivery(202), delivery(202)]).state, State::Ok);
        assert_eq!(deliveries(&[delivery(502), delivery(202)]).state, State::Warn);
        assert_eq!(deliveries(&[delivery(202), delivery(401)]).state, State::Wrong);
    }
}
