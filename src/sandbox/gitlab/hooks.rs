//! Hooks: what a letter looks like, and when GitLab stops sending any.

use super::desk::{Hook, Place};
use crate::sandbox::hooks::{Delivery, Letter};
use crate::sandbox::model::Model;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Failures in a row after which a hook is off for a while, and for good.
const PAUSED_AT: u32 = 4;
const OFF_AT: u32 = 40;
/// The first pause and the longest, in milliseconds; each is twice the one before.
const FIRST_PAUSE: i64 = 60_000;
const LONGEST_PAUSE: i64 = 24 * 3_600_000;

impl Model {
    pub(crate) fn hook(&self, id: u64) -> Option<&Hook> {
        self.gitlab.hooks.iter().find(|h| h.id == id)
    }

    /// Notes how a delivery went. A good one switches the hook on again.
    ///
    /// <https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks>
    pub(crate) fn judge_hook(&mut self, id: u64, is_well: bool) {
        let now = self.now();
        let Some(hook) = self.gitlab.hooks.iter_mut().find(|h| h.id == id) else {
            return;
        };
        if is_well {
            hook.failures = 0;
            hook.off_until = None;
            return;
        }
        hook.failures += 1;
        if hook.failures >= OFF_AT {
            hook.off_until = Some(i64::MAX);
        } else if let Some(more) = hook.failures.checked_sub(PAUSED_AT) {
            let pause = FIRST_PAUSE.saturating_mul(1 << more.min(20)).min(LONGEST_PAUSE);
            hook.off_until = Some(now + pause);
        }
    }

    /// Hooks that hear of a kind of event in a project now.
    pub(super) fn hearing(&self, repo: u64, kind: &str) -> Vec<u64> {
        let now = self.now();
        let owner = self.repo(repo).map_or("", |r| r.owner.as_str());
        let here = |hook: &&Hook| match &hook.place {
            Place::Project(id) => *id == repo,
            Place::Group(path) => owner == path || owner.starts_with(&format!("{path}/")),
            Place::Server => true,
        };
        let on = self.gitlab.hooks.iter().filter(here).filter(|h| h.events.contains(kind) && h.is_on(now));
        on.map(|h| h.id).collect()
    }

    /// <https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers>
    pub(crate) fn letter_to_hook(&self, delivery: &Delivery) -> Option<Letter> {
        let hook = self.hook(delivery.receiver)?;
        let mut headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("User-Agent", "GitLab/18.6.0".to_owned()),
            ("Idempotency-Key", delivery.guid.clone()),
            ("X-Gitlab-Event", delivery.event.clone()),
            ("X-Gitlab-Instance", self.root()),
            ("X-Gitlab-Webhook-UUID", format!("{:08x}-0000-4000-8000-{:012x}", hook.id, hook.id)),
            ("X-Gitlab-Event-UUID", event_uuid(&delivery.body)),
        ];
        if let Some(token) = &hook.token {
            headers.push(("X-Gitlab-Token", token.clone()));
        }
        if let Some(key) = &hook.signing {
            let seconds = self.now().div_euclid(1000).to_string();
            headers.push(("webhook-signature", sign(key, (&delivery.guid, &seconds), &delivery.body)));
            headers.push(("webhook-id", delivery.guid.clone()));
            headers.push(("webhook-timestamp", seconds));
        }
        Some(Letter { url: hook.url.clone(), headers, body: delivery.body.clone() })
    }
}

/// The same for all hooks that hear of one event.
fn event_uuid(body: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(body));
    format!(
        "{}-{}-4{}-8{}-{}",
        &digest[..8],
        &digest[8..12],
        &digest[13..16],
        &digest[17..20],
        &digest[20..32]
    )
}

/// <https://www.standardwebhooks.com>: HMAC-SHA256 over `id.timestamp.body`, keyed with what follows `whsec_`.
fn sign(key: &str, (id, seconds): (&str, &str), body: &[u8]) -> String {
    let key = BASE64_STANDARD.decode(key.trim_start_matches("whsec_")).unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("an HMAC key may have any length");
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}
