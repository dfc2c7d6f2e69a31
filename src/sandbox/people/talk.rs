//! Issues, comments and the state of threads.

use super::{SandboxError, impossible, refused};
use crate::sandbox::Twin;
use crate::sandbox::acts::{NewComment, Subject};
use crate::sandbox::model::{Actor, Model, Role};

impl Twin {
    /// Opens an issue and returns its number.
    pub fn open_issue(&self, login: &str, repo: &str, title: &str, body: &str) -> Result<u64, SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, Role::Read)?;
        model
            .open_issue(id, &actor, title, body)
            .ok_or_else(|| SandboxError::Unknown(format!("repository {repo}")))
    }

    /// Comments on an issue or pull request and returns the comment's id.
    pub fn comment(&self, login: &str, repo: &str, number: u64, body: &str) -> Result<u64, SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, Role::Read)?;
        model.say((id, number), &actor, NewComment { body, ..NewComment::default() })
    }

    pub fn edit_comment(
        &self,
        login: &str,
        repo: &str,
        comment: u64,
        body: &str,
    ) -> Result<(), SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.own_comment(login, repo, comment)?;
        model.check_comment(body).map_err(|r| refused(login, &r))?;
        model.edit_comment(id, comment, &actor, body).map_err(|no| impossible(login, &no))
    }

    pub fn delete_comment(&self, login: &str, repo: &str, comment: u64) -> Result<(), SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.own_comment(login, repo, comment)?;
        model.delete_comment(id, comment, &actor).map_err(|no| impossible(login, &no))
    }

    /// Adds a reaction such as `+1` to a comment.
    pub fn react(&self, login: &str, repo: &str, comment: u64, content: &str) -> Result<(), SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, Role::Read)?;
        let reacted = model.react(id, Subject::Comment(comment), &actor, content);
        reacted.map(drop).ok_or_else(|| SandboxError::Unknown(format!("comment {comment}")))
    }

    pub fn close_issue(&self, login: &str, repo: &str, number: u64) -> Result<(), SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.may_close(login, repo, number)?;
        model.close_thread(id, number, &actor);
        Ok(())
    }

    pub fn reopen_issue(&self, login: &str, repo: &str, number: u64) -> Result<(), SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.may_close(login, repo, number)?;
        model.reopen_thread(id, number, &actor);
        Ok(())
    }
}

impl Model {
    pub(crate) fn say(
        &mut self,
        at: (u64, u64),
        actor: &Actor,
        new: NewComment<'_>,
    ) -> Result<u64, SandboxError> {
        self.check_comment(new.body).map_err(|r| refused(&actor.login, &r))?;
        self.add_comment(at, actor, new).map_err(|no| impossible(&actor.login, &no))
    }

    fn own_comment(&self, login: &str, repo: &str, comment: u64) -> Result<(u64, Actor), SandboxError> {
        let id = self.place(repo)?.id;
        let unknown = || SandboxError::Unknown(format!("comment {comment}"));
        let (_, found) = self.comment(id, comment).ok_or_else(unknown)?;
        let least = if found.author.eq_ignore_ascii_case(login) { Role::Read } else { Role::Write };
        self.allowed(login, repo, least)
    }

    /// The author of a thread may close it, and who has triage or more.
    pub(super) fn may_close(
        &self,
        login: &str,
        repo: &str,
        number: u64,
    ) -> Result<(u64, Actor), SandboxError> {
        let id = self.place(repo)?.id;
        let unknown = || SandboxError::Unknown(format!("thread {number} in {repo}"));
        let issue = self.issue(id, number).ok_or_else(unknown)?;
        let least = if issue.author.eq_ignore_ascii_case(login) { Role::Read } else { Role::Triage };
        self.allowed(login, repo, least)
    }
}
