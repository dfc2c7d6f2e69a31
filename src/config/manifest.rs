//! `app-manifest.yml`: what the GitHub App is called, may do and hears. `setup` registers it; the demo installs the same.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::Url;

const EMBEDDED: &str = include_str!("../../app-manifest.yml");

/// The manifest, as GitHub takes it (as JSON).
/// <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#github-app-manifest-parameters>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub name: String,
    pub description: String,
    pub public: bool,
    /// The App's home page.
    pub url: String,
    pub hook_attributes: Hook,
    /// Where GitHub sends the browser, with a code, once the App is registered.
    pub redirect_url: String,
    pub default_permissions: BTreeMap<String, Access>,
    pub default_events: Vec<String>,
}

/// Where deliveries go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    pub url: String,
    pub active: bool,
}

/// How far a permission reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    Read,
    Write,
}

impl Access {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl Manifest {
    /// The manifest at the top of the repository, which is part of the program.
    pub fn embedded() -> Self {
        serde_saphyr::from_str(EMBEDDED)
            .expect("app-manifest.yml is part of the program, and a test reads it")
    }

    /// Where deliveries go to a bot that is reached at `public`.
    pub fn webhook_at(&self, public: &Url) -> String {
        format!("{}/webhooks/github", public.as_str().trim_end_matches('/'))
    }

    /// The same for a bot that browsers and GitHub reach at `public`, registered from a page at `redirect`.
    pub fn at(self, public: &Url, redirect: &Url) -> Self {
        let home = public.as_str().trim_end_matches('/').to_owned();
        let hook = Hook { url: self.webhook_at(public), ..self.hook_attributes };
        Self { url: home, hook_attributes: hook, redirect_url: redirect.to_string(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_of_the_repository_is_read_whole() {
        let manifest = Manifest::embedded();
        assert_eq!(manifest.name, "TasksGodzilla");
        assert!(!manifest.public && manifest.hook_attributes.active);
        let rights: Vec<String> = manifest
            .default_permissions
            .iter()
            .map(|(name, access)| format!("{name}: {}", access.as_str()))
            .collect();
        insta::assert_snapshot!(rights.join(", "), @"actions: read, checks: write, contents: write, issues: write, metadata: read, pull_requests: write, statuses: read");
    }

    #[test]
    fn addresses_are_the_operators_and_the_rest_stays() {
        let public = Url::parse("https://bot.example.org/godzilla/").expect("valid");
        let redirect = Url::parse("http://127.0.0.1:4000/registered").expect("valid");
        let manifest = Manifest::embedded().at(&public, &redirect);
        assert_eq!(manifest.hook_attributes.url, "https://bot.example.org/godzilla/webhooks/github");
        assert_eq!(manifest.url, "https://bot.example.org/godzilla");
        assert_eq!(manifest.redirect_url, "http://127.0.0.1:4000/registered");
        assert_eq!(manifest.default_events, Manifest::embedded().default_events);
    }

    #[test]
    fn a_word_that_github_does_not_know_is_an_error() {
        let wrong = EMBEDDED.replace("statuses: read", "statuses: admin");
        assert!(serde_saphyr::from_str::<Manifest>(&wrong).is_err());
        let surplus = format!("{EMBEDDED}\nsetup_uri: https://bot.example\n");
        assert!(serde_saphyr::from_str::<Manifest>(&surplus).is_err());
    }
}
