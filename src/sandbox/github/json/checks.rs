//! Check suites, check runs, commit statuses, workflow runs and commits.

use crate::sandbox::git::{Bare, CommitFacts};
use crate::sandbox::github::checks::{CommitStatus, Run, Suite};
use crate::sandbox::model::{CheckConclusion, CheckStatus, Model, Repo, Workflow, iso};
use serde_json::{Value, json};

impl Model {
    pub(crate) fn run_json(&self, run: &Run) -> Value {
        let name = self.repo(run.repo).map(Repo::full_name).unwrap_or_default();
        let url = self.at(&format!("/repos/{name}/check-runs/{}", run.id));
        let html = format!("{}/{name}/runs/{}", self.site.url, run.id);
        json!({
            "id": run.id,
            "node_id": format!("CR_{}", run.id),
            "head_sha": run.sha,
            "external_id": run.external_id,
            "url": url,
            "html_url": html,
            "details_url": run.details_url.clone().unwrap_or(html),
            "status": run.status.as_str(),
            "conclusion": run.conclusion.map(CheckConclusion::as_str),
            "started_at": run.started,
            "completed_at": run.completed,
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": run.annotations.len(),
                "annotations_url": format!("{url}/annotations"),
            },
            "name": run.name,
            "check_suite": { "id": run.suite },
            "app": self.app_json(run.app),
            "pull_requests": self.pulls_at(run.repo, &run.sha),
        })
    }

    /// A check run as webhooks have it: with its whole suite.
    pub(crate) fn run_hook_json(&self, run: &Run) -> Value {
        let mut value = self.run_json(run);
        if let Some(suite) = self.suite(run.suite) {
            value["check_suite"] = self.suite_json(suite);
        }
        value
    }

    /// Open pull requests of the same repository whose head is `sha`; heads in forks are not found, as on GitHub.
    fn pulls_at(&self, repo: u64, sha: &str) -> Vec<Value> {
        let Some(repo) = self.repo(repo) else {
            return Vec::new();
        };
        let short = json!({
            "id": repo.id, "url": self.at(&format!("/repos/{}", repo.full_name())), "name": repo.name,
        });
        let here = |i: &&crate::sandbox::model::Issue| {
            i.open && i.pull.as_ref().is_some_and(|p| p.head.sha == sha && p.head.repo == repo.id)
        };
        let pull_json = |i: &crate::sandbox::model::Issue| {
            let pull = i.pull.as_ref()?;
            Some(json!({
                "url": self.at(&format!("/repos/{}/pulls/{}", repo.full_name(), i.number)),
                "id": pull.id,
                "number": i.number,
                "head": { "ref": pull.head.branch, "sha": pull.head.sha, "repo": short },
                "base": { "ref": pull.base.branch, "sha": pull.base.sha, "repo": short },
            }))
        };
        repo.issues.iter().filter(here).filter_map(pull_json).collect()
    }

    /// The status and conclusion of a suite follow from its runs; one without runs stays queued for ever.
    pub(crate) fn suite_outcome(&self, suite: &Suite) -> (CheckStatus, Option<CheckConclusion>) {
        let runs: Vec<&Run> = self.github.runs.iter().filter(|r| r.suite == suite.id).collect();
        if runs.iter().all(|r| r.status == CheckStatus::Queued) {
            return (CheckStatus::Queued, None);
        }
        if runs.iter().any(|r| r.status != CheckStatus::Completed) {
            return (CheckStatus::InProgress, None);
        }
        let worst_first = [
            CheckConclusion::ActionRequired,
            CheckConclusion::Cancelled,
            CheckConclusion::TimedOut,
            CheckConclusion::Failure,
            CheckConclusion::Success,
            CheckConclusion::Neutral,
            CheckConclusion::Skipped,
        ];
        let worst = worst_first.into_iter().find(|c| runs.iter().any(|r| r.conclusion == Some(*c)));
        (CheckStatus::Completed, worst)
    }

    pub(crate) fn suite_json(&self, suite: &Suite) -> Value {
        let Some(repo) = self.repo(suite.repo) else {
            return Value::Null;
        };
        let url = self.at(&format!("/repos/{}/check-suites/{}", repo.full_name(), suite.id));
        let (status, conclusion) = self.suite_outcome(suite);
        let runs = self.github.runs.iter().filter(|r| r.suite == suite.id).count();
        json!({
            "id": suite.id,
            "node_id": format!("CS_{}", suite.id),
            "head_branch": suite.branch,
            "head_sha": suite.sha,
            "status": status.as_str(),
            "conclusion": conclusion.map(CheckConclusion::as_str),
            "url": url,
            "before": suite.before,
            "after": suite.sha,
            "pull_requests": self.pulls_at(suite.repo, &suite.sha),
            "app": self.app_json(suite.app),
            "repository": self.repo_json(repo),
            "created_at": iso(suite.created),
            "updated_at": iso(suite.updated),
            "head_commit": Bare(&repo.dir).commit(&suite.sha).map(|c| head_commit_json(&c)),
            "latest_check_runs_count": runs,
            "check_runs_url": format!("{url}/check-runs"),
            "rerequestable": true,
            "runs_rerequestable": true,
        })
    }

    pub(crate) fn status_json(&self, status: &CommitStatus) -> Value {
        let name = self.repo(status.repo).map(Repo::full_name).unwrap_or_default();
        json!({
            "url": self.at(&format!("/repos/{name}/statuses/{}", status.sha)),
            "avatar_url": self.user_json(&status.creator)["avatar_url"],
            "id": status.id,
            "node_id": format!("SC_{}", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": iso(status.created),
            "updated_at": iso(status.created),
            "creator": self.user_json(&status.creator),
        })
    }

    pub(crate) fn workflow_json(&self, workflow: &Workflow) -> Value {
        let Some(repo) = self.repo(workflow.repo) else {
            return Value::Null;
        };
        let run = workflow.run.and_then(|id| self.run(id));
        let suite = run.and_then(|r| self.suite(r.suite));
        let url = self.at(&format!("/repos/{}/actions/runs/{}", repo.full_name(), workflow.id));
        let now = iso(self.now());
        json!({
            "id": workflow.id,
            "name": "ci",
            "node_id": format!("WFR_{}", workflow.id),
            "head_branch": workflow.branch,
            "head_sha": workflow.sha,
            "path": ".github/workflows/ci.yml",
            "run_number": workflow.id - 700_000,
            "run_attempt": workflow.attempt,
            "event": "push",
            "status": run.map(|r| r.status.as_str()),
            "conclusion": run.and_then(|r| r.conclusion).map(CheckConclusion::as_str),
            "workflow_id": 1,
            "check_suite_id": suite.map(|s| s.id),
            "check_suite_node_id": suite.map(|s| format!("CS_{}", s.id)),
            "url": url,
            "html_url": format!("{}/{}/actions/runs/{}", self.site.url, repo.full_name(), workflow.id),
            "pull_requests": self.pulls_at(workflow.repo, &workflow.sha),
            "created_at": suite.map(|s| iso(s.created)),
            "updated_at": now,
            "run_started_at": run.and_then(|r| r.started.clone()),
            "actor": self.user_json(&self.bot_of(run.map_or(0, |r| r.app)).login),
            "head_commit": Bare(&repo.dir).commit(&workflow.sha).map(|c| head_commit_json(&c)),
            "repository": self.repo_json(repo),
            "head_repository": self.repo_json(repo),
        })
    }

    /// A commit as the commits API has it.
    pub(crate) fn commit_api_json(&self, repo: &Repo, commit: &CommitFacts) -> Value {
        let url = self.at(&format!("/repos/{}/commits/{}", repo.full_name(), commit.sha));
        let tree = self.at(&format!("/repos/{}/git/trees/{}", repo.full_name(), commit.tree));
        let known = |email: &str| {
            let login = email.strip_suffix("@users.noreply.github.com")?;
            self.user(login).map(|u| self.user_json(&u.login))
        };
        let parent = |sha: &String| {
            let url = self.at(&format!("/repos/{}/commits/{sha}", repo.full_name()));
            json!({ "sha": sha, "url": url, "html_url": format!("{}/{}/commit/{sha}", self.site.url, repo.full_name()) })
        };
        json!({
            "sha": commit.sha,
            "node_id": format!("C_{}", commit.sha),
            "commit": {
                "author": person_json(&commit.author, &commit.timestamp),
                "committer": person_json(&commit.committer, &commit.timestamp),
                "message": commit.message,
                "tree": { "sha": commit.tree, "url": tree },
                "url": self.at(&format!("/repos/{}/git/commits/{}", repo.full_name(), commit.sha)),
                "comment_count": 0,
                "verification": { "verified": false, "reason": "unsigned", "signature": null, "payload": null },
            },
            "url": url,
            "html_url": format!("{}/{}/commit/{}", self.site.url, repo.full_name(), commit.sha),
            "comments_url": format!("{url}/comments"),
            "author": known(&commit.author.1),
            "committer": known(&commit.committer.1),
            "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
        })
    }
}

fn person_json((name, email): &(String, String), date: &str) -> Value {
    json!({ "name": name, "email": email, "date": date })
}

fn head_commit_json(commit: &CommitFacts) -> Value {
    json!({
        "id": commit.sha, "tree_id": commit.tree, "message": commit.message, "timestamp": commit.timestamp,
        "author": { "name": commit.author.0, "email": commit.author.1 },
        "committer": { "name": commit.committer.0, "email": commit.committer.1 },
    })
}

/// A commit as `push` carries it.
pub(crate) fn commit_json(bare: &Bare<'_>, html: &str, commit: &CommitFacts) -> Value {
    let [added, removed, modified] = bare.touched(&commit.sha);
    let mut value = head_commit_json(commit);
    value["distinct"] = json!(true);
    value["url"] = json!(format!("{html}/commit/{}", commit.sha));
    value["added"] = json!(added);
    value["removed"] = json!(removed);
    value["modified"] = json!(modified);
    value
}
