//! Pages that the program writes about itself, and the stories that its commands owe.

use super::tree;
use regex::Regex;
use tasksgodzilla::command::registry::{self, Status};
use tasksgodzilla::{command, config};

#[test]
fn the_commands_page_is_up_to_date() {
    check("docs/commands.md", &command::docs_markdown());
}

#[test]
fn the_settings_page_is_up_to_date() {
    check("docs/settings.md", &config::docs_markdown());
}

/// A command that the bot says it can do is told by a story, in the words that people type.
#[test]
fn every_command_has_a_story() {
    let stories: String = tree::rust("tests/story").into_iter().map(|source| source.text).collect();
    let told = |call: &str| Regex::new(&format!(r"{}\b", regex::escape(call))).unwrap().is_match(&stories);
    let now = registry::commands().filter(|spec| spec.status == Status::Now);
    let missing: Vec<String> = now.map(registry::Spec::call).filter(|call| !told(call)).collect();
    assert!(missing.is_empty(), "no story in tests/story tells of {}", missing.join(", "));
}

/// Holds a page against what it is made from. With `UPDATE_DOCS=1` it is written first.
#[track_caller]
fn check(page: &str, made: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(tree::root().join(page), made).unwrap();
    }
    assert!(tree::read(page) == made, "{page} is out of date; run `UPDATE_DOCS=1 cargo test --test tidy`");
}
