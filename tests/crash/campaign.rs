//! Records an undisturbed world, then kills the bot at every point of it, as often in one world as its jobs survive; then in
//! the middle of whatever it does.

use super::backend::Backend;
use super::killer::{Company, Fate};
use super::point::Point;
use super::story::Story;
use super::world::{Destiny, Order, World};
use super::{left, seen};
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What a bot that goes on after a death does, and an undisturbed one does not: place, act.
const RECOVERY: &[(&str, &str)] = &[
    // What may have been posted, or opened, is looked for.
    ("send_answers", "GET /repos/{owner}/{repo}/issues/{number}/comments"),
    ("publish", "GET /repos/{owner}/{repo}/issues/{number}/comments"),
    ("open_pr", "GET /repos/{owner}/{repo}/pulls"),
    // A report that was gathered for longer has more to bring up to date.
    ("publish", "PATCH /repos/{owner}/{repo}/check-runs/{number}"),
    // Whatever has the protocol next closes the run of a lost worker.
    ("plan_protocol", "store commit"),
    ("execute_step", "store commit"),
    ("run_quality", "store commit"),
    ("open_pr", "store commit"),
    ("read_head", "store commit"),
    ("merge", "store commit"),
    ("clean_up", "store commit"),
    // A pass queues what a death left without a job.
    ("reconcile", "store commit"),
];

/// What a new process does wherever it comes to need it: it has no tokens, and does not know who it is.
const OF_A_START: &[&str] =
    &["POST /app/installations/{number}/access_tokens", "GET /app", "GET /users/{login}"];

/// Worlds whose bot dies amidst, and its deaths in each.
const STORMS: u64 = 3;
const DEATHS: usize = 15;

/// Worlds that went wrong before the rest is left alone.
const ENOUGH: usize = 3;

/// What was done on one database so far.
struct Campaign {
    backend: Backend,
    worlds: usize,
    kills: usize,
    /// The points of all undisturbed worlds, and those at which a bot died.
    met: BTreeSet<Point>,
    died_at: BTreeSet<Point>,
    failures: Vec<String>,
}

/// What one world was like.
struct Told {
    seen: String,
    met: BTreeSet<Point>,
    deaths: Vec<Point>,
    faults: Vec<String>,
    log: String,
}

pub fn run(backend: Backend) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let began = Instant::now();
    let mut campaign = Campaign {
        backend,
        worlds: 0,
        kills: 0,
        met: BTreeSet::new(),
        died_at: BTreeSet::new(),
        failures: Vec::new(),
    };
    for story in Story::ALL {
        runtime.block_on(campaign.tell(story));
    }
    let keys = campaign.met.iter().map(|point| &point.key).collect::<BTreeSet<_>>().len();
    let Campaign { worlds, kills, failures, .. } = campaign;
    let (name, took) = (backend.name(), began.elapsed().as_secs());
    println!(
        "{name}: {keys} keys, each died at before and after; {kills} kills in {worlds} worlds, {took} s"
    );
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n\n").into()) }
}

impl Campaign {
    /// Tells a story undisturbed, then with every death that it has and no earlier story had.
    async fn tell(&mut self, story: Story) {
        let undisturbed = world(self.backend, story, Order::Kept, Box::new(|_| Fate::At([].into()))).await;
        if let Some(failure) = failure(story, &undisturbed.met, &undisturbed, &undisturbed) {
            self.failures.push(failure);
            return;
        }
        self.met.extend(undisturbed.met.iter().cloned());
        // What is only met after a death is died at as well, where it comes up.
        let mut also = BTreeSet::new();
        while self.failures.len() < ENOUGH {
            let open: BTreeSet<Point> = self.met.difference(&self.died_at).cloned().collect();
            if open.is_empty() {
                break;
            }
            let wanted = open.union(&also).cloned().collect();
            let disturbed = world(self.backend, story, Order::Kept, at_each_of(wanted)).await;
            self.count(story, &undisturbed, &disturbed);
            if open.is_disjoint(&self.died_at) {
                let left: Vec<String> = open.iter().map(Point::to_string).collect();
                self.failures.push(format!("no world comes by these points again:\n{}", left.join("\n")));
                break;
            }
            also.extend(recovery(&self.met, &disturbed.met));
            also.retain(|point| !self.died_at.contains(point));
        }
        if story == Story::Merged {
            self.storm(&undisturbed).await;
        }
    }

    /// Worlds whose bot dies amidst, and whose jobs run beside each other.
    async fn storm(&mut self, undisturbed: &Told) {
        for seed in 1..=STORMS {
            if self.failures.len() < ENOUGH {
                let disturbed = world(self.backend, Story::Merged, Order::Free, amidst(seed)).await;
                self.count(Story::Merged, undisturbed, &disturbed);
            }
        }
    }

    fn count(&mut self, story: Story, undisturbed: &Told, disturbed: &Told) {
        self.worlds += 1;
        self.kills += disturbed.deaths.len();
        self.died_at.extend(disturbed.deaths.iter().cloned());
        let failure = failure(story, &self.met, undisturbed, disturbed);
        self.failures.extend(failure.map(|failure| format!("world {}: {failure}", self.worlds)));
    }
}

/// Dies at the first point of `wanted` that it comes by, and next time at another one.
fn at_each_of(wanted: BTreeSet<Point>) -> Destiny {
    Box::new(move |deaths| Fate::At(wanted.iter().filter(|point| !deaths.contains(point)).cloned().collect()))
}

/// Dies so often, at moments that the seed decides.
fn amidst(seed: u64) -> Destiny {
    Box::new(move |deaths| {
        if deaths.len() >= DEATHS {
            return Fate::At([].into());
        }
        let drawn = drawn(seed * 1_000 + deaths.len() as u64);
        Fate::Amidst {
            points: 1 + usize::try_from(drawn % 60).unwrap(),
            then: Duration::from_micros(drawn / 64 % 5_000),
            with: if drawn >> 40 & 1 == 0 { Company::Alone } else { Company::Children },
        }
    })
}

/// A number that looks random and is the same every time: the first of `SplitMix64`.
fn drawn(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

async fn world(backend: Backend, story: Story, order: Order, destiny: Destiny) -> Told {
    let mut world = World::new(backend, order, destiny).await;
    story.happens(&mut world).await;
    world.stop().await;
    let mut faults = left::faults(&world, story).await;
    if order == Order::Free {
        // Jobs that run beside each other come by points in an order of their own.
        world.met.clear();
    }
    let seen = seen::people_see(&world);
    faults.extend(seen::doubled(&world));
    let log = if faults.is_empty() { String::new() } else { world.log() };
    Told { seen, met: world.met, deaths: world.deaths, faults, log }
}

/// What is wrong with a disturbed world. `recorded` is what undisturbed bots came by.
fn failure(story: Story, recorded: &BTreeSet<Point>, undisturbed: &Told, disturbed: &Told) -> Option<String> {
    let mut faults = disturbed.faults.clone();
    faults.extend(strange(recorded, &disturbed.met));
    faults.extend(differences(&undisturbed.seen, &disturbed.seen));
    let died: Vec<String> = disturbed.deaths.iter().map(Point::to_string).collect();
    let words = || format!("{story:?}, died\n{}\n{}\n{}", died.join("\n"), faults.join("\n"), disturbed.log);
    (!faults.is_empty()).then(words)
}

fn is_recovery(point: &Point) -> bool {
    RECOVERY.contains(&(point.key.place.as_str(), point.key.act.as_str()))
}

/// Points that only a bot that goes on after a death comes by.
fn recovery(recorded: &BTreeSet<Point>, met: &BTreeSet<Point>) -> BTreeSet<Point> {
    met.difference(recorded).filter(|point| is_recovery(point)).cloned().collect()
}

/// Points that the undisturbed bot did not come by, and that are no recovery.
fn strange(recorded: &BTreeSet<Point>, met: &BTreeSet<Point>) -> Vec<String> {
    let is_known = |point: &&Point| is_recovery(point) || OF_A_START.contains(&point.key.act.as_str());
    let strange = met.difference(recorded).filter(|point| !is_known(point));
    strange.map(|point| format!("nobody expected to come by {point}")).collect()
}

/// The lines that only one of both has.
fn differences(undisturbed: &str, disturbed: &str) -> Vec<String> {
    let missing =
        undisturbed.lines().filter(|line| !disturbed.contains(line)).map(|line| format!("- {line}"));
    let surplus =
        disturbed.lines().filter(|line| !undisturbed.contains(line)).map(|line| format!("+ {line}"));
    let mut found: Vec<String> = missing.chain(surplus).collect();
    if found.is_empty() && undisturbed != disturbed {
        found.push(format!("the same lines in another order or number:\n{disturbed}"));
    }
    found
}
