//! Words that must not be in the source.

use super::tree::{self, Breach, Source, assert_none};
use regex::Regex;

/// What nobody ends their work with. Put together here, so that this file is not found.
const UNFINISHED: &[&str] =
    &[concat!("#[", "ignore"), concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!(")];

/// Test modules that are not called `tests`, and why.
const OTHER_TEST_MODULES: &[(&str, &str, &str)] =
    &[("src/report/mod.rs", "mod sample;", "one view that the tests of comments, checks and pages share")];

/// Tests that look again after a moment, because nobody tells them what a stranger's process does.
const MAY_WAIT: &[&str] = &["tests/wire/traces.rs", "tests/shared/until.rs"];

#[test]
fn nothing_is_left_for_later() {
    let has_one = |line: &str| UNFINISHED.iter().any(|word| line.contains(word));
    assert_none(&lines_where(&rust(), has_one), "unfinished, skipped or for debugging:");
}

#[test]
fn production_code_does_not_know_that_it_is_tested() {
    let mark = "cfg(test)";
    let sources = tree::rust("src");
    let breaches: Vec<Breach> = sources
        .iter()
        .flat_map(|source| {
            let next = source.text.lines().skip(1).chain([""]);
            let marked = source.code_with_next(next).filter(|(at, _)| at.1.contains(mark));
            marked.filter(|(_, next)| !is_test_module(source, next)).map(|(at, _)| source.breach(at))
        })
        .collect();
    assert_none(&breaches, "only `mod tests` may depend on being tested:");
}

#[test]
fn tests_do_not_sleep() {
    let mut tests = tree::rust("tests");
    tests.retain(|source| !source.is_in(MAY_WAIT) && !source.path.starts_with("tests/tidy/"));
    let sleeps = |line: &str| line.contains("sleep(");
    assert_none(&lines_where(&tests, sleeps), "wait for what you wait for, not for a time:");
}

/// The macros of the standard library panic when whoever reads has stopped reading.
#[test]
fn one_file_prints() {
    let pattern = Regex::new(r"\be?print(ln)?!\(").unwrap();
    let mut sources = tree::rust("src");
    sources.retain(|source| source.path != "src/cli/output.rs");
    assert_none(&lines_where(&sources, |line| pattern.is_match(line)), "print by `cli/output.rs`:");
}

/// Paths of somebody's machine, and hosts of package registries, work for nobody else.
#[test]
fn nothing_depends_on_where_it_was_written() {
    let homes =
        [concat!("wo", "rk"), concat!("ro", "ot"), concat!("ho", "me"), concat!("Us", "ers")].join("|");
    let hosts = [
        concat!("crates", r"\.io"),
        concat!("pypi", r"\.org"),
        concat!("python", r"hosted\.org"),
        concat!("npm", r"js\.(org|com)"),
        concat!("deb", r"ian\.org"),
        concat!("proxy", r"\.golang"),
    ]
    .join("|");
    let pattern = Regex::new(&format!(r#"(^|[\s"'`(=:,])/({homes})/|{hosts}"#)).unwrap();
    let mut sources = tree::everything();
    // Cargo writes the address of its index into each entry.
    sources.retain(|source| source.path != "Cargo.lock");
    let breaches: Vec<Breach> = sources
        .iter()
        .flat_map(|source| {
            source.lines().filter(|(_, line)| pattern.is_match(line)).map(|at| source.breach(at))
        })
        .collect();
    assert_none(&breaches, "a path of a machine, or a registry's host:");
}

fn rust() -> Vec<Source> {
    ["src", "tests"].iter().flat_map(|folder| tree::rust(folder)).collect()
}

fn lines_where(sources: &[Source], bad: impl Fn(&str) -> bool) -> Vec<Breach> {
    let all = sources.iter().flat_map(|source| source.code().map(move |at| (source, at)));
    all.filter(|(_, (_, line))| bad(line)).map(|(source, at)| source.breach(at)).collect()
}

fn is_test_module(source: &Source, line: &str) -> bool {
    let other = OTHER_TEST_MODULES.iter().any(|(path, module, _)| source.path == *path && line == *module);
    other || line == "mod tests;" || line == "mod tests {"
}

impl Source {
    fn code_with_next<'s>(
        &'s self,
        next: impl Iterator<Item = &'s str> + 's,
    ) -> impl Iterator<Item = ((usize, &'s str), &'s str)> {
        self.lines().zip(next).filter(|((_, line), _)| !line.trim_start().starts_with("//"))
    }
}
