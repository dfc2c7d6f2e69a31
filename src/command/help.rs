//! What people are told about the commands: the answer to `/bot help`, and docs/commands.md.

use crate::command::mistake::Echo;
use crate::command::registry::{self, Effect, Family, Scope, Spec, Status};
use std::fmt::Write as _;

/// Answers `/bot help`, in Markdown: a table of all commands, one family, or one command.
///
/// The topic is taken with or without its slash, and with arguments; an unknown one is named and the table follows.
pub fn help(topic: Option<&str>) -> String {
    let Some(topic) = topic.map(str::trim).filter(|topic| !topic.is_empty()) else {
        return overview();
    };
    let words: Vec<String> = topic.split_whitespace().take(2).map(str::to_ascii_lowercase).collect();
    let first = words.first().map_or("", |word| word.strip_prefix('/').unwrap_or(word));
    let Some(family) = registry::family(first) else {
        return format!("There is no command {}.\n\n{}", Echo::of(topic), overview());
    };
    match words.get(1).map(|word| family.named(word)) {
        Some(Some(spec)) => one_command(spec),
        _ => one_family(family),
    }
}

/// The whole of docs/commands.md.
pub fn docs_markdown() -> String {
    let mut page = String::from(DOCS_HEAD);
    for family in registry::families() {
        write_to(&mut page, format_args!("\n## /{}\n", family.word));
        for spec in family.commands {
            write_to(&mut page, format_args!("\n### `{}`\n\n{}", title(spec), one_command(spec)));
        }
    }
    page
}

const DOCS_HEAD: &str = "\
# Commands

<!-- Written by the test `the_commands_page_is_up_to_date` from src/command/family/; do not edit by hand. -->

A command is a line of a comment that starts with one of the words below, or with the bot's name and one of them
(`@your-app protocol status`). It has to stand at the start of a line of plain text: what is in code, quotes, lists,
headings, tables, links, folded details or HTML is not a command. A comment may hold up to 20 commands.

- Several protocols on one thread: name the one you mean by its number, first: `/protocol run #0003 --to 2`.
- Options are written `--option value` or `--option=value`, anywhere on the line; `--` ends them. A value with spaces
  goes in quotes.
- Where a command takes text, the lines that follow belong to it, up to the next command.
- `--dry-run` says what a command would do and changes nothing.
- Editing a comment runs only what is new in it; a command that was done is not done again.
- The permission named is the default; a repository can ask for another one, let bots give commands and make `/help`
  the bot's: [its own file](repository-file.md).
";

fn overview() -> String {
    let mut text = String::new();
    let now = |spec: &&Spec| spec.status == Status::Now;
    for family in registry::families() {
        let commands: Vec<&Spec> = family.commands.iter().filter(now).collect();
        if !commands.is_empty() {
            write_to(&mut text, format_args!("**/{}**\n\n{}\n", family.word, table(&commands)));
        }
    }
    let later: Vec<String> =
        registry::commands().filter(|spec| !now(spec)).map(|spec| format!("`{}`", title(spec))).collect();
    write_to(
        &mut text,
        format_args!(
            "`/bot help <command>` explains one.\n\nUnderstood, but not done yet: {}.\n",
            later.join(", ")
        ),
    );
    text
}

fn one_family(family: &Family) -> String {
    let commands: Vec<&Spec> = family.commands.iter().collect();
    format!("{}\n`/bot help <command>` explains one.\n", table(&commands))
}

fn table(commands: &[&Spec]) -> String {
    let mut table = String::from("| command | needs | does |\n|---|---|---|\n");
    for spec in commands {
        let usage = spec.usage().replace(" [--dry-run]", "").replace('|', "\\|");
        write_to(
            &mut table,
            format_args!("| `{usage}` | {} | {}{} |\n", spec.needs, spec.help, not_yet(spec)),
        );
    }
    table
}

fn one_command(spec: &Spec) -> String {
    let mut text = format!("{}{}.\n\n```\n{}\n```\n\n", spec.help, not_yet(spec), spec.usage());
    write_to(&mut text, format_args!("- Needs: {}\n", spec.needs));
    for option in spec.all_options() {
        let value = option.value.map(|value| format!(" {value}")).unwrap_or_default();
        let needs = option.needs.map(|needs| format!(" (needs {needs})")).unwrap_or_default();
        write_to(&mut text, format_args!("- `--{}{value}`: {}{needs}\n", option.name, option.help));
    }
    if spec.scope == Scope::Protocol {
        let several = match spec.effect {
            Effect::Acting => "name the one you mean",
            Effect::Reading => "answers for all of them unless you name one",
        };
        write_to(
            &mut text,
            format_args!("- With several open protocols: {several}, as in `{} #0003`\n", spec.call()),
        );
    }
    write_to(&mut text, format_args!("- Example: `{}`\n", spec.example));
    text
}

/// The call, and what tells apart two commands of one call.
fn title(spec: &Spec) -> String {
    let required = spec.arguments.first().filter(|_| spec.verb == registry::Verb::Open);
    required.map_or_else(|| spec.call(), |argument| format!("{} <{}>", spec.call(), argument.name))
}

fn not_yet(spec: &Spec) -> &'static str {
    match spec.status {
        Status::Now => "",
        Status::Later => " (not done yet)",
    }
}

fn write_to(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece).expect("writing to a string cannot fail");
}
