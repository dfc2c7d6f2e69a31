//! How stories tell what they see: the plan as a given, the sticky comment without what is folded, the timeline.

use super::host::{self, Call};
use super::scripted::{Reply, plan};
use super::world::{REPO, World};
use std::collections::BTreeSet;
use tasksgodzilla::domain::event::Event;
use tasksgodzilla::domain::ids::ProtocolId;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::sandbox::RequestView;
use tasksgodzilla::store;
use tasksgodzilla::store::run::Run;

/// The branch of the first protocol.
pub const BRANCH: &str = "0001-split-the-importer";
/// Its pull request.
pub const PULL: u64 = 2;

/// Bob asked for a plan on issue #1, and it is there: a set-up step and these work steps.
pub async fn planned(world: &mut World, steps: &[&str]) {
    world.engine.next(Phase::Plan, Reply::Text(plan(steps)));
    says(world, "bob", 1, "/protocol new").await;
    assert!(world.headline(PULL).contains("Planned"), "{}", world.headline(PULL));
}

/// A world in which that was so from the beginning.
pub async fn with_plan(steps: &[&str]) -> World {
    let mut world = World::new().await;
    planned(&mut world, steps).await;
    world
}

/// Somebody comments, and the world settles.
pub async fn says(world: &mut World, login: &str, thread: u64, body: &str) -> u64 {
    let comment = world.comments(login, thread, body);
    world.settle().await;
    comment
}

/// The comments of a thread as people read them: without folded parts and footers.
pub fn shown(world: &mut World, thread: u64) -> String {
    let folded = regex::Regex::new(r"(?s)\n*<details>.*?</details>").unwrap();
    let footer = regex::Regex::new(r"\n*<sub>.*</sub>").unwrap();
    let time = regex::Regex::new(r"\| (?:under 1 s|\d+ s|–) (\| [^|\n]+ \|)(\n|$)").unwrap();
    let read = world.reads(thread).join("\n---\n");
    let read = folded.replace_all(&read, "");
    let read = footer.replace_all(&read, "");
    let read = time.replace_all(&read, "| <time> $1$2");
    let port = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
    let read = port.replace_all(&read, "<forge>");
    let blank = regex::Regex::new(r"\n{3,}").unwrap();
    blank.replace_all(&read, "\n\n").trim().to_owned()
}

/// The bot's checks on the head, without how long engines took.
pub fn checks(world: &World) -> String {
    let time = regex::Regex::new(r", (under 1 s|\d+ s)\b").unwrap();
    time.replace_all(&world.checks(BRANCH), "").into_owned()
}

/// The timeline of the first protocol.
pub async fn events(world: &World) -> Vec<Event> {
    store::event::of_protocol(&mut world.ctx.store.read().await.unwrap(), ProtocolId(1), 500).await.unwrap()
}

/// The timeline's sentences after the plan was accepted.
pub async fn timeline(world: &World) -> String {
    let all = events(world).await;
    let all: Vec<String> = all.iter().map(|event| world.clean(&event.message)).collect();
    let from = all.iter().position(|told| told.contains("opened pull request")).map_or(0, |at| at + 1);
    all[from..].join("\n")
}

/// Every run of the first protocol, oldest first.
pub async fn runs(world: &World) -> Vec<Run> {
    let mut db = world.ctx.store.read().await.unwrap();
    let mut runs = store::run::of_protocol(&mut db, ProtocolId(1), 500).await.unwrap();
    runs.sort_by_key(|run| run.id);
    runs
}

/// The names of what the runs left.
pub async fn artifacts(world: &World) -> Vec<String> {
    let mut names = Vec::new();
    for run in runs(world).await {
        let mut db = world.ctx.store.read().await.unwrap();
        names.extend(store::run::artifacts(&mut db, run.id).await.unwrap().into_iter().map(|kept| kept.name));
    }
    names
}

/// A file on the protocol's branch.
pub fn file(world: &World, path: &str) -> Option<String> {
    let content = world.twin.file(REPO, BRANCH, path).unwrap();
    content.map(|bytes| String::from_utf8(bytes).unwrap())
}

/// The same as a person compares it: without commit ids and times.
pub fn written(world: &World, path: &str) -> String {
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC").unwrap();
    time.replace_all(&clean_shas(&file(world, path).unwrap()), "<time>").into_owned()
}

fn clean_shas(text: &str) -> String {
    let sha = regex::Regex::new(r"\b[0-9a-f]{7}([0-9a-f]{33})?\b").unwrap();
    sha.replace_all(text, "<sha>").into_owned()
}

pub fn head(world: &World) -> String {
    world.twin.branch_head(REPO, BRANCH).unwrap().unwrap()
}

/// What the bot asked that changes the forge, since the `from`th request: content only, not reactions.
pub fn writes(world: &World, from: usize) -> Vec<Call> {
    let all = world.twin.requests();
    let writes = all[from..].iter().filter(|request| {
        request.method != "GET"
            && host::asked(&world.account, request)
            && ![Call::React, Call::GetToken, Call::Fetch]
                .iter()
                .any(|call| call.is(world.twin.host(), request))
    });
    writes.map(|request| named(world, request)).collect()
}

fn named(world: &World, request: &RequestView) -> Call {
    let is_one = |call: &&Call| call.is(world.twin.host(), request);
    let known = Call::WRITES.iter().chain(&[Call::Push]).find(is_one);
    *known.unwrap_or_else(|| panic!("no kind of write: {request:?}"))
}

/// How many pushes the bot made since the `from`th request.
pub fn pushes(world: &World, from: usize) -> usize {
    world.counts(Call::Push, from)
}

/// What people see in the end, without times, tokens and the numbers of runs.
pub async fn told(mut world: World) -> String {
    let mut seen = vec![shown(&mut world, 1), shown(&mut world, PULL), checks(&world)];
    seen.extend(world.twin.commits(REPO, "main", BRANCH).unwrap());
    seen.push(format!("{} pull request", world.twin.pulls(REPO).unwrap().len()));
    for comment in world.twin.thread(REPO, 1).unwrap().iter().chain(&world.twin.thread(REPO, PULL).unwrap()) {
        seen.push(format!("{}: {:?}", comment.author, comment.reactions));
    }
    let on = |request: &RequestView| host::checked_commit(world.twin.host(), request);
    let all: BTreeSet<String> = world.twin.requests().iter().filter_map(on).collect();
    for sha in all {
        let checks = world.twin.checks(REPO, &sha).unwrap();
        let names: BTreeSet<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names.len(), checks.len(), "a check is there twice on {sha}: {checks:#?}");
        assert!(checks.iter().all(|check| check.conclusion.is_some()), "left in progress: {checks:#?}");
    }
    world.finish().await;
    // What a lost attempt used is not known, and it has a run of its own.
    let lost = regex::Regex::new(r"/runs/\d+|, \d+ tokens|\| (\d+|–) \|(\n|$)").unwrap();
    lost.replace_all(&seen.join("\n"), "$2").into_owned()
}
