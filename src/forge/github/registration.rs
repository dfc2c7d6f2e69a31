//! The end of the manifest flow: a code, good once and for an hour, is exchanged for what the new App is known by.
//!
//! <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#3-you-exchange-the-temporary-code-to-retrieve-the-app-configuration>

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use std::time::Duration;
use url::Url;

/// How long the exchange may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A new App, as GitHub tells it this once.
#[derive(Debug, Deserialize)]
pub struct Registered {
    pub id: u64,
    /// PEM, PKCS#1.
    #[serde(deserialize_with = "secret")]
    pub pem: SecretString,
    #[serde(deserialize_with = "secret")]
    pub webhook_secret: SecretString,
    /// The App's public page.
    pub html_url: Url,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Start again.
    #[error("GitHub does not take the code (status {status}); it is good once and for an hour")]
    Refused { status: u16 },
    /// The code may still be good.
    #[error("{host} cannot be reached")]
    Unreachable { host: String, source: reqwest::Error },
    /// There is an App, but its secrets are lost.
    #[error("GitHub's answer holds no App with a private key and a webhook secret")]
    Unreadable { source: reqwest::Error },
}

/// Exchanges `code` at the REST API at `api`. Needs no credentials.
pub async fn exchange(api: &Url, code: &str) -> Result<Registered, RegistrationError> {
    let unreachable = |source| RegistrationError::Unreachable { host: api.authority().to_owned(), source };
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .user_agent("tasksgodzilla")
        .build()
        .map_err(unreachable)?;
    let request =
        client.post(conversions(api, code)).header(http::header::ACCEPT, "application/vnd.github+json");
    let answer = request.send().await.map_err(unreachable)?;
    if !answer.status().is_success() {
        return Err(RegistrationError::Refused { status: answer.status().as_u16() });
    }
    answer.json().await.map_err(|source| RegistrationError::Unreadable { source: source.without_url() })
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    String::deserialize(from).map(SecretString::from)
}

fn conversions(api: &Url, code: &str) -> Url {
    let mut url = api.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["app-manifests", code, "conversions"]);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stays_one_part_of_the_path() {
        for (api, code, expected) in [
            ("https://api.github.com", "a1", "https://api.github.com/app-manifests/a1/conversions"),
            ("https://ghe.example/api/v3/", "a1", "https://ghe.example/api/v3/app-manifests/a1/conversions"),
            ("https://api.github.com", "../x?", "https://api.github.com/app-manifests/..%2Fx%3F/conversions"),
        ] {
            assert_eq!(conversions(&Url::parse(api).expect("valid"), code).as_str(), expected);
        }
    }
}
