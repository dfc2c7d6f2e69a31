//! One call to GitHub: credentials, limits, pages, errors. The rooms beside this one only say what to ask.
//!
//! Octocrab's own conveniences are left aside where they hurt: it repeats failed POSTs at once (two comments), sends
//! absolute addresses of other hosts without credentials (page two on an Enterprise Server), and looks for GraphQL
//! under the REST prefix. So every path here is whole and starts at the host's root.

use super::errors;
use super::heard::Heard;
use super::links;
use super::settings::{GithubSettings, GithubSetupError};
use super::tokens::Tokens;
use crate::domain::witness::{Act, Witness};
use crate::forge::ForgeError;
use crate::forge::wire::LONGEST;
pub(super) use crate::forge::wire::{Ask, Words};
use crate::meter::Meters;
use http::Method;
use http::header::ACCEPT;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jsonwebtoken::EncodingKey;
use octocrab::Octocrab;
use octocrab::models::AppId;
use octocrab::service::middleware::retry::RetryConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;

/// Calls at once per installation. GitHub allows 100 for all clients of an App together.
const AT_ONCE: usize = 20;

/// Where questions to GraphQL are said to go; where they really go depends on the host.
pub(super) const GRAPHQL: &str = "/graphql";

/// What a witness is told of a question. GraphQL has one path for everything, so there the words tell acts apart.
fn act(ask: &Ask) -> Act {
    match ask.path.as_str() {
        GRAPHQL => Act::call(ask.method.as_str(), &format!("{GRAPHQL}: {}", ask.words.act)),
        path => Act::call(ask.method.as_str(), &links::pattern(path)),
    }
}

/// Whose credentials a question carries.
#[derive(Clone, Copy)]
pub(super) enum As<'a> {
    Nobody,
    App,
    Installation(i64, &'a SecretString),
}

/// An answer's content and where the list goes on.
pub(super) struct Answer {
    pub(super) content: Vec<u8>,
    /// Whole paths, without the host: see [`links::path_of`].
    pub(super) next: Option<String>,
    pub(super) last: Option<String>,
}

pub(super) struct Client {
    crab: Octocrab,
    app_id: AppId,
    key: EncodingKey,
    host: String,
    /// Before each path of the REST API: empty, or `/api/v3`.
    prefix: String,
    graphql: String,
    whole: Duration,
    meters: Meters,
    tokens: Tokens,
    gates: Mutex<HashMap<i64, Arc<Semaphore>>>,
    witness: Arc<dyn Witness>,
}

impl Client {
    /// Must be called within a tokio runtime, which then carries the connections.
    pub(super) fn new(settings: &GithubSettings) -> Result<Self, GithubSetupError> {
        settings.check()?;
        let key = signing_key(&settings.private_key)?;
        let prefix = settings.api_url.path().trim_end_matches('/').to_owned();
        Ok(Self {
            crab: connect(settings).map_err(|error| GithubSetupError::Client(Box::new(error)))?,
            app_id: AppId(settings.app_id),
            key,
            host: host_of(settings),
            graphql: format!("{}/graphql", prefix.strip_suffix("/v3").unwrap_or(&prefix)),
            prefix,
            whole: settings.timeouts.whole,
            meters: settings.meters.clone(),
            tokens: Tokens::default(),
            gates: Mutex::default(),
            witness: settings.witness.clone(),
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Asks once, below the API's address.
    pub(super) async fn ask(&self, who: As<'_>, ask: &Ask) -> Result<Answer, ForgeError> {
        self.send(who, ask, &format!("{}{}", self.prefix, ask.path)).await
    }

    /// Asks for a page that a `Link` header named.
    pub(super) async fn ask_page(
        &self,
        who: As<'_>,
        ask: &Ask,
        whole_path: &str,
    ) -> Result<Answer, ForgeError> {
        self.send(who, ask, whole_path).await
    }

    pub(super) fn read<T: DeserializeOwned>(&self, answer: &Answer, words: &Words) -> Result<T, ForgeError> {
        serde_json::from_slice(&answer.content).map_err(|error| errors::unreadable(&self.host, words, error))
    }

    /// Mints an installation token; for the whole installation when `repo` is `None`.
    pub(super) async fn mint(
        &self,
        installation: i64,
        repo: Option<i64>,
        permissions: Value,
    ) -> Result<SecretString, ForgeError> {
        let words = Words::new(
            "act in this repository",
            format!("installation {installation} that reaches this repository"),
            "",
        );
        let mut body = json!({ "permissions": permissions });
        if let Some(repo) = repo {
            body["repository_ids"] = json!([repo]);
        }
        let path = format!("/app/installations/{installation}/access_tokens");
        let ask = Ask::write(Method::POST, path, body, words);
        let answer = self.ask(As::App, &ask).await;
        let answer = answer.map_err(|error| not_granted(error, &permissions))?;
        let minted: Minted = self.read(&answer, &ask.words)?;
        Ok(minted.token.into())
    }

    /// Asks GraphQL, which lies beside the versioned API: `/api/graphql` for `/api/v3`.
    /// <https://docs.github.com/en/enterprise-server@latest/graphql/guides/forming-calls-with-graphql>
    pub(super) async fn ask_graphql(&self, who: As<'_>, ask: &Ask) -> Result<Answer, ForgeError> {
        self.send(who, ask, &self.graphql).await
    }

    /// A place to wait in, so that one installation never has too many calls under way.
    pub(super) fn gate(&self, installation: i64) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(installation).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
        Arc::clone(gate)
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    async fn send(&self, who: As<'_>, ask: &Ask, whole_path: &str) -> Result<Answer, ForgeError> {
        let (_, answer) = self.exchanged(who, ask, whole_path).await?;
        answer
    }

    /// The one place where a request goes out. What was heard is there whatever became of the question.
    async fn exchanged(
        &self,
        who: As<'_>,
        ask: &Ask,
        whole_path: &str,
    ) -> Result<(Heard, Result<Answer, ForgeError>), ForgeError> {
        let crab = self.signed_in(who)?;
        let act = act(ask);
        let mut heard = Heard::begin();
        self.witness.before(&act);
        let sent =
            tokio::time::timeout(self.whole, Box::pin(self.exchange(&crab, ask, whole_path, &mut heard)))
                .await;
        self.witness.after(&act);
        heard.count(&self.meters, who, ask);
        let answer = match sent {
            Ok(answer) => answer,
            Err(elapsed) => Err(errors::silent(&self.host, elapsed)),
        };
        Ok((heard, answer))
    }

    async fn exchange(
        &self,
        crab: &Octocrab,
        ask: &Ask,
        whole_path: &str,
        heard: &mut Heard,
    ) -> Result<Answer, ForgeError> {
        let faulty = |error| errors::from_octocrab(&self.host, &ask.words, error);
        let request = http::Request::builder().method(ask.method.clone()).uri(whole_path);
        let request = crab.build_request(request, ask.body.as_ref()).map_err(faulty)?;
        let response = crab.execute(request).await.map_err(faulty)?;
        heard.hear(response.status(), response.headers());
        let response = octocrab::map_github_error(response).await.map_err(faulty)?;
        let next = links::path_of(response.headers(), "next");
        let last = links::path_of(response.headers(), "last");
        let content = Limited::new(response.into_body(), LONGEST).collect().await;
        let content = content.map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => errors::unreadable(&self.host, &ask.words, format!("more than {LONGEST} bytes")),
            Err(error) => errors::silent(&self.host, error),
        })?;
        Ok(Answer { content: content.to_bytes().into(), next, last })
    }

    /// The host's time, by whatever it answers to a question that costs nothing.
    pub(super) async fn time(&self, ask: &Ask) -> Result<Option<SystemTime>, ForgeError> {
        let path = format!("{}{}", self.prefix, ask.path);
        match self.exchanged(As::Nobody, ask, &path).await? {
            (Heard { time: Some(time), .. }, _) => Ok(Some(time)),
            (_, answer) => answer.map(|_| None),
        }
    }

    fn signed_in(&self, who: As<'_>) -> Result<Octocrab, ForgeError> {
        let no_assertion = || errors::unauthorized(&self.host);
        let token = match who {
            As::Nobody => return Ok(self.crab.clone()),
            As::Installation(_, token) => token.clone(),
            As::App => octocrab::auth::create_jwt(self.app_id, &self.key).map_err(|_| no_assertion())?.into(),
        };
        self.crab.user_access_token(token).map_err(|_| no_assertion())
    }
}

/// Octocrab names itself as the user agent; a name of ours would only be sent beside it.
fn connect(settings: &GithubSettings) -> octocrab::Result<Octocrab> {
    let timeouts = settings.timeouts;
    Octocrab::builder()
        .base_uri(settings.api_url.origin().ascii_serialization())?
        .add_retry_config(RetryConfig::None)
        .set_connect_timeout(Some(timeouts.connect))
        .set_read_timeout(Some(timeouts.read))
        .set_write_timeout(Some(timeouts.write))
        .add_header(ACCEPT, "application/vnd.github+json".to_owned())
        .build()
}

/// Signs once, so that a key that reads well and cannot sign is found at start.
fn signing_key(pem: &SecretString) -> Result<EncodingKey, GithubSetupError> {
    let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes()).map_err(GithubSetupError::Key)?;
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    jsonwebtoken::encode(&header, &json!({}), &key).map_err(GithubSetupError::Key)?;
    Ok(key)
}

fn host_of(settings: &GithubSettings) -> String {
    let host = settings.api_url.host_str().unwrap_or_default();
    match settings.api_url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Tells "this repository is not yours" and "this right is not yours" apart: both are a 422 at the mint.
fn not_granted(error: ForgeError, permissions: &Value) -> ForgeError {
    match error {
        ForgeError::Refused { host, what, words } if words.contains("permissions requested") => {
            ForgeError::Forbidden { host, what, todo: errors::grant(&named(permissions)) }
        }
        ForgeError::Refused { host, words, .. } if words.contains("not accessible") => {
            ForgeError::Missing { host, what: "such repository in the App's installation".to_owned() }
        }
        other => other,
    }
}

fn named(permissions: &Value) -> String {
    let pairs = permissions.as_object().into_iter().flatten();
    let pairs = pairs.map(|(name, access)| format!("{name}={}", access.as_str().unwrap_or_default()));
    pairs.collect::<Vec<_>>().join(", ")
}

#[derive(Deserialize)]
struct Minted {
    token: String,
}
