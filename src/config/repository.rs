//! `.tasksgodzilla.yml`, by which a repository sets the bot's rules for itself: text to what it says, or to all its faults.
//!
//! The words are described in docs/repository-file.md. Whoever reads the file reads it from a base branch; this room only
//! knows its text.

use super::yaml::{self, Fault, Node, Value, line_of, quoted};
use crate::domain::actor::Permission;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// A command, as far as the file may speak of it.
#[derive(Debug, Clone, Copy)]
pub struct Changeable {
    pub name: &'static str,
    /// What the file cannot go below.
    pub least: Permission,
}

/// What a repository says. The default is what holds without a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepositoryFile {
    permissions: BTreeMap<&'static str, Permission>,
    bots: Vec<BotId>,
    /// Plain `/help` is the bot's.
    pub help: bool,
}

/// How a bot is known; its name can be taken by somebody else, its number cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BotId {
    /// The account that its comments carry.
    Account(i64),
    /// The App that acts through an account of its own.
    App(i64),
}

impl RepositoryFile {
    /// Bytes of the longest file that is read.
    pub const LIMIT: usize = 64 << 10;

    /// Reads a file. `commands` are all that there are.
    ///
    /// Errors: every fault, in the order of lines, one sentence each.
    pub fn check(content: &[u8], commands: &[Changeable]) -> Result<Self, Vec<String>> {
        if content.len() > Self::LIMIT {
            return Err(vec![format!("it is longer than {} bytes", Self::LIMIT)]);
        }
        let Ok(text) = std::str::from_utf8(content) else {
            return Err(vec!["it is not UTF-8 text".to_owned()]);
        };
        let mut reader = Reader { commands, file: Self::default(), faults: Vec::new() };
        match yaml::parse(text) {
            Ok(root) => reader.file(root),
            Err(fault) => reader.faults.push(fault),
        }
        if reader.faults.is_empty() {
            return Ok(reader.file);
        }
        reader.faults.sort_by_key(|fault| fault.line);
        Err(reader.faults.into_iter().map(|fault| format!("line {}: {}", fault.line, fault.said)).collect())
    }

    /// What a command needs by this file; `None` when it says nothing about it.
    pub fn permission(&self, command: &str) -> Option<Permission> {
        self.permissions.get(command).copied()
    }

    /// Whether the bot of this account, or this App, may give commands.
    pub fn lists(&self, account: i64, app: Option<i64>) -> bool {
        self.bots.iter().any(|bot| match bot {
            BotId::Account(id) => *id == account,
            BotId::App(id) => Some(*id) == app,
        })
    }
}

/// Walks over the file; whatever is wrong becomes a fault and is left out.
struct Reader<'a> {
    commands: &'a [Changeable],
    file: RepositoryFile,
    faults: Vec<Fault>,
}

const KEYS: [&str; 3] = ["permissions", "bots", "help"];
const BOT_KEYS: [&str; 3] = ["login", "account", "app"];

impl Reader<'_> {
    fn file(&mut self, root: Node) {
        for (key, value) in self.map(root, "the file") {
            match key.value.as_str() {
                "permissions" => self.permissions(value),
                "bots" => self.bots(value),
                "help" => self.help(&value),
                _ => self.unknown_key(&key, &KEYS),
            }
        }
    }

    /// Families first, so that what is said of one command wins over what is said of its family, wherever it stands.
    fn permissions(&mut self, node: Node) {
        let commands = self.commands;
        let entries = self.map(node, "`permissions`").into_iter();
        let (families, single): (Vec<_>, Vec<_>) =
            entries.partition(|(key, _)| family(commands, &key.value).next().is_some());
        for (key, value) in families {
            let Some(permission) = self.permission_word(&key, &value) else { continue };
            for command in family(commands, &key.value) {
                self.file.permissions.insert(command.name, permission.max(command.least));
            }
        }
        for (key, value) in single {
            match commands.iter().find(|command| command.name == key.value) {
                Some(command) => self.single(command, &key, &value),
                None => self.unknown_command(&key),
            }
        }
    }

    fn single(&mut self, command: &Changeable, key: &Spanned<String>, value: &Node) {
        let Some(permission) = self.permission_word(key, value) else { return };
        if permission < command.least {
            let said = format!("`{}` cannot be opened below {}", command.name, command.least);
            return self.fault(line_of(key), said);
        }
        self.file.permissions.insert(command.name, permission);
    }

    fn permission_word(&mut self, key: &Spanned<String>, value: &Node) -> Option<Permission> {
        let known = match &value.value {
            Value::Text(word) => Permission::parse(word),
            _ => None,
        };
        if known.is_none() {
            let words = Permission::ALL.map(Permission::as_str).join(", ");
            let said =
                format!("{} must be one of {words}, and not {}", quoted(&key.value), value.value.kind());
            self.fault(line_of(value), said);
        }
        known
    }

    fn unknown_command(&mut self, key: &Spanned<String>) {
        let families = self.commands.iter().filter_map(|command| command.name.split(' ').next());
        let known: Vec<&str> = self.commands.iter().map(|command| command.name).chain(families).collect();
        let said = format!("there is no command {}{}", quoted(&key.value), did_you_mean(&key.value, &known));
        self.fault(line_of(key), said);
    }

    fn bots(&mut self, node: Node) {
        let line = line_of(&node);
        match node.value {
            Value::Nothing => {}
            Value::List(bots) => bots.into_iter().for_each(|bot| self.bot(bot)),
            other => self.fault(line, format!("`bots` must be a list, and not {}", other.kind())),
        }
    }

    fn bot(&mut self, node: Node) {
        let line = line_of(&node);
        let before = self.faults.len();
        let (mut login, mut ids) = (false, Vec::new());
        for (key, value) in self.map(node, "a bot") {
            match key.value.as_str() {
                "login" => login = self.is_login(&value),
                "account" => ids.extend(self.number(&key, &value).map(BotId::Account)),
                "app" => ids.extend(self.number(&key, &value).map(BotId::App)),
                _ => self.unknown_key(&key, &BOT_KEYS),
            }
        }
        match ids.as_slice() {
            [id] if login => self.file.bots.push(*id),
            _ if self.faults.len() > before => {}
            _ => self.fault(line, "a bot needs its `login`, and either `account` or `app`".to_owned()),
        }
    }

    /// The login is for people who read the file; the number decides.
    fn is_login(&mut self, value: &Node) -> bool {
        let good = matches!(&value.value, Value::Text(text) if !text.trim().is_empty());
        if !good {
            self.fault(line_of(value), format!("`login` must be a name, and not {}", value.value.kind()));
        }
        good
    }

    fn number(&mut self, key: &Spanned<String>, value: &Node) -> Option<i64> {
        let number = match &value.value {
            Value::Number(digits) => digits.parse().ok().filter(|number| *number > 0),
            _ => None,
        };
        if number.is_none() {
            let said = format!("`{}` must be the bot's number, and not {}", key.value, value.value.kind());
            self.fault(line_of(value), said);
        }
        number
    }

    fn help(&mut self, node: &Node) {
        match &node.value {
            Value::Nothing => {}
            Value::Flag(flag) => self.file.help = *flag,
            other => {
                self.fault(line_of(node), format!("`help` must be true or false, and not {}", other.kind()))
            }
        }
    }

    /// The entries of a map; a key without anything has none.
    fn map(&mut self, node: Node, what: &str) -> Vec<(Spanned<String>, Node)> {
        let line = line_of(&node);
        match node.value {
            Value::Map(entries) => entries,
            Value::Nothing => Vec::new(),
            other => {
                self.fault(line, format!("{what} must be a map, and not {}", other.kind()));
                Vec::new()
            }
        }
    }

    fn unknown_key(&mut self, key: &Spanned<String>, known: &[&str]) {
        let said = format!("there is no key {}{}", quoted(&key.value), did_you_mean(&key.value, known));
        self.fault(line_of(key), said);
    }

    fn fault(&mut self, line: u64, said: String) {
        self.faults.push(Fault { line, said });
    }
}

/// The commands whose first word this is.
fn family<'a>(commands: &'a [Changeable], word: &'a str) -> impl Iterator<Item = &'a Changeable> {
    commands.iter().filter(move |command| command.name.split(' ').next() == Some(word))
}

/// The nearest known word, when one is near enough to be worth saying.
fn did_you_mean(word: &str, known: &[&str]) -> String {
    const NEAR_ENOUGH: f64 = 0.6;
    let scored = known.iter().map(|known| (strsim::normalized_damerau_levenshtein(word, known), known));
    let near = scored.filter(|(score, _)| *score >= NEAR_ENOUGH).max_by(|a, b| a.0.total_cmp(&b.0));
    near.map(|(_, known)| format!("; did you mean `{known}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
