//! The second App, the one that plays CI with check runs or commit statuses.

use super::{Output, RunChange};
use crate::sandbox::github::checks::CommitStatus;
use crate::sandbox::github::desk::{App, Permissions};
use crate::sandbox::github::events::About;
use crate::sandbox::model::{Actor, CheckConclusion, CheckStatus, Ci, Model, UserKind, Workflow};
use serde_json::json;

const SLUG: &str = "ci";

impl Model {
    fn ci_actor(&mut self) -> Actor {
        if let Some(app) = self.github.apps.iter().find(|a| a.slug == SLUG) {
            return self.bot_of(app.id);
        }
        let (id, created) = (self.next_id("app"), self.now());
        self.github.apps.push(App {
            id,
            slug: SLUG.to_owned(),
            name: "CI".to_owned(),
            public_key: (Vec::new(), Vec::new()),
            permissions: Permissions::new(),
            events: Vec::new(),
            webhook_url: None,
            webhook_secret: String::new(),
            created,
        });
        self.add_user(&format!("{SLUG}[bot]"), UserKind::Bot);
        self.bot_of(id)
    }

    pub(crate) fn queue_runs(&mut self, repo: u64, (branch, sha): (&str, &str), stages: &[&str]) {
        let by_status = self.repo(repo).is_some_and(|r| r.ci == Ci::Statuses);
        let actor = self.ci_actor();
        for stage in stages {
            if by_status {
                self.post_ci_status(repo, &actor, sha, "pending");
                self.add_workflow(repo, (branch, sha), None);
                continue;
            }
            let change = RunChange { name: Some((*stage).to_owned()), ..RunChange::default() };
            let run = self.create_run(repo, &actor, sha, change);
            let id = self.add_workflow(repo, (branch, sha), Some(run));
            self.fire_workflow("requested", id, &actor);
        }
    }

    fn post_ci_status(&mut self, repo: u64, actor: &Actor, sha: &str, state: &str) {
        let status = CommitStatus {
            id: 0,
            repo,
            sha: sha.to_owned(),
            state: state.to_owned(),
            context: "ci/build".to_owned(),
            description: Some(format!("The build is {state}")),
            target_url: None,
            creator: actor.login.clone(),
            created: self.now(),
        };
        self.add_status(actor, status);
    }

    fn fire_workflow(&mut self, action: &str, id: u64, actor: &Actor) {
        let Some(workflow) = self.workflows.iter().find(|w| w.id == id) else {
            return;
        };
        let repo = workflow.repo;
        let file = json!({ "id": 1, "name": "ci", "path": ".github/workflows/ci.yml", "state": "active" });
        let body = json!({ "workflow_run": self.workflow_json(workflow), "workflow": file });
        self.fire("workflow_run", Some(action), About::all(repo, actor), &body);
    }

    pub(crate) fn play_run(&mut self, workflow: &Workflow, outcome: CheckConclusion) {
        let actor = self.ci_actor();
        let Some(run) = workflow.run else {
            let state = if outcome == CheckConclusion::Success { "success" } else { "failure" };
            return self.post_ci_status(workflow.repo, &actor, &workflow.sha, state);
        };
        let started = RunChange { status: Some(CheckStatus::InProgress), ..RunChange::default() };
        self.change_run(run, &actor, started);
        self.fire_workflow("in_progress", workflow.id, &actor);
        let (title, summary) = match outcome {
            CheckConclusion::Success => ("All tests passed", "12 tests passed."),
            _ => ("1 test failed", "`adds_two_numbers` failed: expected 4, got 5."),
        };
        let output = Output {
            title: Some(title.to_owned()),
            summary: summary.to_owned(),
            text: None,
            annotations: Vec::new(),
        };
        let ended = RunChange { conclusion: Some(outcome), output: Some(output), ..RunChange::default() };
        self.change_run(run, &actor, ended);
        self.fire_workflow("completed", workflow.id, &actor);
    }

    /// Queues a CI run again, as its re-run button does. `false` when the run is not CI's.
    pub(crate) fn rerun_ci(&mut self, run: u64) -> bool {
        let Some(id) = self.again(run).map(|workflow| workflow.id) else {
            return false;
        };
        let actor = self.ci_actor();
        let queued = RunChange { status: Some(CheckStatus::Queued), ..RunChange::default() };
        self.change_run(run, &actor, queued);
        self.fire_workflow("requested", id, &actor);
        self.play_later();
        true
    }
}
