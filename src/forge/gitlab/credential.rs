//! The token we have: whose it is, what it may do and when it ends.

use super::Gitlab;
use super::client::{Ask, Words};
use crate::domain::ids::Moment;
use crate::forge::wire::since_epoch;
use crate::forge::{Credential, ForgeError};
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
struct WireToken {
    #[serde(default)]
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    /// A day: `2026-12-31`.
    expires_at: Option<String>,
}

#[derive(Deserialize)]
struct WireGrant {
    #[serde(default)]
    scope: Vec<String>,
    /// Seconds from now.
    expires_in: Option<i64>,
}

impl Gitlab {
    /// Tokens of projects, groups and users answer the first question, OAuth tokens the second.
    /// <https://docs.gitlab.com/api/personal_access_tokens/#get-details-on-a-personal-access-token>
    pub(super) async fn ask_credential(&self) -> Result<Credential, ForgeError> {
        let words = Words::new("read its own token", "such token", "Guest");
        let ask = Ask::get("personal_access_tokens/self", words);
        match self.client.read::<WireToken>(&ask).await {
            Ok(token) => Ok(token.into_credential()),
            Err(
                error @ (ForgeError::Missing { .. }
                | ForgeError::Refused { .. }
                | ForgeError::Unauthorized { .. }),
            ) => self.ask_grant().await.map_err(|_| error),
            Err(error) => Err(error),
        }
    }
}

impl Gitlab {
    /// Beside the API, not below it. <https://docs.gitlab.com/api/oauth2/#retrieve-the-token-information>
    async fn ask_grant(&self) -> Result<Credential, ForgeError> {
        let words = Words::new("read its own token", "such token", "Guest");
        let grant: WireGrant = self.client.read(&Ask::get("../../oauth/token/info", words)).await?;
        let left = grant.expires_in.and_then(|left| u64::try_from(left).ok()).map(Duration::from_secs);
        let expires = left.map(|left| now().plus(left));
        Ok(Credential { name: "OAuth token".to_owned(), scopes: grant.scope, expires })
    }
}

impl WireToken {
    fn into_credential(self) -> Credential {
        let expires = self.expires_at.as_deref().and_then(Moment::of_day);
        Credential { name: self.name, scopes: self.scopes, expires }
    }
}

/// How long an OAuth token lives is told from now on, so the end needs the machine's time.
fn now() -> Moment {
    Moment(i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX))
}
