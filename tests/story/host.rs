//! The forge of a story: which one, how the bot is known there, and what differs in how people read it.

use super::openapi;
use super::world::REPO;
use regex::Regex;
use tasksgodzilla::config::{Manifest, Raw};
use tasksgodzilla::sandbox::github::AppCredentials;
use tasksgodzilla::sandbox::gitlab::{BotToken, HookSpec};
use tasksgodzilla::sandbox::{CheckConclusion, CheckView, CommentView, Host, Role, Twin};
use url::Url;

/// What GitLab shows with each webhook of a story.
const HOOK_TOKEN: &str = "the hook of the story";

/// How the bot is known to the forge.
pub enum Account {
    Github { app: AppCredentials, installation: u64 },
    Gitlab(BotToken),
}

/// The forge on which stories are told: GitHub, or what `TASKSGODZILLA_TEST_FORGE` says.
pub fn told_on() -> Host {
    match std::env::var("TASKSGODZILLA_TEST_FORGE").as_deref() {
        Ok("gitlab") => Host::Gitlab,
        Ok("github") | Err(_) => Host::Github,
        Ok(other) => panic!("TASKSGODZILLA_TEST_FORGE is `{other}`; it must be github or gitlab"),
    }
}

impl Account {
    pub fn open(host: Host, twin: &Twin) -> Self {
        match host {
            Host::Github => {
                let app = twin.register_manifest(&Manifest::embedded()).unwrap();
                Self::Github { app, installation: 0 }
            }
            Host::Gitlab => {
                twin.protect(REPO, Role::Write).unwrap();
                Self::Gitlab(twin.project_token(REPO, "tasksgodzilla", Role::Write).unwrap())
            }
        }
    }

    pub fn settings(&self, twin: &Twin) -> Raw {
        match self {
            Self::Github { app, .. } => Raw::default()
                .with("GITHUB_APP_ID", app.app_id.to_string())
                .with("GITHUB_PRIVATE_KEY", &app.private_key_pem)
                .with("GITHUB_WEBHOOK_SECRET", &app.webhook_secret)
                .with("GITHUB_API_URL", twin.api_url())
                .with("GITHUB_URL", twin.url()),
            Self::Gitlab(bot) => Raw::default()
                .with("GITLAB_URL", twin.url())
                .with("GITLAB_TOKEN", &bot.token)
                .with("GITLAB_WEBHOOK_TOKEN", HOOK_TOKEN),
        }
    }

    /// Lets the twin tell the bot what happens.
    pub fn install(&mut self, twin: &Twin, bot: &Url) {
        match self {
            Self::Github { app, installation } => {
                twin.set_webhook(app.app_id, bot.join("/webhooks/github").unwrap().as_str());
                *installation = twin.install(app.app_id, &[REPO]).unwrap();
            }
            Self::Gitlab(_) => {
                let url = bot.join("/webhooks/gitlab").unwrap();
                let hook = HookSpec { url: url.as_str(), token: Some(HOOK_TOKEN), signing: None };
                twin.add_hook(REPO, hook).unwrap();
            }
        }
    }

    /// The bot's account.
    pub fn login(&self) -> String {
        match self {
            Self::Github { app, .. } => format!("{}[bot]", app.slug),
            Self::Gitlab(bot) => bot.login.clone(),
        }
    }

    pub fn owns(&self, check: &CheckView) -> bool {
        match self {
            Self::Github { app, .. } => check.app == app.app_id,
            Self::Gitlab(bot) => check.app == bot.user_id,
        }
    }

    /// Whether people see no more than that something was said here.
    pub fn hides(&self, comment: &CommentView) -> bool {
        match self {
            Self::Github { .. } => comment.minimized.is_some(),
            Self::Gitlab(_) => comment.body.starts_with("<details><summary>Outdated</summary>"),
        }
    }

    /// How a check ended, in GitHub's words. GitLab has `canceled` both for what needs a person and for what was cancelled,
    /// which the description tells apart, and `skipped` for what is neither good nor bad.
    pub fn conclusion(&self, check: &CheckView) -> Option<CheckConclusion> {
        let title = check.title.as_deref().unwrap_or_default();
        match (self, check.conclusion?) {
            (Self::Gitlab(_), CheckConclusion::Cancelled) if !title.starts_with("Cancelled") => {
                Some(CheckConclusion::ActionRequired)
            }
            (Self::Gitlab(_), CheckConclusion::Skipped) => Some(CheckConclusion::Neutral),
            (_, conclusion) => Some(conclusion),
        }
    }

    /// What the forge's published description does not allow of what the bot asked.
    pub fn faults(&self, twin: &Twin) -> Vec<String> {
        match self {
            Self::Github { .. } => openapi::faults(&twin.requests()),
            Self::Gitlab(_) => Vec::new(),
        }
    }

    /// A text of the bot in the words and numbers with which stories are written: GitHub's.
    pub fn plain(&self, twin: &Twin, text: &str) -> String {
        if matches!(self, Self::Github { .. }) {
            return text.to_owned();
        }
        let mut text = text.replace("merge request", "pull request").replace('\u{2060}', "");
        for number in 1.. {
            let Ok(shown) = twin.shown(REPO, number) else { break };
            if let Some(iid) = shown.strip_prefix('!') {
                let sign = Regex::new(&format!(r"!{iid}\b")).unwrap();
                text = sign.replace_all(&text, format!("#{number}")).into_owned();
                let link = Regex::new(&format!(r"/-/merge_requests/{iid}\b")).unwrap();
                text = link.replace_all(&text, format!("/pull/{number}")).into_owned();
            }
        }
        text.replace("/-/", "/")
    }
}
