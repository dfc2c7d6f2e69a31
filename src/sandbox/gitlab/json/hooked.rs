//! The parts of webhooks.

use super::when;
use crate::sandbox::git::Bare;
use crate::sandbox::model::{Issue, Model, Repo};
use serde_json::{Value, json};

impl Model {
    pub(in crate::sandbox::gitlab) fn hook_user(&self, login: &str) -> Value {
        let id = self.user(login).map_or(10_137, |u| u.id);
        json!({ "id": id, "name": login, "username": login, "avatar_url": null, "email": "[REDACTED]" })
    }

    pub(in crate::sandbox::gitlab) fn hook_project(&self, repo: &Repo) -> Value {
        let path = repo.full_name();
        let url = format!("{}/{path}", self.root());
        json!({
            "id": repo.id, "name": repo.name, "description": null, "web_url": url, "avatar_url": null,
            "git_ssh_url": format!("git@127.0.0.1:{path}.git"), "git_http_url": format!("{url}.git"),
            "namespace": repo.owner, "visibility_level": if repo.private { 0 } else { 20 },
            "path_with_namespace": path, "default_branch": repo.default_branch, "ci_config_path": null,
            "homepage": url, "url": format!("{url}.git"), "ssh_url": format!("git@127.0.0.1:{path}.git"),
            "http_url": format!("{url}.git"),
        })
    }

    pub(in crate::sandbox::gitlab) fn hook_repository(&self, repo: &Repo) -> Value {
        let url = format!("{}/{}", self.root(), repo.full_name());
        json!({ "name": repo.name, "url": format!("{url}.git"), "description": null, "homepage": url })
    }

    /// Where people see an issue or a merge request.
    pub(in crate::sandbox::gitlab) fn thread_url(&self, repo: &Repo, issue: &Issue) -> String {
        let kind = if issue.pull.is_some() { "merge_requests" } else { "issues" };
        let number = self.shown_number(repo.id, issue.number);
        format!("{}/{}/-/{kind}/{number}", self.root(), repo.full_name())
    }
}

/// An issue or a merge request within a webhook.
pub(in crate::sandbox::gitlab) fn attributes(model: &Model, repo: &Repo, issue: &Issue) -> Value {
    let mut about = json!({
        "id": issue.id, "iid": model.shown_number(repo.id, issue.number), "title": issue.title,
        "description": issue.body, "author_id": model.user(&issue.author).map(|u| u.id),
        "state": super::threads::state(issue), "created_at": when(issue.created), "updated_at": when(issue.updated),
        "closed_at": issue.closed.map(when), "url": model.thread_url(repo, issue), "labels": [],
        "assignee_ids": [],
    });
    let Some(pull) = &issue.pull else {
        about["project_id"] = json!(repo.id);
        about["confidential"] = json!(issue.confidential);
        about["type"] = json!("Issue");
        return about;
    };
    let commit = Bare(&repo.dir).commit(&pull.head.sha);
    let last = commit.map(|c| {
        json!({
            "id": c.sha, "message": c.message, "title": c.message.lines().next(), "timestamp": c.timestamp,
            "url": format!("{}/{}/-/commit/{}", model.root(), repo.full_name(), c.sha),
            "author": { "name": c.author.0, "email": c.author.1 },
        })
    });
    let status = model.merge_status(repo, issue);
    let more = json!({
        "source_branch": pull.head.branch, "target_branch": pull.base.branch,
        "source_project_id": pull.head.repo, "target_project_id": pull.base.repo,
        "merge_commit_sha": pull.merge_sha, "squash_commit_sha": null, "draft": pull.draft,
        "work_in_progress": pull.draft, "last_commit": last, "detailed_merge_status": status,
        "merge_status": if status == "conflict" { "cannot_be_merged" } else { "can_be_merged" },
        "source": model.repo(pull.head.repo).map(|r| model.hook_project(r)), "target": model.hook_project(repo),
    });
    crate::sandbox::model::extend(&mut about, more);
    about
}
