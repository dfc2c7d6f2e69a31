//! Check runs and statuses as one sees them.

use super::checks::{CommitStatus, Run};
use crate::sandbox::model::Model;
use crate::sandbox::views::{CheckView, StatusView};

impl Model {
    pub(crate) fn runs_of(&self, repo: u64, sha: &str) -> Vec<CheckView> {
        let here = self.github.runs.iter().filter(|r| r.repo == repo && r.sha == sha);
        here.map(|run| self.run_view(run)).collect()
    }

    pub(crate) fn statuses_by_apps(&self, repo: u64, sha: &str) -> Vec<StatusView> {
        let here = self.github.statuses.iter().filter(|s| s.repo == repo && s.sha == sha);
        let view = |s: &CommitStatus| StatusView {
            context: s.context.clone(),
            state: s.state.clone(),
            description: s.description.clone(),
            creator: s.creator.clone(),
        };
        here.map(view).collect()
    }

    pub(crate) fn run_view(&self, run: &Run) -> CheckView {
        CheckView {
            id: run.id,
            suite: run.suite,
            app: run.app,
            app_slug: self.app(run.app).map(|a| a.slug.clone()).unwrap_or_default(),
            sha: run.sha.clone(),
            name: run.name.clone(),
            external_id: run.external_id.clone(),
            details_url: run.details_url.clone(),
            status: run.status,
            conclusion: run.conclusion,
            title: run.title.clone(),
            summary: run.summary.clone(),
            text: run.text.clone(),
            annotations: run.annotations.clone(),
            actions: run.actions.clone(),
        }
    }
}
