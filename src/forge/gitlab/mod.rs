//! GitLab: its webhooks ([`webhook`], pure) and its API through the `gitlab` crate ([`Gitlab`]).
//!
//! One file per trait of `forge/` says what to ask; `client` asks, `errors` says what an answer means. A token of a project or
//! a group is a bot user with a role; nothing is installed and nothing is minted. What GitLab cannot do is done otherwise
//! in here where nobody above has to know: notes are folded by rewriting, checks are statuses of a commit.

mod access;
mod checks;
mod ci;
mod client;
mod contents;
mod credential;
mod errors;
mod hooks;
mod loose;
mod payload;
mod pulls;
mod settings;
mod text;
mod threads;
pub mod webhook;
mod webhook_events;

pub use hooks::{Connected, HookOwner, HookSecret};
pub use settings::{GitlabSettings, GitlabSetupError};

use super::{BotIdentity, Capabilities, Forge};
use crate::domain::names::Names;
use crate::domain::project::ForgeKind;
use client::Client;
use secrecy::SecretString;
use tokio::sync::OnceCell;

/// What GitLab calls a pull request, and what stands before its number.
pub const NAMES: Names = Names { pull: "merge request", pull_sign: '!' };

/// One GitLab, as one account.
pub struct Gitlab {
    client: Client,
    /// Without a trailing slash.
    url: String,
    token: SecretString,
    identity: OnceCell<BotIdentity>,
}

impl Gitlab {
    /// Sends nothing yet.
    pub fn new(settings: &GitlabSettings) -> Result<Self, GitlabSetupError> {
        Ok(Self {
            client: Client::new(settings)?,
            url: settings.url.as_str().trim_end_matches('/').to_owned(),
            token: settings.token.clone(),
            identity: OnceCell::new(),
        })
    }

    /// <https://docs.gitlab.com/user/profile/#use-an-automatically-generated-private-commit-email>
    fn nobody(&self, id: i64, login: &str) -> String {
        let host = self.client.host();
        format!("{id}-{login}@users.noreply.{}", host.split(':').next().unwrap_or(host))
    }
}

impl Forge for Gitlab {
    fn kind(&self) -> ForgeKind {
        ForgeKind::Gitlab
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { buttons: false, checks_move: true, names: NAMES }
    }

    fn nobodys_email(&self, id: i64, login: &str) -> String {
        self.nobody(id, login)
    }
}
