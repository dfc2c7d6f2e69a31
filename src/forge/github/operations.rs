//! What an operator asks about the App: its rights, its installations and its webhook.

use super::Github;
use super::client::{As, Ask, Words};
use super::errors;
use crate::domain::ids::Moment;
use crate::forge::{AppFacts, ForgeError, Granted, Hook, Installation, Operations};
use async_trait::async_trait;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

/// More pages than anybody's installations fill.
const MOST_PAGES: usize = 200;

#[derive(Deserialize)]
struct WireApp {
    id: i64,
    slug: String,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    events: Vec<String>,
}

#[derive(Deserialize)]
struct WireInstallation {
    id: i64,
    account: Option<WireAccount>,
    html_url: String,
    suspended_at: Option<String>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    events: Vec<String>,
}

/// An enterprise has a `slug` where others have a `login`.
#[derive(Deserialize)]
struct WireAccount {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct WireHook {
    url: Option<String>,
    #[serde(default)]
    content_type: String,
    /// GitHub writes a text or a number.
    #[serde(default)]
    insecure_ssl: serde_json::Value,
}

#[async_trait]
impl Operations for Github {
    /// Asks about the rate limit, which does not count against it.
    /// <https://docs.github.com/en/rest/rate-limit/rate-limit>
    async fn time(&self) -> Result<Moment, ForgeError> {
        let ask = Ask::get("/rate_limit", Words::new("tell the time", "such page", ""));
        let time = self.client.time(&ask).await?;
        let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let since = since
            .ok_or_else(|| errors::unreadable(self.client.host(), &ask.words, "an answer without a date"))?;
        Ok(Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }

    /// <https://docs.github.com/en/rest/apps/apps#get-the-authenticated-app>
    async fn app(&self) -> Result<AppFacts, ForgeError> {
        let app: WireApp = self.as_app(&Ask::get("/app", Words::new("read the App", "such App", ""))).await?;
        let granted = Granted { permissions: app.permissions, events: app.events };
        Ok(AppFacts { id: app.id, slug: app.slug, granted })
    }

    /// <https://docs.github.com/en/rest/apps/apps#list-installations-for-the-authenticated-app>
    async fn installations(&self) -> Result<Vec<Installation>, ForgeError> {
        let words = Words::new("list installations", "such App", "");
        let ask = Ask::get("/app/installations?per_page=100", words);
        let mut answer = self.client.ask(As::App, &ask).await?;
        let mut all: Vec<WireInstallation> = self.client.read(&answer, &ask.words)?;
        for _ in 1..MOST_PAGES {
            let Some(next) = answer.next.take() else { break };
            answer = self.client.ask_page(As::App, &ask, &next).await?;
            all.extend(self.client.read::<Vec<WireInstallation>>(&answer, &ask.words)?);
        }
        Ok(all.into_iter().map(Installation::from).collect())
    }

    /// <https://docs.github.com/en/rest/apps/webhooks#get-a-webhook-configuration-for-an-app>
    async fn hook(&self) -> Result<Option<Hook>, ForgeError> {
        let ask = Ask::get("/app/hook/config", Words::new("read the webhook's settings", "webhook", ""));
        let hook = match self.as_app::<WireHook>(&ask).await {
            Ok(hook) => hook,
            Err(ForgeError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let checks_certificate = hook.insecure_ssl != "1" && hook.insecure_ssl != 1;
        let url = hook.url.filter(|url| !url.is_empty());
        Ok(url.map(|url| Hook { url, content_type: hook.content_type, checks_certificate }))
    }
}

impl Github {
    async fn as_app<T: serde::de::DeserializeOwned>(&self, ask: &Ask) -> Result<T, ForgeError> {
        self.client.read(&self.client.ask(As::App, ask).await?, &ask.words)
    }
}

impl From<WireInstallation> for Installation {
    fn from(wire: WireInstallation) -> Self {
        let name = wire.account.and_then(|account| account.login.or(account.slug));
        Self {
            id: wire.id,
            account: name.unwrap_or_else(|| "an account that is gone".to_owned()),
            page: wire.html_url,
            suspended: wire.suspended_at.is_some(),
            granted: Granted { permissions: wire.permissions, events: wire.events },
        }
    }
}
