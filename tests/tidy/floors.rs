//! A floor imports only from floors below it, and rooms on one floor do not import each other.

use super::tree::{self, Breach, Source, assert_none};
use regex::Regex;
use std::sync::LazyLock;

/// Rooms, floor by floor from the ground up.
const FLOORS: [&[&str]; 4] = [
    &["domain", "meter"],
    &["command", "prompt", "report", "config", "store", "queue", "forge", "engine", "git"],
    &["services"],
    &["app", "jobs", "http", "cli", "sandbox"],
];

/// Who may import a room of its own floor, and why.
const NEIGHBOURS: &[(&str, &str, &str)] = &[
    ("src/cli/", "app", "a subcommand starts the composed program"),
    ("src/cli/", "http", "`serve` and `demo` open the door for webhooks"),
    ("src/cli/", "jobs", "`serve` and `demo` run the worker"),
    ("src/cli/demo.rs", "sandbox", "the demo is the bot and a forge in a box"),
    ("src/cli/demo/", "sandbox", "the demo is the bot and a forge in a box"),
    ("src/cli/bench/", "sandbox", "a bench is the bot and a forge in a box"),
    ("src/main.rs", "cli", "the program is its command line"),
];

/// Rooms that only decide: nothing in them reads, writes, waits or asks the time.
const PURE: &[&str] = &["src/domain/", "src/command/", "src/prompt/", "src/report/"];

static IMPORT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:crate|tasksgodzilla)::([a-z_]+)").unwrap());
static IO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\basync\b|\btokio\b|std::(fs|net|process|env)\b|\bInstant\b").unwrap());

#[test]
fn every_room_stands_on_a_floor() {
    for name in tree::names("src") {
        let room = name.trim_end_matches(".rs");
        let known = FLOORS.iter().any(|rooms| rooms.contains(&room));
        assert!(known || room == "lib" || room == "main", "src/{name} is on no floor");
    }
}

#[test]
fn rooms_import_only_from_floors_below() {
    let breaches: Vec<Breach> = tree::rust("src")
        .iter()
        .flat_map(|source| imports(source).filter(|(_, room)| !may_import(source, room)).map(breach(source)))
        .collect();
    assert_none(&breaches, "a room imports from its own floor or from above:");
}

#[test]
fn imports_are_written_one_room_a_line() {
    let grouped = Regex::new(r"\bcrate::\{").unwrap();
    let breaches: Vec<Breach> = tree::rust("src")
        .iter()
        .flat_map(|source| {
            source.code().filter(|(_, line)| grouped.is_match(line)).map(|at| source.breach(at))
        })
        .collect();
    assert_none(&breaches, "a group of rooms hides an import from the rules:");
}

#[test]
fn pure_rooms_do_nothing() {
    let breaches: Vec<Breach> = tree::rust("src")
        .iter()
        .filter(|source| source.is_in(PURE))
        .flat_map(|source| source.code().filter(|(_, line)| IO.is_match(line)).map(|at| source.breach(at)))
        .collect();
    assert_none(&breaches, "a pure room does IO, waits, or asks the time:");
}

type Found<'s> = ((usize, &'s str), &'s str);

fn imports(source: &Source) -> impl Iterator<Item = Found<'_>> {
    source.code().flat_map(|(number, line)| {
        IMPORT.captures_iter(line).map(move |found| ((number, line), found.get(1).unwrap().as_str()))
    })
}

fn breach<'s>(source: &'s Source) -> impl Fn(Found<'s>) -> Breach {
    |(at, _)| source.breach(at)
}

fn may_import(source: &Source, room: &str) -> bool {
    let own = source.path["src/".len()..].split(['/', '.']).next().unwrap();
    let Some(above) = floor_of(room) else {
        return true;
    };
    let below = floor_of(own).is_none_or(|floor| above < floor);
    let excepted =
        NEIGHBOURS.iter().any(|(place, neighbour, _)| *neighbour == room && source.is_in(&[place]));
    own == room || (below && own != "main") || excepted
}

/// `None` for what is no room: items at the root, and the `lib` and `main` files.
fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}
