//! Issues and pull requests: one series of numbers, one kind of thread.

#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) content: String,
    pub(crate) created: i64,
}

pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: String,
    /// Who edited it last.
    pub(crate) editor: Option<String>,
    pub(crate) app: Option<u64>,
    pub(crate) body: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) edits: u32,
    /// The classifier it was minimised with.
    pub(crate) minimized: Option<String>,
    /// The discussion it belongs to; GitLab shows it.
    pub(crate) discussion: String,
    /// It answers in somebody's discussion, or its own was begun for answers.
    pub(crate) in_thread: bool,
    /// Not for everybody; GitLab only.
    pub(crate) internal: bool,
    pub(crate) reactions: Vec<Reaction>,
}

pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) author: String,
    /// Not for everybody; GitLab only.
    pub(crate) confidential: bool,
    pub(crate) open: bool,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) pull: Option<Pull>,
}

/// One end of a pull request.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) repo: u64,
    pub(crate) branch: String,
    pub(crate) sha: String,
}

pub(crate) struct Pull {
    pub(crate) id: u64,
    pub(crate) head: Side,
    pub(crate) base: Side,
    pub(crate) draft: bool,
    pub(crate) merged: Option<i64>,
    pub(crate) merged_by: Option<String>,
    pub(crate) merge_sha: Option<String>,
}
