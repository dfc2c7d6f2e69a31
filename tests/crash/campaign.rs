//! Records an undisturbed world, then kills the bot at every point of it, as often in one world as its jobs survive; then in
//! the middle of whatever it does.

use super::backend::Backend;
use super::killer::{Company, Fate};
use super::point::Point;
use super::recovery::{recovery, strange};
use super::story::Story;
use super::world::{Destiny, Order, World};
use super::{left, seen};
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tasksgodzilla::sandbox::Host;

/// Worlds whose bot dies amidst, and its deaths in each.
const STORMS: u64 = 3;
const DEATHS: usize = 15;

/// Worlds that went wrong before the rest is left alone.
const ENOUGH: usize = 3;

/// What was done on one forge and one database so far.
struct Campaign {
    forge: Host,
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

pub fn run(forge: Host, backend: Backend) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let began = Instant::now();
    let mut campaign = Campaign {
        forge,
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
    let (store, took) = (backend.name(), began.elapsed().as_secs());
    println!(
        "{forge:?}, {store}: {keys} keys, each died at before and after; {kills} kills in {worlds} worlds, {took} s"
    );
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n\n").into()) }
}

impl Campaign {
    /// Tells a story undisturbed, then with every death that it has and no earlier story had.
    async fn tell(&mut self, story: Story) {
        let undisturbed = self.world(story, Order::Kept, Box::new(|_| Fate::At([].into()))).await;
        self.met.extend(undisturbed.met.iter().cloned());
        if let Some(failure) = self.failure(story, &undisturbed, &undisturbed) {
            self.failures.push(failure);
            return;
        }
        // What is only met after a death is died at as well, where it comes up.
        let mut also = BTreeSet::new();
        while self.failures.len() < ENOUGH {
            let open: BTreeSet<Point> = self.met.difference(&self.died_at).cloned().collect();
            if open.is_empty() {
                break;
            }
            let wanted = open.union(&also).cloned().collect();
            let disturbed = self.world(story, Order::Kept, at_each_of(wanted)).await;
            self.count(story, &undisturbed, &disturbed);
            if open.is_disjoint(&self.died_at) {
                let left: Vec<String> = open.iter().map(Point::to_string).collect();
                self.failures.push(format!("no world comes by these points again:\n{}", left.join("\n")));
                break;
            }
            also.extend(recovery(self.forge, &self.met, &disturbed.met));
            also.retain(|point| !self.died_at.contains(point));
        }
        if story == Story::Merged {
            self.storm(&undisturbed).await;
        }
    }

    async fn world(&self, story: Story, order: Order, destiny: Destiny) -> Told {
        let mut world = World::new(self.forge, self.backend, order, destiny).await;
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

    /// Worlds whose bot dies amidst, and whose jobs run beside each other.
    async fn storm(&mut self, undisturbed: &Told) {
        for seed in 1..=STORMS {
            if self.failures.len() < ENOUGH {
                let disturbed = self.world(Story::Merged, Order::Free, amidst(seed)).await;
                self.count(Story::Merged, undisturbed, &disturbed);
            }
        }
    }

    fn count(&mut self, story: Story, undisturbed: &Told, disturbed: &Told) {
        self.worlds += 1;
        self.kills += disturbed.deaths.len();
        self.died_at.extend(disturbed.deaths.iter().cloned());
        let failure = self.failure(story, undisturbed, disturbed);
        self.failures.extend(failure.map(|failure| format!("world {}: {failure}", self.worlds)));
    }

    /// What is wrong with a disturbed world.
    fn failure(&self, story: Story, undisturbed: &Told, disturbed: &Told) -> Option<String> {
        let mut faults = disturbed.faults.clone();
        faults.extend(strange(self.forge, &self.met, &disturbed.met));
        faults.extend(differences(&undisturbed.seen, &disturbed.seen));
        let died: Vec<String> = disturbed.deaths.iter().map(Point::to_string).collect();
        let words =
            || format!("{story:?}, died\n{}\n{}\n{}", died.join("\n"), faults.join("\n"), disturbed.log);
        (!faults.is_empty()).then(words)
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
