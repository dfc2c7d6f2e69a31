//! What an operator does: tokens, hooks, and what GitLab has beside issues and comments.

use super::desk::{AccessToken, Hook, Place};
use super::rest::hooks::EVENTS;
use crate::sandbox::acts::NewComment;
use crate::sandbox::model::{Model, Repo, Role, Token, UserKind};
use crate::sandbox::{SandboxError, Twin};

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Api,
    ReadApi,
    ReadRepository,
    WriteRepository,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::ReadApi => "read_api",
            Self::ReadRepository => "read_repository",
            Self::WriteRepository => "write_repository",
        }
    }
}

/// A token of a project or a group, and the bot user that it acts as.
#[derive(Debug, Clone)]
pub struct BotToken {
    pub token: String,
    pub login: String,
    pub user_id: u64,
}

/// A hook as somebody fills it in. It hears of everything.
#[derive(Debug, Clone, Copy)]
pub struct HookSpec<'a> {
    pub url: &'a str,
    pub token: Option<&'a str>,
    /// `whsec_…`
    pub signing: Option<&'a str>,
}

/// A hook as one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookView {
    pub id: u64,
    pub url: String,
    /// Whether anything is sent to it now.
    pub on: bool,
    /// Deliveries that failed, one after the other.
    pub failures: u32,
}

/// How long a token lives, in milliseconds: a year.
const LIFE: i64 = 365 * 24 * 3_600_000;

impl Twin {
    /// Makes an access token of a project with all of the API; its bot user gets `role`.
    pub fn project_token(&self, repo: &str, name: &str, role: Role) -> Result<BotToken, SandboxError> {
        let place = self.model().place(repo)?.id;
        let made = self.access_token(&format!("project_{place}_bot"), name, &[Scope::Api]);
        self.grant(repo, &made.login, role)?;
        Ok(made)
    }

    /// Makes an access token of a group: its bot user gets `role` in all of the group's projects.
    pub fn group_token(&self, group: &str, name: &str, role: Role) -> BotToken {
        let made = self.access_token(&format!("group_{}_bot", group.replace('/', "_")), name, &[Scope::Api]);
        self.grant_group(group, &made.login, role);
        made
    }

    /// Gives somebody a role in a group and all that is in it.
    pub fn grant_group(&self, group: &str, login: &str, role: Role) {
        let mut model = self.model();
        model.add_user(login, UserKind::User);
        model.add_user(group, UserKind::Organization);
        model.gitlab.group_roles.push((group.to_owned(), login.to_owned(), role));
    }

    fn access_token(&self, kind: &str, name: &str, scopes: &[Scope]) -> BotToken {
        let mut model = self.model();
        let (id, created) = (model.next_id("token"), model.now());
        let login = format!("{kind}_{id:032x}");
        let user_id = model.add_user(&login, UserKind::Bot);
        let token = format!("glpat-{id:04}{}", "twin".repeat(5));
        let access = AccessToken {
            id,
            name: name.to_owned(),
            login: login.clone(),
            scopes: scopes.iter().map(|scope| scope.as_str()).collect(),
            created,
            expires: created + LIFE,
        };
        model.tokens.insert(token.clone(), Token::Access(access));
        BotToken { token, login, user_id }
    }

    /// Narrows a token to these scopes.
    pub fn narrow(&self, token: &BotToken, scopes: &[Scope]) {
        self.with_token(token, |access| access.scopes = scopes.iter().map(|scope| scope.as_str()).collect());
    }

    /// Says when a token ends, in milliseconds since the Unix epoch.
    pub fn expire(&self, token: &BotToken, at: i64) {
        self.with_token(token, |access| access.expires = at);
    }

    fn with_token(&self, token: &BotToken, change: impl FnOnce(&mut AccessToken)) {
        if let Some(Token::Access(access)) = self.model().tokens.get_mut(&token.token) {
            change(access);
        }
    }

    /// Hangs a hook on a project. Returns its id.
    pub fn add_hook(&self, repo: &str, spec: HookSpec<'_>) -> Result<u64, SandboxError> {
        let place = Place::Project(self.model().place(repo)?.id);
        Ok(self.model().hang(place, spec))
    }

    /// Hangs a hook on a group, for all of its projects.
    pub fn add_group_hook(&self, group: &str, spec: HookSpec<'_>) -> u64 {
        self.model().hang(Place::Group(group.to_owned()), spec)
    }

    /// Hangs a hook on the whole server, for what becomes of projects.
    pub fn add_system_hook(&self, spec: HookSpec<'_>) -> u64 {
        self.model().hang(Place::Server, spec)
    }

    /// The hooks that hang on a project itself.
    pub fn hooks(&self, repo: &str) -> Result<Vec<HookView>, SandboxError> {
        let model = self.model();
        let (id, now) = (model.place(repo)?.id, model.now());
        let here = model.gitlab.hooks.iter().filter(|hook| hook.place == Place::Project(id));
        let view = |hook: &Hook| HookView {
            id: hook.id,
            url: hook.url.clone(),
            on: hook.is_on(now),
            failures: hook.failures,
        };
        Ok(here.map(view).collect())
    }

    /// Says from which role on one may push to the default branch and merge into it. At first that is `Role::Maintain`.
    pub fn protect(&self, repo: &str, least: Role) -> Result<(), SandboxError> {
        let mut model = self.model();
        let id = model.place(repo)?.id;
        if let Some(repo) = model.repo_mut(id) {
            repo.protected = least;
        }
        Ok(())
    }

    /// Opens an issue that only its author and members may see.
    pub fn open_confidential_issue(
        &self,
        login: &str,
        repo: &str,
        title: &str,
        body: &str,
    ) -> Result<u64, SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, Role::Read)?;
        let made = model.open_confidential_issue(id, &actor, title, body);
        made.ok_or_else(|| SandboxError::Unknown(format!("repository {repo}")))
    }

    /// Writes a note that only members may see.
    pub fn internal_note(
        &self,
        login: &str,
        repo: &str,
        number: u64,
        body: &str,
    ) -> Result<u64, SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, Role::Triage)?;
        model.say((id, number), &actor, NewComment { body, internal: true, ..NewComment::default() })
    }

    /// Writes a note on a commit. Hooks hear of it; the twin keeps it nowhere.
    pub fn note_on_commit(
        &self,
        login: &str,
        repo: &str,
        sha: &str,
        body: &str,
    ) -> Result<u64, SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, Role::Read)?;
        Ok(model.tell_commit_note(id, &actor, sha, body))
    }

    /// Answers a note in its discussion, which is a thread from then on.
    pub fn reply(&self, login: &str, repo: &str, note: u64, body: &str) -> Result<u64, SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, Role::Read)?;
        let unknown = || SandboxError::Unknown(format!("note {note}"));
        let (number, first) = model.comment(id, note).ok_or_else(unknown)?;
        let (discussion, internal) = (Some(first.discussion.clone()), first.internal);
        if let Some(first) = model.comment_mut(id, note) {
            first.in_thread = true;
        }
        model.say((id, number), &actor, NewComment { body, discussion, internal })
    }
}

impl Model {
    /// Presses "Retry" of a job that ended.
    pub(crate) fn retry_as(&mut self, login: &str, job: u64) -> Result<(), SandboxError> {
        let unknown = || SandboxError::Unknown(format!("job {job} that can be retried"));
        let repo = self.job(job).filter(|job| !job.is_open()).and_then(|job| self.repo(job.repo));
        let name = repo.map(Repo::full_name).ok_or_else(unknown)?;
        self.allowed(login, &name, Role::Write)?;
        self.retry_job(job).map(drop).ok_or_else(unknown)
    }

    fn hang(&mut self, place: Place, spec: HookSpec<'_>) -> u64 {
        let (id, created) = (self.next_id("hook"), self.now());
        let mut events: Vec<&str> = EVENTS.into();
        if place == Place::Server {
            events = vec!["repository_update_events"];
        }
        self.gitlab.hooks.push(Hook {
            id,
            place,
            url: spec.url.to_owned(),
            token: spec.token.map(str::to_owned),
            signing: spec.signing.map(str::to_owned),
            events: events.into_iter().map(str::to_owned).collect(),
            failures: 0,
            off_until: None,
            created,
        });
        id
    }
}
