//! What happened, in no host's words. Each host makes letters of it, for whoever hears of such things there.

use super::Host;
use super::acts::RefChange;
use super::model::{Actor, Model};

/// Something that happened in a repository. Numbers are those of threads, ids those of comments.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    Opened(u64),
    /// Without being merged.
    Closed(u64),
    Reopened(u64),
    Merged(u64),
    Edited(u64, &'a Edits),
    /// It is no draft any more, or one again.
    Drafted(u64),
    /// The head of an open pull request moved.
    Synchronized(u64, &'a RefChange),
    Commented(u64),
    CommentEdited(u64, &'a str),
    CommentDeleted(u64),
    /// A branch moved; pull requests and CI follow later.
    Pushed(&'a RefChange),
    /// A tag came, moved or went; it stands where a branch would.
    Tagged(&'a RefChange),
    /// With the name or the owner before.
    Renamed(&'a str),
    Transferred(&'a str),
    Archived,
    Unarchived,
    /// It is about to be gone.
    Deleted,
}

/// What an edit of a thread replaced.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    /// The branch it aimed at, and its tip then.
    pub(crate) base: Option<(String, String)>,
}

impl Edits {
    pub(crate) fn is_empty(&self) -> bool {
        self.title.is_none() && self.body.is_none() && self.base.is_none()
    }
}

impl Model {
    /// Tells everybody who hears of such events in this repository.
    pub(crate) fn happened(&mut self, repo: u64, actor: &Actor, event: Event<'_>) {
        match self.host {
            Host::Github => self.tell_apps(repo, actor, event),
            Host::Gitlab => self.tell_hooks(repo, actor, event),
        }
    }
}
