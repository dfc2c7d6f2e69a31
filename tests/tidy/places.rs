//! What is foreign stays in one room: SDKs, processes, the environment, the clock, the forge in a box.

use super::tree::{self, Breach, assert_none};
use regex::Regex;

/// No code but that of `places` has a match of `pattern`. Places are files, or folders with a slash at the end.
#[track_caller]
fn only_in(pattern: &str, places: &[&str]) {
    let pattern = Regex::new(pattern).unwrap();
    let sources = tree::rust("src");
    let breaches: Vec<Breach> = sources
        .iter()
        .filter(|source| !source.is_in(places))
        .flat_map(|source| {
            source.code().filter(|(_, line)| pattern.is_match(line)).map(|at| source.breach(at))
        })
        .collect();
    assert_none(&breaches, &format!("`{pattern}` belongs in {places:?} only:"));
    for place in places {
        let used = sources.iter().any(|source| source.is_in(&[place]) && pattern.is_match(&source.text));
        assert!(used, "`{pattern}` is no longer in {place}: take it from the list");
    }
}

/// Besides the store: what `bench` holds its intake against, a database with nothing of ours before it.
#[test]
fn only_the_store_speaks_sql() {
    only_in(r"\bsqlx\b", &["src/store/", "src/cli/bench/sink.rs"]);
}

#[test]
fn only_the_github_adapter_knows_octocrab() {
    only_in(r"\boctocrab\b", &["src/forge/github/"]);
}

/// A project's address says `gitlab` too: meant is the crate.
#[test]
fn only_the_gitlab_adapter_knows_its_crate() {
    only_in(r"\bgitlab::api\b|\bAsyncGitlab\b|\bGitlabBuilder\b", &["src/forge/gitlab/"]);
}

#[test]
fn only_the_meter_knows_prometheus() {
    only_in(r"\bprometheus_client\b", &["src/meter/"]);
}

#[test]
fn only_the_queue_knows_apalis() {
    only_in(r"\bapalis\w*\b", &["src/queue/"]);
}

#[test]
fn only_the_relay_knows_redis() {
    only_in(r"\bredis::|\bapalis_redis\b", &["src/queue/relay/"]);
}

/// The bot's door runs the server that http/ makes; `setup` opens a small door of its own, for one browser and one answer;
/// `bench` has a bare one to hold the bot's against.
#[test]
fn only_the_doors_know_actix() {
    let doors = [
        "src/http/",
        "src/cli/bot/door.rs",
        "src/cli/setup/desk.rs",
        "src/cli/bench/bare.rs",
        "src/sandbox/",
    ];
    only_in(r"\bactix\w*\b", &doors);
}

/// Code of agents and repositories runs through engine/process; git through git/run. The twin has git repositories of
/// its own, serves them by git's own CGI program, and lets a program make its keys. `bench` starts copies of itself, and git
/// to hold ours against.
#[test]
fn only_two_rooms_and_the_sandbox_start_processes() {
    let places = [
        "src/cli/bench/process.rs",
        "src/engine/process/",
        "src/git/run.rs",
        "src/sandbox/git.rs",
        "src/sandbox/http/git_http.rs",
        "src/sandbox/github/keys.rs",
    ];
    only_in(r"\bCommand::new\b|\bprocess::Command\b|\bprocess_wrap\b", &places);
}

/// Settings come from config. Besides: app.rs hands named variables to engines, isolation looks for programs on the
/// search path, and the twin's git must not inherit the `GIT_*` variables of whoever runs it.
#[test]
fn only_settings_and_search_paths_come_from_the_environment() {
    let places =
        ["src/app.rs", "src/config/reader.rs", "src/engine/process/isolation.rs", "src/sandbox/git.rs"];
    only_in(r"\bstd::env\b|\benv::var", &places);
}

/// Time comes from the clock that app.rs makes. Forges name the end of a rate limit in wall time, so the distance
/// to it needs the machine's; the twin has a clock of its own.
#[test]
fn only_the_composition_root_asks_the_time_of_day() {
    let places = ["src/app.rs", "src/forge/wire.rs", "src/sandbox/model/clock.rs"];
    only_in(r"\bSystemTime::now\b|\bUtc::now\b|\bLocal::now\b", &places);
}

#[test]
fn only_demo_and_bench_know_the_sandbox() {
    only_in(r"\bcrate::sandbox\b", &["src/sandbox/", "src/cli/demo/", "src/cli/bench/world.rs"]);
}

/// Each room has one point at which its outward acts leave, and that point tells the witness: commits of the store and its
/// migration, git's calls that talk to a remote (only those get credentials), requests to a forge.
#[test]
fn outward_acts_are_told_to_the_witness() {
    let points = [
        "src/store/sql/session.rs",
        "src/store/mod.rs",
        "src/git/run.rs",
        "src/forge/github/client.rs",
        "src/forge/gitlab/client.rs",
    ];
    only_in(r"\bwitness\.(before|after)\(", &points);
    // The bare store of `bench` is nobody's to watch.
    let begun = ["src/store/sql/session.rs", "src/store/migrations.rs", "src/cli/bench/sink.rs"];
    only_in(r"\bTransaction\b|\bBEGIN IMMEDIATE\b|\b(Sqlite|Pg)Pool\b", &begun);
    only_in(r"\bmigrations::run\b", &["src/store/mod.rs"]);
    only_in(r"\baskpass_environment\b", &["src/git/remote.rs", "src/git/run.rs"]);
    only_in(r"\bcrab\.(execute|send)\w*\(", &["src/forge/github/client.rs"]);
    only_in(r"\brest_async\(", &["src/forge/gitlab/client.rs"]);
}

/// What sends HTTP besides the forges' clients: `setup`, `replay`, `doctor` and `bench`, which people run by hand, and the twin.
#[test]
fn only_what_people_run_by_hand_sends_requests_of_its_own() {
    let by_hand = [
        "src/forge/github/registration.rs",
        "src/cli/replay.rs",
        "src/cli/doctor/",
        "src/cli/bench/",
        "src/sandbox/",
    ];
    only_in(r"\breqwest\b", &by_hand);
}
