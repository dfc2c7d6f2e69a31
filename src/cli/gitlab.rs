//! `gitlab connect`: the webhook of a project or group, made or set right.

use super::env_file::{Contents, EnvFile, sourced};
use super::{Failure, output};
use crate::app::{self, Observers};
use crate::config::{ConnectSettings, GitlabSettings, Raw};
use crate::forge::ForgeError;
use crate::forge::gitlab::{Connected, HookOwner, HookSecret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::PathBuf;
use url::Url;
use uuid::Uuid;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make the webhook of a project or group, or set it right
    ///
    /// Needs TASKSGODZILLA_GITLAB_TOKEN, for this once with the role Maintainer in the project or Owner in the group. Secrets
    /// that are set already are kept; fresh ones are printed, or written to a file that only you can read. A hook that
    /// GitLab switched off is tried, which switches it on again while the bot runs.
    Connect(Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Path of the project or group: group/team/project
    path: String,
    /// Where GitLab reaches the bot: https://bot.example; by default TASKSGODZILLA_PUBLIC_URL
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Make fresh secrets although some are set; give the bot the old ones as …_PREVIOUS for a while
    #[arg(long)]
    new_secrets: bool,
    /// Write the settings to this file, which must not be there yet, instead of printing them
    #[arg(long)]
    file: Option<PathBuf>,
    /// Replace the file, and with it the credentials it holds
    #[arg(long, requires = "file")]
    force: bool,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Connect(args) => connect(args).await,
    }
}

async fn connect(args: Args) -> Result<(), Failure> {
    let raw = match &args.public_url {
        Some(url) => Raw::from_environment().with("PUBLIC_URL", url),
        None => Raw::from_environment(),
    };
    let settings = ConnectSettings::check(&raw).map_err(Failure::settings)?;
    let file = args.file.as_ref().map(|path| EnvFile::reserve(path, args.force)).transpose()?;
    let known = settings.webhook_token.clone().filter(|_| !args.new_secrets);
    let known_signing = settings.signing_token.clone().filter(|_| !args.new_secrets);
    let secret = HookSecret {
        token: known.clone().unwrap_or_else(fresh_token),
        signing: Some(known_signing.clone().unwrap_or_else(fresh_signing)),
    };
    let url = hook_url(&settings.public_url);
    let account = GitlabSettings {
        url: settings.url.clone(),
        token: settings.token.clone(),
        webhook_tokens: Vec::new(),
        signing_tokens: Vec::new(),
    };
    let lab = app::gitlab(&account, &Observers::default())?;
    let connected = lab.connect(&args.path, &url, &secret).await.map_err(refused)?;
    tell(&connected, &url);
    let mut fresh = Vec::new();
    if known.is_none() {
        fresh.push(("GITLAB_WEBHOOK_TOKEN", secret.token.expose_secret().to_owned()));
    }
    if let (None, Some(signing), true) = (known_signing, secret.signing, connected.signs) {
        fresh.push(("GITLAB_SIGNING_TOKEN", signing.expose_secret().to_owned()));
    }
    hand_over(fresh, &settings, file, &args)
}

/// Prints the fresh secrets, or writes them with what else the bot needs to know.
fn hand_over(
    fresh: Vec<(&'static str, String)>,
    settings: &ConnectSettings,
    file: Option<EnvFile>,
    args: &Args,
) -> Result<(), Failure> {
    if fresh.is_empty() {
        output::talk("the secrets that are set were kept");
        return Ok(());
    }
    let (Some(file), Some(path)) = (file, &args.file) else {
        output::talk("give the bot these settings, and start it anew:");
        return Ok(output::data(Contents { head: "", settings: fresh }.lines().trim_end())?);
    };
    let mut lines = fresh;
    lines.push(("GITLAB_URL", settings.url.to_string()));
    lines.push(("PUBLIC_URL", settings.public_url.to_string()));
    file.keep(&Contents { head: "Secrets of the GitLab webhook.", settings: lines }).map_err(|why| {
        Failure::no(format!("`{}` could not be written: {why}", path.display()))
            .hint("run the same command again with --new-secrets")
    })?;
    output::talk(format!(
        "the secrets are in {}, readable by you only; load them with: . {}",
        path.display(),
        sourced(path)
    ));
    Ok(())
}

fn tell(connected: &Connected, url: &Url) {
    let owner = match &connected.owner {
        HookOwner::Project { path } => format!("project {path}"),
        HookOwner::Group { path } => format!("group {path}"),
    };
    let done = if connected.was_there { "set right" } else { "made" };
    output::talk(format!("{done}: webhook {} of {owner}, which sends to {url}", connected.id));
    match (&connected.still_off, connected.was_off) {
        (Some(why), _) => {
            output::talk(format!(
                "GitLab had switched it off and it stays off ({why}); start the bot, then run this again"
            ));
        }
        (None, true) => output::talk("GitLab had switched it off; it is on again"),
        (None, false) => {}
    }
}

fn refused(error: ForgeError) -> Failure {
    match error {
        ForgeError::Transport { .. } | ForgeError::Unreadable { .. } => anyhow::Error::from(error).into(),
        ForgeError::Missing { .. } => Failure::no(error.to_string())
            .hint("check the path, and that the token's account is a member there"),
        error => Failure::no(error.to_string()),
    }
}

/// Where GitLab sends deliveries to a bot that is reached at `public`.
pub(super) fn hook_url(public: &Url) -> Url {
    let mut url = public.clone();
    url.set_path(&format!("{}/webhooks/gitlab", public.path().trim_end_matches('/')));
    url
}

fn fresh_token() -> SecretString {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()).into()
}

/// The form that GitLab wants: 32 bytes.
fn fresh_signing() -> SecretString {
    let key = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    format!("whsec_{}", STANDARD.encode(key)).into()
}
