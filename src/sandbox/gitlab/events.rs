//! Webhooks as GitLab sends them. <https://docs.gitlab.com/user/project/integrations/webhook_events/>

use super::json::{attributes, when};
use crate::sandbox::acts::{NO_COMMIT, RefChange};
use crate::sandbox::events::{Edits, Event};
use crate::sandbox::git::{Bare, CommitFacts};
use crate::sandbox::hooks::Notice;
use crate::sandbox::model::{Actor, Model};
use serde_json::{Value, json};

/// What was pushed.
#[derive(Clone, Copy)]
enum Ref {
    Branch,
    Tag,
}

impl Model {
    /// Makes GitLab's webhooks of what happened. It tells of no deleted note, and of projects only to hooks of the server.
    pub(crate) fn tell_hooks(&mut self, repo: u64, actor: &Actor, event: Event<'_>) {
        match event {
            Event::Opened(number) => self.tell_thread((repo, number), actor, "open", &json!({})),
            Event::Closed(number) => self.tell_thread((repo, number), actor, "close", &json!({})),
            Event::Reopened(number) => self.tell_thread((repo, number), actor, "reopen", &json!({})),
            Event::Merged(number) => self.tell_thread((repo, number), actor, "merge", &json!({})),
            Event::Edited(number, edits) => {
                let changes = self.changes((repo, number), edits);
                self.tell_thread((repo, number), actor, "update", &json!({ "changes": changes }));
            }
            // A draft is a matter of the title here.
            Event::Drafted(_) | Event::CommentDeleted(_) => {}
            Event::Synchronized(number, change) => {
                let oldrev = json!({ "object_attributes": { "oldrev": change.old } });
                self.tell_thread((repo, number), actor, "update", &oldrev);
            }
            Event::Commented(id) => self.tell_note((repo, id), actor, "create"),
            Event::CommentEdited(id, _) => self.tell_note((repo, id), actor, "update"),
            Event::Pushed(change) => self.tell_push(repo, actor, change, Ref::Branch),
            Event::Tagged(change) => self.tell_push(repo, actor, change, Ref::Tag),
            Event::Renamed(from) => {
                let owner = self.repo(repo).map(|r| r.owner.clone()).unwrap_or_default();
                self.tell_server(repo, "project_rename", Some(format!("{owner}/{from}")));
            }
            Event::Transferred(from) => {
                let name = self.repo(repo).map(|r| r.name.clone()).unwrap_or_default();
                self.tell_server(repo, "project_transfer", Some(format!("{from}/{name}")));
            }
            Event::Archived | Event::Unarchived => self.tell_server(repo, "project_update", None),
            Event::Deleted => self.tell_server(repo, "project_destroy", None),
        }
    }

    fn notify(&mut self, repo: u64, (kind, event): (&str, &str), action: Option<&str>, body: &Value) {
        for receiver in self.hearing(repo, kind) {
            self.queue(Notice {
                receiver,
                installation: None,
                repo: Some(repo),
                event: event.to_owned(),
                action: action.map(str::to_owned),
                body: body.to_string().into_bytes(),
            });
        }
    }

    fn changes(&self, (repo, number): (u64, u64), edits: &Edits) -> Value {
        let Some(issue) = self.issue(repo, number) else {
            return Value::Null;
        };
        let mut changes = json!({});
        if let Some(title) = &edits.title {
            changes["title"] = json!({ "previous": title, "current": issue.title });
            let drafts = (super::is_draft(title), super::is_draft(&issue.title));
            if issue.pull.is_some() && drafts.0 != drafts.1 {
                changes["draft"] = json!({ "previous": drafts.0, "current": drafts.1 });
            }
        }
        if let Some(body) = &edits.body {
            changes["description"] = json!({ "previous": body, "current": issue.body });
        }
        if let (Some((branch, _)), Some(pull)) = (&edits.base, &issue.pull) {
            changes["target_branch"] = json!({ "previous": branch, "current": pull.base.branch });
        }
        changes
    }

    fn tell_thread(&mut self, at: (u64, u64), actor: &Actor, action: &str, more: &Value) {
        let Some((repo, issue)) = self.repo(at.0).zip(self.issue(at.0, at.1)) else {
            return;
        };
        let mut about = attributes(self, repo, issue);
        about["action"] = json!(action);
        about["oldrev"] = more["object_attributes"]["oldrev"].clone();
        let (kind, name, event) = match (&issue.pull, issue.confidential) {
            (Some(_), _) => ("merge_requests_events", "merge_request", "Merge Request Hook"),
            (None, false) => ("issues_events", "issue", "Issue Hook"),
            (None, true) => ("confidential_issues_events", "issue", "Confidential Issue Hook"),
        };
        let event_type = if issue.confidential { "confidential_issue" } else { name };
        let changes = if more["changes"].is_null() { json!({}) } else { more["changes"].clone() };
        let body = json!({
            "object_kind": name, "event_type": event_type, "user": self.hook_user(&actor.login),
            "project": self.hook_project(repo), "object_attributes": about, "labels": [], "changes": changes,
            "repository": self.hook_repository(repo), "assignees": [],
        });
        self.notify(at.0, (kind, event), Some(action), &body);
    }

    fn tell_note(&mut self, (repo, id): (u64, u64), actor: &Actor, action: &str) {
        let body = || {
            let (number, note) = self.comment(repo, id)?;
            let (place, issue) = (self.repo(repo)?, self.issue(repo, number)?);
            let hidden = note.internal || issue.confidential;
            let user = |login: &str| self.user(login).map(|u| u.id);
            let (kind, thread) = match issue.pull {
                Some(_) => ("MergeRequest", "merge_request"),
                None => ("Issue", "issue"),
            };
            let url = format!("{}#note_{id}", self.thread_url(place, issue));
            let mut body = json!({
                "object_kind": "note",
                "event_type": if hidden { "confidential_note" } else { "note" },
                "user": self.hook_user(&actor.login),
                "project_id": repo,
                "project": self.hook_project(place),
                "repository": self.hook_repository(place),
                "object_attributes": {
                    "id": id, "note": note.body, "noteable_type": kind, "noteable_id": issue.id,
                    "author_id": user(&note.author),
                    "updated_by_id": note.editor.as_deref().and_then(user),
                    "created_at": when(note.created), "updated_at": when(note.updated), "project_id": repo,
                    "attachment": null, "line_code": null, "commit_id": "", "system": false, "st_diff": null,
                    "discussion_id": note.discussion, "internal": note.internal, "action": action, "url": url,
                    "type": note.in_thread.then_some("DiscussionNote"), "description": note.body,
                },
            });
            body[thread] = attributes(self, place, issue);
            Some((body, hidden))
        };
        let Some((body, hidden)) = body() else { return };
        let kind = if hidden {
            ("confidential_note_events", "Confidential Note Hook")
        } else {
            ("note_events", "Note Hook")
        };
        self.notify(repo, kind, Some(action), &body);
    }

    /// A note on a commit. It is only told of.
    pub(super) fn tell_commit_note(&mut self, repo: u64, actor: &Actor, sha: &str, body: &str) -> u64 {
        let id = self.next_id("comment");
        let Some(place) = self.repo(repo) else { return id };
        let now = when(self.now());
        let commit = Bare(&place.dir).commit(sha).map(|c| self.hook_commit(repo, &c));
        let user = self.hook_user(&actor.login);
        let url = format!("{}/{}/-/commit/{sha}#note_{id}", self.root(), place.full_name());
        let body = json!({
            "object_kind": "note", "event_type": "note", "user": user, "project_id": repo,
            "project": self.hook_project(place), "repository": self.hook_repository(place),
            "object_attributes": {
                "id": id, "note": body, "noteable_type": "Commit", "noteable_id": null, "author_id": user["id"],
                "created_at": now, "updated_at": now, "project_id": repo, "attachment": null, "line_code": null,
                "commit_id": sha, "system": false, "st_diff": null, "internal": false, "action": "create",
                "discussion_id": format!("{id:040x}"), "type": null, "url": url,
            },
            "commit": commit,
        });
        self.notify(repo, ("note_events", "Note Hook"), Some("create"), &body);
        id
    }

    /// At most 20 commits are listed.
    fn tell_push(&mut self, repo: u64, actor: &Actor, change: &RefChange, what: Ref) {
        let (name, folder, hook) = match what {
            Ref::Branch => ("push", "heads", ("push_events", "Push Hook")),
            Ref::Tag => ("tag_push", "tags", ("tag_push_events", "Tag Push Hook")),
        };
        let Some(place) = self.repo(repo) else { return };
        let bare = Bare(&place.dir);
        let known = change.old.clone().or_else(|| bare.branch(&place.default_branch));
        let commits = match (&known, &change.new) {
            (Some(old), Some(new)) => bare.commits(old, new),
            _ => Vec::new(),
        };
        let shown: Vec<Value> =
            commits.iter().rev().take(20).rev().map(|c| self.hook_commit(repo, c)).collect();
        let user = self.hook_user(&actor.login);
        let body = json!({
            "object_kind": name, "event_name": name,
            "before": change.old.as_deref().unwrap_or(NO_COMMIT),
            "after": change.new.as_deref().unwrap_or(NO_COMMIT),
            "ref": format!("refs/{folder}/{}", change.branch), "ref_protected": change.branch == place.default_branch,
            "checkout_sha": change.new, "message": null, "user_id": user["id"], "user_name": user["name"],
            "user_username": user["username"], "user_email": "", "user_avatar": null, "project_id": repo,
            "project": self.hook_project(place), "repository": self.hook_repository(place),
            "commits": shown, "total_commits_count": commits.len(), "push_options": {},
        });
        self.notify(repo, hook, None, &body);
    }

    /// <https://docs.gitlab.com/administration/system_hooks/>
    fn tell_server(&mut self, repo: u64, event: &str, before: Option<String>) {
        let Some(place) = self.repo(repo) else { return };
        let full_name = place.full_name();
        let mut body = json!({
            "event_name": event, "created_at": when(place.created), "updated_at": when(self.now()),
            "name": place.name, "owner_name": place.owner, "owner_email": "", "owners": [],
            "path": place.name, "path_with_namespace": full_name, "project_id": repo,
            "project_namespace_id": repo, "project_visibility": if place.private { "private" } else { "public" },
        });
        if let Some(before) = before {
            body["old_path_with_namespace"] = json!(before);
        }
        self.notify(repo, ("repository_update_events", "System Hook"), Some(event), &body);
    }

    pub(super) fn tell_job(&mut self, id: u64, actor: &Actor) {
        let body = || {
            let job = self.job(id).filter(|job| !job.outside)?;
            let place = self.repo(job.repo)?;
            let pipeline = self.pipeline(job.pipeline)?;
            let body = json!({
                "object_kind": "build", "ref": job.branch, "tag": false, "before_sha": NO_COMMIT, "sha": job.sha,
                "build_id": id, "build_name": job.name, "build_stage": job.stage, "build_status": job.status,
                "build_created_at": when(job.created), "build_started_at": job.started.map(when),
                "build_finished_at": job.finished.map(when), "build_duration": null, "build_allow_failure": false,
                "build_failure_reason": "unknown_failure", "retries_count": 0, "pipeline_id": job.pipeline,
                "project_id": job.repo, "project_name": place.full_name(), "user": self.hook_user(&actor.login),
                "commit": {
                    "id": pipeline.id, "sha": job.sha, "status": self.pipeline_status(job.pipeline),
                    "author_name": actor.login, "author_email": "",
                },
                "repository": self.hook_repository(place), "project": self.hook_project(place),
                "environment": null, "runner": null,
            });
            Some((body, job.repo, job.status))
        };
        let Some((body, repo, status)) = body() else { return };
        self.notify(repo, ("job_events", "Job Hook"), Some(status), &body);
    }

    pub(super) fn tell_pipeline(&mut self, id: u64, actor: &Actor) {
        let body = || {
            let pipeline = self.pipeline(id)?;
            let place = self.repo(pipeline.repo)?;
            let status = self.pipeline_status(id);
            let at_head = |i: &&crate::sandbox::model::Issue| {
                i.open && i.pull.as_ref().is_some_and(|p| p.head.sha == pipeline.sha)
            };
            let pull = place.issues.iter().find(at_head).map(|issue| attributes(self, place, issue));
            let builds: Vec<Value> = self
                .jobs_in(id)
                .into_iter()
                .map(|job| {
                    json!({
                        "id": job.id, "stage": job.stage, "name": job.name, "status": job.status,
                        "created_at": when(job.created), "started_at": job.started.map(when),
                        "finished_at": job.finished.map(when), "allow_failure": false,
                    })
                })
                .collect();
            let commit = Bare(&place.dir).commit(&pipeline.sha).map(|c| self.hook_commit(pipeline.repo, &c));
            let body = json!({
                "object_kind": "pipeline",
                "object_attributes": {
                    "id": id, "iid": pipeline.iid, "ref": pipeline.branch, "tag": false, "sha": pipeline.sha,
                    "before_sha": NO_COMMIT, "source": pipeline.source, "status": status,
                    "detailed_status": status, "stages": [], "created_at": when(pipeline.created),
                    "finished_at": null, "duration": null, "variables": [],
                    "url": format!("{}/{}/-/pipelines/{id}", self.root(), place.full_name()),
                },
                "merge_request": pull, "user": self.hook_user(&actor.login), "project": self.hook_project(place),
                "commit": commit, "builds": builds,
            });
            Some((body, pipeline.repo, status))
        };
        let Some((body, repo, status)) = body() else { return };
        self.notify(repo, ("pipeline_events", "Pipeline Hook"), Some(status), &body);
    }

    fn hook_commit(&self, repo: u64, commit: &CommitFacts) -> Value {
        let name = self.repo(repo).map(|r| r.full_name()).unwrap_or_default();
        let [added, removed, modified] =
            self.repo(repo).map(|r| Bare(&r.dir).touched(&commit.sha)).unwrap_or_default();
        json!({
            "id": commit.sha, "message": commit.message, "title": commit.message.lines().next(),
            "timestamp": commit.timestamp, "url": format!("{}/{name}/-/commit/{}", self.root(), commit.sha),
            "author": { "name": commit.author.0, "email": commit.author.1 },
            "added": added, "modified": modified, "removed": removed,
        })
    }
}
