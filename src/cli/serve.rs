//! `serve` and `worker`: the bot, or a part of it, until SIGTERM or SIGINT.

use super::bot::{Bot, Duty};
use super::signals::StopSignals;
use super::{Failure, telemetry};
use crate::config::{Needs, Raw, Settings};

/// Take webhooks and do the work
///
/// Settings are environment variables (docs/settings.md); wrong ones are told all at once. Load what `setup` wrote with:
/// set -a; . ./tasksgodzilla.env; set +a. Ends well on SIGTERM or Ctrl-C; the second one ends at once.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Take webhooks and show pages only; the work is left to `worker` processes on the same database
    #[arg(long)]
    no_worker: bool,
}

/// Do the work that other processes take in
///
/// Needs the settings of `serve`, and the same database. Start as many as you like, on as many machines as you like.
#[derive(Debug, clap::Args)]
pub(super) struct WorkerArgs {
    /// Jobs that run at once, 1 to 64; by default TASKSGODZILLA_WORKERS
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: Option<u8>,
}

pub(super) async fn serve(args: ServeArgs) -> Result<(), Failure> {
    run(if args.no_worker { Duty::Web } else { Duty::WebAndWorker }).await
}

pub(super) async fn work(args: WorkerArgs) -> Result<(), Failure> {
    run(Duty::Worker { concurrency: args.concurrency.map(usize::from) }).await
}

async fn run(duty: Duty) -> Result<(), Failure> {
    let settings = Settings::check(&Raw::from_environment(), Needs::Forge).map_err(Failure::settings)?;
    let redactor = telemetry::start(&settings)?;
    hide_environment();
    let mut signals = StopSignals::listen()?;
    let bot = tokio::select! {
        bot = Bot::start(&settings, duty) => bot.map_err(|failure| failure.redacted(&redactor))?,
        () = signals.heard() => return Ok(()),
    };
    signals.heard().await;
    tracing::info!("stopping: running jobs may end, nothing new starts; asked again, it ends at once");
    tokio::select! {
        () = bot.stop() => Ok(()),
        () = signals.heard() => Err(Failure::no("it was ended before its jobs had ended")
            .hint("they start again elsewhere once their leases ran out (TASKSGODZILLA_LEASE_SECONDS)")),
    }
}

/// Keeps what is in this process, credentials first, from other programs of its user: an agent may be one, where there are
/// no process namespaces. They cannot read it in /proc, and no core of it is dumped.
/// <https://man7.org/linux/man-pages/man2/pr_set_dumpable.2const.html>
fn hide_environment() {
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "programs of the same user can read the bot's environment in /proc");
    }
}
