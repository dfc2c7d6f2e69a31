//! Jobs and statuses as one sees them: in the words of checks.

use super::desk::Job;
use crate::sandbox::model::{CheckConclusion, CheckStatus, Model};
use crate::sandbox::views::{CheckView, StatusView};

impl Model {
    /// The jobs and statuses on a commit that count: of each name and author the newest.
    pub(crate) fn jobs_of(&self, repo: u64, sha: &str) -> Vec<CheckView> {
        let here: Vec<&Job> = self.gitlab.jobs.iter().filter(|j| j.repo == repo && j.sha == sha).collect();
        let is_newest = |job: &&&Job| {
            !here
                .iter()
                .any(|other| other.id > job.id && (&other.name, &other.author) == (&job.name, &job.author))
        };
        here.iter().filter(is_newest).map(|job| self.job_view(job)).collect()
    }

    pub(crate) fn statuses_from_outside(&self, repo: u64, sha: &str) -> Vec<StatusView> {
        let here = self.gitlab.jobs.iter().filter(|j| j.outside && j.repo == repo && j.sha == sha);
        let view = |job: &Job| StatusView {
            context: job.name.clone(),
            state: job.status.to_owned(),
            description: job.description.clone(),
            creator: job.author.clone(),
        };
        here.map(view).collect()
    }

    /// The title is the description, the suite the pipeline, the App the account.
    pub(crate) fn job_view(&self, job: &Job) -> CheckView {
        let (status, conclusion) = match job.status {
            "pending" => (CheckStatus::Queued, None),
            "running" => (CheckStatus::InProgress, None),
            "success" => (CheckStatus::Completed, Some(CheckConclusion::Success)),
            "canceled" => (CheckStatus::Completed, Some(CheckConclusion::Cancelled)),
            "skipped" => (CheckStatus::Completed, Some(CheckConclusion::Skipped)),
            _ => (CheckStatus::Completed, Some(CheckConclusion::Failure)),
        };
        CheckView {
            id: job.id,
            suite: job.pipeline,
            app: self.user(&job.author).map_or(0, |u| u.id),
            app_slug: job.author.clone(),
            sha: job.sha.clone(),
            name: job.name.clone(),
            external_id: String::new(),
            details_url: job.target_url.clone(),
            status,
            conclusion,
            title: job.description.clone(),
            summary: None,
            text: Some(job.trace.clone()).filter(|trace| !trace.is_empty()),
            annotations: Vec::new(),
            actions: Vec::new(),
        }
    }
}
