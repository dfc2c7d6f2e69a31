//! What a job of CI that runs a script finds on each forge, and what becomes of what the script tells.

use crate::world::REPO;
use tasksgodzilla::sandbox::Account;

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
