//! Asking about one repository: the right token, one more try after a 401, a seat at the gate, all pages.

use super::client::{Answer, As, Ask, Client, GRAPHQL};
use super::errors;
use super::tokens::{Rights, Wanted};
use crate::domain::project::RepoRef;
use crate::forge::ForgeError;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// More pages than any honest list has.
const MOST_PAGES: u32 = 200;

/// Asks about `repo` with a token that has `rights` there and nowhere else.
pub(super) struct OnRepo<'a> {
    client: &'a Client,
    repo: &'a RepoRef,
    rights: Rights,
}

/// Where a question goes.
enum To<'a> {
    Api,
    Page(&'a str),
    Graphql,
}

/// What went wrong with one question inside a GraphQL answer.
/// <https://docs.github.com/en/graphql/guides/forming-calls-with-graphql>
#[derive(Deserialize)]
struct GraphqlError {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
}

#[derive(Deserialize)]
struct GraphqlAnswer {
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

impl Client {
    pub(super) fn on<'a>(&'a self, repo: &'a RepoRef, rights: Rights) -> OnRepo<'a> {
        OnRepo { client: self, repo, rights }
    }
}

impl OnRepo<'_> {
    pub(super) async fn read<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, ForgeError> {
        self.client.read(&self.ask(ask, To::Api).await?, &ask.words)
    }

    /// An answer that is no JSON.
    pub(super) async fn bytes(&self, ask: &Ask) -> Result<Vec<u8>, ForgeError> {
        Ok(self.ask(ask, To::Api).await?.content)
    }

    /// Asks for an effect; the answer's content does not matter.
    pub(super) async fn act(&self, ask: &Ask) -> Result<(), ForgeError> {
        self.ask(ask, To::Api).await.map(drop)
    }

    /// One page, and the paths of the next and the last.
    pub(super) async fn page<T: DeserializeOwned>(&self, ask: &Ask) -> Result<(T, Answer), ForgeError> {
        let answer = self.ask(ask, To::Api).await?;
        Ok((self.client.read(&answer, &ask.words)?, answer))
    }

    /// The page at `path`, which a `Link` header named.
    pub(super) async fn page_at<T: DeserializeOwned>(
        &self,
        ask: &Ask,
        path: &str,
    ) -> Result<(T, Answer), ForgeError> {
        let answer = self.ask(ask, To::Page(path)).await?;
        Ok((self.client.read(&answer, &ask.words)?, answer))
    }

    /// Every page, from the first on.
    pub(super) async fn all<T: DeserializeOwned>(&self, ask: &Ask) -> Result<Vec<T>, ForgeError> {
        let (first, mut answer) = self.page(ask).await?;
        let mut pages = vec![first];
        while let Some(path) = answer.next.take() {
            if pages.len() >= MOST_PAGES as usize {
                let why = format!("more than {MOST_PAGES} pages");
                return Err(errors::unreadable(self.client.host(), &ask.words, why));
            }
            let (page, rest) = self.page_at(ask, &path).await?;
            pages.push(page);
            answer = rest;
        }
        Ok(pages)
    }

    /// Asks GraphQL for an effect. An answer with errors is an error, whatever its status.
    pub(super) async fn mutate(&self, ask: &Ask) -> Result<(), ForgeError> {
        let answer = self.ask(ask, To::Graphql).await?;
        let said: GraphqlAnswer = self.client.read(&answer, &ask.words)?;
        match said.errors.into_iter().next() {
            Some(error) => Err(self.refused(ask, &error)),
            None => Ok(()),
        }
    }

    /// A token for git.
    pub(super) async fn token(&self, wanted: Wanted<'_>) -> Result<SecretString, ForgeError> {
        let permissions = self.rights.permissions();
        let mint = self.client.mint(self.repo.installation, Some(self.repo.id), permissions);
        self.client.tokens().get(self.repo, self.rights, wanted, mint).await
    }

    async fn ask(&self, ask: &Ask, to: To<'_>) -> Result<Answer, ForgeError> {
        let token = self.token(Wanted::Good).await?;
        let gate = self.client.gate(self.repo.installation);
        let _seat = gate.acquire().await.expect("the gate is never closed");
        match self.ask_with(&token, ask, &to).await {
            Err(ForgeError::Unauthorized { .. }) => {
                let token = self.token(Wanted::OtherThan(&token)).await?;
                self.ask_with(&token, ask, &to).await
            }
            answered => answered,
        }
    }

    async fn ask_with(&self, token: &SecretString, ask: &Ask, to: &To<'_>) -> Result<Answer, ForgeError> {
        let who = As::Installation(self.repo.installation, token);
        match to {
            To::Api => self.client.ask(who, ask).await,
            To::Page(path) => self.client.ask_page(who, ask, path).await,
            To::Graphql => self.client.ask_graphql(who, ask).await,
        }
    }

    fn refused(&self, ask: &Ask, error: &GraphqlError) -> ForgeError {
        let host = self.client.host().to_owned();
        let what = ask.words.act.clone();
        match error.kind.as_deref() {
            Some("NOT_FOUND") => ForgeError::Missing { host, what: ask.words.thing.clone() },
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => {
                ForgeError::Forbidden { host, what, todo: errors::grant(ask.words.needs) }
            }
            Some("RATE_LIMITED") => ForgeError::Limited { host, wait: errors::UNKNOWN_WAIT },
            _ => ForgeError::Refused { host, what, words: errors::cut(&error.message) },
        }
    }
}

/// A question to GraphQL.
pub(super) fn graphql(query: &str, variables: &Value, words: super::client::Words) -> Ask {
    let body = serde_json::json!({ "query": query, "variables": variables });
    Ask::write(http::Method::POST, GRAPHQL, body, words)
}
