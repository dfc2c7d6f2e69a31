//! The witness that kills its own process: at a point that is wanted, or some moment after so many points.

use super::place;
use super::point::{Point, Side};
use super::wire::Told;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tasksgodzilla::domain::witness::{Act, Witness};

/// When a process dies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// At the first of these points that it comes by, right there.
    At(HashSet<Point>),
    /// In the middle of whatever it does then: so long after it came by so many points.
    Amidst { points: usize, then: Duration, with: Company },
}

/// Who dies with the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Nobody: what it started goes on.
    Alone,
    /// All that it started, as when a container is stopped.
    Children,
}

#[derive(Debug)]
pub struct Killer {
    fate: Fate,
    passed: Mutex<usize>,
    frail: Arc<Mutex<usize>>,
}

/// While it lives, the process does not die amidst: a job is on its last attempt, or is being claimed.
pub struct Frail(Arc<Mutex<usize>>);

impl Drop for Frail {
    fn drop(&mut self) {
        *self.0.lock().unwrap() -= 1;
    }
}

impl Fate {
    /// One point a line, or one line of three words.
    pub fn write(&self, file: &Path) {
        let text = match self {
            Self::At(points) => points.iter().map(|point| format!("{point}\n")).collect(),
            Self::Amidst { points, then, with } => format!("{points} {} {with:?}", then.as_micros()),
        };
        std::fs::write(file, text).unwrap();
    }

    fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        if text.is_empty() || text.contains('\t') {
            return Self::At(text.lines().map(Point::parse).collect());
        }
        let [points, then, with] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let with = if with == "Alone" { Company::Alone } else { Company::Children };
        let then = Duration::from_micros(then.parse().unwrap());
        Self::Amidst { points: points.parse().unwrap(), then, with }
    }
}

impl Killer {
    pub fn read(file: &Path) -> Self {
        Self { fate: Fate::read(file), passed: Mutex::default(), frail: Arc::default() }
    }

    /// Whether jobs run beside each other, as they do in a process that may die amidst.
    pub fn is_crowded(&self) -> bool {
        matches!(self.fate, Fate::Amidst { .. })
    }

    pub fn spares(&self) -> Frail {
        *self.frail.lock().unwrap() += 1;
        Frail(self.frail.clone())
    }

    /// Comes by a point.
    pub fn pass(&self, point: Point, may_be_lost: bool) {
        Told::Met(point.clone()).say();
        match &self.fate {
            Fate::At(points) if may_be_lost && points.contains(&point) => die(&point, Company::Alone),
            Fate::Amidst { points, then, with } => {
                let mut passed = self.passed.lock().unwrap();
                *passed += 1;
                if *passed == *points {
                    let (frail, at, with) = (self.frail.clone(), Instant::now() + *then, *with);
                    std::thread::spawn(move || die_amidst(&frail, at, &point, with));
                }
            }
            Fate::At(_) => {}
        }
    }

    fn pass_here(&self, side: Side, act: &Act) {
        if let Some((point, may_be_lost)) = place::here(side, act) {
            self.pass(point, may_be_lost);
        }
    }
}

impl Witness for Killer {
    fn before(&self, act: &Act) {
        self.pass_here(Side::Before, act);
    }

    fn after(&self, act: &Act) {
        self.pass_here(Side::After, act);
    }
}

/// Nothing can become frail between the look and the death: that takes the same lock.
fn die_amidst(frail: &Mutex<usize>, at: Instant, near: &Point, with: Company) {
    loop {
        let held = frail.lock().unwrap();
        if *held == 0 && Instant::now() >= at {
            die(near, with);
        }
        drop(held);
        std::thread::yield_now();
    }
}

fn die(point: &Point, with: Company) {
    Told::Dies(point.clone()).say();
    if with == Company::Children {
        for child in children() {
            // It may have ended meanwhile.
            let _ = kill(child, Signal::SIGKILL);
        }
    }
    kill(Pid::this(), Signal::SIGKILL).unwrap();
}

/// The processes that this one started: those whose parent it is, by proc(5) `/proc/PID/stat`.
fn children() -> Vec<Pid> {
    let own = std::process::id().to_string();
    let is_child = |stat: &str| {
        let facts =
            stat.rsplit_once(')').map(|(_, facts)| facts.split_whitespace().nth(1) == Some(own.as_str()));
        facts == Some(true)
    };
    let mut children = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap() {
        let process = process.unwrap();
        let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        if let (true, Ok(pid)) = (is_child(&stat), process.file_name().to_string_lossy().parse()) {
            children.push(Pid::from_raw(pid));
        }
    }
    children
}
