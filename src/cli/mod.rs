//! Floor 3: one file per subcommand. Data goes to standard output, talk to standard error.

mod bench;
mod bot;
mod demo;
mod doctor;
mod env_file;
mod failure;
mod gitlab;
mod jobs;
mod migrate;
mod output;
mod replay;
mod serve;
mod setup;
mod signals;
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
    /// Connect a GitLab project or group
    #[command(subcommand)]
    Gitlab(gitlab::Command),
    Serve(serve::ServeArgs),
    Worker(serve::WorkerArgs),
    /// Bring the database to this version
    ///
    /// `serve` and `worker` do that too when they start. Needs no settings but those of the database.
    Migrate,
    /// See what is wrong with this installation, and what to do about it
    Doctor(doctor::Args),
    /// Look at the queue, and try again what failed for good
    Jobs(jobs::Args),
    Bench(bench::Args),
    /// Send a stored webhook payload again, signed
    Replay(replay::Args),
}

/// Runs the subcommand to its end.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Setup(args) => Box::pin(setup::run(args)).await,
        Command::Gitlab(command) => gitlab::run(command).await,
        Command::Serve(args) => Box::pin(serve::serve(args)).await,
        Command::Worker(args) => Box::pin(serve::work(args)).await,
        Command::Migrate => migrate::run().await,
        Command::Doctor(args) => Box::pin(doctor::run(args)).await,
        Command::Jobs(args) => jobs::run(args).await,
        Command::Bench(args) => Box::pin(bench::run(args)).await,
        Command::Replay(args) => replay::run(args).await,
    }
}
