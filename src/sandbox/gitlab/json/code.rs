//! Branches, commits, pipelines and jobs.

use super::at;
use crate::sandbox::git::{Bare, CommitFacts};
use crate::sandbox::gitlab::desk::{Hook, Job, Pipeline, Place};
use crate::sandbox::model::{Model, Repo};
use serde_json::{Value, json};

impl Model {
    pub(in crate::sandbox::gitlab) fn commit_of(&self, repo: &Repo, commit: &CommitFacts) -> Value {
        let title = commit.message.lines().next().unwrap_or_default();
        json!({
            "id": commit.sha, "short_id": &commit.sha[..8], "title": title, "message": commit.message,
            "parent_ids": commit.parents, "author_name": commit.author.0, "author_email": commit.author.1,
            "authored_date": commit.timestamp, "committer_name": commit.committer.0,
            "committer_email": commit.committer.1, "committed_date": commit.timestamp,
            "created_at": commit.timestamp, "trailers": {}, "extended_trailers": {},
            "web_url": format!("{}/{}/-/commit/{}", self.root(), repo.full_name(), commit.sha),
        })
    }

    pub(in crate::sandbox::gitlab) fn branch_json(&self, repo: &Repo, name: &str, tip: &str) -> Value {
        let commit = Bare(&repo.dir).commit(tip).map(|c| self.commit_of(repo, &c));
        let is_default = name == repo.default_branch;
        json!({
            "name": name, "commit": commit, "merged": false, "protected": is_default, "default": is_default,
            "developers_can_push": false, "developers_can_merge": false, "can_push": true,
            "web_url": format!("{}/{}/-/tree/{name}", self.root(), repo.full_name()),
        })
    }

    pub(in crate::sandbox::gitlab) fn pipeline_json(&self, pipeline: &Pipeline) -> Value {
        let name = self.repo(pipeline.repo).map(Repo::full_name).unwrap_or_default();
        json!({
            "id": pipeline.id, "iid": pipeline.iid, "project_id": pipeline.repo, "sha": pipeline.sha,
            "ref": pipeline.branch, "status": self.pipeline_status(pipeline.id), "source": pipeline.source,
            "created_at": at(pipeline.created), "updated_at": at(pipeline.updated), "name": null,
            "user": self.account_json(&pipeline.author), "tag": false, "yaml_errors": null,
            "web_url": format!("{}/{name}/-/pipelines/{}", self.root(), pipeline.id),
        })
    }

    pub(in crate::sandbox::gitlab) fn job_json(&self, job: &Job) -> Value {
        let repo = self.repo(job.repo);
        let name = repo.map(Repo::full_name).unwrap_or_default();
        let commit = repo.and_then(|r| Some(self.commit_of(r, &Bare(&r.dir).commit(&job.sha)?)));
        json!({
            "id": job.id, "name": job.name, "stage": job.stage, "status": job.status, "ref": job.branch,
            "tag": false, "coverage": null, "allow_failure": false, "created_at": at(job.created),
            "started_at": job.started.map(at), "finished_at": job.finished.map(at), "duration": null,
            "queued_duration": null, "user": self.account_json(&job.author), "commit": commit,
            "pipeline": self.pipeline(job.pipeline).map(|p| self.pipeline_json(p)),
            "web_url": format!("{}/{name}/-/jobs/{}", self.root(), job.id), "artifacts": [], "runner": null,
        })
    }

    /// A job or a status from outside, as the list of a commit's statuses tells it.
    pub(in crate::sandbox::gitlab) fn status_of(&self, job: &Job) -> Value {
        let page = self.job_json(job)["web_url"].clone();
        json!({
            "id": job.id, "sha": job.sha, "ref": job.branch, "status": job.status, "name": job.name,
            "target_url": if job.outside { json!(job.target_url) } else { page },
            "description": job.description, "created_at": at(job.created),
            "started_at": job.started.map(at), "finished_at": job.finished.map(at), "allow_failure": false,
            "coverage": null, "pipeline_id": job.pipeline, "author": self.account_json(&job.author),
        })
    }

    pub(in crate::sandbox::gitlab) fn hook_json(&self, hook: &Hook) -> Value {
        let status = match hook.off_until {
            Some(i64::MAX) => "disabled",
            _ if hook.is_on(self.now()) => "executable",
            _ => "temporarily_disabled",
        };
        let until = hook.off_until.filter(|until| status != "executable" && *until != i64::MAX).map(at);
        let mut value = json!({
            "id": hook.id, "url": hook.url, "name": null, "description": null, "created_at": at(hook.created),
            "enable_ssl_verification": true, "alert_status": status, "disabled_until": until,
            "signing_token_present": hook.signing.is_some(), "url_variables": [], "custom_headers": [],
            "push_events_branch_filter": "", "branch_filter_strategy": "wildcard",
        });
        for event in crate::sandbox::gitlab::rest::hooks::EVENTS {
            value[event] = json!(hook.events.contains(event));
        }
        match &hook.place {
            Place::Project(id) => value["project_id"] = json!(id),
            Place::Group(path) => value["group_id"] = self.namespace_json(path)["id"].clone(),
            Place::Server => {}
        }
        value
    }
}
