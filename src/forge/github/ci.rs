//! What others say of a commit: check runs, statuses, and suites that wait for a person.

use super::Github;
use super::client::{Ask, Words};
use super::links::repo_path;
use super::tokens::Rights;
use crate::domain::ci::{CiResult, CiState};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::{ForgeError, log};
use serde::Deserialize;

/// The App that GitHub Actions is.
const ACTIONS: &str = "github-actions";

#[derive(Deserialize)]
pub(super) struct WireRuns {
    pub(super) check_runs: Vec<WireRun>,
}

#[derive(Deserialize)]
pub(super) struct WireRun {
    pub(super) id: i64,
    pub(super) name: String,
    status: String,
    conclusion: Option<String>,
    html_url: Option<String>,
    app: Option<WireApp>,
}

#[derive(Deserialize)]
struct WireApp {
    id: i64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    slug: String,
}

/// A check run with what it says.
#[derive(Deserialize)]
struct WireSaid {
    app: Option<WireApp>,
    output: Option<WireOutput>,
}

#[derive(Deserialize)]
struct WireOutput {
    summary: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct WireSuites {
    check_suites: Vec<WireSuite>,
}

#[derive(Deserialize)]
struct WireSuite {
    conclusion: Option<String>,
    #[serde(default)]
    latest_check_runs_count: u64,
    app: Option<WireApp>,
}

#[derive(Deserialize)]
struct WireCombined {
    statuses: Vec<WireStatus>,
}

#[derive(Deserialize)]
struct WireStatus {
    context: String,
    state: String,
    target_url: Option<String>,
}

impl Github {
    /// Three questions at once, all pages of each.
    ///
    /// Suites count only where GitHub holds a workflow back until a person approves it: then there is a suite in
    /// `action_required` and no run. Other suites without runs stay queued for ever and say nothing.
    pub(super) async fn others_results(
        &self,
        repo: &RepoRef,
        sha: &Sha,
    ) -> Result<Vec<CiResult>, ForgeError> {
        let on = self.on(repo);
        let ask = |what: &str, needs| {
            let path = repo_path(repo, &format!("/commits/{sha}/{what}per_page=100"));
            Ask::get(path, Words::new("read CI", format!("commit {}", sha.short()), needs))
        };
        let ask_runs = ask("check-runs?filter=latest&", "checks=read");
        let ask_suites = ask("check-suites?", "checks=read");
        let ask_statuses = ask("status?", "statuses=read");
        let (runs, suites, statuses) = tokio::try_join!(
            on.all::<WireRuns>(&ask_runs),
            on.all::<WireSuites>(&ask_suites),
            on.all::<WireCombined>(&ask_statuses),
        )?;
        let page = format!("{}/{}/commit/{sha}/checks", self.web_url, repo.full_name());
        let runs = runs.into_iter().flat_map(|page| page.check_runs);
        let suites = suites.into_iter().flat_map(|page| page.check_suites);
        let statuses = statuses.into_iter().flat_map(|page| page.statuses);
        Ok(runs
            .filter(|run| !run.is_of(self.app_id))
            .map(WireRun::into_result)
            .chain(suites.filter_map(|suite| suite.held_back(self.app_id, &page)))
            .chain(statuses.map(WireStatus::into_result))
            .collect())
    }

    /// The log where a check run is a job of Actions, which has the same id, and its log can be had; else what the run says.
    pub(super) async fn said_by(&self, repo: &RepoRef, run: i64) -> Result<Option<String>, ForgeError> {
        let words = Words::new("read CI", format!("check run {run}"), "checks=read");
        let ask = Ask::get(repo_path(repo, &format!("/check-runs/{run}")), words);
        let said: WireSaid = self.on(repo).read(&ask).await?;
        let of_actions = said.app.is_some_and(|app| app.slug == ACTIONS);
        let log = if of_actions { self.action_log(repo, run).await? } else { None };
        let output = said.output.and_then(|output| output.text.or(output.summary));
        Ok(log.or_else(|| log::last_lines(output?.as_bytes())))
    }

    /// Lies elsewhere: GitHub answers with an address that is good for a minute.
    /// <https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>
    async fn action_log(&self, repo: &RepoRef, job: i64) -> Result<Option<String>, ForgeError> {
        let words = Words::new("read the log of CI", format!("log of job {job}"), "actions=read");
        let ask = Ask::get(repo_path(repo, &format!("/actions/jobs/{job}/logs")), words);
        match self.client.on(repo, Rights::Logs).bytes(&ask).await {
            Ok(log) => Ok(log::last_lines(&log)),
            Err(ForgeError::Missing { .. } | ForgeError::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl WireRun {
    pub(super) fn is_of(&self, app: i64) -> bool {
        self.app.as_ref().is_some_and(|of| of.id == app)
    }

    fn into_result(self) -> CiResult {
        CiResult {
            state: run_state(&self.status, self.conclusion.as_deref()),
            name: self.name,
            url: self.html_url,
            job: Some(self.id),
        }
    }
}

impl WireSuite {
    fn held_back(self, us: i64, page: &str) -> Option<CiResult> {
        let app = self.app.filter(|app| app.id != us)?;
        let waits =
            self.conclusion.as_deref() == Some("action_required") && self.latest_check_runs_count == 0;
        waits.then(|| CiResult {
            name: app.name,
            state: CiState::NeedsPerson,
            url: Some(page.to_owned()),
            job: None,
        })
    }
}

impl WireStatus {
    fn into_result(self) -> CiResult {
        CiResult {
            state: match self.state.as_str() {
                "success" => CiState::Passed,
                "failure" | "error" => CiState::Failed,
                _ => CiState::Pending,
            },
            name: self.context,
            url: self.target_url,
            job: None,
        }
    }
}

/// What GitHub may add one day is pending: it is never green, and patience ends it as inconclusive.
/// <https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks>
fn run_state(status: &str, conclusion: Option<&str>) -> CiState {
    match (status, conclusion) {
        ("completed", Some("success" | "neutral" | "skipped")) => CiState::Passed,
        ("completed", Some("failure" | "cancelled" | "timed_out" | "startup_failure" | "stale")) => {
            CiState::Failed
        }
        ("completed", Some("action_required")) => CiState::NeedsPerson,
        _ => CiState::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: &str, conclusions: &[&str], expected: CiState) {
        for conclusion in conclusions {
            assert_eq!(run_state(status, Some(conclusion)), expected, "{conclusion}");
        }
    }

    #[test]
    fn a_run_counts_by_its_conclusion_once_it_is_completed() {
        check("completed", &["success", "neutral", "skipped"], CiState::Passed);
        let failed = ["failure", "cancelled", "timed_out", "startup_failure", "stale"];
        check("completed", &failed, CiState::Failed);
        check("completed", &["action_required"], CiState::NeedsPerson);
        check("completed", &["invented"], CiState::Pending);
    }

    #[test]
    fn an_unfinished_run_is_pending() {
        for status in ["queued", "in_progress", "waiting", "requested", "pending", "invented"] {
            assert_eq!(run_state(status, None), CiState::Pending, "{status}");
        }
        assert_eq!(run_state("completed", None), CiState::Pending);
    }
}
