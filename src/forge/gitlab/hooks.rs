//! The webhook of a project or a group, as the bot needs it. Takes the role Maintainer in the project, or Owner in the group.
//!
//! <https://docs.gitlab.com/api/project_webhooks/>, <https://docs.gitlab.com/api/group_webhooks/>

use super::Gitlab;
use super::client::{Ask, Words, in_project};
use crate::domain::project::RepoRef;
use crate::forge::wire::encoded;
use crate::forge::{ForgeError, Hooks, ProjectHook};
use async_trait::async_trait;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use url::Url;

/// Where a hook hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookOwner {
    Project { path: String },
    Group { path: String },
}

/// By what the bot knows a delivery.
#[derive(Debug, Clone)]
pub struct HookSecret {
    pub token: SecretString,
    /// `whsec_…`; servers that sign nothing ignore it.
    pub signing: Option<SecretString>,
}

/// What [`Gitlab::connect`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    pub owner: HookOwner,
    pub id: i64,
    /// The hook was there and was set right.
    pub was_there: bool,
    /// GitLab had switched it off after failures.
    pub was_off: bool,
    /// Why it is still off, in GitLab's words, when a test delivery did not switch it on.
    pub still_off: Option<String>,
    /// This server signs its deliveries with the signing token.
    pub signs: bool,
}

#[derive(Deserialize)]
struct WireOwner {
    id: i64,
    #[serde(alias = "path_with_namespace")]
    full_path: String,
}

#[derive(Deserialize)]
struct WireHook {
    id: i64,
    url: String,
    /// `executable`, or `temporarily_disabled` or `disabled` after failures.
    #[serde(default)]
    alert_status: Option<String>,
    disabled_until: Option<String>,
    #[serde(default)]
    signing_token_present: bool,
    enable_ssl_verification: Option<bool>,
    /// Events are among them, each under its name.
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

/// What the bot reads: as the API calls it, and as people see it beside the hook.
const EVENTS: [(&str, &str); 8] = [
    ("push_events", "Push events"),
    ("issues_events", "Issues events"),
    ("confidential_issues_events", "Confidential issues events"),
    ("note_events", "Comments"),
    ("confidential_note_events", "Confidential comments"),
    ("merge_requests_events", "Merge request events"),
    ("pipeline_events", "Pipeline events"),
    ("job_events", "Job events"),
];

#[async_trait]
impl Hooks for Gitlab {
    async fn hook_at(&self, repo: &RepoRef, url: &Url) -> Result<Option<ProjectHook>, ForgeError> {
        let words = Words::new(
            "read webhooks",
            format!("webhooks of {}", repo.full_name()),
            "Maintainer in this project",
        );
        let hooks: Vec<WireHook> = self.client.all(&Ask::get(in_project(repo, "/hooks"), words)).await?;
        let found = hooks.into_iter().find(|hook| hook.url == url.as_str());
        Ok(found.map(|hook| ProjectHook {
            id: hook.id,
            is_off: hook.is_off(),
            lacks: hook.lacks(),
            checks_certificate: hook.enable_ssl_verification != Some(false),
        }))
    }
}

impl Gitlab {
    /// Hangs the hook on the project or group at `path`, or sets right the one of this address that hangs there, and has
    /// GitLab try it when it was switched off.
    pub async fn connect(&self, path: &str, url: &Url, secret: &HookSecret) -> Result<Connected, ForgeError> {
        let (place, owner) = self.owner_of(path).await?;
        let hooks = format!("{place}/hooks");
        let words = || owner.words("manage webhooks");
        let known: Vec<WireHook> = self.client.all(&Ask::get(hooks.as_str(), words())).await?;
        let known = known.into_iter().find(|hook| hook.url == url.as_str());
        let ask = match &known {
            Some(hook) => {
                Ask::write(Method::PUT, format!("{hooks}/{}", hook.id), wanted(url, secret), words())
            }
            None => Ask::write(Method::POST, hooks.as_str(), wanted(url, secret), words()),
        };
        let hook: WireHook = self.client.read(&ask).await?;
        let was_off = known.as_ref().is_some_and(WireHook::is_off);
        let place = format!("{hooks}/{}", hook.id);
        let still_off = if was_off { self.tried(&place, &owner).await? } else { None };
        Ok(Connected {
            owner,
            id: hook.id,
            was_there: known.is_some(),
            was_off,
            still_off,
            signs: hook.signing_token_present,
        })
    }

    /// A test that is answered well switches a hook on again.
    /// <https://docs.gitlab.com/user/project/integrations/webhooks/#re-enable-disabled-webhooks>
    async fn tried(&self, hook: &str, owner: &HookOwner) -> Result<Option<String>, ForgeError> {
        let words = || owner.words("test the webhook");
        let test = Ask::write(Method::POST, format!("{hook}/test/push_events"), json!({}), words());
        let answered = self.client.act(&test).await;
        let now: WireHook = self.client.read(&Ask::get(hook, words())).await?;
        match answered {
            _ if !now.is_off() => Ok(None),
            Ok(()) => Ok(Some("a test delivery did not switch it on".to_owned())),
            Err(error @ (ForgeError::Refused { .. } | ForgeError::Missing { .. })) => {
                Ok(Some(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    async fn owner_of(&self, path: &str) -> Result<(String, HookOwner), ForgeError> {
        let words = || {
            Words::new(
                "read the project or group",
                format!("project or group {path}"),
                "Maintainer in this project",
            )
        };
        let project = Ask::get(format!("projects/{}", encoded(path)), words());
        match self.client.read::<WireOwner>(&project).await {
            Ok(WireOwner { id, full_path: path }) => {
                Ok((format!("projects/{id}"), HookOwner::Project { path }))
            }
            Err(ForgeError::Missing { .. }) => {
                let group = Ask::get(format!("groups/{}?with_projects=false", encoded(path)), words());
                let WireOwner { id, full_path: path } = self.client.read(&group).await?;
                Ok((format!("groups/{id}"), HookOwner::Group { path }))
            }
            Err(error) => Err(error),
        }
    }
}

impl HookOwner {
    /// How errors speak of its webhooks, with the role that they take.
    fn words(&self, act: &str) -> Words {
        match self {
            Self::Project { path } => {
                Words::new(act, format!("webhooks of {path}"), "Maintainer in this project")
            }
            Self::Group { path } => {
                let thing = format!("webhooks of the group {path} (GitLab Premium has them)");
                Words::new(act, thing, "Owner in this group")
            }
        }
    }
}

fn wanted(url: &Url, secret: &HookSecret) -> Value {
    let mut hook = json!({
        "url": url,
        "token": secret.token.expose_secret(),
        "enable_ssl_verification": true,
        "tag_push_events": false,
    });
    for (event, _) in EVENTS {
        hook[event] = json!(true);
    }
    if let Some(signing) = &secret.signing {
        hook["signing_token"] = json!(signing.expose_secret());
    }
    hook
}

impl WireHook {
    /// Events that the bot reads and the hook does not send. One that this server does not speak of is not among them.
    fn lacks(&self) -> Vec<&'static str> {
        let is_off = |event: &str| self.others.get(event).is_some_and(|on| on != &Value::Bool(true));
        EVENTS.into_iter().filter(|(event, _)| is_off(event)).map(|(_, name)| name).collect()
    }

    fn is_off(&self) -> bool {
        self.disabled_until.is_some()
            || self.alert_status.as_deref().is_some_and(|status| status != "executable")
    }
}
