//! `demo`: the whole job on this machine, against a forge in a box, on a copy of a real repository.

mod person;
mod stage;
mod tell;

use super::Failure;
use super::signals::asked_to_stop;
use clap::ValueEnum;
use person::{Person, Step};
use stage::Stage;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tell::Teller;

/// See the whole job done on this machine: no credentials, nothing to start first
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository to work on; it is copied, never changed
    #[arg(long, default_value = ".")]
    repo: PathBuf,
    /// Exit at the end, 0 only if the protocol was completed
    #[arg(long)]
    headless: bool,
    /// Print one JSON object per event on standard output
    #[arg(long)]
    json: bool,
    /// Who does the work: `demo` asks no model, `codex` is the real CLI
    #[arg(long, default_value = "demo")]
    engine: String,
    /// Which forge the sandbox plays
    #[arg(long, value_enum, default_value_t = Forge::Github)]
    forge: Forge,
    /// How the repository's CI behaves
    #[arg(long, value_enum, default_value_t = Ci::Green)]
    ci: Ci,
    /// What to ask for
    #[arg(long, default_value = "Add a short note about this repository")]
    ask: String,
}

/// The forge of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Forge {
    Github,
    Gitlab,
}

/// How CI behaves in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Ci {
    Green,
    RedOnce,
    None,
}

/// How often the world is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long nothing may happen before the demo gives up; longer than an engine may be silent.
const PATIENCE: Duration = Duration::from_secs(1500);

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    quiet_log()?;
    let teller = Teller::new(args.json);
    let stage = Stage::build(&args, &teller).await?;
    let played = play(&stage, &args, &teller).await;
    let outcome = match &played {
        Ok(()) => "completed",
        Err(why) => why.as_str(),
    };
    teller.end(&stage.summary(outcome).await?);
    if !args.headless {
        teller.stay(&stage.ways_on());
        asked_to_stop().await?;
    }
    stage.strike().await;
    played.map_err(|why| Failure::no(format!("the protocol was not completed: {why}")))
}

/// Plays the person until the protocol ends, telling its timeline as it happens.
async fn play(stage: &Stage, args: &Args, teller: &Teller) -> Result<(), String> {
    let failed = |fault: anyhow::Error| format!("{fault:#}");
    let issue = stage.open_issue(&args.ask).map_err(failed)?;
    teller.say(&format!("opened issue #{}: {}", issue.number, args.ask));
    stage.comment(issue, "/protocol new").map_err(failed)?;
    teller.say("commented `/protocol new`");
    let mut person = Person::default();
    let mut told = 0;
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(view) = stage.look().await.map_err(failed)? else {
            if last.elapsed() > PATIENCE {
                return Err("the bot never answered".to_owned());
            }
            continue;
        };
        for event in view.events.iter().skip(told) {
            teller.event(view.names, event);
            last = Instant::now();
        }
        told = view.events.len();
        teller.state(&view);
        match person.next(&view) {
            Step::Comment { thread, words } => {
                stage.comment(thread, &words).map_err(failed)?;
                teller.say(&format!("commented `{words}`"));
            }
            Step::Wait if last.elapsed() > PATIENCE => return Err("nothing happens any more".to_owned()),
            Step::Wait => {}
            Step::Done => return Ok(()),
            Step::GiveUp { why } => return Err(why),
        }
    }
}

/// The bot's own log goes to standard error, and only what is wrong, unless RUST_LOG says otherwise.
fn quiet_log() -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    let started = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    started.map_err(|why| anyhow::anyhow!(why).into())
}
