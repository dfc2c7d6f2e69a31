//! `replay`: send a stored webhook payload, signed with the configured secret.

use super::Failure;
use crate::config::{Needs, Raw, Settings};
use crate::forge::signature::sign_github;
use anyhow::Context as _;
use std::path::PathBuf;
use url::Url;

/// Send a stored webhook payload again, signed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The payload, JSON as GitHub sent it
    file: PathBuf,
    /// The value of X-GitHub-Event: issue_comment, pull_request, …
    #[arg(long)]
    event: String,
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
    let secret = settings.github.as_ref().and_then(|github| github.webhook_secrets.first());
    let secret = secret.context("the webhook secret is not set")?;
    let base = match args.to {
        Some(base) => base,
        None => {
            Url::parse(&format!("http://{}:{}", settings.host, settings.port)).map_err(anyhow::Error::from)?
        }
    };
    let target = base.join("/webhooks/github").map_err(anyhow::Error::from)?;
    let delivery = args.delivery.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let sent = reqwest::Client::new()
        .post(target.clone())
        .header("content-type", "application/json")
        .header("x-github-event", &args.event)
        .header("x-github-delivery", &delivery)
        .header("x-hub-signature-256", sign_github(secret, &body))
        .body(body)
        .send()
        .await
        .map_err(|why| {
            Failure::no(format!("{target} does not answer: {why}"))
                .hint("start the bot with `tasksgodzilla serve`")
        })?;
    let status = sent.status();
    let answer = sent.text().await.map_err(anyhow::Error::from)?;
    println!("{status} {answer}");
    if status.is_success() { Ok(()) } else { Err(Failure::no(format!("the bot answered {status}"))) }
}
