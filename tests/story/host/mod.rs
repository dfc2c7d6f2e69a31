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

/// A job of CI that runs a script.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub stage: &'a str,
    pub attempt: &'a str,
    pub branch: &'a str,
    pub sha: &'a str,
}

/// What the forge's own CI sets for a job of `acme/api`.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
/// <https://docs.gitlab.com/ci/variables/predefined_variables/>
pub fn ci_environment(account: &Account, repo: i64, job: &Job<'_>) -> Vec<(String, String)> {
    let (repo, page, run) = (repo.to_string(), job_page(job.stage, job.attempt), job.attempt);
    let of_github = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", REPO),
        ("GITHUB_REPOSITORY_ID", &repo),
        ("GITHUB_REF_NAME", job.branch),
        ("GITHUB_SHA", job.sha),
        ("GITHUB_WORKFLOW", "CI"),
        ("GITHUB_JOB", job.stage),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_RUN_ATTEMPT", run),
        ("TASKSGODZILLA_CI_TARGET_URL", &page),
    ];
    let of_gitlab = [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_PATH", REPO),
        ("CI_PROJECT_ID", &repo),
        ("CI_COMMIT_REF_NAME", job.branch),
        ("CI_COMMIT_SHA", job.sha),
        ("CI_PIPELINE_NAME", "CI"),
        ("CI_JOB_NAME", job.stage),
        ("CI_JOB_ID", run),
        ("CI_JOB_URL", &page),
    ];
    let set = match account {
        Account::Github(_) => of_github.as_slice(),
        Account::Gitlab(_) => of_gitlab.as_slice(),
    };
    set.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Where people see a job.
pub fn job_page(stage: &str, attempt: &str) -> String {
    format!("https://ci.example/{stage}/{attempt}")
}

/// How the script calls a state to this forge.
pub fn state<'a>(account: &Account, state: &'a str) -> &'a str {
    match (account, state) {
        (Account::Gitlab(_), "failure") => "failed",
        _ => state,
    }
}

/// The HTTP status of what is proved and cannot be read.
pub fn of_unreadable(account: &Account) -> &'static str {
    match account {
        Account::Github(_) => "400",
        Account::Gitlab(_) => "202",
    }
}
