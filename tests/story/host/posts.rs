//! Webhooks as somebody posts them.

use super::super::world::World;
use secrecy::SecretString;
use serde_json::Value;
use tasksgodzilla::config::Raw;
use tasksgodzilla::forge::signature::sign_github;
use tasksgodzilla::sandbox::{Host, PendingHook};

/// One webhook, proved by `secret`.
pub struct Post<'a> {
    pub guid: &'a str,
    pub event: &'a str,
    pub secret: &'a str,
    pub body: &'a [u8],
}

impl Post<'_> {
    /// The status and the answer.
    pub async fn to(&self, world: &World) -> String {
        let path = match world.twin.host() {
            Host::Github => "/webhooks/github",
            Host::Gitlab => "/webhooks/gitlab",
        };
        let mut request = world.client.post(world.address.join(path).unwrap()).body(self.body.to_vec());
        for (name, value) in self.headers(world.twin.host()) {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
    }

    fn headers(&self, host: Host) -> [(&'static str, String); 3] {
        match host {
            Host::Github => [
                ("x-github-delivery", self.guid.to_owned()),
                ("x-github-event", self.event.to_owned()),
                ("x-hub-signature-256", sign_github(&SecretString::from(self.secret), self.body)),
            ],
            Host::Gitlab => [
                ("idempotency-key", self.guid.to_owned()),
                ("x-gitlab-event", self.event.to_owned()),
                ("x-gitlab-token", self.secret.to_owned()),
            ],
        }
    }
}

/// Settings that know the webhook's secret from before it was changed.
pub fn with_previous_secret(host: Host, raw: Raw, secret: &str) -> Raw {
    match host {
        Host::Github => raw.with("GITHUB_WEBHOOK_SECRET_PREVIOUS", secret),
        Host::Gitlab => raw.with("GITLAB_WEBHOOK_TOKEN_PREVIOUS", secret),
    }
}

/// Who commented, as a webhook tells it.
pub fn commenter(host: Host, hook: &PendingHook) -> String {
    let body: Value = serde_json::from_slice(&hook.body).unwrap();
    let login = match host {
        Host::Github => &body["sender"]["login"],
        Host::Gitlab => &body["user"]["username"],
    };
    login.as_str().unwrap().to_owned()
}

/// The body of a comment's webhook with other words in it.
pub fn reworded(host: Host, hook: &PendingHook, words: &str) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(&hook.body).unwrap();
    match host {
        Host::Github => body["comment"]["body"] = words.into(),
        Host::Gitlab => body["object_attributes"]["note"] = words.into(),
    }
    serde_json::to_vec(&body).unwrap()
}
