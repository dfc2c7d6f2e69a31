//! The forge of a story: which one, and what differs in how people read it.

use super::world::REPO;
use super::{gitlab_openapi, openapi};
use regex::Regex;
use tasksgodzilla::sandbox::{Account, CheckConclusion, CheckView, CommentView, Host, Twin};

/// The forge on which stories are told: GitHub, or what `TASKSGODZILLA_TEST_FORGE` says.
pub fn told_on() -> Host {
    match std::env::var("TASKSGODZILLA_TEST_FORGE").as_deref() {
        Ok("gitlab") => Host::Gitlab,
        Ok("github") | Err(_) => Host::Github,
        Ok(other) => panic!("TASKSGODZILLA_TEST_FORGE is `{other}`; it must be github or gitlab"),
    }
}

/// Whether people see no more than that something was said here.
pub fn hides(account: &Account, comment: &CommentView) -> bool {
    match account {
        Account::Github(_) => comment.minimized.is_some(),
        Account::Gitlab(_) => comment.body.starts_with("<details><summary>Outdated</summary>"),
    }
}

/// How a check ended, in GitHub's words. GitLab has `canceled` both for what needs a person and for what was cancelled,
/// which the description tells apart, and `skipped` for what is neither good nor bad.
pub fn conclusion(account: &Account, check: &CheckView) -> Option<CheckConclusion> {
    let title = check.title.as_deref().unwrap_or_default();
    match (account, check.conclusion?) {
        (Account::Gitlab(_), CheckConclusion::Cancelled) if !title.starts_with("Cancelled") => {
            Some(CheckConclusion::ActionRequired)
        }
        (Account::Gitlab(_), CheckConclusion::Skipped) => Some(CheckConclusion::Neutral),
        (_, conclusion) => Some(conclusion),
    }
}

/// What the forge's published description does not allow of what the bot asked.
pub fn faults(account: &Account, twin: &Twin) -> Vec<String> {
    match account {
        Account::Github(_) => openapi::faults(&twin.requests()),
        Account::Gitlab(_) => gitlab_openapi::faults(&twin.requests()),
    }
}

/// A text of the bot in the words and numbers with which stories are written: GitHub's.
pub fn plain(account: &Account, twin: &Twin, text: &str) -> String {
    if matches!(account, Account::Github(_)) {
        return text.to_owned();
    }
    let mut text = text.replace("merge request", "pull request").replace('\u{2060}', "");
    for number in 1.. {
        let Ok(shown) = twin.shown(REPO, number) else { break };
        if let Some(iid) = shown.strip_prefix('!') {
            let sign = Regex::new(&format!(r"!{iid}\b")).unwrap();
            text = sign.replace_all(&text, format!("#{number}")).into_owned();
            let link = Regex::new(&format!(r"/-/merge_requests/{iid}\b")).unwrap();
            text = link.replace_all(&text, format!("/pull/{number}")).into_owned();
        }
    }
    text.replace("/-/", "/")
}
