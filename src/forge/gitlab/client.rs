//! One call to GitLab: credentials, time limit, pages, errors. The rooms beside this one only say what to ask.
//!
//! The crate's own endpoints are left aside: they hand on neither the headers that say how long a limit lasts nor where the
//! next page is, and they take an answer without JSON for a fault of the server. Its client is made without credentials, which
//! spares the question that it would ask when it is built: so the bot starts while GitLab is down.

use super::errors;
use super::settings::{GitlabSettings, GitlabSetupError};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::domain::witness::{Act, Witness};
use crate::forge::ForgeError;
use crate::forge::wire::counted;
use crate::meter::Meters;
use gitlab::api::{AsyncClient, RestClient};
use gitlab::{AsyncGitlab, GitlabBuilder};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, Semaphore};

pub(super) use crate::forge::wire::{Ask, Words};

/// Calls at once.
const AT_ONCE: usize = 20;
/// More pages than any honest list has.
const MOST_PAGES: u32 = 200;
/// GitLab's largest page.
pub(super) const PAGE: u32 = 100;

/// What a witness is told of a question.
fn act(ask: &Ask) -> Act {
    Act::call(ask.method.as_str(), &pattern(&ask.path))
}

/// The path without its query and without what names one thing: `/projects/{project}/issues/{number}`.
fn pattern(path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let mut folded = String::with_capacity(path.len());
    let mut before = "";
    for part in path.split('/').filter(|part| *part != "..") {
        folded.push('/');
        folded.push_str(match before {
            "projects" => "{project}",
            "groups" => "{group}",
            "branches" => "{branch}",
            "files" => "{file}",
            "discussions" => "{discussion}",
            _ if Sha::parse(part).is_some() => "{sha}",
            _ if part.bytes().all(|byte| byte.is_ascii_digit()) => "{number}",
            _ => part,
        });
        before = part;
    }
    folded
}

/// Below `/api/v4/`: a project by its id, which renaming does not change, and `rest`.
pub(super) fn in_project(repo: &RepoRef, rest: &str) -> String {
    format!("projects/{}{rest}", repo.id)
}

/// Who wrote or set something.
#[derive(Deserialize)]
pub(super) struct Author {
    pub(super) id: i64,
}

/// An answer: its content and where the list goes on.
pub(super) struct Answer {
    pub(super) content: Vec<u8>,
    pub(super) headers: HeaderMap,
}

impl Answer {
    /// Bytes of a file, as the answer to a question for its head tells them.
    pub(super) fn size(&self) -> Option<usize> {
        self.headers.get("x-gitlab-size")?.to_str().ok()?.parse().ok()
    }
}

pub(super) struct Client {
    /// Host, port and path, as the crate wants it: without scheme and trailing slash.
    place: String,
    is_plain: bool,
    authorization: HeaderValue,
    timeout: Duration,
    lab: OnceCell<AsyncGitlab>,
    seats: Semaphore,
    witness: Arc<dyn Witness>,
    meters: Meters,
}

impl Client {
    /// Sends nothing yet; refuses an address over which the token would travel in clear.
    pub(super) fn new(settings: &GitlabSettings) -> Result<Self, GitlabSetupError> {
        settings.check()?;
        let bearer = format!("Bearer {}", settings.token.expose_secret());
        let mut authorization = HeaderValue::try_from(bearer).map_err(|_| GitlabSetupError::Token)?;
        authorization.set_sensitive(true);
        let (_, place) = settings.url.as_str().split_once("://").unwrap_or_default();
        Ok(Self {
            place: place.trim_end_matches('/').to_owned(),
            is_plain: settings.url.scheme() == "http",
            authorization,
            timeout: settings.timeout,
            lab: OnceCell::new(),
            seats: Semaphore::new(AT_ONCE),
            witness: settings.witness.clone(),
            meters: settings.meters.clone(),
        })
    }

    /// How errors call it.
    pub(super) fn host(&self) -> &str {
        self.place.split('/').next().unwrap_or_default()
    }

    /// Asks once, and reads the answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, ForgeError> {
        self.understood(ask, &self.ask(ask).await?)
    }

    /// Asks for an effect; the answer's content does not matter.
    pub(super) async fn act(&self, ask: &Ask) -> Result<(), ForgeError> {
        self.ask(ask).await.map(drop)
    }

    /// Every page of a list. `ask`'s path ends where `per_page` and `page` are added.
    pub(super) async fn all<T: DeserializeOwned>(&self, ask: &Ask) -> Result<Vec<T>, ForgeError> {
        let mut found = Vec::new();
        let mut next = Some(1);
        while let Some(number) = next {
            let (page, after) = self.page::<T>(ask, number).await?;
            found.extend(page);
            next = after;
        }
        Ok(found)
    }

    /// One page of a list, and the number of the next.
    /// <https://docs.gitlab.com/api/rest/#offset-based-pagination>
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        ask: &Ask,
        number: u32,
    ) -> Result<(Vec<T>, Option<u32>), ForgeError> {
        if number > MOST_PAGES {
            let why = format!("more than {MOST_PAGES} pages");
            return Err(errors::unreadable(self.host(), &ask.words, why));
        }
        let joint = if ask.path.contains('?') { '&' } else { '?' };
        let path = format!("{}{joint}per_page={PAGE}&page={number}", ask.path);
        let answer = self.ask(&Ask::get(path, ask.words.clone())).await?;
        let next = answer.headers.get("x-next-page").and_then(|next| next.to_str().ok()?.parse().ok());
        Ok((self.understood(ask, &answer)?, next))
    }

    /// Asks once.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Answer, ForgeError> {
        let (status, answer) = self.exchange(ask).await?;
        if status.is_success() { Ok(answer) } else { Err(self.refusal(ask, status, &answer)) }
    }

    /// What an answer that is not a success means.
    pub(super) fn refusal(&self, ask: &Ask, status: StatusCode, answer: &Answer) -> ForgeError {
        errors::from_answer(self.host(), &ask.words, status, answer)
    }

    /// Asks once, for those who look at the status themselves.
    pub(super) async fn exchange(&self, ask: &Ask) -> Result<(StatusCode, Answer), ForgeError> {
        let _seat = self.seats.acquire().await.expect("the seats are never taken away");
        let lab = self.lab.get_or_try_init(|| self.connect()).await?;
        let url = lab.rest_endpoint(&ask.path).map_err(|error| self.silent(error))?;
        let mut request = http::Request::builder()
            .method(ask.method.clone())
            .uri(url.as_str())
            .header(AUTHORIZATION, self.authorization.clone());
        let body = ask.body.as_ref().map(|body| body.to_string().into_bytes());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let sent = lab.rest_async(request, body.unwrap_or_default());
        let (act, begun) = (act(ask), Instant::now());
        self.witness.before(&act);
        let answer = tokio::time::timeout(self.timeout, sent).await;
        self.witness.after(&act);
        let answer = answer
            .map_err(|late| self.silent(late))
            .and_then(|answer| answer.map_err(|error| self.silent(error)));
        self.count(ask, answer.as_ref().ok(), begun);
        let (parts, content) = answer?.into_parts();
        Ok((parts.status, Answer { content: content.into(), headers: parts.headers }))
    }

    /// <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers>
    fn count<B>(&self, ask: &Ask, answer: Option<&http::Response<B>>, begun: Instant) {
        let route = pattern(&ask.path);
        let call = counted("gitlab", &ask.method, route, answer.map(http::Response::status));
        self.meters.call(&call, begun.elapsed());
        let left = answer.and_then(|answer| answer.headers().get("ratelimit-remaining"));
        if let Some(left) = left.and_then(|left| left.to_str().ok()?.parse().ok()) {
            self.meters.rate_remaining("gitlab", 0, "core", left);
        }
    }

    async fn connect(&self) -> Result<AsyncGitlab, ForgeError> {
        let mut builder = GitlabBuilder::new_unauthenticated(&self.place);
        if self.is_plain {
            builder.insecure();
        }
        builder.build_async().await.map_err(|error| self.silent(error))
    }

    /// What an answer says; one of another form than expected is an error.
    pub(super) fn understood<T: DeserializeOwned>(
        &self,
        ask: &Ask,
        answer: &Answer,
    ) -> Result<T, ForgeError> {
        let read = serde_json::from_slice(&answer.content);
        read.map_err(|error| errors::unreadable(self.host(), &ask.words, error))
    }

    fn silent(&self, source: impl Into<Box<dyn Error + Send + Sync>>) -> ForgeError {
        errors::silent(self.host(), source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_no_single_thing() {
        let sha = "0123456789012345678901234567890123456789";
        for (path, expected) in [
            ("user", "/user"),
            ("users/12", "/users/{number}"),
            ("../../oauth/token/info", "/oauth/token/info"),
            ("projects/acme%2Fcore%2Fapi", "/projects/{project}"),
            ("groups/acme?with_projects=false", "/groups/{group}"),
            ("projects/7/issues/1/notes?per_page=100", "/projects/{project}/issues/{number}/notes"),
            (
                "projects/7/merge_requests/2/discussions/a1b2/notes",
                "/projects/{project}/merge_requests/{number}/discussions/{discussion}/notes",
            ),
            ("projects/7/repository/branches/fix%2F7", "/projects/{project}/repository/branches/{branch}"),
            (
                "projects/7/repository/files/a%2Fb/raw?ref=1",
                "/projects/{project}/repository/files/{file}/raw",
            ),
            (&format!("projects/7/statuses/{sha}"), "/projects/{project}/statuses/{sha}"),
        ] {
            assert_eq!(pattern(path), expected);
        }
    }
}
