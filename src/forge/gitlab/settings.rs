//! What the GitLab client needs to know, and what it refuses.

use crate::domain::witness::Witness;
use crate::forge::wire::is_safe;
use crate::meter::Meters;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How to reach one GitLab, and as whom.
#[derive(Debug, Clone)]
pub struct GitlabSettings {
    /// `https://gitlab.com`, or a self-managed server, which may live under a path: `https://example.com/gitlab`.
    pub url: Url,
    /// An access token of a project, a group or a user, or an OAuth token; with the scope `api`.
    pub token: SecretString,
    /// How long one call may take, all of it, one page each.
    pub timeout: Duration,
    /// Watches every request.
    pub witness: Arc<dyn Witness>,
    /// Count every request.
    pub meters: Meters,
}

impl GitlabSettings {
    /// Long enough for a merge of a large repository.
    pub const TIMEOUT: Duration = Duration::from_secs(60);
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum GitlabSetupError {
    /// Credentials would travel in clear, or the address is none.
    #[error(
        "{url} cannot be used; give an https address without user and password (http is for loopback only)"
    )]
    Address { url: String },
    #[error("the GitLab token holds characters that no token has; copy it again")]
    Token,
}

impl GitlabSettings {
    /// Refuses addresses over which credentials would travel in clear.
    pub(super) fn check(&self) -> Result<(), GitlabSetupError> {
        if is_safe(&self.url) {
            return Ok(());
        }
        Err(GitlabSetupError::Address { url: self.url.origin().ascii_serialization() })
    }
}
