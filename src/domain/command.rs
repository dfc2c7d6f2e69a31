//! What a command is once it was read: a closed list of acts with typed arguments.
//!
//! Reading it from a comment is the work of `crate::command`; doing it is the work of the services.

use crate::domain::ids::{ProtocolNumber, Sha};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One command as somebody gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub command: Command,
    /// The protocol it names (`#0003`); `None` means the only open one of the thread.
    pub protocol: Option<ProtocolNumber>,
    /// Say what would happen, change nothing.
    pub dry_run: bool,
}

/// Tells a command from every other one of the same comment, however the comment is edited around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CommandIdentity {
    /// SHA-256 of the normal form, in lower-case hexadecimal.
    pub hash: String,
    /// How many equal commands stand before it in the same comment.
    pub ordinal: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    ProtocolNew(NewProtocol),
    ProtocolRun {
        to: Option<u32>,
    },
    ProtocolStatus,
    ProtocolLog,
    ProtocolShow,
    ProtocolDiff,
    ProtocolReplan {
        text: Option<String>,
    },
    ProtocolPause {
        now: bool,
    },
    ProtocolResume,
    ProtocolCancel {
        close: bool,
    },
    ProtocolPr,
    ProtocolReview,
    ProtocolMerge,
    ProtocolAllow {
        sha: ShaPrefix,
    },
    /// Steps from a `.codemachine` folder; `path` is relative to the repository.
    ProtocolImport {
        path: Option<String>,
    },
    StepRun {
        which: WhichStep,
        anyway: bool,
    },
    StepQa {
        number: Option<u32>,
    },
    StepRetry {
        number: Option<u32>,
    },
    StepShow {
        number: u32,
    },
    StepSkip {
        number: u32,
        why: String,
    },
    StepApprove {
        number: u32,
        why: String,
    },
    StepSteer {
        number: u32,
        text: String,
    },
    ClarifyList,
    ClarifyAnswer {
        key: String,
        answer: String,
    },
    PolicyShow,
    PolicyUse {
        pack: String,
    },
    PolicyCheck,
    BudgetShow,
    BudgetSet {
        of: BudgetOf,
        tokens: u64,
    },
    EngineShow,
    EngineUse {
        engine: String,
        model: Option<String>,
    },
    ProjectSetup,
    ProjectDiscover,
    ProjectStatus,
    BranchList,
    BranchDelete {
        branch: BranchName,
        confirmed: bool,
    },
    /// The topic is what the person typed: a family, a command, or nonsense.
    BotHelp {
        topic: Option<String>,
    },
    /// The command is what the person typed, not yet read.
    BotWhy {
        command: String,
    },
    BotPing,
}

/// What `/protocol new` was given; what is missing comes from the issue and the project's settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NewProtocol {
    pub slug: Option<Slug>,
    pub base: Option<BranchName>,
    pub engine: Option<String>,
    pub model: Option<String>,
    pub pack: Option<String>,
    pub template: Option<String>,
    /// Markdown as it was typed.
    pub text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhichStep {
    Number(u32),
    Next,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetOf {
    Step,
    Protocol,
}

impl Command {
    /// The name under which the registry declares it and a repository may change its permission.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ProtocolNew(_) => "protocol new",
            Self::ProtocolRun { .. } => "protocol run",
            Self::ProtocolStatus => "protocol status",
            Self::ProtocolLog => "protocol log",
            Self::ProtocolShow => "protocol show",
            Self::ProtocolDiff => "protocol diff",
            Self::ProtocolReplan { .. } => "protocol replan",
            Self::ProtocolPause { .. } => "protocol pause",
            Self::ProtocolResume => "protocol resume",
            Self::ProtocolCancel { .. } => "protocol cancel",
            Self::ProtocolPr => "protocol pr",
            Self::ProtocolReview => "protocol review",
            Self::ProtocolMerge => "protocol merge",
            Self::ProtocolAllow { .. } => "protocol allow",
            Self::ProtocolImport { .. } => "protocol import",
            Self::StepRun { .. } => "step run",
            Self::StepQa { .. } => "step qa",
            Self::StepRetry { .. } => "step retry",
            Self::StepShow { .. } => "step show",
            Self::StepSkip { .. } => "step skip",
            Self::StepApprove { .. } => "step approve",
            Self::StepSteer { .. } => "step steer",
            Self::ClarifyList => "clarify",
            Self::ClarifyAnswer { .. } => "clarify answer",
            Self::PolicyShow => "policy",
            Self::PolicyUse { .. } => "policy use",
            Self::PolicyCheck => "policy check",
            Self::BudgetShow => "budget",
            Self::BudgetSet { .. } => "budget set",
            Self::EngineShow => "engine",
            Self::EngineUse { .. } => "engine use",
            Self::ProjectSetup => "project setup",
            Self::ProjectDiscover => "project discover",
            Self::ProjectStatus => "project status",
            Self::BranchList => "branch list",
            Self::BranchDelete { .. } => "branch delete",
            Self::BotHelp { .. } => "bot help",
            Self::BotWhy { .. } => "bot why",
            Self::BotPing => "bot ping",
        }
    }
}

/// The readable part of a protocol's name: lower-case ASCII letters and digits, in words joined by single dashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// Bytes of the longest slug; with number and step name it still fits a check's name.
    pub const LIMIT: usize = 40;
    const FALLBACK: &'static str = "task";

    /// Takes a slug that is already one; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let words =
            text.len() <= Self::LIMIT && text.split('-').all(|w| !w.is_empty() && w.bytes().all(legal));
        words.then(|| Self(text.to_owned()))
    }

    /// Makes a slug from anything: whole words as long as they fit, `task` where there is none.
    ///
    /// Letters beyond ASCII separate words; apostrophes vanish (`don't` is `dont`).
    pub fn from_text(text: &str) -> Self {
        let mut slug = String::new();
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && !is_apostrophe(c)) {
            let word: String = word.chars().filter(char::is_ascii_alphanumeric).take(Self::LIMIT).collect();
            if word.is_empty() {
                continue;
            }
            if slug.is_empty() {
                slug = word;
            } else if slug.len() + 1 + word.len() <= Self::LIMIT {
                slug.push('-');
                slug.push_str(&word);
            } else {
                break;
            }
        }
        slug.make_ascii_lowercase();
        if slug.is_empty() { Self(Self::FALLBACK.to_owned()) } else { Self(slug) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginning of a commit id as a person types it: 7 to 64 hexadecimal digits, kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShaPrefix(String);

impl ShaPrefix {
    pub fn parse(text: &str) -> Option<Self> {
        let legal = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        legal.then(|| Self(text.to_ascii_lowercase()))
    }

    pub fn is_prefix_of(&self, sha: &Sha) -> bool {
        sha.as_str().starts_with(&self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A branch name that git accepts and that cannot be taken for an option.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BranchName(String);

impl BranchName {
    const LIMIT: usize = 200;

    /// Takes what `git check-ref-format --branch` would take, at most 200 bytes long and without `HEAD`.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = text.len() <= Self::LIMIT
            && !text.starts_with('-')
            && text != "HEAD"
            && text != "@"
            && !text.ends_with('.')
            && !text.contains("..")
            && !text.contains("@{")
            && !text.chars().any(|c| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c))
            && text
                .split('/')
                .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"));
        legal.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn slug(text: &str, expected: &str) {
        let made = Slug::from_text(text);
        assert_eq!(made.as_str(), expected);
        assert_eq!(Slug::parse(made.as_str()), Some(made), "what is made is legal");
    }

    #[test]
    fn a_slug_is_made_of_the_words_that_fit() {
        slug("Split the Importer!", "split-the-importer");
        slug("don't  panic -- ever", "dont-panic-ever");
        slug(
            "rename the configuration loader and everything around it",
            "rename-the-configuration-loader-and",
        );
        slug(&"x".repeat(90), &"x".repeat(40));
    }

    #[test]
    fn a_text_without_a_usable_letter_is_a_task() {
        slug("", "task");
        slug("修复 🦖 ---", "task");
        slug("修复 api", "api");
    }

    #[test]
    fn a_slug_is_not_silently_corrected() {
        for text in ["", "-a", "a-", "a--b", "A", "a_b", "a b", "é", &"x".repeat(41)] {
            assert_eq!(Slug::parse(text), None, "{text:?}");
        }
        assert!(Slug::parse("split-importer-2").is_some());
    }

    #[test]
    fn a_commit_may_be_named_by_seven_digits_or_more() {
        let sha = Sha::parse("0123456789abcdef0123456789abcdef01234567").unwrap();
        assert!(ShaPrefix::parse("0123456789ABCDEF").unwrap().is_prefix_of(&sha));
        assert!(!ShaPrefix::parse("1123456").unwrap().is_prefix_of(&sha));
        assert_eq!(ShaPrefix::parse("012345"), None);
        assert_eq!(ShaPrefix::parse("012345g"), None);
    }

    #[test]
    fn a_branch_name_that_git_would_refuse_is_refused() {
        for text in [
            "", "-f", "HEAD", "@", "a..b", "a b", "a~1", "a:b", "a\\b", "a/", "/a", "a//b", ".a", "a.lock",
            "a@{1}",
        ] {
            assert_eq!(BranchName::parse(text), None, "{text:?}");
        }
        for text in ["main", "release/1.2", "0003-split-importer", "feature/ü"] {
            assert!(BranchName::parse(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_command_survives_being_stored() {
        let asked = Asked {
            command: Command::StepSkip { number: 2, why: "flaky".to_owned() },
            protocol: Some(ProtocolNumber(3)),
            dry_run: false,
        };
        let stored = serde_json::to_string(&asked).unwrap();
        assert_eq!(serde_json::from_str::<Asked>(&stored).unwrap(), asked);
    }
}
