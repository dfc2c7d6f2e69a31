//! Where the bot can die.

use std::fmt;

/// Which side of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    Before,
    After,
}

/// One outward act in the life of a job: the n-th of its name within one attempt, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The job's kind, or what else acts: see `place.rs`.
    pub place: String,
    pub act: String,
    pub nth: usize,
}

/// A point at which a process can be killed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Point {
    pub key: Key,
    pub side: Side,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { place, act, nth } = &self.key;
        let side = if self.side == Side::Before { "before" } else { "after" };
        write!(f, "{side}\t{place}\t{act}\t{nth}")
    }
}

impl Point {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Self {
        let [side, place, act, nth] = text.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let side = if side == "before" { Side::Before } else { Side::After };
        Self { key: Key { place: place.to_owned(), act: act.to_owned(), nth: nth.parse().unwrap() }, side }
    }
}
