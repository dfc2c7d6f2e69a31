//! What the bot asks of a forge, in the bot's words.
//!
//! Services know these traits and never an SDK. `github/` speaks to GitHub through octocrab; a second host is a second
//! folder and nothing above changes. What a host cannot do is said by [`Capabilities`],
//! each with its fallback.

mod error;
pub mod github;
pub mod gitlab;
mod log;
pub mod signature;
mod stage;
pub mod webhook;
mod wire;

pub use error::ForgeError;
pub use webhook::{Parsed, Peek, Unreadable};

use crate::domain::actor::{Actor, Permission};
use crate::domain::ci::CiResult;
use crate::domain::colour::Colour;
use crate::domain::effect::Reaction;
use crate::domain::forge_event::CommentSource;
use crate::domain::ids::{Moment, Sha};
use crate::domain::names::Names;
use crate::domain::project::{ForgeKind, PullState, RepoRef};
use crate::domain::stage::StageTold;
use crate::domain::thread::Thread;
use async_trait::async_trait;
use secrecy::SecretString;
use std::collections::BTreeMap;
use url::Url;

/// Looks at a webhook just enough to record it.
pub fn peek(forge: ForgeKind, event: &str, body: &[u8]) -> Peek {
    match forge {
        ForgeKind::Github => github::webhook::peek(event, body),
        ForgeKind::Gitlab => gitlab::webhook::peek(event, body),
    }
}

/// Reads one webhook of a forge.
pub fn parse(forge: ForgeKind, event: &str, body: &[u8]) -> Result<Parsed, Unreadable> {
    match forge {
        ForgeKind::Github => github::webhook::parse(event, body),
        ForgeKind::Gitlab => gitlab::webhook::parse(event, body),
    }
}

/// The stage of CI that a delivery tells, with reasons if that cannot be read; `None` for every delivery of the forge itself.
pub fn stage(forge: ForgeKind, event: &str, body: &[u8]) -> Option<Result<StageTold, Unreadable>> {
    match forge {
        ForgeKind::Github => github::webhook::stage(event, body),
        ForgeKind::Gitlab => gitlab::webhook::stage(event, body),
    }
}

/// Why the bot does not act on deliveries of this event and action, as far as that can be said without the body.
pub fn foreign(forge: ForgeKind, event: &str, action: Option<&str>) -> Option<String> {
    match forge {
        ForgeKind::Github => github::webhook::foreign(event, action),
        ForgeKind::Gitlab => None,
    }
}

/// A forge as a whole.
pub trait Forge: Access + Threads + Pulls + Checks {
    fn kind(&self) -> ForgeKind;
    fn capabilities(&self) -> Capabilities;
    /// Whether this App, as webhooks name it, is the bot's. Never where they name accounts only.
    fn is_own_app(&self, _app: Option<i64>) -> bool {
        false
    }
    /// `None` where the forge keeps no log of the webhooks that it sent, or none that can be read.
    fn delivery_log(&self) -> Option<&dyn DeliveryLog> {
        None
    }
    /// An address that names this person in a commit and reaches nobody.
    fn nobodys_email(&self, id: i64, login: &str) -> String;
}

/// What differs among hosts for those above. For the rest, an adapter stands in: GitLab's folds a comment where GitHub's hides
/// it, makes a draft by its title, and shows the title of a check, the rest of which is behind its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Checks can have buttons; elsewhere, comments name the commands.
    pub buttons: bool,
    /// A check may have to move after it was put: see [`Checks::check_home`].
    pub checks_move: bool,
    pub names: Names,
}

/// Who we are, who they are, and how to reach the code.
#[async_trait]
pub trait Access: Send + Sync {
    /// The bot's own identity; asked once and kept.
    async fn identity(&self) -> Result<BotIdentity, ForgeError>;
    /// What `actor` may do in `repo`, as the forge says now; never what a webhook claims of them.
    async fn permission(&self, repo: &RepoRef, actor: &Actor) -> Result<Permission, ForgeError>;
    /// The account as the forge knows it, for hosts whose webhooks do not tell people and bots apart.
    async fn whois(&self, actor: &Actor) -> Result<Actor, ForgeError>;
    /// At most `most` people who have `needed` or more in `repo`. Empty also when the bot may not know.
    async fn holders(
        &self,
        repo: &RepoRef,
        needed: Permission,
        most: usize,
    ) -> Result<Vec<String>, ForgeError>;
    /// The repository as the forge sees it now; `Missing` when its name belongs to another repository.
    async fn repository(&self, repo: &RepoRef) -> Result<Repository, ForgeError>;
    /// The tip of a branch, or `None` when there is no such branch.
    async fn branch_tip(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>, ForgeError>;
    /// The content of a file at a commit, or `None` when the commit has no such file. Links are not followed: what is not
    /// a plain file of at most `most` bytes is [`ForgeError::Unfit`].
    async fn file(
        &self,
        repo: &RepoRef,
        at: &Sha,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ForgeError>;
    /// The credential that the operator gave, where it is one that ends; `None` where fresh ones are minted as needed.
    async fn credential(&self) -> Result<Option<Credential>, ForgeError>;
    /// An address and a fresh secret for git, narrowed to this repository and these rights.
    async fn git_access(&self, repo: &RepoRef, rights: GitRights) -> Result<GitAccess, ForgeError>;
    /// The same after `refused` was not accepted: minted anew, where the forge mints.
    async fn other_git_access(
        &self,
        repo: &RepoRef,
        rights: GitRights,
        refused: &GitAccess,
    ) -> Result<GitAccess, ForgeError>;
}

/// Comments and reactions.
#[async_trait]
pub trait Threads: Send + Sync {
    async fn create_comment(
        &self,
        repo: &RepoRef,
        place: Place<'_>,
        body: &str,
    ) -> Result<CommentRef, ForgeError>;
    /// `Missing` when somebody deleted it.
    async fn edit_comment(&self, repo: &RepoRef, comment: &CommentRef, body: &str) -> Result<(), ForgeError>;
    /// The newest comment of ours in `thread` that holds `marker`; reads every page.
    async fn find_comment(
        &self,
        repo: &RepoRef,
        thread: Thread,
        marker: &str,
    ) -> Result<Option<CommentRef>, ForgeError>;
    /// Deletes a comment of ours. `Missing` when somebody did.
    async fn delete_comment(&self, repo: &RepoRef, comment: &CommentRef) -> Result<(), ForgeError>;
    /// Folds a comment of ours as outdated, in whatever way the forge has.
    async fn hide_comment(&self, repo: &RepoRef, comment: &CommentRef) -> Result<(), ForgeError>;
    /// Adds our reaction; there already is success. A check run takes none, which is success too.
    async fn react(
        &self,
        repo: &RepoRef,
        thread: Thread,
        to: CommentSource,
        reaction: Reaction,
    ) -> Result<(), ForgeError>;
    /// The issue or pull request that a thread begins with.
    async fn thread(&self, repo: &RepoRef, thread: Thread) -> Result<ThreadHead, ForgeError>;
}

/// Pull requests.
#[async_trait]
pub trait Pulls: Send + Sync {
    /// Opens a draft, or returns the open one that this head already has.
    async fn open_pull(&self, repo: &RepoRef, new: &NewPull) -> Result<Pull, ForgeError>;
    async fn pull(&self, repo: &RepoRef, number: u64) -> Result<Pull, ForgeError>;
    async fn describe_pull(
        &self,
        repo: &RepoRef,
        number: u64,
        title: &str,
        body: &str,
    ) -> Result<(), ForgeError>;
    /// Closes a pull request without merging it; closed already is success.
    async fn close_pull(&self, repo: &RepoRef, number: u64) -> Result<(), ForgeError>;
    /// Takes a pull request out of draft; ready already is success.
    async fn mark_ready(&self, repo: &RepoRef, pull: &Pull) -> Result<(), ForgeError>;
    /// Merges exactly `head`. What the forge refuses is [`ForgeError::Refused`] in its own words.
    async fn merge_pull(&self, repo: &RepoRef, number: u64, head: &Sha) -> Result<Sha, ForgeError>;
}

/// Check runs of ours, results of others.
#[async_trait]
pub trait Checks: Send + Sync {
    /// Creates a check, or updates it where it was put before (`known`). Without `known`, checks of ours with this name on
    /// this commit are looked up first, so that there are never two; should there be more than one all the same, all of
    /// them are told. Returns what finds it again: the newest, which is the one that people see.
    async fn put_check(
        &self,
        repo: &RepoRef,
        known: Option<i64>,
        check: &CheckReport,
    ) -> Result<i64, ForgeError>;
    /// Every newest check run and status of others on `sha`, all pages; suites without runs are left out.
    async fn ci_results(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<CiResult>, ForgeError>;
    /// The last lines of what a job of [`CiResult::job`] printed; `None` where it printed nothing, or it is not there any
    /// more, or it is too long to be read.
    async fn job_log(&self, repo: &RepoRef, job: i64) -> Result<Option<String>, ForgeError>;
    /// Where checks of this commit belong now, as [`Checks::put_check`] returns it, for a forge whose checks may have to
    /// move; `None` where they stay, or belong nowhere yet.
    async fn check_home(&self, repo: &RepoRef, sha: &Sha) -> Result<Option<i64>, ForgeError>;
}

/// What an operator asks of a forge about the bot itself. No service that works for people needs it.
#[async_trait]
pub trait Operations: Send + Sync {
    /// The forge's own time, asked without credentials, so that it can be had when those are refused.
    async fn time(&self) -> Result<Moment, ForgeError>;
    /// The App as the forge knows it; that it answers means that it accepts our credentials.
    async fn app(&self) -> Result<AppFacts, ForgeError>;
    /// Where the App is installed; reads every page.
    async fn installations(&self) -> Result<Vec<Installation>, ForgeError>;
    /// Where deliveries go; `None` when they go nowhere.
    async fn hook(&self) -> Result<Option<Hook>, ForgeError>;
}

/// What an operator asks of a forge where each project has a webhook of its own.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// The project's webhook that goes to `url`.
    async fn hook_at(&self, repo: &RepoRef, url: &Url) -> Result<Option<ProjectHook>, ForgeError>;
}

/// A webhook of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectHook {
    pub id: i64,
    /// The forge sends it nothing, after failures.
    pub is_off: bool,
    /// What the bot reads and is not sent, as people see it named beside the hook.
    pub lacks: Vec<&'static str>,
    /// Whether the forge checks our certificate.
    pub checks_certificate: bool,
}

/// The App as the forge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppFacts {
    pub id: i64,
    pub slug: String,
    pub granted: Granted,
}

/// What the App may do and hears, in the forge's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// `contents` to `write`.
    pub permissions: BTreeMap<String, String>,
    pub events: Vec<String>,
}

/// One account that installed the App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub id: i64,
    pub account: String,
    /// Where the account's people see it.
    pub page: String,
    pub suspended: bool,
    pub granted: Granted,
}

/// Where and how the forge sends deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub url: String,
    /// `json` or `form`.
    pub content_type: String,
    /// Whether the forge checks our certificate.
    pub checks_certificate: bool,
}

/// The forge's own log of the webhooks that it sent to us.
#[async_trait]
pub trait DeliveryLog: Send + Sync {
    /// Every delivery of `since` and later that the log still has, oldest first, each once, however often it was tried.
    async fn deliveries(&self, since: Moment) -> Result<Vec<Logged>, ForgeError>;
    /// What was sent. It comes over the API, so nothing signs it, and its bytes need not be those that were sent.
    async fn body(&self, delivery: &Logged) -> Result<Vec<u8>, ForgeError>;
    /// Has it sent once more, under its old id.
    async fn send_again(&self, delivery: &Logged) -> Result<(), ForgeError>;
}

/// One webhook in the forge's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The log's own id of its newest try.
    pub id: i64,
    /// The same for every try, and in the webhook itself.
    pub guid: String,
    pub event: String,
    pub action: Option<String>,
    /// The forge's numeric id of the repository, if it is about one.
    pub repo: Option<i64>,
    /// When it was first tried, by the forge's clock.
    pub at: Moment,
    /// What was answered when it was taken, else to its newest try; the forge's stand-in when there was no answer.
    pub status: u16,
}

impl Logged {
    /// Somebody at our address took it.
    pub fn has_arrived(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The bot on this forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotIdentity {
    /// How people call it: `@slug`.
    pub slug: String,
    /// The account that its comments and commits carry.
    pub actor: Actor,
    /// The address for commits.
    pub email: String,
}

/// A repository as the forge sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub repo: RepoRef,
    pub default_branch: String,
    pub private: bool,
    pub archived: bool,
}

/// A credential that the operator gave and must renew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub name: String,
    pub scopes: Vec<String>,
    /// From then on it is no more accepted.
    pub expires: Option<Moment>,
}

/// What git may do with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GitRights {
    Read,
    Write,
}

/// An address without secrets, and the secret beside it.
#[derive(Debug, Clone)]
pub struct GitAccess {
    pub url: String,
    pub username: String,
    pub secret: SecretString,
}

/// Where a comment of ours goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub thread: Thread,
    /// The discussion of the thread to answer in, where the forge has such things; without one at the thread's end.
    pub discussion: Option<&'a str>,
}

impl From<Thread> for Place<'_> {
    fn from(thread: Thread) -> Self {
        Self { thread, discussion: None }
    }
}

/// A comment of ours: its number, and what else the forge needs to find it (GitHub's id for GraphQL, GitLab's thread).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentRef {
    pub id: i64,
    pub node_id: String,
}

/// The first post of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadHead {
    pub title: String,
    pub body: String,
    pub is_open: bool,
}

/// A draft pull request to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPull {
    pub head: String,
    pub base: String,
    pub title: String,
    pub body: String,
}

/// A pull request as the forge sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub number: u64,
    pub node_id: String,
    pub url: String,
    pub state: PullState,
    pub head: Sha,
    pub head_branch: String,
    pub base_branch: String,
    /// The head lives in another repository.
    pub from_fork: bool,
    pub merge_sha: Option<Sha>,
}

/// One check run as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    pub name: String,
    pub sha: Sha,
    /// The branch whose head it is or was.
    pub branch: String,
    pub colour: Colour,
    /// Ours: protocol, kind and generation, so that an event about the run finds its way back.
    pub external_id: String,
    pub details_url: String,
    pub title: String,
    pub summary: String,
    pub text: Option<String>,
    /// At most three; shown by the forge on completed runs only.
    pub buttons: Vec<Button>,
}

/// A button of a check run: at most 20, 40 and 20 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub label: &'static str,
    pub description: &'static str,
    pub identifier: String,
}
