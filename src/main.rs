//! `tasksgodzilla`: parse the arguments, run the subcommand, map its error to an exit code.

use clap::Parser as _;
use std::process::ExitCode;
use tasksgodzilla::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Cli::parse();
    match cli::run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            failure.exit_code()
        }
    }
}
