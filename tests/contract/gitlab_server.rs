//! A GitLab of canned answers on loopback: the same server, another everyday.

use crate::github_server::{Reply, Scripted, Seen, reply};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tasksgodzilla::domain::project::RepoRef;
use tasksgodzilla::domain::witness::Nobody;
use tasksgodzilla::forge::gitlab::{Gitlab, GitlabSettings};
use tasksgodzilla::meter::Meters;

pub(crate) const BOT: i64 = 4200;
pub(crate) const TOKEN: &str = "glpat-of-a-project";

/// Answers who we are, what `script` says, and 404 to the rest.
pub(crate) fn start(script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |seen| who_we_are(seen).or_else(|| script(seen)))
}

fn who_we_are(seen: &Seen) -> Option<Reply> {
    let user = json!({
        "id": BOT, "username": "project_7_bot_ab", "name": "godzilla", "bot": true,
        "commit_email": "godzilla@noreply.lab.example",
    });
    seen.line.ends_with("/api/v4/user").then(|| reply(200, user))
}

pub(crate) fn settings(server: &Scripted, prefix: &str) -> GitlabSettings {
    GitlabSettings {
        url: format!("http://{}{prefix}", server.host()).parse().unwrap(),
        token: SecretString::from(TOKEN),
        timeout: Duration::from_secs(20),
        witness: Arc::new(Nobody),
        meters: Meters::default(),
    }
}

pub(crate) fn client(server: &Scripted) -> Gitlab {
    Gitlab::new(&settings(server, "")).unwrap()
}

/// What was asked, without who we are: method, path and query, and the body on a line of its own.
pub(crate) fn asked(server: &Scripted) -> String {
    let others = server.all().into_iter().filter(|seen| !seen.line.ends_with("/api/v4/user"));
    let line = |seen: Seen| match seen.body.is_null() {
        true => format!("{}\n", seen.line),
        false => format!("{}\n  {}\n", seen.line, seen.body),
    };
    others.map(line).collect()
}

/// A project within two groups.
pub(crate) fn repo() -> RepoRef {
    RepoRef { id: 700, owner: "acme/core".to_owned(), name: "api".to_owned(), installation: 0 }
}
