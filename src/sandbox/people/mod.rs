//! What people and operators do, as a test or the demo says it: one verb, one line.
//!
//! A verb is refused where the host would not show the button.

mod code;
mod hooks;
mod talk;

pub use code::PullSpec;

use super::acts::{No, Refused};
use super::model::{Actor, Model, Repo, Role, User, UserKind};
use super::{Host, Twin};

/// Why a twin, or a person on it, could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the twin has no {0}")]
    Unknown(String),
    #[error("{who} may not do that on the twin: {why}")]
    Refused { who: String, why: String },
    #[error("git refused: {0}")]
    Git(String),
    #[error("could not {what}")]
    Io { what: String, source: std::io::Error },
    #[error("no key for an App could be made; install openssl or ssh-keygen")]
    NoKeyTool,
}

pub(super) fn refused(who: &str, refused: &Refused) -> SandboxError {
    let why = match &refused.errors {
        Some(errors) => format!("{} {errors}", refused.message),
        None => refused.message.clone(),
    };
    SandboxError::Refused { who: who.to_owned(), why }
}

pub(super) fn impossible(who: &str, no: &No) -> SandboxError {
    SandboxError::Refused { who: who.to_owned(), why: no.to_string() }
}

impl Model {
    pub(crate) fn add_user(&mut self, login: &str, kind: UserKind) -> u64 {
        if let Some(user) = self.user(login) {
            return user.id;
        }
        let id = self.next_id("user");
        self.users.push(User { id, login: login.to_owned(), kind });
        id
    }

    /// Finds `owner/name`.
    pub(crate) fn place(&self, full_name: &str) -> Result<&Repo, SandboxError> {
        let found = full_name.rsplit_once('/').and_then(|(owner, name)| self.repo_named(owner, name));
        found.ok_or_else(|| SandboxError::Unknown(format!("repository {full_name}")))
    }

    /// What it takes to write to a branch: on GitLab the default branch is protected.
    pub(super) fn least_for(&self, full_name: &str, branch: &str) -> Result<Role, SandboxError> {
        let repo = self.place(full_name)?;
        let is_protected = self.host == Host::Gitlab && branch == repo.default_branch;
        Ok(if is_protected { repo.protected } else { Role::Write })
    }

    /// The person as an actor, if their role on the repository is at least `least`.
    pub(super) fn allowed(
        &self,
        login: &str,
        full_name: &str,
        least: Role,
    ) -> Result<(u64, Actor), SandboxError> {
        let repo = self.place(full_name)?;
        let user = self.user(login).ok_or_else(|| SandboxError::Unknown(format!("user {login}")))?;
        let has = self.role(repo, &user.login);
        if has.is_none_or(|role| role < least) {
            let has = has.map_or("no access", Role::as_str);
            let why = format!("it needs {} on {full_name}, they have {has}", least.as_str());
            return Err(SandboxError::Refused { who: login.to_owned(), why });
        }
        Ok((repo.id, Actor::person(&user.login)))
    }
}

impl Twin {
    /// Adds a person (or finds them again) and returns a token that speaks for them.
    pub fn user(&self, login: &str) -> String {
        self.account(login, UserKind::User)
    }

    /// Adds an organization. It cannot speak for itself.
    pub fn organization(&self, login: &str) {
        self.account(login, UserKind::Organization);
    }

    fn account(&self, login: &str, kind: UserKind) -> String {
        let mut model = self.model();
        let id = model.add_user(login, kind);
        let kind = match model.host {
            Host::Github => "ghp_",
            Host::Gitlab => "glpat-",
        };
        let token = format!("{kind}{id}{login}0000000000000000000000000000000000");
        let stands_for = super::model::Token::Person { login: login.to_owned() };
        model.tokens.insert(token.clone(), stands_for);
        token
    }

    /// Gives a person a role on a repository.
    pub fn grant(&self, repo: &str, login: &str, role: Role) -> Result<(), SandboxError> {
        let mut model = self.model();
        model.add_user(login, UserKind::User);
        let id = model.place(repo)?.id;
        if let Some(repo) = model.repo_mut(id) {
            repo.roles.insert(login.to_owned(), role);
        }
        Ok(())
    }

    /// Takes a person's role away.
    pub fn revoke(&self, repo: &str, login: &str) -> Result<(), SandboxError> {
        let mut model = self.model();
        let id = model.place(repo)?.id;
        if let Some(repo) = model.repo_mut(id) {
            repo.roles.remove(login);
        }
        Ok(())
    }
}
