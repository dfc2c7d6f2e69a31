//! Check suites, check runs and commit statuses.

use crate::sandbox::git::Bare;
use crate::sandbox::github::checks::{CommitStatus, Run, Suite};
use crate::sandbox::github::events::About;
use crate::sandbox::model::{Actor, CheckConclusion, CheckStatus, Model, iso};
use serde_json::{Value, json};

/// What a request wants to change on a check run; `None` leaves it as it is.
#[derive(Debug, Default)]
pub(crate) struct RunChange {
    pub(crate) name: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) details_url: Option<String>,
    pub(crate) status: Option<CheckStatus>,
    pub(crate) conclusion: Option<CheckConclusion>,
    pub(crate) started: Option<String>,
    pub(crate) completed: Option<String>,
    pub(crate) output: Option<Output>,
    pub(crate) actions: Option<Vec<Value>>,
}

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) title: Option<String>,
    pub(crate) summary: String,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<Value>,
}

impl Run {
    /// Applies a change. Going back to queued or in progress clears the conclusion.
    fn apply(&mut self, change: RunChange, now: &str) {
        let was = self.status;
        set(&mut self.name, change.name);
        set(&mut self.external_id, change.external_id);
        self.details_url = change.details_url.or(self.details_url.take());
        self.started = change.started.or(self.started.take());
        let implied = change.conclusion.map(|_| CheckStatus::Completed);
        self.status = implied.or(change.status).unwrap_or(self.status);
        match self.status {
            CheckStatus::Completed => {
                self.conclusion = change.conclusion.or(self.conclusion);
                let fresh = (was != CheckStatus::Completed).then(|| now.to_owned());
                self.completed = change.completed.or(fresh).or(self.completed.take());
            }
            CheckStatus::Queued | CheckStatus::InProgress => {
                self.conclusion = None;
                self.completed = None;
            }
        }
        if self.status != CheckStatus::Queued && self.started.is_none() {
            self.started = Some(now.to_owned());
        }
        if let Some(output) = change.output {
            self.title = output.title.or(self.title.take());
            self.summary = Some(output.summary);
            self.text = output.text;
            self.annotations.extend(output.annotations);
        }
        set(&mut self.actions, change.actions);
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

impl Model {
    /// The suite of `app` for a commit, made when it is missing.
    pub(crate) fn suite_for(&mut self, repo: u64, app: u64, sha: &str, branch: Option<&str>) -> u64 {
        let same = |s: &&Suite| s.repo == repo && s.app == app && s.sha == sha;
        if let Some(suite) = self.github.suites.iter().find(same) {
            return suite.id;
        }
        let found = || {
            let branches = self.repo(repo).map(|r| Bare(&r.dir).branches()).unwrap_or_default();
            branches.into_iter().find(|(_, tip)| tip == sha).map(|(name, _)| name)
        };
        let branch = branch.map(str::to_owned).or_else(found);
        let (id, now) = (self.next_id("suite"), self.now());
        let suite =
            Suite { id, repo, app, branch, sha: sha.to_owned(), before: None, created: now, updated: now };
        self.github.suites.push(suite);
        id
    }

    pub(crate) fn fire_suite(&mut self, action: &str, suite: u64, actor: &Actor) {
        let Some((body, repo, app)) =
            self.suite(suite).map(|s| (json!({ "check_suite": self.suite_json(s) }), s.repo, s.app))
        else {
            return;
        };
        let about =
            if action == "completed" { About::all(repo, actor) } else { About::only(repo, actor, app) };
        self.fire("check_suite", Some(action), about, &body);
    }

    pub(crate) fn fire_run(&mut self, action: &str, run: u64, actor: &Actor, more: Value) {
        let Some(run) = self.run(run) else { return };
        let (repo, app) = (run.repo, run.app);
        let mut body = json!({ "check_run": self.run_hook_json(run) });
        crate::sandbox::github::json::extend(&mut body, more);
        let shared = matches!(action, "created" | "completed");
        let about = if shared { About::all(repo, actor) } else { About::only(repo, actor, app) };
        self.fire("check_run", Some(action), about, &body);
    }

    pub(crate) fn create_run(&mut self, repo: u64, actor: &Actor, sha: &str, change: RunChange) -> u64 {
        let app = actor.app.unwrap_or_default();
        let suite = self.suite_for(repo, app, sha, None);
        let id = self.next_id("run");
        let now = iso(self.now());
        let mut run = Run {
            id,
            suite,
            repo,
            app,
            sha: sha.to_owned(),
            name: String::new(),
            external_id: String::new(),
            details_url: None,
            status: CheckStatus::Queued,
            conclusion: None,
            started: None,
            completed: None,
            title: None,
            summary: None,
            text: None,
            annotations: Vec::new(),
            actions: Vec::new(),
        };
        run.apply(change, &now);
        let done = run.status == CheckStatus::Completed;
        self.github.runs.push(run);
        self.fire_run("created", id, actor, json!({}));
        if done {
            self.run_completed(id, actor);
        }
        id
    }

    pub(crate) fn change_run(&mut self, id: u64, actor: &Actor, change: RunChange) {
        let now = iso(self.now());
        let Some(run) = self.run_mut(id) else { return };
        let before = (run.status, run.conclusion);
        run.apply(change, &now);
        if run.status == CheckStatus::Completed && before != (run.status, run.conclusion) {
            self.run_completed(id, actor);
        }
    }

    fn run_completed(&mut self, id: u64, actor: &Actor) {
        self.fire_run("completed", id, actor, json!({}));
        let now = self.now();
        let Some(suite) = self.run(id).map(|r| r.suite) else {
            return;
        };
        if let Some(suite) = self.suite_mut(suite) {
            suite.updated = now;
        }
        let done = self.suite(suite).is_some_and(|s| self.suite_outcome(s).0 == CheckStatus::Completed);
        if done {
            self.fire_suite("completed", suite, actor);
        }
    }

    pub(crate) fn add_status(&mut self, actor: &Actor, mut status: CommitStatus) -> u64 {
        let id = self.next_id("status");
        status.id = id;
        let Some(repo) = self.repo(status.repo) else {
            return id;
        };
        let bare = Bare(&repo.dir);
        let commit = bare.commit(&status.sha).map(|c| self.commit_api_json(repo, &c));
        let at_tip = bare.branches().into_iter().filter(|(_, tip)| *tip == status.sha);
        let branches: Vec<Value> = at_tip
            .map(|(name, sha)| json!({ "name": name, "commit": { "sha": sha }, "protected": false }))
            .collect();
        let now = iso(status.created);
        let body = json!({
            "id": id, "sha": status.sha, "name": repo.full_name(), "target_url": status.target_url,
            "context": status.context, "description": status.description, "state": status.state,
            "commit": commit, "branches": branches, "created_at": now, "updated_at": now,
        });
        let repo = status.repo;
        self.github.statuses.push(status);
        self.fire("status", None, About::all(repo, actor), &body);
        id
    }
}
