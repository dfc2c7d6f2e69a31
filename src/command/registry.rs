//! The one list of commands. Parser, help, docs, suggestions and permissions all read it.

use crate::command::args::Args;
use crate::command::family;
use crate::command::mistake::Mistake;
use crate::domain::actor::Permission;
use crate::domain::command::Command;
use std::fmt::Write as _;

/// The first words that are ours, in the order in which help shows them, with their declarations.
static FAMILIES: [Family; 9] = [
    family::protocol::FAMILY,
    family::step::FAMILY,
    family::bot::FAMILY,
    family::clarify::FAMILY,
    family::policy::FAMILY,
    family::budget::FAMILY,
    family::engine::FAMILY,
    family::project::FAMILY,
    family::branch::FAMILY,
];

/// The commands that share a first word.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The word without its slash.
    pub word: &'static str,
    pub commands: &'static [Spec],
}

/// Everything that is known about one command.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Unique; the key under which a repository changes the permission.
    pub name: &'static str,
    /// The second word, or how a family without one is recognised.
    pub verb: Verb,
    pub arguments: &'static [Argument],
    pub text: Option<Text>,
    pub scope: Scope,
    pub needs: Permission,
    /// What a repository cannot open it below.
    pub least: Permission,
    pub effect: Effect,
    pub status: Status,
    /// One line: imperative, no full stop.
    pub help: &'static str,
    pub example: &'static str,
    options: &'static [Choice],
    pub(super) build: Build,
}

pub(super) type Build = fn(&mut Args<'_>) -> Result<Command, Mistake>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Word(&'static str),
    /// The family's word alone.
    Bare,
    /// The family's word followed by anything that is no verb.
    Open,
}

/// One word at a fixed place.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    pub name: &'static str,
    pub need: Need,
}

/// Free words after the arguments.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub name: &'static str,
    pub need: Need,
    pub reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The rest of the line, as it stands: nothing in it is an option.
    Line,
    /// The rest of the line without its options, and the lines that follow.
    Block,
}

/// Whether a command speaks of one protocol and may name it with `#0003`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Protocol,
    Project,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Acting,
    Reading,
}

/// Whether the bot already does what it can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Now,
    Later,
}

/// One `--option`.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Without the dashes.
    pub name: &'static str,
    /// What its value is called; `None` is a switch.
    pub value: Option<&'static str>,
    /// What the option asks for beyond the command's own permission.
    pub needs: Option<Permission>,
    pub help: &'static str,
}

static DRY_RUN: Choice = Choice::switch("dry-run", "Say what would happen, change nothing");

/// All families, in the order of help.
pub fn families() -> &'static [Family] {
    &FAMILIES
}

/// All commands, in the order of help.
pub fn commands() -> impl Iterator<Item = &'static Spec> {
    FAMILIES.iter().flat_map(|family| family.commands)
}

/// The family of a first word without its slash, in any case.
pub fn family(word: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.word.eq_ignore_ascii_case(word))
}

/// The command of this name (`step run`).
pub fn command(name: &str) -> Option<&'static Spec> {
    commands().find(|spec| spec.name == name)
}

/// The declaration that a command was read by.
pub fn spec_of(asked: &Command) -> &'static Spec {
    command(asked.name())
        .expect("every variant is built by a declaration, and a test holds their names together")
}

/// The permission a command needs as given, its options included. `changed` is what the repository asks for in place of
/// the declared one; what an option needs cannot be changed.
pub fn needs(asked: &Command, changed: Option<Permission>) -> Permission {
    let spec = spec_of(asked);
    let option = match asked {
        Command::StepRun { anyway: true, .. } => spec.option("anyway"),
        _ => None,
    };
    let needs = changed.unwrap_or(spec.needs);
    option.and_then(|option| option.needs).map_or(needs, |more| more.max(needs))
}

impl Family {
    /// The command of this second word, in any case.
    pub(super) fn named(&self, word: &str) -> Option<&'static Spec> {
        self.commands
            .iter()
            .find(|spec| matches!(spec.verb, Verb::Word(known) if known.eq_ignore_ascii_case(word)))
    }

    /// The command that is called without a second word of its own.
    pub(super) fn wordless(&self, verb: Verb) -> Option<&'static Spec> {
        self.commands.iter().find(|spec| spec.verb == verb)
    }

    /// The second words of this family.
    pub fn verbs(&self) -> impl Iterator<Item = &'static str> {
        self.commands.iter().filter_map(|spec| match spec.verb {
            Verb::Word(word) => Some(word),
            Verb::Bare | Verb::Open => None,
        })
    }
}

impl Spec {
    pub(super) const fn reads(name: &'static str, verb: Verb, needs: Permission, build: Build) -> Self {
        Self {
            name,
            verb,
            arguments: &[],
            text: None,
            scope: Scope::Project,
            needs,
            least: Permission::None,
            effect: Effect::Reading,
            status: Status::Now,
            help: "",
            example: "",
            options: &[],
            build,
        }
    }

    /// What acts can be opened to triage: on a public repository everybody has read. Where it needs maintain or more,
    /// somebody answers for it by name, and that is not opened at all.
    pub(super) const fn acts(name: &'static str, verb: Verb, needs: Permission, build: Build) -> Self {
        let least = match needs {
            Permission::Maintain | Permission::Admin => needs,
            _ => Permission::Triage,
        };
        Self { effect: Effect::Acting, least, ..Self::reads(name, verb, needs, build) }
    }

    pub(super) const fn never_below(self, least: Permission) -> Self {
        Self { least, ..self }
    }

    pub(super) const fn says(self, help: &'static str, example: &'static str) -> Self {
        Self { help, example, ..self }
    }

    pub(super) const fn takes(self, arguments: &'static [Argument]) -> Self {
        Self { arguments, ..self }
    }

    pub(super) const fn options(self, options: &'static [Choice]) -> Self {
        Self { options, ..self }
    }

    pub(super) const fn text(self, name: &'static str, need: Need, reach: Reach) -> Self {
        Self { text: Some(Text { name, need, reach }), ..self }
    }

    pub(super) const fn of_a_protocol(self) -> Self {
        Self { scope: Scope::Protocol, ..self }
    }

    pub(super) const fn later(self) -> Self {
        Self { status: Status::Later, ..self }
    }

    /// Its own options, then `--dry-run` where it acts.
    pub fn all_options(&self) -> impl Iterator<Item = &'static Choice> + use<> {
        let dry_run = (self.effect == Effect::Acting).then_some(&DRY_RUN);
        self.options.iter().chain(dry_run)
    }

    pub(super) fn option(&self, name: &str) -> Option<&'static Choice> {
        self.all_options().find(|option| option.name.eq_ignore_ascii_case(name))
    }

    /// The words that call it: `/step run`.
    pub fn call(&self) -> String {
        let family = self.name.split(' ').next().unwrap_or_default();
        match self.verb {
            Verb::Word(verb) => format!("/{family} {verb}"),
            Verb::Bare | Verb::Open => format!("/{family}"),
        }
    }

    /// The call with everything it takes: `/step run [N|next|all] [--anyway] [--dry-run]`.
    pub fn usage(&self) -> String {
        let mut usage = self.call();
        for argument in self.arguments {
            usage.push_str(&bracketed(argument.name, argument.need));
        }
        for option in self.all_options() {
            let value = option.value.map(|value| format!(" {value}")).unwrap_or_default();
            write!(usage, " [--{}{value}]", option.name).expect("writing to a string cannot fail");
        }
        if let Some(text) = self.text {
            usage.push_str(&bracketed(text.name, text.need));
        }
        usage
    }
}

fn bracketed(name: &str, need: Need) -> String {
    match need {
        Need::Required => format!(" <{name}>"),
        Need::Optional => format!(" [{name}]"),
    }
}

impl Argument {
    pub(super) const fn required(name: &'static str) -> Self {
        Self { name, need: Need::Required }
    }

    pub(super) const fn optional(name: &'static str) -> Self {
        Self { name, need: Need::Optional }
    }
}

impl Choice {
    pub(super) const fn switch(name: &'static str, help: &'static str) -> Self {
        Self { name, value: None, needs: None, help }
    }

    pub(super) const fn valued(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, value: Some(value), needs: None, help }
    }

    pub(super) const fn needing(self, permission: Permission) -> Self {
        Self { needs: Some(permission), ..self }
    }
}
