//! The forge of a story: which one, and what differs in how people read it.
//!
//! `calls` has what the bot asks of a forge, `accounts` who asks, `posts` what the bot is told, `stages` what scripts of CI tell.

mod accounts;
mod calls;
mod posts;
mod stages;

pub use accounts::{Bot, asked, client, github, installation, let_in, serve, shut_out};
pub use calls::{Call, after_denial, apart, order};
pub use posts::{Post, commenter, reworded, with_previous_secret};
pub use stages::{Job, ci_environment, job_page, of_unreadable, state};

use super::luck::{Luck, Way};
use super::world::REPO;
use super::{gitlab_openapi, openapi};
use regex::Regex;
use tasksgodzilla::sandbox::{
    Account, CheckConclusion, CheckView, CommentView, Host, PullView, RequestView, Twin,
};

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

/// The title of a draft, or of what is none, without what only says that it is one.
pub fn title(host: Host, pull: &PullView) -> String {
    match host {
        Host::Gitlab if pull.draft => pull.title.strip_prefix("Draft: ").unwrap().to_owned(),
        Host::Github | Host::Gitlab => pull.title.clone(),
    }
}

/// The address that names somebody in a commit and reaches nobody.
pub fn nobodys_address(host: Host, id: u64, login: &str) -> String {
    match host {
        Host::Github => format!("{id}+{login}@users.noreply.github.com"),
        Host::Gitlab => format!("{id}-{login}@users.noreply.127.0.0.1"),
    }
}

/// What is said of branches that changed the same lines, when one is to be merged.
pub fn unmergeable(host: Host) -> &'static str {
    match host {
        Host::Github => "Pull Request is not mergeable",
        Host::Gitlab => "Branch cannot be merged: conflict",
    }
}

/// The commit that a request put a check on.
pub fn checked_commit(host: Host, request: &RequestView) -> Option<String> {
    let is_check = Call::PutCheck.is(host, request);
    let named = match host {
        Host::Github => request.body["head_sha"].as_str(),
        Host::Gitlab => request.path.rsplit('/').next(),
    };
    named.filter(|_| is_check).map(str::to_owned)
}

/// The worst way of webhooks after which everything is there all the same: GitHub's log has what is lost, and GitLab has
/// no log that the bot may read.
pub fn rough(host: Host, luck: Luck) -> Way {
    match host {
        Host::Github => Way::Rough(luck),
        Host::Gitlab => Way::Uneven(luck),
    }
}
