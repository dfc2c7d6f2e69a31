//! Where people talk about a protocol.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadKind {
    Issue,
    Pull,
}

/// An issue or a pull request, within its project. GitLab counts the two apart: `#1` and `!1` are different threads, so
/// a number alone names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Thread {
    pub kind: ThreadKind,
    pub number: u64,
}

impl Thread {
    pub const fn issue(number: u64) -> Self {
        Self { kind: ThreadKind::Issue, number }
    }

    pub const fn pull(number: u64) -> Self {
        Self { kind: ThreadKind::Pull, number }
    }

    pub fn is_pull(self) -> bool {
        self.kind == ThreadKind::Pull
    }
}

/// `issue:4` or `pull:9`, for keys; how people write it is the forge's matter.
impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ThreadKind::Issue => "issue",
            ThreadKind::Pull => "pull",
        };
        write!(f, "{kind}:{}", self.number)
    }
}
