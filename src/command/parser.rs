//! A comment into its commands: which lines are ours, what each asks for, and what tells it from the others.

use crate::command::args::{Args, folded};
use crate::command::lexer::{Word, visible, words};
use crate::command::markdown::{Line, paragraph_lines};
use crate::command::mistake::{Echo, Mistake, MistakeKind};
use crate::command::registry::{self, Family, Spec, Verb};
use crate::command::suggest::nearest;
use crate::domain::command::{Asked, Command, CommandIdentity};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;

/// Commands of one comment that are read; the next one is a mistake, and what follows it is not looked at.
pub const COMMANDS_PER_COMMENT: usize = 20;

/// Bytes of the longest comment that is read: a little more than GitLab's million characters of plain text.
const LONGEST_COMMENT: usize = 1_048_576;

/// One line of ours and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedLine {
    /// The line as it was typed, without the text that follows it.
    pub line: String,
    pub identity: CommandIdentity,
    pub outcome: Result<Asked, Mistake>,
}

/// Whose the word `/help` is when it stands without any other: many bots listen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHelp {
    /// It means `/bot help`.
    Ours,
    Others,
}

/// Finds the commands in a comment, in order. Lines that are not addressed to us leave no trace.
///
/// `app_slug` is the name by which the bot is mentioned, without `@` and `[bot]`. Never fails and never panics: what is
/// wrong with a line is its outcome. Text that belongs to a command is kept as typed, but for line ends, which become `\n`.
pub fn parse(body: &str, app_slug: &str, help: PlainHelp) -> Vec<ParsedLine> {
    let body = with_line_feeds(body);
    if body.len() > LONGEST_COMMENT {
        return refuse_whole(&body, app_slug).into_iter().collect();
    }
    let lines = paragraph_lines(&body);
    let find = |line| Ours::find(line, app_slug).or_else(|| Ours::plain_help(line, help));
    let ours: Vec<Ours<'_>> = lines.iter().filter_map(find).collect();
    let mut ordinals = Ordinals::default();
    let mut found = Vec::new();
    for (index, one) in ours.iter().take(COMMANDS_PER_COMMENT).enumerate() {
        let end = ours.get(index + 1).map_or(body.len(), |next| next.line.range.start);
        let following = &body[one.line.range.end..end];
        found.push(ordinals.number(&one.line.text, one.read(following)));
    }
    if let Some(surplus) = ours.get(COMMANDS_PER_COMMENT) {
        let kind = MistakeKind::TooManyCommands { limit: COMMANDS_PER_COMMENT };
        found.push(ordinals.number(&surplus.line.text, Err(Mistake::new(kind))));
    }
    found
}

/// Whether a comment says `/help` in a line of its own, so that it matters whose that is.
pub fn says_plain_help(body: &str) -> bool {
    let body = with_line_feeds(body);
    body.len() <= LONGEST_COMMENT
        && paragraph_lines(&body).iter().any(|line| Ours::plain_help(line, PlainHelp::Ours).is_some())
}

/// Reads one command outside a comment, with or without its slash (`step run 2`); `None` if its first word is not ours.
pub fn parse_words(line: &str) -> Option<Result<Asked, Mistake>> {
    let words = words(line);
    let first = words.first()?.value();
    let family = registry::family(first.strip_prefix('/').unwrap_or(&first))?;
    Some(read(family, line, &words[1..], "").map(|reading| reading.asked))
}

fn with_line_feeds(body: &str) -> Cow<'_, str> {
    if body.contains('\r') { body.replace("\r\n", "\n").replace('\r', "\n").into() } else { body.into() }
}

/// Answers an endless comment once, if any line of it looks like ours.
fn refuse_whole(body: &str, app_slug: &str) -> Option<ParsedLine> {
    let lines = body.lines().map(|text| Line { range: 0..0, text: text.trim().chars().take(200).collect() });
    let line = lines.into_iter().find(|line| Ours::find(line, app_slug).is_some())?;
    let mistake = Mistake::new(MistakeKind::TooLong { limit: LONGEST_COMMENT });
    Some(Ordinals::default().number(&line.text, Err(mistake)))
}

/// A line addressed to us.
struct Ours<'a> {
    line: &'a Line,
    addressee: Addressee<'a>,
    /// The words after the addressee.
    words: Vec<Word<'a>>,
}

enum Addressee<'a> {
    Family(&'static Family),
    /// Plain `/help`; the words after it are its topic.
    Help,
    /// We were mentioned, and the word behind that is nearly one of ours.
    NearMiss {
        word: Word<'a>,
        suggestion: String,
    },
}

impl<'a> Ours<'a> {
    fn find(line: &'a Line, app_slug: &str) -> Option<Self> {
        let first = line.text.split_whitespace().next()?;
        let mentioned = is_mention(&visible(first), app_slug);
        if !mentioned && !first.starts_with('/') {
            return None;
        }
        let mut words = words(&line.text);
        let family_word = words.get(usize::from(mentioned)).copied()?;
        let value = family_word.value();
        let bare = value.strip_prefix('/');
        let addressee = match (registry::family(bare.unwrap_or(&value)), mentioned, bare) {
            (Some(family), true, _) | (Some(family), false, Some(_)) => Addressee::Family(family),
            (None, true, _) => near_miss(family_word, bare.unwrap_or(&value))?,
            _ => return None,
        };
        words.drain(..=usize::from(mentioned));
        Some(Self { line, addressee, words })
    }

    fn plain_help(line: &'a Line, help: PlainHelp) -> Option<Self> {
        if help == PlainHelp::Others {
            return None;
        }
        let mut words = words(&line.text);
        if !words.first()?.value().eq_ignore_ascii_case("/help") {
            return None;
        }
        words.remove(0);
        Some(Self { line, addressee: Addressee::Help, words })
    }

    fn read(&self, following: &str) -> Result<Reading, Mistake> {
        match &self.addressee {
            Addressee::Family(family) => read(family, &self.line.text, &self.words, following),
            Addressee::Help => {
                let spec = registry::command("bot help").expect("it is declared, and a test says so");
                build(spec, &self.line.text, &self.words, following)
            }
            Addressee::NearMiss { word, suggestion } => {
                let kind =
                    MistakeKind::UnknownFamily { word: Echo::of(word.raw), suggestion: suggestion.clone() };
                Err(Mistake::new(kind).at(&self.line.text, word.at))
            }
        }
    }
}

/// `@app-slug`, in any case, with or without `[bot]`, a colon or a comma.
fn is_mention(word: &str, app_slug: &str) -> bool {
    let Some(name) = word.strip_prefix('@') else {
        return false;
    };
    let name = name.strip_suffix([':', ',']).unwrap_or(name);
    let name = name.strip_suffix("[bot]").unwrap_or(name);
    !app_slug.is_empty() && name.eq_ignore_ascii_case(app_slug)
}

/// What somebody who mentioned us may have meant; `None` for talk.
fn near_miss<'a>(word: Word<'a>, value: &str) -> Option<Addressee<'a>> {
    let of_bot = registry::family("bot").and_then(|bot| bot.named(value));
    let suggestion = match of_bot {
        Some(spec) => spec.call(),
        None => format!("/{}", nearest(value, registry::families().iter().map(|family| family.word))?),
    };
    Some(Addressee::NearMiss { word, suggestion })
}

/// A command that could be read.
struct Reading {
    asked: Asked,
    normal_form: serde_json::Value,
}

fn read(
    family: &'static Family,
    line: &str,
    words: &[Word<'_>],
    following: &str,
) -> Result<Reading, Mistake> {
    match resolve(family, line, words)? {
        Meant::Help { topic } => Ok(help_reading(topic)),
        Meant::Command { spec, words } => build(spec, line, words, following),
    }
}

fn build(spec: &'static Spec, line: &str, words: &[Word<'_>], following: &str) -> Result<Reading, Mistake> {
    let mut args = Args::sort(spec, line, words, following)?;
    let command = (spec.build)(&mut args)?;
    let asked = Asked { command, protocol: args.protocol(), dry_run: args.has("dry-run") };
    Ok(Reading { asked, normal_form: args.normal_form() })
}

fn help_reading(topic: &'static str) -> Reading {
    let command = Command::BotHelp { topic: Some(topic.to_owned()) };
    let normal_form = serde_json::json!([command.name(), null, [], [], topic]);
    Reading { asked: Asked { command, protocol: None, dry_run: false }, normal_form }
}

enum Meant<'w, 'a> {
    Command { spec: &'static Spec, words: &'w [Word<'a>] },
    Help { topic: &'static str },
}

/// Finds the command within its family by the second word.
fn resolve<'w, 'a>(
    family: &'static Family,
    line: &str,
    words: &'w [Word<'a>],
) -> Result<Meant<'w, 'a>, Mistake> {
    let verb = words.first().map(Word::value).unwrap_or_default();
    if let Some(spec) = family.named(&verb) {
        let rest = &words[1..];
        let wants_help = rest.first().is_some_and(|word| is_help_option(word.raw));
        return Ok(if wants_help {
            Meant::Help { topic: spec.name }
        } else {
            Meant::Command { spec, words: rest }
        });
    }
    if is_help_option(&verb) || (words.len() == 1 && verb.eq_ignore_ascii_case("help")) {
        return Ok(Meant::Help { topic: family.word });
    }
    let plain = words.iter().find(|word| word.option().is_none() && !word.raw.starts_with('#'));
    let spec = family.wordless(if plain.is_some() { Verb::Open } else { Verb::Bare });
    match (spec, words.first()) {
        (Some(spec), _) => Ok(Meant::Command { spec, words }),
        (None, None) => Ok(Meant::Help { topic: family.word }),
        (None, Some(word)) => Err(unknown_verb(family, line, word)),
    }
}

fn is_help_option(word: &str) -> bool {
    matches!(word, "--help" | "-h")
}

fn unknown_verb(family: &'static Family, line: &str, word: &Word<'_>) -> Mistake {
    let verb = word.value();
    let elsewhere = registry::families().iter().find_map(|other| other.named(&verb));
    let suggestion = match elsewhere {
        Some(spec) => Some(spec.call()),
        None => nearest(&verb, family.verbs()).map(|near| format!("/{} {near}", family.word)),
    };
    let kind = MistakeKind::UnknownVerb { family: family.word, word: Echo::of(word.raw), suggestion };
    Mistake::new(kind).at(line, word.at)
}

/// Counts equal normal forms within one comment.
#[derive(Default)]
struct Ordinals {
    seen: HashMap<String, u32>,
}

impl Ordinals {
    /// A line that could not be read is known by its words, so that editing elsewhere does not bring the answer again.
    fn number(&mut self, line: &str, reading: Result<Reading, Mistake>) -> ParsedLine {
        let (normal_form, outcome) = match reading {
            Ok(reading) => (reading.normal_form, Ok(reading.asked)),
            Err(mistake) => (serde_json::json!({ "mistake": folded(line) }), Err(mistake)),
        };
        let hash = hex::encode(Sha256::digest(normal_form.to_string()));
        let count = self.seen.entry(hash.clone()).or_default();
        let identity = CommandIdentity { hash, ordinal: *count };
        *count += 1;
        ParsedLine { line: line.to_owned(), identity, outcome }
    }
}
