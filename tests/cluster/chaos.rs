//! Work goes on while workers are killed and paused, doors are killed, and Redis goes away; in the end everything is there
//! once.

use crate::process::Process;
use crate::until::until;
use crate::world::{Kept, World, door};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::store::job::StoredJob;

/// Longer than a lease of these worlds, and its renewal.
const PAST_THE_LEASE: Duration = Duration::from_secs(5);
/// How long a door or Redis is away.
const AWAY: Duration = Duration::from_secs(2);
/// How long everything may take before the test has failed, in seconds.
const PATIENCE: u64 = 180;

/// What happens to the bots.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    /// The worker of a running job is killed, and another one started.
    KillWorker,
    /// The worker of a running job stands still for longer than its lease, then goes on.
    PauseWorker,
    /// A process that takes webhooks is killed, and after a moment started again.
    KillDoor,
    /// Redis loses everything and is gone for a moment.
    LoseRedis,
}

/// One process, and how to start it again.
struct Bot {
    name: &'static str,
    args: &'static [&'static str],
    settings: Vec<(&'static str, String)>,
    process: Process,
}

impl Bot {
    fn start(
        world: &World,
        name: &'static str,
        args: &'static [&'static str],
        settings: Vec<(&'static str, String)>,
    ) -> Self {
        let process = Self::process(world, name, args, &settings);
        Self { name, args, settings, process }
    }

    fn process(world: &World, name: &str, args: &[&str], settings: &[(&str, String)]) -> Process {
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, text)| (*name, text.as_str())).collect();
        world.start(name, args, &settings)
    }

    fn start_again(&mut self, world: &World) {
        self.process = Self::process(world, self.name, self.args, &self.settings);
    }

    fn holds(&self, job: &StoredJob) -> bool {
        let mark = format!("-{}-", self.process.pid());
        job.worker.as_ref().is_some_and(|worker| worker.contains(&mark))
    }
}

struct Story {
    bots: Vec<Bot>,
    world: World,
    began: Instant,
    /// How often jobs were hit, by their keys: none is hit three times, since it is given up with its third worker.
    hits: BTreeMap<String, u32>,
}

impl Story {
    async fn new(world: World, bots: Vec<Bot>, doors: &[u16], protocols: usize) -> Self {
        let mut story = Self { bots, world, began: Instant::now(), hits: BTreeMap::new() };
        story.world.install(doors).await;
        story.world.expects(protocols);
        story
    }

    /// Webhooks come in, and people and CI do their part, for so long.
    async fn goes_on(&mut self, time: Duration) {
        let then = Instant::now() + time;
        until(60, "time passes", async || {
            self.world.deliver().await;
            self.world.goes_on().await;
            Instant::now() >= then
        })
        .await;
    }

    async fn happens(&mut self, mishap: Mishap) {
        eprintln!("  {mishap:?}");
        match mishap {
            Mishap::KillWorker => {
                let Some(victim) = self.victim().await else { return };
                self.bots[victim].process.kill();
                self.bots[victim].start_again(&self.world);
            }
            Mishap::PauseWorker => {
                let Some(victim) = self.victim().await else { return };
                self.bots[victim].process.signal(Signal::SIGSTOP);
                self.goes_on(PAST_THE_LEASE).await;
                self.bots[victim].process.signal(Signal::SIGCONT);
            }
            Mishap::KillDoor => {
                let door = self.bots.iter().position(|bot| bot.args.contains(&"serve")).expect("a door");
                self.bots[door].process.kill();
                self.goes_on(AWAY).await;
                self.bots[door].start_again(&self.world);
                // The next time it is the other door.
                let killed = self.bots.remove(door);
                self.bots.push(killed);
            }
            Mishap::LoseRedis => {
                let mut redis = self.world.redis.take().expect("this world has a Redis");
                redis.stop();
                self.goes_on(AWAY).await;
                redis.start().await;
                self.world.redis = Some(redis);
            }
        }
        self.goes_on(Duration::from_secs(1)).await;
    }

    /// Waits for a running job that was not hit yet, and returns the place of its worker; `None` when all is done.
    async fn victim(&mut self) -> Option<usize> {
        let mut victim = None;
        until(60, "a worker works", async || {
            self.world.deliver().await;
            self.world.goes_on().await;
            victim = self.hit_one().await;
            victim.is_some() || self.world.is_done().await
        })
        .await;
        victim
    }

    async fn hit_one(&mut self) -> Option<usize> {
        let mut running = self.world.running().await;
        let holder = |job: &StoredJob| self.bots.iter().position(|bot| bot.holds(job));
        let hits = |job: &StoredJob| self.hits.get(&job.job.key()).copied().unwrap_or_default();
        let is_long = |job: &StoredJob| matches!(job.job, Job::ExecuteStep { .. } | Job::RunQuality { .. });
        running.sort_by_key(|job| !is_long(job));
        let may_be_hit = |victim| running.iter().all(|job| holder(job) != Some(victim) || hits(job) < 2);
        let new = running.iter().filter(|job| hits(job) == 0);
        let (job, victim) =
            new.filter_map(|job| Some((job, holder(job)?))).find(|(_, victim)| may_be_hit(*victim))?;
        eprintln!("    {} of {} is hit", job.job.kind(), self.bots[victim].name);
        // Everything that this worker runs is hit with it.
        let with_it = running.iter().filter(|job| holder(job) == Some(victim)).map(|job| job.job.key());
        for key in with_it.collect::<Vec<_>>() {
            *self.hits.entry(key).or_default() += 1;
        }
        Some(victim)
    }

    /// Everything is completed, quiet, and cleared away; then the bots are stopped, as an operator does.
    async fn ends_well(mut self) {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE);
        until(PATIENCE + 5, "everything is completed", async || {
            self.world.deliver().await;
            self.world.goes_on().await;
            let late = Instant::now() >= deadline;
            assert!(!late, "not completed:\n{}\n{}", self.world.shown().await, self.world.logs());
            self.world.is_done().await && self.world.is_quiet().await
        })
        .await;
        // A worktree may be on another machine than the job that cleans up: each looks every 30 seconds.
        until(60, "every machine has cleared its worktrees", async || self.world.worktrees().is_empty())
            .await;
        let looks = self.world.count("reconcile").await;
        let most = self.began.elapsed().as_secs() / 30 + 2;
        assert!(looks <= most, "one look for all of them, but {looks} in {:?}", self.began.elapsed());
        for bot in &self.bots {
            bot.process.signal(Signal::SIGTERM);
        }
        for bot in &mut self.bots {
            let ended = bot.process.ended(40).await;
            assert!(ended.success(), "{ended}\n{}", bot.process.log());
        }
        self.world.ended_well().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_done_once_whatever_happens_to_two_doors_and_two_workers() {
    let world = World::new(Kept::PostgresAndRedis).await;
    let doors = [door(), door()];
    let port = |door: u16| vec![("API_PORT", door.to_string())];
    let bots = vec![
        Bot::start(&world, "door-a", &["serve", "--no-worker"], port(doors[0])),
        Bot::start(&world, "door-b", &["serve", "--no-worker"], port(doors[1])),
        Bot::start(&world, "worker-a", &["worker", "--concurrency", "3"], Vec::new()),
        Bot::start(&world, "worker-b", &["worker", "--concurrency", "3"], Vec::new()),
    ];
    let mut story = Story::new(world, bots, &doors, 4).await;
    for title in ["Split the importer", "Write the manual"] {
        story.world.asks(title);
    }
    for mishap in [Mishap::KillWorker, Mishap::PauseWorker, Mishap::KillDoor] {
        story.happens(mishap).await;
    }
    for title in ["Mend the parser", "Measure the rest"] {
        story.world.asks(title);
    }
    for mishap in [Mishap::LoseRedis, Mishap::PauseWorker, Mishap::KillWorker] {
        story.happens(mishap).await;
    }
    for mishap in [Mishap::KillDoor, Mishap::PauseWorker, Mishap::KillWorker] {
        story.happens(mishap).await;
    }
    story.ends_well().await;
}

/// On one machine: both work in the same folders, so that a late worker is in the way of the next one.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_sqlite_file_and_one_disk_do_everything_once() {
    let world = World::new(Kept::Sqlite).await;
    let port = door();
    let shared = |name: &str| world.folder().join("shared").join(name).to_string_lossy().into_owned();
    let disk = vec![("PROJECTS_ROOT", shared("projects")), ("RUNS_DIR", shared("runs"))];
    let with_door = [disk.clone(), vec![("API_PORT", port.to_string())]].concat();
    let bots = vec![
        Bot::start(&world, "both", &["serve"], with_door),
        Bot::start(&world, "worker", &["worker", "--concurrency", "3"], disk),
    ];
    let mut story = Story::new(world, bots, &[port], 2).await;
    for title in ["Split the importer", "Write the manual"] {
        story.world.asks(title);
    }
    for mishap in [Mishap::PauseWorker, Mishap::KillWorker, Mishap::PauseWorker] {
        story.happens(mishap).await;
    }
    story.ends_well().await;
}
