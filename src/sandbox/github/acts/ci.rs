//! The second App, the one that plays CI: it queues a run at each push and finishes it when it is played.

use super::{Output, RunChange};
use crate::sandbox::github::hooks::{About, Chore, Hooks};
use crate::sandbox::github::model::{
    Actor, App, CheckConclusion, CheckStatus, Ci, CommitStatus, Model, Permissions, UserKind, Workflow,
};
use serde_json::json;

const SLUG: &str = "ci";

impl Model {
    fn ci_actor(&mut self) -> Actor {
        if let Some(app) = self.apps.iter().find(|a| a.slug == SLUG) {
            return self.bot_of(app.id);
        }
        let (id, created) = (self.next_id("app"), self.now());
        self.apps.push(App {
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

    /// Queues CI for a commit of a branch: for pushes beside the default branch, and for heads of pull requests.
    pub(super) fn ask_ci(&mut self, repo: u64, branch: &str, sha: &str) {
        let Some(found) = self.repo(repo) else { return };
        let known = self.workflows.iter().any(|w| w.repo == repo && w.sha == sha);
        if found.ci == Ci::None || branch == found.default_branch || known {
            return;
        }
        let stages: &[&str] = match found.ci {
            Ci::Staged => &["lint", "test"],
            _ => &["build"],
        };
        let ci = found.ci;
        let actor = self.ci_actor();
        for stage in stages {
            let id = self.next_id("workflow");
            let (branch, sha) = (branch.to_owned(), sha.to_owned());
            let run = match ci {
                Ci::Statuses => {
                    self.post_ci_status(repo, &actor, &sha, "pending");
                    None
                }
                _ => {
                    let change = RunChange { name: Some((*stage).to_owned()), ..RunChange::default() };
                    Some(self.create_run(repo, &actor, &sha, change))
                }
            };
            self.workflows.push(Workflow { id, repo, branch, sha, run, attempt: 1, done: false });
            if run.is_some() {
                self.fire_workflow("requested", id, &actor);
            }
        }
        self.play_later();
    }

    fn play_later(&self) {
        if self.hooks == Hooks::Send {
            // The task is gone only while the twin stops.
            let _ = self.chores.send(Chore::PlayCi);
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

    /// Plays every waiting CI run to its end, of stages only the first, and returns how many there were.
    pub(crate) fn play_ci(&mut self) -> usize {
        let actor = self.ci_actor();
        let silent = |w: &&Workflow| self.repo(w.repo).is_none_or(|r| r.ci == Ci::Silent);
        let mut waiting: Vec<Workflow> =
            self.workflows.iter().filter(|w| !w.done && !silent(w)).cloned().collect();
        let staged = |w: &Workflow| self.repo(w.repo).is_some_and(|r| r.ci == Ci::Staged);
        waiting
            .dedup_by(|later, first| staged(later) && (later.repo, &later.sha) == (first.repo, &first.sha));
        for workflow in &waiting {
            self.play_one(workflow, &actor);
        }
        waiting.len()
    }

    fn play_one(&mut self, workflow: &Workflow, actor: &Actor) {
        let outcome = self.ci_outcome(workflow);
        if let Some(mine) = self.workflows.iter_mut().find(|w| w.id == workflow.id) {
            mine.done = true;
        }
        let Some(run) = workflow.run else {
            let state = if outcome == CheckConclusion::Success { "success" } else { "failure" };
            return self.post_ci_status(workflow.repo, actor, &workflow.sha, state);
        };
        let started = RunChange { status: Some(CheckStatus::InProgress), ..RunChange::default() };
        self.change_run(run, actor, started);
        self.fire_workflow("in_progress", workflow.id, actor);
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
        self.change_run(run, actor, ended);
        self.fire_workflow("completed", workflow.id, actor);
    }

    fn ci_outcome(&mut self, workflow: &Workflow) -> CheckConclusion {
        let Some(repo) = self.repo_mut(workflow.repo) else {
            return CheckConclusion::Cancelled;
        };
        let red = match repo.ci {
            Ci::Red => true,
            Ci::RedOnce => repo.ci_failed_once.insert(workflow.branch.clone()),
            Ci::None | Ci::Green | Ci::Silent | Ci::Statuses | Ci::Staged => false,
        };
        if red { CheckConclusion::Failure } else { CheckConclusion::Success }
    }

    /// Queues a CI run again, as its re-run button does. `false` when the run is not CI's.
    pub(crate) fn rerun_ci(&mut self, run: u64) -> bool {
        let Some(workflow) = self.workflows.iter_mut().find(|w| w.run == Some(run)) else {
            return false;
        };
        workflow.done = false;
        workflow.attempt += 1;
        let id = workflow.id;
        let actor = self.ci_actor();
        let queued = RunChange { status: Some(CheckStatus::Queued), ..RunChange::default() };
        self.change_run(run, &actor, queued);
        self.fire_workflow("requested", id, &actor);
        self.play_later();
        true
    }
}
