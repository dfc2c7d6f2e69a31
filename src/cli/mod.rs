//! Floor 3: one file per subcommand. Data goes to standard output, talk to standard error.

mod demo;
mod failure;
mod migrate;
mod replay;
mod serve;
mod setup;
mod telemetry;

pub use failure::Failure;

use clap::{Parser, Subcommand};

/// A ChatOps bot that plans, executes, checks and merges agent-driven development
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See the whole job done on this machine: no credentials, nothing to start first
    Demo(demo::Args),
    /// Register the GitHub App in a browser, and write its credentials to a file
    Setup(setup::Args),
    /// Take webhooks and do the work
    ///
    /// Settings are environment variables (docs/settings.md); wrong ones are told all at once. Load what `setup` wrote with:
    /// set -a; . ./tasksgodzilla.env; set +a. Ends well on SIGTERM or Ctrl-C.
    Serve,
    /// Bring the database to this version
    ///
    /// `serve` does that too when it starts. Needs no settings but those of the database.
    Migrate,
    /// Send a stored webhook payload again, signed
    Replay(replay::Args),
}

/// Runs the subcommand to its end.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Setup(args) => Box::pin(setup::run(args)).await,
        Command::Serve => Box::pin(serve::run()).await,
        Command::Migrate => migrate::run().await,
        Command::Replay(args) => replay::run(args).await,
    }
}
