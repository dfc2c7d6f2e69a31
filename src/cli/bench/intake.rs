//! Deliveries: the same load on the bot, on a bare server with the same signature, and on that server before a bare store,
//! in turns, so that whatever disturbs the machine disturbs all of them.

use super::bare::{self, Behind};
use super::load::{self, Order, Outcome};
use super::process::{self, mib, ms};
use super::report::{Figures, Goal, median};
use super::world::{Running, World};
use super::{Args, Size};
use std::time::{Duration, Instant};

/// Requests at once.
const CONNECTIONS: u64 = 64;
/// How long an idle bot is left alone before its memory is read.
const REST: Duration = Duration::from_secs(1);

struct Counts {
    rounds: usize,
    /// Deliveries of a round.
    round: u64,
    burst: u64,
    starts: usize,
}

impl Counts {
    fn of(size: Size) -> Self {
        size.pick(
            Self { rounds: 1, round: 64, burst: 100, starts: 1 },
            Self { rounds: 7, round: 10_000, burst: 10_000, starts: 5 },
        )
    }
}

/// One turn of one server.
struct Turn {
    per_second: f64,
    /// Microseconds of CPU for each delivery.
    cpu: f64,
    outcome: Outcome,
}

pub(super) async fn measure(args: &Args) -> anyhow::Result<Figures> {
    let counts = Counts::of(args.size);
    let world = World::new(args, None).await?;
    let mut figures = Figures::default();
    let rate = throughput(args, &world, &counts, &mut figures).await?;
    let bot = world.start(&["serve", "--no-worker"], "rounds")?;
    world.first_stored(bot.address, "half").await?;
    let half = Order { per_second: Some(rate / 2.0), ..order(&world, &bot, "half-load", counts.round) };
    let half = load::send(&half).await?;
    figures.add("half_load_p50", millis(half.p50), "ms", Goal::None);
    figures.add("half_load_p99", millis(half.p99), "ms", Goal::AtMost(25.0));
    drop(bot);
    whole(&world, &counts, &mut figures).await?;
    Ok(figures)
}

/// The rounds; returns the bot's deliveries a second.
async fn throughput(
    args: &Args,
    world: &World,
    counts: &Counts,
    figures: &mut Figures,
) -> anyhow::Result<f64> {
    let behind = match &args.postgres {
        Some(url) => Behind::Postgres(url.clone()),
        None => Behind::Sqlite(world.inside("sink.sqlite")),
    };
    let server = limit(world, Behind::Nothing).await?;
    let sink = limit(world, behind).await?;
    let bot = world.start(&["serve", "--no-worker"], "rounds")?;
    let servers = [&server, &sink, &bot];
    for (place, running) in servers.iter().enumerate() {
        world.first_stored(running.address, &format!("first-{place}")).await?;
        turn(world, running, &format!("warm-{place}"), counts.round / 10 + 1).await?;
    }
    let mut turns = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..counts.rounds {
        for (place, running) in servers.iter().enumerate() {
            turns[place].push(turn(world, running, &format!("round-{round}"), counts.round).await?);
        }
    }
    let [server, sink, bot] = turns;
    let rates = |turns: &[Turn]| median(turns.iter().map(|turn| turn.per_second));
    let cpu = |turns: &[Turn]| median(turns.iter().map(|turn| turn.cpu));
    let beside =
        |limit: &[Turn]| median(bot.iter().zip(limit).map(|(bot, limit)| bot.per_second / limit.per_second));
    figures.add("per_second", rates(&bot), "1/s", Goal::None);
    figures.add("bare_server_per_second", rates(&server), "1/s", Goal::None);
    figures.add("bare_sink_per_second", rates(&sink), "1/s", Goal::None);
    figures.add("ratio_to_server", beside(&server), "", Goal::None);
    figures.add("ratio_to_sink", beside(&sink), "", Goal::AtLeast(0.8));
    figures.add("cpu", cpu(&bot), "us", Goal::AtMost(45.0));
    figures.add("bare_server_cpu", cpu(&server), "us", Goal::None);
    figures.add("bare_sink_cpu", cpu(&sink), "us", Goal::None);
    figures.add("p50", millis(median_of(&bot, |outcome| outcome.p50)), "ms", Goal::None);
    figures.add("p99", millis(median_of(&bot, |outcome| outcome.p99)), "ms", Goal::None);
    figures.add("max", millis(bot.iter().map(|turn| turn.outcome.max).max().unwrap_or(0)), "ms", Goal::None);
    Ok(rates(&bot))
}

/// The whole bot, as `serve` starts it: how soon it takes deliveries, and how much memory it has, idle and in a burst.
async fn whole(world: &World, counts: &Counts, figures: &mut Figures) -> anyhow::Result<()> {
    let mut starts = Vec::new();
    for start in 1..counts.starts {
        starts.push(start_whole(world, start).await?.1);
    }
    let (bot, last) = start_whole(world, 0).await?;
    starts.push(last);
    figures.add("cold_start", median(starts.into_iter().map(ms)), "ms", Goal::AtMost(300.0));
    tokio::time::sleep(REST).await;
    figures.add("memory_idle", mib(process::cost(&bot.child)?.resident), "MiB", Goal::AtMost(40.0));
    let burst = load::send(&order(world, &bot, "burst", counts.burst)).await?;
    figures.add("burst_max", millis(burst.max), "ms", Goal::AtMost(150.0));
    figures.add("memory_burst", mib(process::cost(&bot.child)?.peak), "MiB", Goal::AtMost(80.0));
    Ok(())
}

/// Starts the bot on a store that is not there yet, or an empty Postgres; returns how long it took until it stored a delivery.
async fn start_whole(world: &World, start: usize) -> anyhow::Result<(Running, Duration)> {
    let began = Instant::now();
    let bot = world.start(&["serve"], &format!("start-{start}"))?;
    world.first_stored(bot.address, &format!("start-{start}")).await?;
    Ok((bot, began.elapsed()))
}

async fn limit(world: &World, behind: Behind) -> anyhow::Result<Running> {
    let address = process::free_port()?;
    let order = bare::Order { address, secret: world.app.webhook_secret.clone(), behind };
    Ok(Running { child: process::ordered("bare", &order).await?, address })
}

async fn turn(world: &World, running: &Running, name: &str, count: u64) -> anyhow::Result<Turn> {
    let before = process::cost(&running.child)?;
    let outcome = load::send(&order(world, running, name, count)).await?;
    let cpu = process::cost(&running.child)?.cpu.saturating_sub(before.cpu);
    let each = cpu.as_secs_f64() * 1e6 / count as f64;
    Ok(Turn { per_second: count as f64 / outcome.seconds, cpu: each, outcome })
}

fn order(world: &World, running: &Running, name: &str, count: u64) -> Order {
    let (address, secret) = (running.address, world.app.webhook_secret.clone());
    // Rows of earlier runs may be in the database that was given.
    let name = format!("{name}-{}", uuid::Uuid::new_v4().simple());
    Order { address, secret, name, count, connections: CONNECTIONS, per_second: None }
}

fn median_of(turns: &[Turn], read: fn(&Outcome) -> u64) -> u64 {
    median(turns.iter().map(|turn| read(&turn.outcome) as f64)) as u64
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}
