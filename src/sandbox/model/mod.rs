//! What a twin knows: plain data behind one lock, numbered by counters so that two runs look alike.
//!
//! The acts on it live in `acts/`, how it looks as JSON in `json/`.

mod checks;
mod clock;
mod people;
mod threads;

pub(crate) use checks::Workflow;
pub use checks::{CheckConclusion, CheckStatus};
pub(crate) use clock::{Clock, iso};
pub use people::{Ci, Role, UserKind};
pub(crate) use people::{Repo, Token, User};
pub(crate) use threads::{Comment, Issue, Pull, Reaction, Side};

use super::hooks::{Chore, Delivery, Hooks};
use super::http::{FaultDesk, Moved};
use super::views::RequestView;
use super::{Host, github, gitlab};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use tokio::sync::mpsc::UnboundedSender;

/// Puts the fields of `more` after those of `value`.
pub(crate) fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (value, more) {
        fields.extend(more);
    }
}

/// Where the twin is reached and where its repositories lie.
pub(crate) struct Site {
    pub(crate) url: String,
    pub(crate) prefix: String,
    pub(crate) root: PathBuf,
}

/// Who does something: a person, or an App through its bot user.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) login: String,
    pub(crate) app: Option<u64>,
}

impl Actor {
    pub(crate) fn person(login: &str) -> Self {
        Self { login: login.to_owned(), app: None }
    }
}

pub(crate) struct Model {
    pub(crate) host: Host,
    pub(crate) site: Site,
    pub(crate) clock: Clock,
    pub(crate) counters: BTreeMap<&'static str, u64>,
    pub(crate) users: Vec<User>,
    pub(crate) repos: Vec<Repo>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) workflows: Vec<Workflow>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) waiting: VecDeque<u64>,
    pub(crate) requests: Vec<RequestView>,
    pub(crate) faults: FaultDesk,
    /// Every branch that moved, the newest last.
    pub(crate) moves: Vec<Moved>,
    pub(crate) hooks: Hooks,
    pub(crate) chores: UnboundedSender<Chore>,
    pub(crate) visitor: String,
    /// What only GitHub has.
    pub(crate) github: github::Desk,
    /// What only GitLab has.
    pub(crate) gitlab: gitlab::Desk,
}

/// The first number of each kind, far enough apart that one id is never taken for another.
const FIRST_IDS: &[(&str, u64)] = &[
    ("user", 1_001),
    ("repository", 7_001),
    ("app", 301),
    ("installation", 50_001),
    ("issue", 900_001),
    ("pull", 800_001),
    ("comment", 100_001),
    ("reaction", 400_001),
    ("suite", 600_001),
    ("run", 500_001),
    ("status", 650_001),
    ("workflow", 700_001),
    ("pipeline", 710_001),
    ("job", 720_001),
    ("hook", 730_001),
    ("delivery", 2_000_001),
    ("token", 1),
];

impl Model {
    pub(crate) fn next_id(&mut self, kind: &'static str) -> u64 {
        let first = FIRST_IDS.iter().find(|(name, _)| *name == kind).map_or(1, |(_, first)| *first);
        let next = self.counters.entry(kind).or_insert(first);
        *next += 1;
        *next - 1
    }

    /// The address of pages and git, without a slash at its end.
    pub(crate) fn root(&self) -> String {
        match self.host {
            Host::Github => self.site.url.clone(),
            Host::Gitlab => format!("{}{}", self.site.url, self.site.prefix),
        }
    }

    /// The path below which the API lies, such as `/api/v4`.
    pub(crate) fn api_path(&self) -> String {
        match self.host {
            Host::Github => self.site.prefix.clone(),
            Host::Gitlab => format!("{}/api/v4", self.site.prefix),
        }
    }

    /// The address of the API, without a slash at its end.
    pub(crate) fn api(&self) -> String {
        format!("{}{}", self.site.url, self.api_path())
    }

    /// Turns a path of the API into an address.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.api())
    }

    /// Now, in milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(crate) fn user(&self, login: &str) -> Option<&User> {
        self.users.iter().find(|u| u.login.eq_ignore_ascii_case(login))
    }

    pub(crate) fn repo(&self, id: u64) -> Option<&Repo> {
        self.repos.iter().find(|r| r.id == id)
    }

    pub(crate) fn repo_mut(&mut self, id: u64) -> Option<&mut Repo> {
        self.repos.iter_mut().find(|r| r.id == id)
    }

    pub(crate) fn repo_named(&self, owner: &str, name: &str) -> Option<&Repo> {
        let same = |r: &&Repo| r.owner.eq_ignore_ascii_case(owner) && r.name.eq_ignore_ascii_case(name);
        self.repos.iter().find(same)
    }

    pub(crate) fn issue(&self, repo: u64, number: u64) -> Option<&Issue> {
        self.repo(repo)?.issues.iter().find(|i| i.number == number)
    }

    pub(crate) fn issue_mut(&mut self, repo: u64, number: u64) -> Option<&mut Issue> {
        self.repo_mut(repo)?.issues.iter_mut().find(|i| i.number == number)
    }

    /// Finds a comment of `repo`, with the number of the thread it is in.
    pub(crate) fn comment(&self, repo: u64, id: u64) -> Option<(u64, &Comment)> {
        let issues = &self.repo(repo)?.issues;
        issues.iter().find_map(|i| Some((i.number, i.comments.iter().find(|c| c.id == id)?)))
    }

    pub(crate) fn comment_mut(&mut self, repo: u64, id: u64) -> Option<&mut Comment> {
        let issues = &mut self.repo_mut(repo)?.issues;
        issues.iter_mut().find_map(|i| i.comments.iter_mut().find(|c| c.id == id))
    }

    /// The role `login` has on `repo`: the owner's, the granted one, or reading what is public.
    pub(crate) fn role(&self, repo: &Repo, login: &str) -> Option<Role> {
        if repo.owner.eq_ignore_ascii_case(login) {
            return Some(Role::Admin);
        }
        let granted =
            repo.roles.iter().find(|(who, _)| who.eq_ignore_ascii_case(login)).map(|(_, role)| *role);
        granted.max(self.group_role(&repo.owner, login)).or((!repo.private).then_some(Role::Read))
    }
}
