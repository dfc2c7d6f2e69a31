//! `setup`: register the GitHub App in a browser and keep its credentials in a file.

mod desk;

use super::env_file::{EnvFile, sourced};
use super::signals::StopSignals;
use super::{Failure, output};
use crate::config::{Manifest, Raw, SetupSettings};
use desk::{Desk, Kept};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use url::Url;

/// Register the GitHub App in a browser, and write its credentials to a file
///
/// Opens a page on this machine that hands the App's manifest to GitHub. GitHub shows what the App may do, you name it,
/// and its id, private key and webhook secret are written to a file that only you can read. Ends after an hour.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where GitHub and browsers reach the bot: https://bot.example; by default TASKSGODZILLA_PUBLIC_URL
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Register it for this organization instead of yourself
    #[arg(long)]
    org: Option<String>,
    /// The file to write; it must not be there yet
    #[arg(long, default_value = "tasksgodzilla.env")]
    file: PathBuf,
    /// Replace the file, and with it the credentials it holds
    #[arg(long)]
    force: bool,
    /// Port of the page on 127.0.0.1; 0 takes a free one. On a remote machine forward it: ssh -L PORT:127.0.0.1:PORT
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// GitHub forgets a registration that is not finished by then.
const LIMIT: Duration = Duration::from_secs(3600);

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let raw = match &args.public_url {
        Some(url) => Raw::from_environment().with("PUBLIC_URL", url),
        None => Raw::from_environment(),
    };
    let settings = SetupSettings::check(&raw).map_err(Failure::settings)?;
    let mut stop = StopSignals::listen()?;
    let file = Arc::new(Mutex::new(Some(EnvFile::reserve(&args.file, args.force)?)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).map_err(|why| {
        Failure::asked(format!("cannot listen on 127.0.0.1:{}: {why}", args.port))
            .hint("choose another --port")
    })?;
    let base = format!("http://{}", listener.local_addr().map_err(anyhow::Error::from)?);
    let redirect = Url::parse(&format!("{base}/registered")).map_err(anyhow::Error::from)?;
    let manifest = Manifest::embedded().at(&settings.public_url, &redirect);
    let (tell, mut told) = mpsc::channel(1);
    let desk = Desk::new(settings, args.org.as_deref(), manifest, (file.clone(), tell));
    output::talk(format!("open {base}{} in a browser; waiting for an hour", desk.path()));
    let server = desk.serve(listener).map_err(anyhow::Error::from)?;
    let handle = server.handle();
    let serving = tokio::spawn(server);
    let ended = tokio::select! {
        kept = tokio::time::timeout(LIMIT, told.recv()) => kept.ok().flatten(),
        () = stop.heard() => None,
    };
    handle.stop(true).await;
    drop(file.lock().await.take());
    serving.abort();
    match ended {
        Some(kept) => next(&kept?, &args),
        None => return Err(Failure::no("no App was registered").hint("run `tasksgodzilla setup` again")),
    }
    Ok(())
}

fn next(kept: &Kept, args: &Args) {
    let file = args.file.display();
    output::talk(format!("registered {}; its credentials are in {file}, readable by you only", kept.page));
    output::talk(format!("next: install it on your repositories: {}", kept.install));
    output::talk(format!(
        "      then start the bot: set -a; . {}; set +a; tasksgodzilla serve",
        sourced(&args.file)
    ));
}
