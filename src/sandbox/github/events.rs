//! Webhooks as GitHub sends them: which Apps hear of an event, what it says, and the log that an App may read.

use super::desk::{Access, App};
use super::json::{commit_json, extend};
use crate::sandbox::acts::{NO_COMMIT, RefChange};
use crate::sandbox::events::{Edits, Event};
use crate::sandbox::git::Bare;
use crate::sandbox::hooks::{Delivery, Letter, Notice};
use crate::sandbox::model::{Actor, Model, UserKind, iso};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// What an event is about: the repository, who did it, and the only App to hear of it, if not all.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) repo: u64,
    pub(crate) actor: &'a Actor,
    pub(crate) only: Option<u64>,
}

impl<'a> About<'a> {
    pub(crate) fn all(repo: u64, actor: &'a Actor) -> Self {
        Self { repo, actor, only: None }
    }

    pub(crate) fn only(repo: u64, actor: &'a Actor, app: u64) -> Self {
        Self { repo, actor, only: Some(app) }
    }
}

/// Whether an App hears of an event: by subscription, or because its right to checks brings the event along.
///
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
fn hears(app: &App, event: &str, action: Option<&str>, only: Option<u64>) -> bool {
    if app.webhook_url.is_none() || only.is_some_and(|id| id != app.id) {
        return false;
    }
    let own_checks = matches!(event, "check_run" | "check_suite")
        && matches!(action, Some("requested" | "rerequested" | "requested_action"));
    if own_checks && app.may("checks", Access::Write) {
        return true;
    }
    matches!(event, "installation" | "installation_repositories" | "ping")
        || app.events.iter().any(|e| e == event)
}

impl Model {
    /// Makes GitHub's webhooks of what happened.
    pub(crate) fn tell_apps(&mut self, repo: u64, actor: &Actor, event: Event<'_>) {
        match event {
            Event::Opened(number) => self.fire_thread("opened", (repo, number), actor, json!({})),
            Event::Closed(number) | Event::Merged(number) => {
                self.fire_thread("closed", (repo, number), actor, json!({}));
            }
            Event::Reopened(number) => self.fire_thread("reopened", (repo, number), actor, json!({})),
            Event::Edited(number, edits) => {
                self.fire_thread("edited", (repo, number), actor, json!({ "changes": changes(edits) }));
            }
            Event::Drafted(number) => {
                let draft = self.issue(repo, number).and_then(|i| i.pull.as_ref()).is_some_and(|p| p.draft);
                let action = if draft { "converted_to_draft" } else { "ready_for_review" };
                self.fire_thread(action, (repo, number), actor, json!({}));
            }
            Event::Synchronized(number, change) => {
                let more = json!({ "before": change.old, "after": change.new });
                self.fire_thread("synchronize", (repo, number), actor, more);
            }
            Event::Commented(id) => self.fire_comment("created", (repo, id), actor, json!({})),
            Event::CommentEdited(id, before) => {
                let more = json!({ "changes": { "body": { "from": before } } });
                self.fire_comment("edited", (repo, id), actor, more);
            }
            Event::CommentDeleted(id) => self.fire_comment("deleted", (repo, id), actor, json!({})),
            Event::Tagged(_) => {}
            Event::Pushed(change) => {
                self.fire_ref(repo, actor, change);
                self.fire_push(repo, actor, change);
            }
            Event::Renamed(from) => {
                let changes = json!({ "repository": { "name": { "from": from } } });
                self.fire_repository("renamed", repo, actor, &json!({ "changes": changes }));
            }
            Event::Transferred(from) => {
                let changes = json!({ "owner": { "from": { "user": self.user_json(from) } } });
                self.fire_repository("transferred", repo, actor, &json!({ "changes": changes }));
            }
            Event::Archived => self.fire_repository("archived", repo, actor, &json!({})),
            Event::Unarchived => self.fire_repository("unarchived", repo, actor, &json!({})),
            Event::Deleted => self.fire_repository("deleted", repo, actor, &json!({})),
        }
    }

    /// An event of an issue, or of a pull request where the thread is one.
    fn fire_thread(&mut self, action: &str, at: (u64, u64), actor: &Actor, more: Value) {
        let (event, mut body) = match self.pull_hook_json(at) {
            Some(pull) => ("pull_request", json!({ "number": at.1, "pull_request": pull })),
            None => match self.issue_body(at) {
                Some(body) => ("issues", body),
                None => return,
            },
        };
        extend(&mut body, more);
        self.fire(event, Some(action), About::all(at.0, actor), &body);
    }

    fn issue_body(&self, (repo, number): (u64, u64)) -> Option<Value> {
        Some(json!({ "issue": self.issue_json(self.repo(repo)?, self.issue(repo, number)?) }))
    }

    pub(crate) fn pull_hook_json(&self, (repo, number): (u64, u64)) -> Option<Value> {
        let issue = self.issue(repo, number)?;
        Some(self.pull_json(self.repo(repo)?, issue, issue.pull.as_ref()?))
    }

    fn fire_comment(&mut self, action: &str, (repo, id): (u64, u64), actor: &Actor, more: Value) {
        let body = || {
            let (number, comment) = self.comment(repo, id)?;
            let mut body = self.issue_body((repo, number))?;
            body["comment"] = self.comment_json(self.repo(repo)?, number, comment);
            extend(&mut body, more);
            Some(body)
        };
        let Some(body) = body() else { return };
        self.fire("issue_comment", Some(action), About::all(repo, actor), &body);
    }

    fn fire_ref(&mut self, repo: u64, actor: &Actor, change: &RefChange) {
        let event = match (&change.old, &change.new) {
            (None, Some(_)) => "create",
            (Some(_), None) => "delete",
            _ => return,
        };
        let mut body = json!({ "ref": change.branch, "ref_type": "branch", "pusher_type": "user" });
        if event == "create" {
            body["master_branch"] = json!(self.repo(repo).map(|r| r.default_branch.clone()));
            body["description"] = Value::Null;
        }
        self.fire(event, None, About::all(repo, actor), &body);
    }

    fn fire_push(&mut self, repo: u64, actor: &Actor, change: &RefChange) {
        let Some(body) = self.push_body(repo, actor, change) else {
            return;
        };
        self.fire("push", None, About::all(repo, actor), &body);
    }

    /// The payload lists at most 2,048 commits on GitHub; 20 are enough for us.
    fn push_body(&self, repo: u64, actor: &Actor, change: &RefChange) -> Option<Value> {
        let repo = self.repo(repo)?;
        let bare = Bare(&repo.dir);
        let html = format!("{}/{}", self.site.url, repo.full_name());
        let known = change.old.clone().or_else(|| bare.branch(&repo.default_branch));
        let commits = match (&known, &change.new) {
            (Some(old), Some(new)) => bare.commits(old, new),
            _ => Vec::new(),
        };
        let shown: Vec<Value> = commits.iter().take(20).map(|c| commit_json(&bare, &html, c)).collect();
        let head =
            change.new.as_deref().and_then(|sha| bare.commit(sha)).map(|c| commit_json(&bare, &html, &c));
        let forced = match (&change.old, &change.new) {
            (Some(old), Some(new)) => !bare.is_ancestor(old, new),
            _ => false,
        };
        let before = change.old.as_deref().unwrap_or(NO_COMMIT);
        let after = change.new.as_deref().unwrap_or(NO_COMMIT);
        Some(json!({
            "ref": format!("refs/heads/{}", change.branch),
            "before": before,
            "after": after,
            "pusher": { "name": actor.login, "email": format!("{}@users.noreply.github.com", actor.login) },
            "created": change.old.is_none(),
            "deleted": change.new.is_none(),
            "forced": forced,
            "base_ref": null,
            "compare": format!("{html}/compare/{before}...{after}"),
            "commits": shown,
            "head_commit": head,
        }))
    }

    fn fire_repository(&mut self, action: &str, repo: u64, actor: &Actor, more: &Value) {
        self.fire("repository", Some(action), About::all(repo, actor), more);
    }

    /// Queues an event of a repository for each App that is installed on it and hears of it.
    pub(crate) fn fire(&mut self, event: &str, action: Option<&str>, about: About<'_>, body: &Value) {
        let installed = self
            .github
            .installations
            .iter()
            .filter(|i| i.suspended.is_none() && i.repos.contains(&about.repo));
        let audience: Vec<(u64, u64)> = installed
            .filter(|i| self.app(i.app).is_some_and(|app| hears(app, event, action, about.only)))
            .map(|i| (i.app, i.id))
            .collect();
        for (app, installation) in audience {
            let payload = self.payload(event, action, about, body, installation);
            self.post_to(app, (Some(installation), Some(about.repo)), (event, action), &payload);
        }
    }

    fn payload(
        &self,
        event: &str,
        action: Option<&str>,
        about: About<'_>,
        body: &Value,
        installation: u64,
    ) -> Value {
        let mut payload = json!({});
        if let Some(action) = action {
            payload["action"] = json!(action);
        }
        extend(&mut payload, body.clone());
        if let Some(repo) = self.repo(about.repo) {
            payload["repository"] = self.repo_json(repo);
            if event == "push" {
                payload["repository"]["owner"]["name"] = json!(repo.owner);
                payload["repository"]["created_at"] = json!(repo.created / 1000);
                payload["repository"]["pushed_at"] = json!(repo.pushed / 1000);
                payload["repository"]["master_branch"] = json!(repo.default_branch);
            }
            let is_organization = self.user(&repo.owner).is_some_and(|u| u.kind == UserKind::Organization);
            if is_organization {
                payload["organization"] = self.user_json(&repo.owner);
            }
        }
        payload["sender"] = self.user_json(&about.actor.login);
        payload["installation"] = json!({ "id": installation, "node_id": format!("MDI_{installation}") });
        payload
    }

    /// Queues an event that goes to one App whatever it subscribed to, such as `installation`.
    pub(crate) fn tell(
        &mut self,
        app: u64,
        installation: Option<u64>,
        kind: (&str, Option<&str>),
        payload: &Value,
    ) {
        if self.app(app).is_some_and(|a| a.webhook_url.is_some()) {
            self.post_to(app, (installation, None), kind, payload);
        }
    }

    fn post_to(
        &mut self,
        app: u64,
        (installation, repo): (Option<u64>, Option<u64>),
        (event, action): (&str, Option<&str>),
        payload: &Value,
    ) {
        let (event, action) = (event.to_owned(), action.map(str::to_owned));
        let body = payload.to_string().into_bytes();
        self.queue(Notice { receiver: app, installation, repo, event, action, body });
    }

    /// Each App that may write checks gets a suite; one that nobody fills stays queued for ever.
    pub(crate) fn open_suites(&mut self, repo: u64, actor: &Actor, change: &RefChange, sha: &str) {
        let installed =
            self.github.installations.iter().filter(|i| i.suspended.is_none() && i.repos.contains(&repo));
        let apps: Vec<u64> = installed
            .map(|i| i.app)
            .filter(|id| self.app(*id).is_some_and(|a| a.may("checks", Access::Write)))
            .collect();
        for app in apps {
            let suite = self.suite_for(repo, app, sha, Some(&change.branch));
            if let Some(suite) = self.suite_mut(suite) {
                suite.before.clone_from(&change.old);
            }
            self.fire_suite("requested", suite, actor);
        }
    }

    pub(crate) fn delivery_json(&self, delivery: &Delivery) -> Value {
        let answer = delivery.answer.as_ref();
        json!({
            "id": delivery.id,
            "guid": delivery.guid,
            "delivered_at": iso(delivery.made),
            "redelivery": delivery.redelivery,
            "duration": answer.map_or(0.0, |a| a.seconds),
            "status": answer.map_or("pending", |a| a.status.as_str()),
            "status_code": answer.map_or(0, |a| a.code),
            "event": delivery.event,
            "action": delivery.action,
            "installation_id": delivery.installation,
            "repository_id": delivery.repo,
            "throttled_at": null,
        })
    }

    pub(crate) fn delivery_details_json(&self, delivery: &Delivery) -> Value {
        let mut value = self.delivery_json(delivery);
        let headers: Value = match self.letter_to_app(delivery) {
            Some(letter) => letter.headers.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect(),
            None => Value::Null,
        };
        let payload: Value = serde_json::from_slice(&delivery.body).unwrap_or(Value::Null);
        value["url"] = json!(self.app(delivery.receiver).and_then(|a| a.webhook_url.clone()));
        value["request"] = json!({ "headers": headers, "payload": payload });
        value["response"] =
            json!({ "headers": {}, "payload": delivery.answer.as_ref().map(|a| a.body.clone()) });
        value
    }

    pub(crate) fn letter_to_app(&self, delivery: &Delivery) -> Option<Letter> {
        let app = self.app(delivery.receiver)?;
        let headers = vec![
            ("Accept", "*/*".to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("User-Agent", "GitHub-Hookshot/044aadd".to_owned()),
            ("X-GitHub-Delivery", delivery.guid.clone()),
            ("X-GitHub-Event", delivery.event.clone()),
            ("X-GitHub-Hook-ID", (app.id + 10_000).to_string()),
            ("X-GitHub-Hook-Installation-Target-ID", app.id.to_string()),
            ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
            ("X-Hub-Signature-256", signature(&app.webhook_secret, &delivery.body)),
        ];
        Some(Letter { url: app.webhook_url.clone()?, headers, body: delivery.body.clone() })
    }
}

fn changes(edits: &Edits) -> Value {
    let mut changes = json!({});
    if let Some(title) = &edits.title {
        changes["title"] = json!({ "from": title });
    }
    if let Some(body) = &edits.body {
        changes["body"] = json!({ "from": body });
    }
    if let Some((branch, sha)) = &edits.base {
        changes["base"] = json!({ "ref": { "from": branch }, "sha": { "from": sha } });
    }
    changes
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("an HMAC key may have any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
