//! Issues, comments and reactions.

use super::No;
use crate::sandbox::events::{Edits, Event};
use crate::sandbox::model::{Actor, Comment, Issue, Model, Reaction};

/// What a reaction is on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject {
    Issue(u64),
    Comment(u64),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct NewComment<'a> {
    pub(crate) body: &'a str,
    /// The discussion it answers in; without one it begins its own. GitLab only.
    pub(crate) discussion: Option<String>,
    /// Not for everybody. GitLab only.
    pub(crate) internal: bool,
}

impl Model {
    pub(crate) fn open_issue(&mut self, repo: u64, actor: &Actor, title: &str, body: &str) -> Option<u64> {
        let number = self.add_issue(repo, actor, title, body)?;
        self.happened(repo, actor, Event::Opened(number));
        Some(number)
    }

    /// Opens an issue that only its author and members from the role Planner up may see. GitLab only.
    pub(crate) fn open_confidential_issue(
        &mut self,
        repo: u64,
        actor: &Actor,
        title: &str,
        body: &str,
    ) -> Option<u64> {
        let number = self.add_issue(repo, actor, title, body)?;
        self.issue_mut(repo, number)?.confidential = true;
        self.happened(repo, actor, Event::Opened(number));
        Some(number)
    }

    fn add_issue(&mut self, repo: u64, actor: &Actor, title: &str, body: &str) -> Option<u64> {
        let id = self.next_id("issue");
        self.add_thread(repo, actor, Text { id, title, body })
    }

    /// Adds the thread without telling anybody; issues and pull requests share the numbers.
    pub(super) fn add_thread(&mut self, repo: u64, actor: &Actor, text: Text<'_>) -> Option<u64> {
        let now = self.now();
        let repo = self.repo_mut(repo)?;
        let number = repo.issues.len() as u64 + 1;
        repo.issues.push(Issue {
            id: text.id,
            number,
            title: text.title.to_owned(),
            body: text.body.to_owned(),
            author: actor.login.clone(),
            confidential: false,
            open: true,
            created: now,
            updated: now,
            closed: None,
            comments: Vec::new(),
            reactions: Vec::new(),
            pull: None,
        });
        Some(number)
    }

    pub(crate) fn close_thread(&mut self, repo: u64, number: u64, actor: &Actor) {
        self.set_state(repo, number, State::Closed, actor);
    }

    pub(crate) fn reopen_thread(&mut self, repo: u64, number: u64, actor: &Actor) {
        self.set_state(repo, number, State::Open, actor);
    }

    fn set_state(&mut self, repo: u64, number: u64, state: State, actor: &Actor) {
        let now = self.now();
        let Some(issue) = self.issue_mut(repo, number) else {
            return;
        };
        if issue.open == (state == State::Open) {
            return;
        }
        issue.open = state == State::Open;
        issue.updated = now;
        issue.closed = (state == State::Closed).then_some(now);
        let event = if state == State::Open { Event::Reopened(number) } else { Event::Closed(number) };
        self.happened(repo, actor, event);
    }

    /// Changes the words of an issue or a pull request.
    pub(crate) fn edit_words(
        &mut self,
        at: (u64, u64),
        actor: &Actor,
        [title, body]: [Option<String>; 2],
    ) -> Result<(), No> {
        let now = self.now();
        let issue = self.issue_mut(at.0, at.1).ok_or(No::Missing)?;
        let edits = issue.reword(title, body);
        if !edits.is_empty() {
            issue.updated = now;
            self.happened(at.0, actor, Event::Edited(at.1, &edits));
        }
        Ok(())
    }

    pub(crate) fn add_comment(
        &mut self,
        at: (u64, u64),
        actor: &Actor,
        new: NewComment<'_>,
    ) -> Result<u64, No> {
        let (repo, number) = at;
        let (id, now) = (self.next_id("comment"), self.now());
        let issue = self.issue_mut(repo, number).ok_or(No::Missing)?;
        issue.updated = now;
        issue.comments.push(Comment {
            id,
            author: actor.login.clone(),
            editor: None,
            app: actor.app,
            body: new.body.to_owned(),
            created: now,
            updated: now,
            edits: 0,
            minimized: None,
            in_thread: new.discussion.is_some(),
            discussion: new.discussion.unwrap_or_else(|| format!("{id:040x}")),
            internal: new.internal,
            reactions: Vec::new(),
        });
        self.happened(repo, actor, Event::Commented(id));
        Ok(id)
    }

    pub(crate) fn edit_comment(&mut self, repo: u64, id: u64, actor: &Actor, body: &str) -> Result<(), No> {
        let now = self.now();
        let comment = self.comment_mut(repo, id).ok_or(No::Missing)?;
        let before = std::mem::replace(&mut comment.body, body.to_owned());
        comment.updated = now;
        comment.edits += 1;
        comment.editor = Some(actor.login.clone());
        self.happened(repo, actor, Event::CommentEdited(id, &before));
        Ok(())
    }

    pub(crate) fn delete_comment(&mut self, repo: u64, id: u64, actor: &Actor) -> Result<(), No> {
        let (number, _) = self.comment(repo, id).ok_or(No::Missing)?;
        self.happened(repo, actor, Event::CommentDeleted(id));
        if let Some(issue) = self.issue_mut(repo, number) {
            issue.comments.retain(|c| c.id != id);
        }
        Ok(())
    }

    pub(crate) fn reactions(&self, repo: u64, subject: Subject) -> Option<&[Reaction]> {
        match subject {
            Subject::Issue(number) => Some(&self.issue(repo, number)?.reactions),
            Subject::Comment(id) => Some(&self.comment(repo, id)?.1.reactions),
        }
    }

    pub(crate) fn reactions_mut(&mut self, repo: u64, subject: Subject) -> Option<&mut Vec<Reaction>> {
        match subject {
            Subject::Issue(number) => Some(&mut self.issue_mut(repo, number)?.reactions),
            Subject::Comment(id) => Some(&mut self.comment_mut(repo, id)?.reactions),
        }
    }

    /// Adds a reaction; the same one by the same account is found again instead. Nobody is told.
    pub(crate) fn react(
        &mut self,
        repo: u64,
        subject: Subject,
        actor: &Actor,
        content: &str,
    ) -> Option<Reacted> {
        let same = |r: &&Reaction| r.author == actor.login && r.content == content;
        if let Some(old) = self.reactions(repo, subject)?.iter().find(same) {
            return Some(Reacted::Already(old.clone()));
        }
        let created = self.now();
        let id = self.next_id("reaction");
        let reaction = Reaction { id, author: actor.login.clone(), content: content.to_owned(), created };
        self.reactions_mut(repo, subject)?.push(reaction.clone());
        Some(Reacted::New(reaction))
    }
}

impl Issue {
    /// Puts new words in place and returns those that were other ones.
    pub(super) fn reword(&mut self, title: Option<String>, body: Option<String>) -> Edits {
        let mut edits = Edits::default();
        if let Some(title) = title.filter(|t| *t != self.title) {
            edits.title = Some(std::mem::replace(&mut self.title, title));
        }
        if let Some(body) = body.filter(|b| *b != self.body) {
            edits.body = Some(std::mem::replace(&mut self.body, body));
        }
        edits
    }
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum State {
    Open,
    Closed,
}

#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) id: u64,
    pub(super) title: &'a str,
    pub(super) body: &'a str,
}

pub(crate) enum Reacted {
    New(Reaction),
    Already(Reaction),
}
