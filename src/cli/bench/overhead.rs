//! Planning and steps on a large repository, through the whole bot in a process of its own, with an engine that does next to
//! nothing; beside git alone doing the same on the same repository, in turns.

use super::process::{self, ms};
use super::report::{Figures, Goal, median};
use super::world::{PERSON, REPO, Running, World};
use super::{Args, Size};
use crate::app::system_clock;
use crate::domain::event::{Event, EventKind};
use crate::domain::project::Protocol;
use crate::domain::protocol::ProtocolStatus;
use crate::domain::step::Step;
use crate::store::{self, Store, StoreSettings, StoreUrl};
use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// More protocols than a run makes.
const MOST: u32 = 100;
/// Files of one folder of the repository.
const OF_FOLDER: usize = 100;
/// What is asked for; the demo engine plans a step for each item, one before and one after.
const REQUEST: &str = "- read it\n- write it\n";
/// How often it is looked how far the bot is.
const LOOK: Duration = Duration::from_millis(20);
/// How long the bot may take for a plan, or for all steps.
const PATIENCE: Duration = Duration::from_secs(240);

pub(super) async fn measure(args: &Args) -> anyhow::Result<Figures> {
    let (files, rounds) = match args.size {
        Size::Tiny => (200, 1),
        Size::Full => (20_000, 5),
    };
    let nursery = tempfile::Builder::new().prefix("tasksgodzilla-bench-").tempdir()?;
    repository(nursery.path(), files).await?;
    let world = World::new(args, Some(nursery.path())).await?;
    let bare = Bare::clone(&world).await?;
    let bot = world.start(&["serve"], "overhead")?;
    world.first_stored(bot.address, "first").await?;
    let store = look_into(args, &world).await?;
    // The first plan clones the repository, and whatever is done for the first time is prepared then.
    Work::ask(&world, &store).await?.run(&world, &store).await?;
    let (mut planned, mut limits, mut resets) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let (added, reset) = bare.plan(round).await?;
        limits.push(ms(added));
        resets.push(ms(reset));
        planned.push(Work::ask(&world, &store).await?);
    }
    let plans: Vec<f64> = planned.iter().map(|work| work.planning).collect();
    let mut figures = Figures::default();
    let ratios = plans.iter().zip(&limits).map(|(plan, limit)| plan / limit);
    figures.add("planning_ratio_to_git", median(ratios), "", Goal::AtMost(1.3));
    figures.add("planning", median(plans), "ms", Goal::None);
    figures.add("git_planning", median(limits), "ms", Goal::None);
    figures.add("git_reset", median(resets), "ms", Goal::None);
    let last = planned.last().context("nothing was planned")?;
    steps(&world, &store, &bot, last, &mut figures).await?;
    store.close().await;
    Ok(figures)
}

/// A repository with that many small files, in one commit.
async fn repository(folder: &Path, files: usize) -> anyhow::Result<()> {
    process::git(folder, &["init", "--quiet", "--initial-branch=main"]).await?;
    for number in 0..files {
        let inside = folder.join(format!("src/{:03}", number / OF_FOLDER));
        std::fs::create_dir_all(&inside)?;
        let text = format!("// File {number}.\n{}", "fn nothing() {}\n".repeat(20));
        std::fs::write(inside.join(format!("{number:05}.rs")), text)?;
    }
    process::git(folder, &["add", "--all"]).await?;
    process::git(folder, &["commit", "--quiet", "--message=Begin"]).await?;
    Ok(())
}

/// The bot's store, to read from.
async fn look_into(args: &Args, world: &World) -> anyhow::Result<Store> {
    let url = match &args.postgres {
        Some(url) => StoreUrl::Postgres(url.clone().into()),
        None => StoreUrl::Sqlite(world.inside("overhead").join("bot.sqlite")),
    };
    Ok(Store::open(&StoreSettings::new(url, 2), system_clock()).await?)
}

/// Git alone.
struct Bare {
    mirror: PathBuf,
}

impl Bare {
    async fn clone(world: &World) -> anyhow::Result<Self> {
        let mirror = world.inside("bare.git");
        let host = world.twin.url().replace("http://", &format!("http://x-access-token:{}@", world.token));
        let url = format!("{host}/{REPO}.git");
        let path = mirror.to_string_lossy();
        process::git(&world.inside(""), &["clone", "--quiet", "--bare", &url, &path]).await?;
        Ok(Self { mirror })
    }

    /// What a plan cannot do without: fetch, a worktree, a commit, a push. Also tells what it takes to reset that worktree.
    async fn plan(&self, round: usize) -> anyhow::Result<(Duration, Duration)> {
        let branch = format!("bare-{round}");
        let tree = self.mirror.with_file_name(&branch);
        let path = tree.to_string_lossy();
        let began = Instant::now();
        process::git(&self.mirror, &["fetch", "--quiet", "origin", "main"]).await?;
        process::git(&self.mirror, &["worktree", "add", "--quiet", "-b", &branch, &path, "FETCH_HEAD"])
            .await?;
        std::fs::write(tree.join("plan.md"), "# Plan\n")?;
        process::git(&tree, &["add", "--all"]).await?;
        process::git(&tree, &["commit", "--quiet", "--message=Plan"]).await?;
        process::git(&tree, &["push", "--quiet", "origin", &branch]).await?;
        let planned = began.elapsed();
        let reset = process::git(&tree, &["reset", "--quiet", "--hard", "HEAD"]).await?;
        let clean = process::git(&tree, &["clean", "-fdxq"]).await?;
        Ok((planned, reset + clean))
    }
}

/// One protocol that the person asked for.
struct Work {
    issue: u64,
    protocol: Protocol,
    /// Milliseconds from the command to the plan.
    planning: f64,
}

impl Work {
    async fn ask(world: &World, store: &Store) -> anyhow::Result<Self> {
        let issue = world.twin.open_issue(PERSON, REPO, "Add a note", REQUEST)?;
        world.twin.comment(PERSON, REPO, issue, "/protocol new")?;
        let (protocol, events) =
            until(store, issue, |protocol, _| protocol.status() == ProtocolStatus::Planned).await?;
        let planning = between(&events, EventKind::PlanningEnqueued, EventKind::Planned)?;
        Ok(Self { issue, protocol, planning })
    }

    /// Every step of it, until every report is out.
    async fn run(&self, world: &World, store: &Store) -> anyhow::Result<()> {
        world.twin.comment(PERSON, REPO, self.issue, "/protocol run")?;
        let done = |protocol: &Protocol, steps: &[Step]| {
            protocol.status() == ProtocolStatus::Planned && steps.iter().all(|step| step.status.is_done())
        };
        until(store, self.issue, done).await?;
        quiet(store).await
    }
}

/// What the steps of a plan cost.
async fn steps(
    world: &World,
    store: &Store,
    bot: &Running,
    work: &Work,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    quiet(store).await?;
    let earlier = world.twin.requests().len();
    let before = process::cost(&bot.child)?;
    let began = Spent::read(bot).await?;
    work.run(world, store).await?;
    let cpu = process::cost(&bot.child)?.cpu.saturating_sub(before.cpu);
    let own = Spent::read(bot).await?.own() - began.own();
    let steps = store::step::of_protocol(&mut store.read().await?, work.protocol.id).await?;
    let count = steps.len() as f64;
    let requests = world.twin.requests();
    let writes = requests[earlier..].iter().filter(|request| {
        let foreign = request.operation.starts_with("git/") || request.path.ends_with("/access_tokens");
        request.app.is_some() && request.method != "GET" && !foreign
    });
    let walls = steps.iter().filter_map(|step| {
        let (from, to) = (step.started_at?, step.finished_at?);
        Some((to.0 - from.0) as f64 - step.engine_ms as f64)
    });
    figures.add("step", median(walls), "ms", Goal::None);
    figures.add("own_of_step", own * 1e3 / count, "ms", Goal::AtMost(50.0));
    figures.add("cpu_of_step", ms(cpu) / count, "ms", Goal::None);
    figures.add("writes_of_step", writes.count() as f64 / count, "", Goal::AtMost(6.0));
    Ok(())
}

/// Seconds that the bot's jobs took so far, and those of them in which it waited for others.
struct Spent {
    jobs: f64,
    git: f64,
    forge: f64,
}

impl Spent {
    async fn read(bot: &Running) -> anyhow::Result<Self> {
        let answer = reqwest::get(format!("http://{}/metrics", bot.address)).await?;
        let text = answer.error_for_status()?.text().await?;
        Ok(Self { jobs: sum(&text, "job")?, git: sum(&text, "git")?, forge: sum(&text, "forge_call")? })
    }

    /// Of the bot itself. The engine is not taken off: the demo's takes next to nothing.
    fn own(&self) -> f64 {
        self.jobs - self.git - self.forge
    }
}

/// The seconds of a histogram, over all its labels, in Prometheus' text.
fn sum(metrics: &str, name: &str) -> anyhow::Result<f64> {
    let sums = format!("tasksgodzilla_{name}_seconds_sum{{");
    let values = metrics.lines().filter(|line| line.starts_with(&sums));
    let values: Option<Vec<f64>> = values.map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    Ok(values.with_context(|| format!("{sums} has no number"))?.iter().sum())
}

/// Waits until the newest protocol of the issue is as wanted.
async fn until(
    store: &Store,
    issue: u64,
    wanted: impl Fn(&Protocol, &[Step]) -> bool,
) -> anyhow::Result<(Protocol, Vec<Event>)> {
    let began = Instant::now();
    loop {
        let mut db = store.read().await?;
        let all = store::protocol::list(&mut db, MOST).await?;
        if let Some(protocol) = all.into_iter().find(|protocol| protocol.asked_in.number == issue) {
            let steps = store::step::of_protocol(&mut db, protocol.id).await?;
            let events = store::event::of_protocol(&mut db, protocol.id, 500).await?;
            if wanted(&protocol, &steps) {
                return Ok((protocol, events));
            }
            if protocol.status() == ProtocolStatus::Blocked {
                let last = events.last().map(|event| event.message.clone()).unwrap_or_default();
                bail!("the protocol is blocked: {last}");
            }
        }
        drop(db);
        if began.elapsed() > PATIENCE {
            bail!("the bot does not get on with issue #{issue}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until no protocol has a job left, so that every report is out.
async fn quiet(store: &Store) -> anyhow::Result<()> {
    let began = Instant::now();
    for protocol in store::protocol::list(&mut store.read().await?, MOST).await? {
        while !store::job::open_of_protocol(&mut store.read().await?, protocol.id).await?.is_empty() {
            if began.elapsed() > PATIENCE {
                bail!("the protocol's jobs do not end");
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

fn between(events: &[Event], from: EventKind, to: EventKind) -> anyhow::Result<f64> {
    let at = |kind: EventKind| events.iter().rfind(|event| event.kind == kind).map(|event| event.at.0);
    let (from, to) = (at(from).context("planning was not queued")?, at(to).context("nothing was planned")?);
    Ok((to - from) as f64)
}
