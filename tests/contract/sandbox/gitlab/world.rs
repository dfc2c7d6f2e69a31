//! A twin of GitLab with one private project, a bot that is a developer in it, and the gitlab crate acting for the bot.

use crate::gitlab_openapi;
use crate::sandbox::world::Receiver;
use gitlab::{AsyncGitlab, GitlabBuilder};
use serde_json::Value;
use tasksgodzilla::sandbox::gitlab::{BotToken, HookSpec};
use tasksgodzilla::sandbox::{Host, Role, Twin, TwinOptions};

pub(super) const REPO: &str = "acme/core/api";
pub(super) const NOW: i64 = 1_800_000_000_000;

pub(super) struct World {
    pub(super) twin: Twin,
    pub(super) id: u64,
    pub(super) bot: BotToken,
    pub(super) lab: AsyncGitlab,
    pub(super) http: reqwest::Client,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::below("").await
    }

    /// The same with all of GitLab below a path.
    pub(super) async fn below(prefix: &str) -> Self {
        let options = TwinOptions {
            host: Host::Gitlab,
            prefix: prefix.to_owned(),
            now: Some(NOW),
            ..TwinOptions::default()
        };
        let twin = Twin::start(options).await.unwrap();
        twin.organization("acme/core");
        let id = twin.repository("acme/core", "api", None).unwrap();
        twin.make_private(REPO).unwrap();
        twin.grant(REPO, "ann", Role::Admin).unwrap();
        twin.grant(REPO, "bob", Role::Write).unwrap();
        twin.grant(REPO, "vera", Role::Read).unwrap();
        twin.push_as("ann", REPO, "main", &[("README.md", Some("hello\n"))]).unwrap();
        let bot = twin.project_token(REPO, "godzilla", Role::Write).unwrap();
        let place = twin.url().replace("http://", "");
        let lab = GitlabBuilder::new(place, &bot.token).insecure().build_async().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { twin, id, bot, lab, http }
    }

    /// Asks as who has `token`; nobody's is empty. Returns the status and the answer.
    pub(super) async fn ask(&self, token: &str, call: &str, body: Value) -> (u16, Value) {
        let (method, path) = call.split_once(' ').unwrap();
        let url = format!("{}{}", self.twin.api_url(), path.replace(":id", &self.id.to_string()));
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !token.is_empty() {
            request = request.header("PRIVATE-TOKEN", token);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null))
    }

    /// Asks as the bot.
    pub(super) async fn bot_asks(&self, call: &str, body: Value) -> (u16, Value) {
        self.ask(&self.bot.token, call, body).await
    }

    /// A hook of the project that a receiver answers, with a token and a key to sign with.
    pub(super) fn hooked(&self, receiver: &Receiver) -> u64 {
        let spec = HookSpec { url: &receiver.url, token: Some("open sesame"), signing: Some(KEY) };
        self.twin.add_hook(REPO, spec).unwrap()
    }

    /// The waiting webhooks as `event action`, and with what they say.
    pub(super) fn waiting(&self) -> Vec<(String, Value)> {
        let named = |hook: tasksgodzilla::sandbox::PendingHook| {
            let name = format!("{} {}", hook.event, hook.action.unwrap_or_default());
            (name.trim_end().to_owned(), serde_json::from_slice(&hook.body).unwrap())
        };
        self.twin.pending().into_iter().map(named).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.waiting().into_iter().map(|(name, _)| name).collect()
    }

    pub(super) fn tip(&self, branch: &str) -> String {
        self.twin.branch_head(REPO, branch).unwrap().unwrap()
    }

    /// Every call that was answered well is one of GitLab's published description.
    pub(super) fn conforms(&self) {
        assert_eq!(gitlab_openapi::faults(&self.twin.requests()), Vec::<String>::new());
    }
}

/// `whsec_` and the Base64 of 32 bytes.
pub(super) const KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
