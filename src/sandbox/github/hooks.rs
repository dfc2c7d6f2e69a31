//! Webhooks: which Apps hear of an event, the signed request, and the log of deliveries.
//!
//! Deliveries wait in one queue. In `Hooks::Send` a task posts them in order at once; in `Hooks::Hold` they wait until
//! the test takes them, in any order, twice, or never. GitHub does not retry by itself, and neither does the twin.

use super::model::{Access, Actor, App, Model, iso};
use super::{Shared, lock};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// When webhooks are posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hooks {
    /// At once and in order, by the twin itself.
    Send,
    /// When the test says so.
    #[default]
    Hold,
}

/// Work for the twin's background task; there is none in `Hooks::Hold`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Chore {
    Post(u64),
    PlayCi,
    Stop,
}

pub(crate) struct Delivery {
    pub(crate) id: u64,
    pub(crate) guid: String,
    pub(crate) app: u64,
    pub(crate) installation: Option<u64>,
    pub(crate) repo: Option<u64>,
    pub(crate) event: String,
    pub(crate) action: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) redelivery: bool,
    pub(crate) made: i64,
    pub(crate) answer: Option<HookAnswer>,
}

/// What the receiver said, or why it could not be asked.
#[derive(Clone)]
pub(crate) struct HookAnswer {
    pub(crate) code: u16,
    pub(crate) status: String,
    pub(crate) body: String,
    pub(crate) seconds: f64,
}

impl HookAnswer {
    /// What the log holds when the receiver itself was not reached.
    pub(crate) fn of_nobody(code: u16) -> Self {
        let status = if code == 502 { "failed to connect to host" } else { "OK" };
        Self { code, status: status.to_owned(), body: String::new(), seconds: 0.0 }
    }
}

/// A webhook that was posted. `status` is 502 when nobody listened, as in GitHub's own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    pub guid: String,
    pub event: String,
    pub action: Option<String>,
    pub status: u16,
}

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
    /// Queues an event of a repository for each App that is installed on it and hears of it.
    pub(crate) fn fire(&mut self, event: &str, action: Option<&str>, about: About<'_>, body: &Value) {
        let installed =
            self.installations.iter().filter(|i| i.suspended.is_none() && i.repos.contains(&about.repo));
        let audience: Vec<(u64, u64)> = installed
            .filter(|i| self.app(i.app).is_some_and(|app| hears(app, event, action, about.only)))
            .map(|i| (i.app, i.id))
            .collect();
        for (app, installation) in audience {
            let payload = self.payload(event, action, about, body, installation);
            self.queue(app, (Some(installation), Some(about.repo)), (event, action), &payload);
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
        super::json::extend(&mut payload, body.clone());
        if let Some(repo) = self.repo(about.repo) {
            payload["repository"] = self.repo_json(repo);
            if event == "push" {
                payload["repository"]["owner"]["name"] = json!(repo.owner);
                payload["repository"]["created_at"] = json!(repo.created / 1000);
                payload["repository"]["pushed_at"] = json!(repo.pushed / 1000);
                payload["repository"]["master_branch"] = json!(repo.default_branch);
            }
            let is_organization =
                self.user(&repo.owner).is_some_and(|u| u.kind == super::model::UserKind::Organization);
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
            self.queue(app, (installation, None), kind, payload);
        }
    }

    fn queue(
        &mut self,
        app: u64,
        (installation, repo): (Option<u64>, Option<u64>),
        (event, action): (&str, Option<&str>),
        payload: &Value,
    ) {
        let id = self.next_id("delivery");
        self.deliveries.push(Delivery {
            id,
            guid: format!("{:08x}-7a5c-11f0-8000-{:012x}", id & 0xffff_ffff, id),
            app,
            installation,
            repo,
            event: event.to_owned(),
            action: action.map(str::to_owned),
            body: payload.to_string().into_bytes(),
            redelivery: false,
            made: self.now(),
            answer: None,
        });
        self.hand_over(id);
    }

    fn hand_over(&mut self, id: u64) {
        match self.hooks {
            Hooks::Hold => self.waiting.push_back(id),
            Hooks::Send => {
                // The receiver is gone only while the twin stops; then nobody listens either.
                let _ = self.chores.send(Chore::Post(id));
            }
        }
    }

    /// Queues the delivery with this id again, under its old GUID.
    pub(crate) fn redeliver(&mut self, id: u64) -> Option<u64> {
        let old = self.deliveries.iter().find(|d| d.id == id)?;
        let again = Delivery {
            id: 0,
            guid: old.guid.clone(),
            event: old.event.clone(),
            action: old.action.clone(),
            body: old.body.clone(),
            redelivery: true,
            made: self.now(),
            answer: None,
            ..*old
        };
        let id = self.next_id("delivery");
        self.deliveries.push(Delivery { id, ..again });
        self.hand_over(id);
        Some(id)
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
        let headers: Value = match self.letter(delivery) {
            Some(letter) => letter.headers.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect(),
            None => Value::Null,
        };
        let payload: Value = serde_json::from_slice(&delivery.body).unwrap_or(Value::Null);
        value["url"] = json!(self.app(delivery.app).and_then(|a| a.webhook_url.clone()));
        value["request"] = json!({ "headers": headers, "payload": payload });
        value["response"] =
            json!({ "headers": {}, "payload": delivery.answer.as_ref().map(|a| a.body.clone()) });
        value
    }

    fn letter(&self, delivery: &Delivery) -> Option<Letter> {
        let app = self.app(delivery.app)?;
        let headers = [
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

/// A webhook as it goes over the wire.
struct Letter {
    url: String,
    headers: [(&'static str, String); 9],
    body: Vec<u8>,
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("an HMAC key may have any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Posts one delivery and records the answer. `None` when there is no such delivery or nowhere to send it.
pub(crate) async fn post(shared: &Shared, client: &reqwest::Client, id: u64) -> Option<Delivered> {
    let letter = {
        let model = lock(shared);
        let delivery = model.deliveries.iter().find(|d| d.id == id)?;
        model.letter(delivery)?
    };
    let begun = std::time::Instant::now();
    let mut answer = ask(client, letter).await;
    answer.seconds = begun.elapsed().as_secs_f64();
    let mut model = lock(shared);
    let delivery = model.deliveries.iter_mut().find(|d| d.id == id)?;
    delivery.answer = Some(answer.clone());
    Some(Delivered {
        guid: delivery.guid.clone(),
        event: delivery.event.clone(),
        action: delivery.action.clone(),
        status: answer.code,
    })
}

async fn ask(client: &reqwest::Client, letter: Letter) -> HookAnswer {
    let mut request = client.post(&letter.url).body(letter.body);
    for (name, value) in letter.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(response) => {
            let code = response.status().as_u16();
            let status = if response.status().is_success() { "OK" } else { "Invalid HTTP Response" };
            let body = response.text().await.unwrap_or_default();
            HookAnswer { code, status: format!("{status}: {code}"), body, seconds: 0.0 }
        }
        Err(_) => HookAnswer::of_nobody(502),
    }
}
