//! The log of the App's webhooks. It holds one entry for each try, newest first, for three days (seven on an Enterprise
//! Server), and is read as the App itself.
//!
//! <https://docs.github.com/en/rest/apps/webhooks>

use super::Github;
use super::client::{As, Ask, Words};
use super::errors;
use crate::domain::ids::Moment;
use crate::forge::{DeliveryLog, ForgeError, Logged};
use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Pages of a hundred that one look reads at most: as many as GitHub lets an App ask for in an hour.
const MOST_PAGES: usize = 5_000;

#[derive(Deserialize)]
struct WireEntry {
    id: i64,
    guid: String,
    delivered_at: String,
    status_code: u16,
    event: String,
    action: Option<String>,
    repository_id: Option<i64>,
}

#[derive(Deserialize)]
struct WireDelivery {
    request: WireRequest,
}

#[derive(Deserialize)]
struct WireRequest {
    payload: Value,
}

#[async_trait]
impl DeliveryLog for Github {
    async fn deliveries(&self, since: Moment) -> Result<Vec<Logged>, ForgeError> {
        let words = Words::new("read the log of deliveries", "log of deliveries", "");
        let ask = Ask::get("/app/hook/deliveries?per_page=100", words);
        let mut entries = Vec::new();
        let mut answer = self.client.ask(As::App, &ask).await?;
        for page in 1.. {
            entries.extend(self.entries(self.client.read(&answer, &ask.words)?, &ask)?);
            let is_enough = entries.last().is_none_or(|oldest: &Logged| oldest.at < since);
            let Some(path) = answer.next.take().filter(|_| !is_enough) else {
                break;
            };
            if page == MOST_PAGES {
                tracing::warn!(pages = page, "the log of deliveries is too long; its older part is not read");
                break;
            }
            answer = self.client.ask_page(As::App, &ask, &path).await?;
        }
        entries.retain(|entry| entry.at >= since);
        Ok(once_each(entries))
    }

    async fn body(&self, delivery: &Logged) -> Result<Vec<u8>, ForgeError> {
        let thing = format!("delivery {}", delivery.guid);
        let ask = Ask::get(
            format!("/app/hook/deliveries/{}", delivery.id),
            Words::new("read a delivery", thing, ""),
        );
        let read: WireDelivery = self.client.read(&self.client.ask(As::App, &ask).await?, &ask.words)?;
        Ok(read.request.payload.to_string().into_bytes())
    }

    async fn send_again(&self, delivery: &Logged) -> Result<(), ForgeError> {
        let path = format!("/app/hook/deliveries/{}/attempts", delivery.id);
        let words = Words::new("send a delivery again", format!("delivery {}", delivery.guid), "");
        let ask = Ask { method: Method::POST, path, body: None, words };
        self.client.ask(As::App, &ask).await.map(drop)
    }
}

impl Github {
    /// The entries of a page. One that cannot be read hides no other; when none can, the form is another one.
    fn entries(&self, page: Vec<Value>, ask: &Ask) -> Result<Vec<Logged>, ForgeError> {
        let mut entries = Vec::with_capacity(page.len());
        let mut odd = None;
        for entry in page {
            let guid = entry["guid"].as_str().unwrap_or("without a GUID").to_owned();
            match logged(entry) {
                Ok(entry) => entries.push(entry),
                Err(why) => {
                    tracing::warn!(
                        delivery.guid = guid,
                        why,
                        "an entry of the log of deliveries cannot be read"
                    );
                    odd = Some(why);
                }
            }
        }
        match odd {
            Some(why) if entries.is_empty() => Err(errors::unreadable(self.client.host(), &ask.words, why)),
            _ => Ok(entries),
        }
    }
}

/// One entry, or why it is none.
fn logged(entry: Value) -> Result<Logged, String> {
    let entry: WireEntry = serde_json::from_value(entry).map_err(|why| why.to_string())?;
    let at = Moment::parse_rfc3339(&entry.delivered_at).ok_or("`delivered_at` is no time")?;
    Ok(Logged {
        id: entry.id,
        guid: entry.guid,
        event: entry.event,
        action: entry.action,
        repo: entry.repository_id,
        at,
        status: entry.status_code,
    })
}

/// Joins the tries of each delivery; `entries` are newest first. The result is oldest first.
fn once_each(entries: Vec<Logged>) -> Vec<Logged> {
    let mut by_guid: BTreeMap<String, Logged> = BTreeMap::new();
    for entry in entries {
        match by_guid.get_mut(&entry.guid) {
            Some(newer) => {
                newer.at = newer.at.min(entry.at);
                if entry.has_arrived() {
                    newer.status = entry.status;
                }
            }
            None => {
                by_guid.insert(entry.guid.clone(), entry);
            }
        }
    }
    let mut once: Vec<Logged> = by_guid.into_values().collect();
    once.sort_by_key(|entry| (entry.at, entry.id));
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i64, guid: &str, at: i64, status: u16) -> Logged {
        let event = "push".to_owned();
        Logged { id, guid: guid.to_owned(), event, action: None, repo: None, at: Moment(at), status }
    }

    #[test]
    fn tries_of_one_delivery_are_one() {
        let log = vec![entry(3, "a", 30, 202), entry(2, "b", 20, 502), entry(1, "a", 10, 500)];
        assert_eq!(once_each(log), [entry(3, "a", 10, 202), entry(2, "b", 20, 502)]);
        let log = vec![entry(2, "a", 20, 500), entry(1, "a", 10, 202)];
        assert_eq!(once_each(log), [entry(2, "a", 10, 202)], "what arrived once has arrived");
    }
}
