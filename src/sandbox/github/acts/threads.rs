//! Issues, comments and reactions.

use super::Refused;
use crate::sandbox::github::hooks::About;
use crate::sandbox::github::model::{Actor, Comment, Issue, Model, Reaction};
use serde_json::{Value, json};

/// GitHub counts characters here, not bytes.
const LONGEST_BODY: usize = 65_536;

/// What a reaction is on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject {
    Issue(u64),
    Comment(u64),
}

pub(crate) fn check_body(resource: &str, body: &str) -> Result<(), Refused> {
    if body.trim().is_empty() {
        return Err(Refused::invalid(resource, "body", "custom", "body can't be blank"));
    }
    if body.chars().count() > LONGEST_BODY {
        let why = format!("body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Refused::invalid(resource, "body", "custom", why));
    }
    Ok(())
}

impl Model {
    pub(crate) fn open_issue(&mut self, repo: u64, actor: &Actor, title: &str, body: &str) -> Option<u64> {
        let id = self.next_id("issue");
        let number = self.add_thread(repo, actor, Text { id, title, body })?;
        self.fire_issue("opened", repo, number, actor);
        Some(number)
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

    pub(crate) fn fire_issue(&mut self, action: &str, repo: u64, number: u64, actor: &Actor) {
        let Some(body) = self.issue_body(repo, number) else {
            return;
        };
        self.fire("issues", Some(action), About::all(repo, actor), &body);
    }

    fn issue_body(&self, repo: u64, number: u64) -> Option<Value> {
        Some(json!({ "issue": self.issue_json(self.repo(repo)?, self.issue(repo, number)?) }))
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
        let action = if state == State::Open { "reopened" } else { "closed" };
        if issue.pull.is_some() {
            self.fire_pull(action, (repo, number), actor, &json!({}));
        } else {
            self.fire_issue(action, repo, number, actor);
        }
    }

    pub(crate) fn add_comment(&mut self, at: (u64, u64), actor: &Actor, body: &str) -> Result<u64, Refused> {
        check_body("IssueComment", body)?;
        let (repo, number) = at;
        let (id, now) = (self.next_id("comment"), self.now());
        let issue = self.issue_mut(repo, number).ok_or_else(Refused::missing)?;
        issue.updated = now;
        issue.comments.push(Comment {
            id,
            author: actor.login.clone(),
            app: actor.app,
            body: body.to_owned(),
            created: now,
            updated: now,
            edits: 0,
            minimized: None,
            reactions: Vec::new(),
        });
        self.fire_comment("created", repo, id, actor, json!({}));
        Ok(id)
    }

    pub(crate) fn edit_comment(
        &mut self,
        repo: u64,
        id: u64,
        actor: &Actor,
        body: &str,
    ) -> Result<(), Refused> {
        check_body("IssueComment", body)?;
        let now = self.now();
        let comment = self.comment_mut(repo, id).ok_or_else(Refused::missing)?;
        let before = std::mem::replace(&mut comment.body, body.to_owned());
        comment.updated = now;
        comment.edits += 1;
        self.fire_comment("edited", repo, id, actor, json!({ "changes": { "body": { "from": before } } }));
        Ok(())
    }

    pub(crate) fn delete_comment(&mut self, repo: u64, id: u64, actor: &Actor) -> Result<(), Refused> {
        let (number, _) = self.comment(repo, id).ok_or_else(Refused::missing)?;
        self.fire_comment("deleted", repo, id, actor, json!({}));
        if let Some(issue) = self.issue_mut(repo, number) {
            issue.comments.retain(|c| c.id != id);
        }
        Ok(())
    }

    fn fire_comment(&mut self, action: &str, repo: u64, id: u64, actor: &Actor, changes: Value) {
        let body = || {
            let (number, comment) = self.comment(repo, id)?;
            let mut body = self.issue_body(repo, number)?;
            body["comment"] = self.comment_json(self.repo(repo)?, number, comment);
            crate::sandbox::github::json::extend(&mut body, changes);
            Some(body)
        };
        let Some(body) = body() else { return };
        self.fire("issue_comment", Some(action), About::all(repo, actor), &body);
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

    /// Adds a reaction; the same one by the same account is found again instead. Fires nothing, as on GitHub.
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
