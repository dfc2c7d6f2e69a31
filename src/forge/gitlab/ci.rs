//! What others say of a commit: jobs of its pipelines, pipelines that came to no job, and statuses from outside.

use super::Gitlab;
use super::checks::{NEEDS, WirePipeline, WireStatus};
use super::client::{Ask, Words, in_project};
use crate::domain::ci::{CiResult, CiState};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::wire::{LONGEST, full_sha};
use crate::forge::{Access, ForgeError, log};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A job, or a bridge to another pipeline. In GitLab's tables it is a status too, under the same id.
#[derive(Deserialize)]
struct WireJob {
    id: i64,
    name: String,
    status: String,
    #[serde(default)]
    allow_failure: bool,
    web_url: Option<String>,
}

#[derive(Deserialize)]
struct WireFiles {
    #[serde(default)]
    artifacts: Vec<WireFile>,
}

#[derive(Deserialize)]
struct WireFile {
    file_type: Option<String>,
    #[serde(default)]
    size: usize,
}

#[derive(Deserialize)]
struct WireListedPull {
    iid: u64,
}

#[derive(Deserialize)]
struct WireHead {
    #[serde(deserialize_with = "full_sha")]
    sha: Sha,
    head_pipeline: Option<WirePipeline>,
}

impl Gitlab {
    /// A job may be by us, for we pushed the commit; a status that is no job and by us is a check of ours and left out.
    pub(super) async fn others_results(
        &self,
        repo: &RepoRef,
        sha: &Sha,
    ) -> Result<Vec<CiResult>, ForgeError> {
        let us = self.identity().await?.actor.id;
        let (pipelines, statuses) =
            tokio::try_join!(self.counting_pipelines(repo, sha), self.statuses(repo, sha, ""))?;
        let mut results = Vec::new();
        let mut jobs_known = Vec::new();
        for pipeline in &pipelines {
            let jobs = self.jobs(repo, pipeline).await?;
            jobs_known.extend(jobs.iter().map(|job| job.id));
            if jobs.is_empty() {
                results.extend(pipeline.result());
            }
            results.extend(jobs.into_iter().map(WireJob::into_result));
        }
        let outside = statuses.into_iter().filter(|status| !jobs_known.contains(&status.id));
        results.extend(outside.filter(|status| !status.is_of(us)).map(WireStatus::into_result));
        Ok(results)
    }

    /// The newest pipeline of each ref. A merge request may be tested as it would be once merged: that pipeline is of another
    /// commit and is found by the merge request.
    async fn counting_pipelines(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<WirePipeline>, ForgeError> {
        let mut newest: BTreeMap<Option<String>, WirePipeline> = BTreeMap::new();
        let all = self.pipelines(repo, sha).await?.into_iter().filter(|pipeline| !pipeline.is_external());
        for pipeline in all {
            match newest.get(&pipeline.branch) {
                Some(known) if pipeline.id < known.id => {}
                _ => drop(newest.insert(pipeline.branch.clone(), pipeline)),
            }
        }
        if newest.is_empty() {
            return self.pipelines_of_pulls(repo, sha).await;
        }
        Ok(newest.into_values().collect())
    }

    /// <https://docs.gitlab.com/ci/pipelines/merged_results_pipelines/>
    async fn pipelines_of_pulls(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<WirePipeline>, ForgeError> {
        let path = in_project(repo, &format!("/repository/commits/{sha}/merge_requests?state=opened"));
        let words = Words::new("list merge requests", format!("commit {}", sha.short()), NEEDS);
        let mut found = Vec::new();
        for pull in self.client.all::<WireListedPull>(&Ask::get(path, words)).await? {
            let path = in_project(repo, &format!("/merge_requests/{}", pull.iid));
            let words = Words::new("read a merge request", format!("merge request !{}", pull.iid), NEEDS);
            let head: WireHead = self.client.read(&Ask::get(path, words)).await?;
            let is_ours = head.sha == *sha;
            found.extend(head.head_pipeline.filter(|pipeline| is_ours && !pipeline.is_external()));
        }
        Ok(found)
    }

    /// Newest attempts only. <https://docs.gitlab.com/api/jobs/#list-all-jobs-for-a-pipeline>
    async fn jobs(&self, repo: &RepoRef, pipeline: &WirePipeline) -> Result<Vec<WireJob>, ForgeError> {
        let ask = |what: &str| {
            let path = in_project(repo, &format!("/pipelines/{}/{what}", pipeline.id));
            Ask::get(path, Words::new("read CI", format!("pipeline {}", pipeline.id), NEEDS))
        };
        let (jobs, bridges) = (ask("jobs"), ask("bridges"));
        let (mut jobs, bridges) =
            tokio::try_join!(self.client.all::<WireJob>(&jobs), self.client.all::<WireJob>(&bridges))?;
        jobs.extend(bridges);
        Ok(jobs)
    }

    /// A bridge is no job, and has none. Once GitLab has put a log away, it says how long it is.
    /// <https://docs.gitlab.com/api/jobs/#get-a-log-file>
    pub(super) async fn trace(&self, repo: &RepoRef, job: i64) -> Result<Option<String>, ForgeError> {
        let ask = |rest: &str| {
            let words = Words::new("read the log of CI", format!("log of job {job}"), NEEDS);
            Ask::get(in_project(repo, &format!("/jobs/{job}{rest}")), words)
        };
        let of_job = async {
            let files = self.client.read::<WireFiles>(&ask("")).await?.artifacts;
            let is_too_long =
                |file: &WireFile| file.file_type.as_deref() == Some("trace") && file.size > LONGEST;
            match files.iter().any(is_too_long) {
                true => Ok(None),
                false => Ok(log::last_lines(&self.client.ask(&ask("/trace")).await?.content)),
            }
        };
        match of_job.await {
            Err(ForgeError::Missing { .. }) => Ok(None),
            found => found,
        }
    }
}

impl WirePipeline {
    /// What a pipeline without jobs says: a definition that cannot be read fails it at once. One that the commit's message
    /// skips is none.
    fn result(&self) -> Option<CiResult> {
        let state = match self.status.as_str() {
            "skipped" => return None,
            status => state(status, false),
        };
        Some(CiResult { name: format!("pipeline {}", self.id), state, url: self.web_url.clone(), job: None })
    }
}

impl WireJob {
    fn into_result(self) -> CiResult {
        CiResult {
            state: state(&self.status, self.allow_failure),
            name: self.name,
            url: self.web_url,
            job: Some(self.id),
        }
    }
}

impl WireStatus {
    fn into_result(self) -> CiResult {
        CiResult {
            state: state(&self.status, self.allow_failure),
            name: self.name,
            url: self.target_url,
            job: None,
        }
    }
}

/// What GitLab may add one day is pending: it is never green, and patience ends it as inconclusive.
/// <https://docs.gitlab.com/ci/jobs/#available-job-statuses>
fn state(status: &str, may_fail: bool) -> CiState {
    match (status, may_fail) {
        ("success" | "skipped", _) | ("failed" | "canceled" | "manual", true) => CiState::Passed,
        ("failed" | "canceled", false) => CiState::Failed,
        ("manual", false) => CiState::NeedsPerson,
        _ => CiState::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statuses: &[&str], may_fail: bool, expected: CiState) {
        for status in statuses {
            assert_eq!(state(status, may_fail), expected, "{status}");
        }
    }

    #[test]
    fn a_job_counts_by_its_status_and_whether_it_may_fail() {
        check(&["success", "skipped"], false, CiState::Passed);
        check(&["failed", "canceled"], false, CiState::Failed);
        check(&["manual"], false, CiState::NeedsPerson);
        check(&["success", "skipped", "failed", "canceled", "manual"], true, CiState::Passed);
        for may_fail in [true, false] {
            let unfinished = [
                "created",
                "pending",
                "running",
                "preparing",
                "waiting_for_resource",
                "scheduled",
                "invented",
            ];
            check(&unfinished, may_fail, CiState::Pending);
        }
    }
}
