//! YAML as people write it, with the line of everything, so that a fault can say where it is.

use crate::domain::text::{clipped, is_unseen};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{Error, Spanned};
use std::fmt;

/// Values within values at most.
const DEPTH: usize = 8;
/// Values at most.
const NODES: usize = 5_000;

/// A value and where it stands.
pub(super) type Node = Spanned<Value>;

/// What stands there, before anybody decides what it should have been.
#[derive(Debug)]
pub(super) enum Value {
    Nothing,
    Flag(bool),
    /// As decimal digits.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text; no key stands there twice.
    Map(Vec<(Spanned<String>, Node)>),
}

/// What is wrong, and in which line, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) said: String,
}

/// Reads one document. There are no anchors, aliases, merge keys or tags in it, so its values are never more than its text.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
            max_nodes: NODES,
        },
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Fault { line: error.location().map_or(1, |at| at.line()), said: said(&error) })
}

pub(super) fn line_of<T>(node: &Spanned<T>) -> u64 {
    node.referenced.line()
}

fn said(error: &Error) -> String {
    match error {
        Error::Budget { breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. }, .. } => {
            "anchors and aliases are not taken; write it out".to_owned()
        }
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "there is a second document; keep one".to_owned()
        }
        Error::Budget { .. } => "there is too much in it, or it is nested too deeply".to_owned(),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("{} stands there twice", quoted(key)),
        error => {
            let told = error.to_string();
            let words = told.split(" at line ").next().unwrap_or_default();
            format!("it is not the YAML that is taken: {}", plain(words, 200))
        }
    }
}

/// Somebody's word in backticks, on one line and cut short.
pub(super) fn quoted(word: &str) -> String {
    let shown = plain(word, 60);
    if shown.trim().is_empty() { "`(blank)`".to_owned() } else { format!("`{shown}`") }
}

fn plain(words: &str, limit: usize) -> String {
    let disarmed: String = words
        .chars()
        .map(|c| match c {
            '`' => '\'',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .filter(|c| !is_unseen(*c))
        .collect();
    clipped(&disarmed, limit)
}

impl Value {
    /// What it is, for "must be … and not …".
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Nothing => "empty".to_owned(),
            Self::Flag(flag) => format!("`{flag}`"),
            Self::Number(word) | Self::Text(word) => quoted(word),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsItStands)
    }
}

struct AsItStands;

impl<'de> Visitor<'de> for AsItStands {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}
