//! The words of one command, sorted into target, arguments, options and text by its declaration.

use crate::command::lexer::{Dashed, Word, is_blank, unquoted, visible};
use crate::command::mistake::{Echo, Mistake, MistakeKind};
use crate::command::registry::{Choice, Reach, Scope, Spec};
use crate::command::suggest::nearest;
use crate::command::value::Kind;
use crate::domain::ids::ProtocolNumber;
use std::ops::Range;

/// What a command's `build` is made from.
pub(super) struct Args<'a> {
    spec: &'static Spec,
    line: &'a str,
    protocol: Option<ProtocolNumber>,
    arguments: Vec<Word<'a>>,
    taken: usize,
    options: Vec<Given>,
    text: Vec<Range<usize>>,
    following: &'a str,
}

struct Given {
    choice: &'static Choice,
    value: Option<String>,
    at: usize,
}

impl<'a> Args<'a> {
    /// Sorts `words` of `line`. `following` is the Markdown between this line and the next command.
    pub(super) fn sort(
        spec: &'static Spec,
        line: &'a str,
        words: &[Word<'a>],
        following: &'a str,
    ) -> Result<Self, Mistake> {
        let mut args = Self {
            spec,
            line,
            protocol: None,
            arguments: Vec::new(),
            taken: 0,
            options: Vec::new(),
            text: Vec::new(),
            following,
        };
        let mut options_end = false;
        let mut words = words.iter().copied().peekable();
        while let Some(word) = words.next() {
            let free = !options_end && !args.is_in_rest_of_line();
            if free && word.raw == "--" {
                options_end = true;
                if !args.text.is_empty() {
                    args.place(word)?;
                }
            } else if free && let Some((choice, dashed)) = args.option_meant(word)? {
                let next = words.next_if(|next| needs_next(choice, &dashed, next));
                args.take_option(choice, word, &dashed, next)?;
            } else {
                args.place(word)?;
            }
        }
        Ok(args)
    }

    pub(super) fn protocol(&self) -> Option<ProtocolNumber> {
        self.protocol
    }

    /// The next argument, if it was given.
    pub(super) fn argument<T>(&mut self, kind: &Kind<T>) -> Result<Option<T>, Mistake> {
        let Some(word) = self.arguments.get(self.taken).copied() else {
            return Ok(None);
        };
        let name = self.spec.arguments[self.taken].name;
        self.taken += 1;
        self.closed(word)?;
        let value = word.value();
        match (kind.read)(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(self.bad_value(format!("`{name}`"), &value, kind.wants).at(self.line, word.at)),
        }
    }

    /// The next argument, which has to be there.
    pub(super) fn required<T>(&mut self, kind: &Kind<T>) -> Result<T, Mistake> {
        let name = self.spec.arguments[self.taken].name;
        let found = self.argument(kind)?;
        found.ok_or_else(|| self.missing(name))
    }

    /// The value of an option, if it was given.
    pub(super) fn option<T>(&self, name: &str, kind: &Kind<T>) -> Result<Option<T>, Mistake> {
        let Some(given) = self.given(name) else {
            return Ok(None);
        };
        let value = given.value.as_deref().unwrap_or_default();
        match (kind.read)(value) {
            Some(read) => Ok(Some(read)),
            None => Err(self.bad_value(format!("`--{name}`"), value, kind.wants).at(self.line, given.at)),
        }
    }

    /// Whether a switch was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// The free words on the line, if they are one word of this kind; it then is an argument and no longer text.
    pub(super) fn lone_word<T>(&mut self, kind: &Kind<T>) -> Option<T> {
        let [piece] = self.text.as_slice() else {
            return None;
        };
        let word = Word { raw: &self.line[piece.clone()], at: piece.start, open_quote: false };
        let read = (kind.read)(&word.value())?;
        self.text.clear();
        self.arguments.push(word);
        Some(read)
    }

    /// The free words on the line itself, as typed.
    pub(super) fn text_on_line(&self) -> String {
        let pieces: Vec<&str> = self.text.iter().map(|piece| &self.line[piece.clone()]).collect();
        pieces.join(" ")
    }

    /// All free text, as typed: the rest of the line, then the Markdown that follows; `None` if there is none.
    pub(super) fn text(&self) -> Option<String> {
        let reach = self.spec.text?.reach;
        let following = if reach == Reach::Block { self.following.trim_end_matches(is_blank) } else { "" };
        let mut text = self.text_on_line();
        text.push_str(if text.is_empty() { without_blank_lines(following) } else { following });
        (!text.is_empty()).then_some(text)
    }

    /// All free text, which has to be there.
    pub(super) fn required_text(&self) -> Result<String, Mistake> {
        self.text().ok_or_else(|| self.missing(self.spec.text.map_or("text", |text| text.name)))
    }

    /// The same for every way of writing the same command: options sorted, quotes off, white space folded.
    pub(super) fn normal_form(&self) -> serde_json::Value {
        let arguments: Vec<String> = self.arguments.iter().map(Word::value).collect();
        let mut options: Vec<_> =
            self.options.iter().map(|given| (given.choice.name, given.value.as_deref())).collect();
        options.sort_unstable();
        let text = self.text().map(|text| folded(&text));
        serde_json::json!([self.spec.name, self.protocol, arguments, options, text])
    }

    fn given(&self, name: &str) -> Option<&Given> {
        self.options.iter().find(|given| given.choice.name == name)
    }

    fn is_in_rest_of_line(&self) -> bool {
        !self.text.is_empty() && self.spec.text.is_some_and(|text| text.reach == Reach::Line)
    }

    fn option_meant(&self, word: Word<'a>) -> Result<Option<(&'static Choice, Dashed<'a>)>, Mistake> {
        let Some(dashed) = word.option() else {
            return Ok(None);
        };
        if let Some(choice) = self.spec.option(&dashed.name) {
            return Ok(Some((choice, dashed)));
        }
        if dashed.long_dash {
            return Ok(None);
        }
        let known = self.spec.all_options().map(|choice| choice.name);
        let kind = MistakeKind::UnknownOption {
            call: self.spec.call(),
            option: Echo::of(&format!("--{}", dashed.name)),
            suggestion: nearest(&dashed.name, known).map(str::to_owned),
            takes_text: self.spec.text.is_some(),
        };
        Err(self.mistake(kind).at(self.line, word.at))
    }

    fn take_option(
        &mut self,
        choice: &'static Choice,
        word: Word<'a>,
        dashed: &Dashed<'a>,
        next: Option<Word<'a>>,
    ) -> Result<(), Mistake> {
        let trouble = |kind| self.mistake(kind).at(self.line, word.at);
        if self.given(choice.name).is_some() {
            return Err(trouble(MistakeKind::Repeated { option: choice.name }));
        }
        self.closed(word)?;
        let value = match (choice.value, dashed.value, next) {
            (None, None, _) => None,
            (None, Some(_), _) => return Err(trouble(MistakeKind::NoValueTaken { option: choice.name })),
            (Some(_), Some(value), _) => Some(visible(unquoted(value))),
            (Some(_), None, Some(next)) => {
                self.closed(next)?;
                Some(next.value())
            }
            (Some(value), None, None) => {
                return Err(trouble(MistakeKind::MissingValue { option: choice.name, value }));
            }
        };
        self.options.push(Given { choice, value, at: next.map_or(word.at, |next| next.at) });
        Ok(())
    }

    /// Puts a word that is no option where there is still room: target, arguments, text.
    fn place(&mut self, word: Word<'a>) -> Result<(), Mistake> {
        if self.names_protocol(word) {
            self.protocol = Some(self.protocol_number(word)?);
        } else if self.arguments.len() < self.spec.arguments.len() {
            self.arguments.push(word);
        } else if self.spec.text.is_some() {
            self.add_text(word);
        } else {
            let kind = MistakeKind::Surplus { call: self.spec.call(), word: Echo::of(word.raw) };
            return Err(self.mistake(kind).at(self.line, word.at));
        }
        Ok(())
    }

    /// `#` and digits as the first argument. With fewer than four digits it is an issue where text may begin with one.
    fn names_protocol(&self, word: Word<'_>) -> bool {
        let first = self.protocol.is_none() && self.arguments.is_empty() && self.text.is_empty();
        let may_be_issue = self.spec.arguments.is_empty() && self.spec.text.is_some();
        first
            && self.spec.scope == Scope::Protocol
            && digits_of_number(word).is_some_and(|digits| digits.len() >= 4 || !may_be_issue)
    }

    fn protocol_number(&self, word: Word<'_>) -> Result<ProtocolNumber, Mistake> {
        let digits = digits_of_number(word).filter(|digits| digits.len() >= 4);
        let number = digits.and_then(|digits| digits.parse().ok()).map(ProtocolNumber);
        let wants = "named by its four digits, such as `#0003`";
        number
            .ok_or_else(|| self.bad_value("the protocol".to_owned(), word.raw, wants).at(self.line, word.at))
    }

    /// Neighbours become one piece, so that what was typed between them stays.
    fn add_text(&mut self, word: Word<'_>) {
        let between = self.text.last().map(|piece| &self.line[piece.end..word.at]);
        match self.text.last_mut() {
            Some(piece) if between.is_some_and(|between| between.chars().all(is_blank)) => {
                piece.end = word.end()
            }
            _ => self.text.push(word.at..word.end()),
        }
    }

    fn closed(&self, word: Word<'_>) -> Result<(), Mistake> {
        if word.open_quote {
            let kind = MistakeKind::OpenQuote { word: Echo::of(word.raw) };
            return Err(self.mistake(kind).at(self.line, word.at));
        }
        Ok(())
    }

    fn bad_value(&self, name: String, value: &str, wants: &'static str) -> Mistake {
        self.mistake(MistakeKind::BadValue { name, value: Echo::of(value), wants })
    }

    fn missing(&self, name: &'static str) -> Mistake {
        self.mistake(MistakeKind::MissingArgument { call: self.spec.call(), name })
    }

    fn mistake(&self, kind: MistakeKind) -> Mistake {
        Mistake::of(self.spec, kind)
    }
}

/// Whether an option takes its value from the word behind it. A word that looks like an option is no value.
fn needs_next(choice: &Choice, dashed: &Dashed<'_>, next: &Word<'_>) -> bool {
    choice.value.is_some() && dashed.value.is_none() && !next.raw.starts_with("--")
}

fn digits_of_number<'a>(word: Word<'a>) -> Option<&'a str> {
    let digits = word.raw.strip_prefix('#')?;
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// Drops empty lines at the front and keeps the indentation of the first line, which may be code.
fn without_blank_lines(text: &str) -> &str {
    let content = text.find(|c| !is_blank(c)).unwrap_or(text.len());
    let line = text[..content].rfind('\n').map_or(0, |feed| feed + 1);
    &text[line..]
}

pub(super) fn folded(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}
