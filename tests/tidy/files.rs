//! Files that must fit together: migrations, prompts, schemas; and how long a file may get.

use super::tree::{self, has_ending};

/// Lines a file of the program may have.
const LONGEST: usize = 500;
/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[];

#[test]
fn migrations_are_twins_and_all_are_run() {
    let twins = tree::names("migrations/sqlite");
    assert_eq!(twins, tree::names("migrations/postgres"), "a migration has no twin");
    let runner = tree::read("src/store/migrations.rs");
    for name in twins {
        for folder in ["sqlite", "postgres"] {
            let file = format!("migrations/{folder}/{name}\"");
            assert!(runner.contains(&file), "src/store/migrations.rs never runs {file}");
        }
    }
}

#[test]
fn every_prompt_and_schema_is_used() {
    let text: String = tree::rust("src/prompt").into_iter().map(|source| source.text).collect();
    for name in tree::names("prompts") {
        let word = name.strip_suffix(".prompt.md").unwrap_or_else(|| panic!("prompts/{name} is no prompt"));
        assert!(text.contains(&format!("\"{word}\"")), "nobody writes prompts/{name}");
    }
    for name in tree::names("schemas") {
        assert!(text.contains(&format!("schemas/{name}\"")), "nobody reads schemas/{name}");
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for source in tree::rust("src") {
        let is_test = source.path.contains("/tests/") || source.path.ends_with("/tests.rs");
        let excepted = LONGER.iter().any(|(path, _)| source.path == *path);
        let lines = source.text.lines().count();
        assert!(is_test || excepted || lines <= LONGEST, "{} has {lines} lines", source.path);
    }
}

#[test]
fn every_script_can_be_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let scripts = tree::names("scripts").into_iter().map(|name| format!("scripts/{name}"));
    for script in scripts.chain([".ci/run".to_owned()]).filter(|script| !has_ending(script, "md")) {
        let mode = tree::root().join(&script).metadata().unwrap().permissions().mode();
        assert!(mode & 0o111 == 0o111, "{script} cannot be executed");
    }
}

/// A name that is not there any more would leave nothing out, and nobody would know.
#[test]
fn stories_that_are_left_out_are_there() {
    let list = include_str!("../story/not_on_gitlab.txt");
    let names = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let gone: Vec<&str> = names.filter(|name| !is_story(name)).collect();
    assert!(gone.is_empty(), "there are no such stories: {gone:?}");
}

fn is_story(name: &str) -> bool {
    let (module, story) = name.split_once("::").unwrap();
    let file = tree::root().join(format!("tests/story/{module}.rs"));
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.contains("#[actix_web::test]") && text.contains(&format!("fn {story}"))
}
