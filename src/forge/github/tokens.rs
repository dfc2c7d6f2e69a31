//! Installation tokens: narrowed to one repository and a set of rights, kept while they are good, minted once at a time.
//!
//! Octocrab has a cache too, but clones of one client mint one token each, and none of them can be narrowed by rights.

use crate::domain::project::RepoRef;
use crate::forge::ForgeError;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A token lives for an hour; it is renewed five minutes before. Counted from our own minting, so that clocks need not agree.
/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app>
const GOOD_FOR: Duration = Duration::from_secs(55 * 60);
/// A push may take long, so it starts with a token of at most this age.
const FRESH_FOR: Duration = Duration::from_secs(2 * 60);

/// What a token may do. One kind each, so that few tokens are minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Rights {
    /// Comments, checks, pull requests; reading.
    Api,
    /// Merging is writing to the code.
    Merge,
    /// Logs of GitHub Actions. Apart, so that an App without this right does everything else.
    Logs,
    GitRead,
    GitWrite,
}

impl Rights {
    /// The permissions in GitHub's names. Writing workflow files is never among them.
    pub(super) fn permissions(self) -> Value {
        match self {
            Self::Api => json!({
                "checks": "write", "contents": "read", "issues": "write",
                "metadata": "read", "pull_requests": "write", "statuses": "read",
            }),
            Self::Merge => json!({ "contents": "write", "metadata": "read", "pull_requests": "write" }),
            Self::Logs => json!({ "actions": "read", "metadata": "read" }),
            Self::GitRead => json!({ "contents": "read", "metadata": "read" }),
            Self::GitWrite => json!({ "contents": "write", "metadata": "read" }),
        }
    }
}

/// Which kept token will do.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    Good,
    Fresh,
    /// Any good one but this, which GitHub just refused.
    OtherThan(&'a SecretString),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    installation: i64,
    repo: i64,
    rights: Rights,
}

#[derive(Debug)]
struct Token {
    secret: SecretString,
    minted: Instant,
}

type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

#[derive(Debug, Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<Key, Slot>>,
}

impl Tokens {
    /// The kept token for `repo` and `rights` if it is as `wanted`, else the one that `mint` brings.
    ///
    /// Whoever else wants the same token meanwhile waits for this one. Tokens are opaque and of any length.
    pub(super) async fn get(
        &self,
        repo: &RepoRef,
        rights: Rights,
        wanted: Wanted<'_>,
        mint: impl Future<Output = Result<SecretString, ForgeError>>,
    ) -> Result<SecretString, ForgeError> {
        let slot = self.slot(repo, rights);
        let mut kept = slot.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.will_do(wanted, Instant::now())) {
            return Ok(token.secret.clone());
        }
        let minted = Instant::now();
        let secret = mint.await?;
        *kept = Some(Token { secret: secret.clone(), minted });
        Ok(secret)
    }

    fn slot(&self, repo: &RepoRef, rights: Rights) -> Slot {
        let key = Key { installation: repo.installation, repo: repo.id, rights };
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }
}

impl Token {
    fn will_do(&self, wanted: Wanted<'_>, now: Instant) -> bool {
        let age = now.duration_since(self.minted);
        match wanted {
            Wanted::Good => age < GOOD_FOR,
            Wanted::Fresh => age < FRESH_FOR,
            Wanted::OtherThan(refused) => {
                age < GOOD_FOR && self.secret.expose_secret() != refused.expose_secret()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: Wanted<'_>, age_s: u64, expected: bool) {
        let minted = Instant::now();
        let token = Token { secret: SecretString::from("ghs_1"), minted };
        assert_eq!(token.will_do(wanted, minted + Duration::from_secs(age_s)), expected);
    }

    #[test]
    fn a_token_is_renewed_five_minutes_before_its_hour_is_over() {
        check(Wanted::Good, 3299, true);
        check(Wanted::Good, 3300, false);
    }

    #[test]
    fn a_push_starts_with_a_young_token() {
        check(Wanted::Fresh, 119, true);
        check(Wanted::Fresh, 120, false);
    }

    #[test]
    fn a_refused_token_is_not_offered_again() {
        check(Wanted::OtherThan(&SecretString::from("ghs_1")), 1, false);
        check(Wanted::OtherThan(&SecretString::from("ghs_0")), 1, true);
    }
}
