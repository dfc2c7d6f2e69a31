//! How a bot is introduced to a twin: as an App of GitHub, or on GitLab by a token and a hook.

use super::github::AppCredentials;
use super::gitlab::{BotToken, HookSpec};
use super::{CheckView, Host, Role, SandboxError, Twin};
use crate::config::{Manifest, Raw};
use url::Url;

/// What the twin of GitLab shows with each webhook.
const HOOK_TOKEN: &str = "the hook of the sandbox";

/// The bot as the twin knows it.
#[derive(Clone)]
pub enum Account {
    Github(AppCredentials),
    Gitlab(BotToken),
}

impl Account {
    /// Registers the App of the manifest, or makes a token of the project `repo` that may merge into its default branch.
    pub fn open(twin: &Twin, repo: &str) -> Result<Self, SandboxError> {
        match twin.host() {
            Host::Github => Ok(Self::Github(twin.register_manifest(&Manifest::embedded())?)),
            Host::Gitlab => Ok(Self::Gitlab(twin.project_token(repo, "tasksgodzilla", Role::Maintain)?)),
        }
    }

    /// `raw` with what a bot must be told to be this account, and with nothing else about forges.
    pub fn settings(&self, twin: &Twin, raw: Raw) -> Raw {
        let raw = raw.without("GITHUB_").without("GITLAB_");
        match self {
            Self::Github(app) => raw
                .with("GITHUB_APP_ID", app.app_id.to_string())
                .with("GITHUB_PRIVATE_KEY", &app.private_key_pem)
                .with("GITHUB_WEBHOOK_SECRET", &app.webhook_secret)
                .with("GITHUB_API_URL", twin.api_url())
                .with("GITHUB_URL", twin.url()),
            Self::Gitlab(bot) => raw
                .with("GITLAB_URL", twin.url())
                .with("GITLAB_TOKEN", &bot.token)
                .with("GITLAB_WEBHOOK_TOKEN", HOOK_TOKEN),
        }
    }

    /// What the twin proves webhooks with.
    pub fn webhook_secret(&self) -> &str {
        match self {
            Self::Github(app) => &app.webhook_secret,
            Self::Gitlab(_) => HOOK_TOKEN,
        }
    }

    /// As whom it comments.
    pub fn login(&self) -> String {
        match self {
            Self::Github(app) => format!("{}[bot]", app.slug),
            Self::Gitlab(bot) => bot.login.clone(),
        }
    }

    /// Whether it put this check.
    pub fn owns(&self, check: &CheckView) -> bool {
        match self {
            Self::Github(app) => check.app == app.app_id,
            Self::Gitlab(bot) => check.app == bot.user_id,
        }
    }

    /// Has the twin tell the bot at `address` what happens in `repo`: installs the App there, or hangs a hook on it.
    pub fn install(&self, twin: &Twin, repo: &str, address: &Url) -> Result<(), SandboxError> {
        let base = address.as_str().trim_end_matches('/');
        match self {
            Self::Github(app) => {
                twin.set_webhook(app.app_id, &format!("{base}/webhooks/github"));
                twin.install(app.app_id, &[repo])?;
            }
            Self::Gitlab(_) => {
                let url = format!("{base}/webhooks/gitlab");
                twin.add_hook(repo, HookSpec { url: &url, token: Some(HOOK_TOKEN), signing: None })?;
            }
        }
        Ok(())
    }

    /// Has the twin tell the bot at `address` what becomes of projects, where hooks of the server do and those of projects
    /// do not.
    pub fn watch_server(&self, twin: &Twin, address: &Url) {
        if let Self::Gitlab(_) = self {
            let url = format!("{}/webhooks/gitlab", address.as_str().trim_end_matches('/'));
            twin.add_system_hook(HookSpec { url: &url, token: Some(HOOK_TOKEN), signing: None });
        }
    }
}
