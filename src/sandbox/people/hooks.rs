//! Running webhooks by hand, and CI.

use super::SandboxError;
use crate::sandbox::Twin;
use crate::sandbox::hooks::{self, Delivered, HookAnswer};
use crate::sandbox::views::PendingHook;

impl Twin {
    /// Webhooks that wait in `Hooks::Hold`, next first.
    pub fn pending(&self) -> Vec<PendingHook> {
        let model = self.model();
        let waiting = model.waiting.iter().filter_map(|id| model.deliveries.iter().find(|d| d.id == *id));
        waiting.map(PendingHook::of).collect()
    }

    /// Posts the next waiting webhook. `None` when none waits.
    pub async fn deliver_next(&self, client: &reqwest::Client) -> Option<Delivered> {
        let next = self.model().waiting.pop_front()?;
        hooks::post(&self.shared, client, next).await
    }

    /// Posts what waits and what comes meanwhile, until nothing waits.
    pub async fn deliver_all(&self, client: &reqwest::Client) -> Vec<Delivered> {
        let mut all = Vec::new();
        while let Some(delivered) = self.deliver_next(client).await {
            all.push(delivered);
        }
        all
    }

    /// Forgets the next waiting webhook: it was never sent, and no log knows of it. Returns what was lost.
    pub fn drop_next(&self) -> Option<PendingHook> {
        let lost = self.pending().into_iter().next();
        self.model().waiting.pop_front();
        lost
    }

    /// The next waiting webhook does not arrive, and the log of deliveries says so: `status` is what the host saw, 502 when
    /// nobody answered, 200 when somebody answered in the receiver's place. Returns what was lost.
    pub fn lose_next(&self, status: u16) -> Option<PendingHook> {
        let lost = self.pending().into_iter().next()?;
        let mut model = self.model();
        let id = model.waiting.pop_front()?;
        model.answered(id, HookAnswer::of_nobody(status));
        Some(lost)
    }

    /// Puts the next waiting webhook into the queue a second time, at the end.
    pub fn duplicate_next(&self) {
        let mut model = self.model();
        if let Some(next) = model.waiting.front().copied() {
            model.waiting.push_back(next);
        }
    }

    /// Moves the next waiting webhook to the end of the queue.
    pub fn postpone_next(&self) {
        let mut model = self.model();
        if let Some(next) = model.waiting.pop_front() {
            model.waiting.push_back(next);
        }
    }

    /// Queues a webhook of the log again under its GUID, as the button beside it does.
    pub fn redeliver(&self, guid: &str) -> Result<(), SandboxError> {
        let mut model = self.model();
        let last = model.deliveries.iter().rev().find(|d| d.guid == guid).map(|d| d.id);
        let found = last.and_then(|id| model.redeliver(id));
        found.map(drop).ok_or_else(|| SandboxError::Unknown(format!("delivery {guid}")))
    }

    /// Lets CI finish every run that waits. Returns how many it finished.
    pub fn play_ci(&self) -> usize {
        self.model().play_ci()
    }
}
