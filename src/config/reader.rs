//! Reads typed values out of what was typed, and collects every fault on the way.

use super::table::{PREFIX, TABLE};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use url::Url;

/// Settings as they were typed: full variable name -> text.
#[derive(Debug, Clone, Default)]
pub struct Raw(pub BTreeMap<String, String>);

impl Raw {
    /// Takes the variables with our prefix, and those that `TASKSGODZILLA_ENGINE_ENV` and the engines' keys name.
    pub fn from_environment() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
                .collect(),
        )
    }

    /// Sets one of ours, named without the prefix.
    pub fn with(mut self, name: &str, text: impl Into<String>) -> Self {
        self.0.insert(format!("{PREFIX}{name}"), text.into());
        self
    }

    /// Forgets those of ours that begin with `beginning`.
    pub fn without(mut self, beginning: &str) -> Self {
        let beginning = format!("{PREFIX}{beginning}");
        self.0.retain(|name, _| !name.starts_with(&beginning));
        self
    }
}

/// Walks over [`Raw`]; every wrong value becomes a fault and a harmless stand-in.
pub(super) struct Reader<'a> {
    raw: &'a Raw,
    pub(super) faults: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(raw: &'a Raw) -> Self {
        let mut reader = Self { raw, faults: Vec::new() };
        let ours = raw.0.keys().filter_map(|name| name.strip_prefix(PREFIX));
        for name in ours.filter(|name| TABLE.iter().all(|setting| setting.name != *name)) {
            let hint = match nearest(name) {
                Some(near) => format!("did you mean {PREFIX}{near}?"),
                None => "docs/settings.md lists them".to_owned(),
            };
            // Test runners hand their own variables down; they are no settings.
            if !name.starts_with("TEST_") {
                reader.faults.push(format!("{PREFIX}{name} is not a setting; {hint}"));
            }
        }
        reader
    }

    pub(super) fn fault(&mut self, name: &str, why: impl Display) {
        self.faults.push(format!("{PREFIX}{name} {why}"));
    }

    /// The text, or the table's default; `None` when both are empty.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let known = TABLE.iter().find(|setting| setting.name == name);
        debug_assert!(known.is_some(), "{name} stands in the table");
        let typed = self.raw.0.get(&format!("{PREFIX}{name}")).map(|text| text.trim());
        let text = typed.filter(|text| !text.is_empty()).or_else(|| known.map(|setting| setting.default));
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub(super) fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    pub(super) fn number<N>(&mut self, name: &str, range: RangeInclusive<N>) -> N
    where
        N: FromStr + PartialOrd + Display + Copy,
    {
        let text = self.text(name).unwrap_or_default();
        match text.parse::<N>() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.fault(
                    name,
                    format!("is `{text}`; it must be a number from {} to {}", range.start(), range.end()),
                );
                *range.start()
            }
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        let text = self.text(name).unwrap_or_default().to_lowercase();
        match text.as_str() {
            "1" | "true" | "yes" | "on" => true,
            "0" | "false" | "no" | "off" => false,
            _ => {
                self.fault(name, format!("is `{text}`; it must be true or false"));
                false
            }
        }
    }

    /// An https address, or plain http on a loopback host.
    pub(super) fn address(&mut self, name: &str) -> Option<Url> {
        let text = self.text(name)?;
        match Url::parse(&text) {
            Ok(url) if is_safe(&url) => Some(url),
            Ok(_) => {
                self.fault(
                    name,
                    "must be an https address without user name; plain http is for loopback only",
                );
                None
            }
            Err(why) => {
                self.fault(name, format!("is no address: {why}"));
                None
            }
        }
    }

    /// A JSON array of strings.
    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let Some(text) = self.text(name) else {
            return Vec::new();
        };
        serde_json::from_str(&text).unwrap_or_else(|_| {
            self.fault(name, "must be a JSON array of strings, such as [\"a=1\"]");
            Vec::new()
        })
    }

    /// A variable that is not ours, such as an engine's key.
    pub(super) fn foreign(&self, name: &str) -> Option<String> {
        self.raw.0.get(name).filter(|text| !text.is_empty()).cloned()
    }
}

/// The setting that `name` may be a slip of: what shares less with it than it has of its own is none.
fn nearest(name: &str) -> Option<&'static str> {
    const NEAR_ENOUGH: f64 = 0.7;
    let scored = TABLE
        .iter()
        .map(|setting| (strsim::normalized_damerau_levenshtein(setting.name, name), setting.name));
    let near = scored.filter(|(likeness, _)| *likeness >= NEAR_ENOUGH);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, near)| near)
}

fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}
