//! What the GitHub client needs to know, and what it refuses.

use crate::domain::witness::Witness;
use crate::forge::wire::is_safe;
use crate::meter::Meters;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How to reach one GitHub, and as which App.
#[derive(Debug, Clone)]
pub struct GithubSettings {
    /// `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server.
    pub api_url: Url,
    /// The root of clone addresses and links: `https://github.com`.
    pub web_url: Url,
    pub app_id: u64,
    /// RSA, PEM, PKCS#1 (as GitHub hands it out) or PKCS#8.
    pub private_key: SecretString,
    pub timeouts: Timeouts,
    pub merge_method: MergeMethod,
    /// Watches every request.
    pub witness: Arc<dyn Witness>,
    /// Where requests are counted.
    pub meters: Meters,
}

/// How long one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// Without a byte read.
    pub read: Duration,
    /// Without a byte written.
    pub write: Duration,
    /// All of it, one page each.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(30),
            write: Duration::from_secs(30),
            whole: Duration::from_secs(60),
        }
    }
}

/// How GitHub merges a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeMethod {
    #[default]
    Merge,
    Squash,
    Rebase,
}

impl MergeMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum GithubSetupError {
    /// Credentials would travel in clear, or the address is none.
    #[error(
        "{url} cannot be used; give an https address without user and password (http is for loopback only)"
    )]
    Address { url: String },
    #[error("the App's private key cannot be used; give the PEM file that GitHub made for the App")]
    Key(#[source] jsonwebtoken::errors::Error),
    #[error("the HTTP client could not be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl GithubSettings {
    /// Refuses addresses over which credentials would travel in clear.
    pub(super) fn check(&self) -> Result<(), GithubSetupError> {
        for url in [&self.api_url, &self.web_url] {
            if !is_safe(url) {
                return Err(GithubSetupError::Address { url: url.origin().ascii_serialization() });
            }
        }
        Ok(())
    }
}
