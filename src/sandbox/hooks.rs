//! Webhooks: the queue of deliveries, and the log of them.
//!
//! Who hears of an event, and what a letter says, is the host's. Deliveries wait in one queue. In `Hooks::Send` a task posts
//! them in order at once; in `Hooks::Hold` they wait until the test takes them, in any order, twice, or never. No host
//! retries by itself, and neither does the twin.

use super::http::Reply;
use super::model::Model;
use super::{Host, Shared, lock};
use serde_json::json;
use std::time::Duration;

/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The App that hears it, or the hook on GitLab.
    pub(crate) receiver: u64,
    pub(crate) installation: Option<u64>,
    pub(crate) repo: Option<u64>,
    pub(crate) event: String,
    pub(crate) action: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) redelivery: bool,
    pub(crate) made: i64,
    pub(crate) answer: Option<HookAnswer>,
}

/// An event that somebody is to be told.
pub(crate) struct Notice {
    /// An App, or a hook on GitLab.
    pub(crate) receiver: u64,
    pub(crate) installation: Option<u64>,
    pub(crate) repo: Option<u64>,
    pub(crate) event: String,
    pub(crate) action: Option<String>,
    /// The exact bytes.
    pub(crate) body: Vec<u8>,
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

impl Model {
    pub(crate) fn queue(&mut self, notice: Notice) {
        let id = self.record(notice);
        self.hand_over(id);
    }

    /// Writes a delivery down that is not to be posted yet. Returns its number.
    pub(crate) fn record(&mut self, notice: Notice) -> u64 {
        let Notice { receiver, installation, repo, event, action, body } = notice;
        let (id, made) = (self.next_id("delivery"), self.now());
        let guid = format!("{:08x}-7a5c-11f0-8000-{:012x}", id & 0xffff_ffff, id);
        let (redelivery, answer) = (false, None);
        self.deliveries.push(Delivery {
            id,
            guid,
            receiver,
            installation,
            repo,
            event,
            action,
            body,
            redelivery,
            made,
            answer,
        });
        id
    }

    fn letter(&self, delivery: &Delivery) -> Option<Letter> {
        match self.host {
            Host::Github => self.letter_to_app(delivery),
            Host::Gitlab => self.letter_to_hook(delivery),
        }
    }

    /// Notes in the log what the receiver said.
    pub(crate) fn answered(&mut self, id: u64, answer: HookAnswer) {
        let Some(delivery) = self.deliveries.iter_mut().find(|d| d.id == id) else {
            return;
        };
        let (receiver, is_well) = (delivery.receiver, matches!(answer.code, 200..300));
        delivery.answer = Some(answer);
        if self.host == Host::Gitlab {
            self.judge_hook(receiver, is_well);
        }
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
}

/// A webhook as it goes over the wire.
pub(crate) struct Letter {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
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
    let code = answer.code;
    let mut model = lock(shared);
    model.answered(id, answer);
    let delivery = model.deliveries.iter().find(|d| d.id == id)?;
    Some(Delivered {
        guid: delivery.guid.clone(),
        event: delivery.event.clone(),
        action: delivery.action.clone(),
        status: code,
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

/// What webhooks are posted with.
pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()
}

/// Posts what is to be posted before a request is answered; the answer is the one that was meant if the receiver took it.
pub(crate) async fn posted_first(shared: &Shared, reply: Reply) -> Reply {
    let Some(delivery) = reply.after else { return reply };
    let delivered = match client() {
        Ok(client) => post(shared, &client, delivery).await,
        Err(_) => None,
    };
    match delivered {
        Some(delivered) if (200..300).contains(&delivered.status) => reply,
        _ => Reply::json(422, json!({ "message": "Hook execution failed" })),
    }
}
