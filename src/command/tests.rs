//! Comments in, commands out.

mod found;
mod meant;
mod mistaken;
mod properties;
mod registered;

use super::*;
use crate::domain::command::Asked;

const APP: &str = "TasksGodzilla";

/// Reads a comment where `/help` is not ours, as it is without a word of the repository.
fn parse(body: &str, app_slug: &str) -> Vec<ParsedLine> {
    super::parse(body, app_slug, PlainHelp::Others)
}

/// What each line of ours came to: the command's name, or `?` and the mistake.
fn outcomes(body: &str) -> Vec<String> {
    let seen = |line: ParsedLine| match line.outcome {
        Ok(asked) => asked.command.name().to_owned(),
        Err(mistake) => format!("? {mistake}"),
    };
    parse(body, APP).into_iter().map(seen).collect()
}

/// The only command of a comment.
#[track_caller]
fn only(body: &str) -> Asked {
    let lines = parse(body, APP);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].outcome.clone().unwrap()
}

/// The only mistake of a comment.
#[track_caller]
fn mistake(body: &str) -> Mistake {
    let lines = parse(body, APP);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].outcome.clone().unwrap_err()
}
