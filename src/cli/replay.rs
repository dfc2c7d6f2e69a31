//! `replay`: send a stored webhook payload, signed with the configured secret.

use super::{Failure, output};
use crate::app::system_clock;
use crate::config::{Needs, Raw, Settings};
use crate::domain::project::ForgeKind;
use crate::forge::signature::{sign_github, sign_gitlab};
use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use std::path::PathBuf;
use url::Url;

/// Send a stored webhook payload again, signed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The payload, JSON as the forge sent it
    file: PathBuf,
    /// The value of X-GitHub-Event (issue_comment, pull_request, …) or X-Gitlab-Event ("Note Hook", …)
    #[arg(long)]
    event: String,
    /// Whose payload it is; by default GitHub's, if it is served
    #[arg(long, value_parser = forge_kind)]
    forge: Option<ForgeKind>,
    /// The delivery's id; a new one each time without it
    #[arg(long)]
    delivery: Option<String>,
    /// Where the bot listens; by default what the settings say
    #[arg(long)]
    to: Option<Url>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let settings = Settings::check(&Raw::from_environment(), Needs::Forge).map_err(Failure::settings)?;
    let body = std::fs::read(&args.file)
        .map_err(|why| Failure::asked(format!("`{}` cannot be read: {why}", args.file.display())))?;
    let base = match args.to {
        Some(base) => base,
        None => {
            Url::parse(&format!("http://{}:{}", settings.host, settings.port)).map_err(anyhow::Error::from)?
        }
    };
    let served = if settings.github.is_some() { ForgeKind::Github } else { ForgeKind::Gitlab };
    let forge = args.forge.unwrap_or(served);
    let target = base.join(&format!("/webhooks/{}", forge.as_str())).map_err(anyhow::Error::from)?;
    let delivery = args.delivery.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let mut post = reqwest::Client::new().post(target.clone()).header("content-type", "application/json");
    for (name, value) in proof(&settings, forge, (&args.event, &delivery), &body)? {
        post = post.header(name, value);
    }
    let sent = post.body(body).send().await.map_err(|why| {
        Failure::no(format!("{target} does not answer: {why}"))
            .hint("start the bot with `tasksgodzilla serve`")
    })?;
    let status = sent.status();
    let answer = sent.text().await.map_err(anyhow::Error::from)?;
    output::data(format!("{status} {answer}"))?;
    if status.is_success() { Ok(()) } else { Err(Failure::no(format!("the bot answered {status}"))) }
}

/// The headers that name the delivery and prove it with the configured secret.
fn proof(
    settings: &Settings,
    forge: ForgeKind,
    (event, delivery): (&str, &str),
    body: &[u8],
) -> Result<Vec<(&'static str, String)>, Failure> {
    Ok(match forge {
        ForgeKind::Github => {
            let secret = settings.github.as_ref().and_then(|github| github.webhook_secrets.first());
            let secret = secret.ok_or_else(|| not_served("GitHub", GITHUB))?;
            vec![
                ("x-github-event", event.to_owned()),
                ("x-github-delivery", delivery.to_owned()),
                ("x-hub-signature-256", sign_github(secret, body)),
            ]
        }
        ForgeKind::Gitlab => {
            let gitlab = settings.gitlab.as_ref().ok_or_else(|| not_served("GitLab", GITLAB))?;
            let mut headers =
                vec![("x-gitlab-event", event.to_owned()), ("idempotency-key", delivery.to_owned())];
            headers.extend(
                gitlab
                    .webhook_tokens
                    .first()
                    .map(|token| ("x-gitlab-token", token.expose_secret().to_owned())),
            );
            if let Some(key) = gitlab.signing_tokens.first() {
                let now = (system_clock()().0 / 1000).to_string();
                let signature =
                    sign_gitlab(key, delivery, &now, body).context("the signing token is no key")?;
                headers.push(("webhook-id", delivery.to_owned()));
                headers.push(("webhook-timestamp", now));
                headers.push(("webhook-signature", signature));
            }
            headers
        }
    })
}

const GITHUB: &str = "set TASKSGODZILLA_GITHUB_APP_ID, the private key and TASKSGODZILLA_GITHUB_WEBHOOK_SECRET, as \
                      `tasksgodzilla setup` writes them";
const GITLAB: &str =
    "set TASKSGODZILLA_GITLAB_TOKEN and TASKSGODZILLA_GITLAB_WEBHOOK_TOKEN, as docs/gitlab.md tells";

fn not_served(forge: &str, todo: &str) -> Failure {
    Failure::asked(format!("{forge} is not served")).hint(format!("{todo}, or choose another --forge"))
}

fn forge_kind(text: &str) -> Result<ForgeKind, String> {
    ForgeKind::parse(text).ok_or_else(|| "it must be github or gitlab".to_owned())
}
