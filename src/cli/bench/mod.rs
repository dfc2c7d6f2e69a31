//! `bench`: what the bot costs, beside what the same work costs without it, measured in the same run.
//!
//! One file per bench; `report.rs` is what they find, `world.rs` what they find it in: a GitHub in a box and a temporary
//! folder. `bare.rs` and `sink.rs` are the limits of intake, `load.rs` is what it is loaded with. Everything talks to loopback
//! only, is bounded in count and time, and is removed at the end. Figures mean something in a release build only.

mod bare;
mod intake;
mod jobs;
mod load;
mod overhead;
mod process;
mod report;
mod servers;
mod sink;
mod status;
mod world;

use super::{Failure, output};
use clap::{Subcommand, ValueEnum};
use report::{Figures, Report};

/// Measure what the bot costs, on throw-away data of its own
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    bench: Bench,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// How much to measure
    #[arg(long, global = true, value_enum, default_value_t = Size::Full)]
    size: Size,
    /// A Postgres database that nothing else uses, instead of SQLite; rows stay in it
    #[arg(long, global = true, value_name = "URL")]
    postgres: Option<String>,
    /// A Redis that nothing else uses, for wake-ups between processes
    #[arg(long, global = true, value_name = "URL")]
    redis: Option<String>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Bench {
    /// Deliveries: rate, latency, CPU and memory, beside a bare server and a bare store
    Intake,
    /// Jobs: from push to start, throughput, and recovery from a killed worker
    Jobs,
    /// Planning and steps on a large repository, beside git alone
    Overhead,
    /// `/protocol status` among a thousand protocols and among a hundred thousand
    Status,
    /// Send deliveries as the order on standard input says
    #[command(hide = true)]
    Load,
    /// Serve the bare server that the order on standard input describes
    #[command(hide = true)]
    Bare,
    /// Work on the jobs of the store that the order on standard input names
    #[command(hide = true)]
    Worker,
}

/// How much is measured. `tiny` shows that a bench works; its figures mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Size {
    Tiny,
    Full,
}

impl Size {
    /// One of two numbers.
    fn pick<T>(self, tiny: T, full: T) -> T {
        match self {
            Self::Tiny => tiny,
            Self::Full => full,
        }
    }
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    servers::answer(&args).await?;
    let (name, figures) = match args.bench {
        Bench::Intake => ("intake", Box::pin(intake::measure(&args)).await?),
        Bench::Jobs => ("jobs", Box::pin(jobs::measure(&args)).await?),
        Bench::Overhead => ("overhead", Box::pin(overhead::measure(&args)).await?),
        Bench::Status => ("status", Box::pin(status::measure(&args)).await?),
        Bench::Load => return Ok(load::run().await?),
        Bench::Bare => return Ok(bare::run().await?),
        Bench::Worker => return Ok(jobs::work().await?),
    };
    Ok(show(&args, name, figures)?)
}

fn show(args: &Args, bench: &'static str, figures: Figures) -> anyhow::Result<()> {
    let report = Report {
        bench,
        size: args.size.pick("tiny", "full"),
        build: if cfg!(debug_assertions) { "debug" } else { "release" },
        store: if args.postgres.is_some() { "postgres" } else { "sqlite" },
        redis: args.redis.is_some(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        load: process::load(),
        figures,
    };
    if args.json { output::data(report.json()) } else { output::data(report.text().trim_end()) }
}
