//! GitHub: its webhooks ([`webhook`], pure) and its API through octocrab ([`Github`]).
//!
//! One file per trait of `forge/` says what to ask; `on_repo` asks with the right token, `client` sends, `errors` says
//! what an answer means. Octocrab's models are left aside: own structs of the fields in use outlive GitHub's changes.

mod access;
mod checks;
mod ci;
mod client;
mod contents;
mod deliveries;
mod errors;
mod heard;
mod links;
mod on_repo;
mod operations;
mod payload;
mod people;
mod pulls;
pub mod registration;
mod settings;
mod threads;
mod tokens;
pub mod webhook;
mod webhook_events;

pub use settings::{GithubSettings, GithubSetupError, MergeMethod, Timeouts};

use super::{BotIdentity, Capabilities, DeliveryLog, Forge};
use crate::domain::names::Names;
use crate::domain::project::{ForgeKind, RepoRef};
use client::Client;
use on_repo::OnRepo;
use tokens::Rights;
use tokio::sync::OnceCell;

/// What is left out of the log: the client's own words on calls whose errors are told here.
pub const QUIET: &str = "octocrab=off";

/// One GitHub, as one App.
pub struct Github {
    client: Client,
    app_id: i64,
    /// Without a trailing slash.
    web_url: String,
    merge_method: MergeMethod,
    identity: OnceCell<BotIdentity>,
}

impl Github {
    /// Sends nothing yet. Must be called within a tokio runtime, which then carries the connections.
    pub fn new(settings: &GithubSettings) -> Result<Self, GithubSetupError> {
        Ok(Self {
            client: Client::new(settings)?,
            app_id: i64::try_from(settings.app_id).unwrap_or(i64::MAX),
            web_url: settings.web_url.as_str().trim_end_matches('/').to_owned(),
            merge_method: settings.merge_method,
            identity: OnceCell::new(),
        })
    }

    fn on<'a>(&'a self, repo: &'a RepoRef) -> OnRepo<'a> {
        self.client.on(repo, Rights::Api)
    }
}

impl Forge for Github {
    fn kind(&self) -> ForgeKind {
        ForgeKind::Github
    }

    fn is_own_app(&self, app: Option<i64>) -> bool {
        app == Some(self.app_id)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { buttons: true, checks_move: false, names: Names::WRITTEN }
    }

    fn delivery_log(&self) -> Option<&dyn DeliveryLog> {
        Some(self)
    }

    /// <https://docs.github.com/en/account-and-profile/reference/email-addresses-reference#your-noreply-email-address>
    fn nobodys_email(&self, id: i64, login: &str) -> String {
        format!("{id}+{login}@users.noreply.github.com")
    }
}
