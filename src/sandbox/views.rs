//! What one can see from outside: threads, checks, branches, and the log of requests.

use super::git::Bare;
use super::hooks::Delivery;
use super::model::{CheckConclusion, CheckStatus, Comment, Issue, Model, Reaction};
use super::people::SandboxError;
use super::{Host, Twin};
use serde_json::Value;

/// A commit of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitView {
    pub sha: String,
    pub author: String,
    pub message: String,
}

/// One request that the twin answered, whoever asked.
#[derive(Debug, Clone)]
pub struct RequestView {
    pub method: String,
    pub path: String,
    pub query: String,
    pub status: u16,
    /// The operation of the host's published description, `git/push`, `git/fetch`, `graphql`; empty for pages.
    pub operation: String,
    pub app: Option<u64>,
    pub login: Option<String>,
    /// The JSON that was sent, or a form as an object of texts; null if it was neither.
    pub body: Value,
}

/// A webhook that waits to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingHook {
    pub guid: String,
    /// The App that hears it, or the hook on GitLab.
    pub app: u64,
    pub event: String,
    pub action: Option<String>,
    /// The exact bytes that will be posted.
    pub body: Vec<u8>,
}

impl PendingHook {
    pub(crate) fn of(delivery: &Delivery) -> Self {
        Self {
            guid: delivery.guid.clone(),
            app: delivery.receiver,
            event: delivery.event.clone(),
            action: delivery.action.clone(),
            body: delivery.body.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionView {
    pub author: String,
    pub content: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentView {
    pub id: u64,
    pub author: String,
    pub body: String,
    /// How often it was edited.
    pub edits: u32,
    /// The classifier it was hidden with, such as `OUTDATED`.
    pub minimized: Option<String>,
    pub reactions: Vec<ReactionView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullView {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub author: String,
    pub open: bool,
    pub draft: bool,
    pub merged: bool,
    pub merged_by: Option<String>,
    pub head: String,
    pub head_sha: String,
    pub base: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CheckView {
    pub id: u64,
    pub suite: u64,
    pub app: u64,
    pub app_slug: String,
    pub sha: String,
    pub name: String,
    pub external_id: String,
    pub details_url: Option<String>,
    pub status: CheckStatus,
    pub conclusion: Option<CheckConclusion>,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub text: Option<String>,
    pub annotations: Vec<Value>,
    pub actions: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusView {
    pub context: String,
    pub state: String,
    pub description: Option<String>,
    pub creator: String,
}

impl Twin {
    /// The comments of an issue or pull request, oldest first.
    pub fn thread(&self, repo: &str, number: u64) -> Result<Vec<CommentView>, SandboxError> {
        self.with_issue(repo, number, |issue| issue.comments.iter().map(comment_view).collect())
    }

    /// The reactions on the issue or pull request itself.
    pub fn reactions(&self, repo: &str, number: u64) -> Result<Vec<ReactionView>, SandboxError> {
        self.with_issue(repo, number, |issue| issue.reactions.iter().map(reaction_view).collect())
    }

    pub fn is_open(&self, repo: &str, number: u64) -> Result<bool, SandboxError> {
        self.with_issue(repo, number, |issue| issue.open)
    }

    fn with_issue<T>(
        &self,
        repo: &str,
        number: u64,
        see: impl FnOnce(&Issue) -> T,
    ) -> Result<T, SandboxError> {
        let model = self.model();
        let id = model.place(repo)?.id;
        let issue = model.issue(id, number);
        issue.map(see).ok_or_else(|| SandboxError::Unknown(format!("thread {number} in {repo}")))
    }

    pub fn pull(&self, repo: &str, number: u64) -> Result<PullView, SandboxError> {
        let pull = self.with_issue(repo, number, pull_view)?;
        pull.ok_or_else(|| SandboxError::Unknown(format!("pull request {number} in {repo}")))
    }

    /// All pull requests of a repository, oldest first.
    pub fn pulls(&self, repo: &str) -> Result<Vec<PullView>, SandboxError> {
        Ok(self.model().place(repo)?.issues.iter().filter_map(pull_view).collect())
    }

    /// The checks on a commit, oldest first: check runs on GitHub, jobs and statuses from outside on GitLab.
    pub fn checks(&self, repo: &str, sha: &str) -> Result<Vec<CheckView>, SandboxError> {
        let model = self.model();
        let id = model.place(repo)?.id;
        Ok(model.checks_of(id, sha))
    }

    /// The commit statuses of a commit, oldest first, superseded ones included.
    pub fn statuses(&self, repo: &str, sha: &str) -> Result<Vec<StatusView>, SandboxError> {
        let model = self.model();
        let id = model.place(repo)?.id;
        Ok(match model.host {
            Host::Github => model.statuses_by_apps(id, sha),
            Host::Gitlab => model.statuses_from_outside(id, sha),
        })
    }

    /// How people write a thread: `#2`, or `!1` for a merge request on GitLab, which counts those apart.
    pub fn shown(&self, repo: &str, number: u64) -> Result<String, SandboxError> {
        let model = self.model();
        let id = model.place(repo)?.id;
        let sign = |issue: &Issue| match (model.host, &issue.pull) {
            (Host::Gitlab, Some(_)) => '!',
            _ => '#',
        };
        let sign = model.issue(id, number).map(sign);
        let sign = sign.ok_or_else(|| SandboxError::Unknown(format!("thread {number} in {repo}")))?;
        Ok(format!("{sign}{}", model.shown_number(id, number)))
    }

    /// The thread that people write as `shown`.
    pub fn thread_called(&self, repo: &str, shown: &str) -> Result<u64, SandboxError> {
        let threads = self.model().place(repo)?.issues.len() as u64;
        for number in 1..=threads {
            if self.shown(repo, number)? == shown {
                return Ok(number);
            }
        }
        Err(SandboxError::Unknown(format!("thread {shown} in {repo}")))
    }

    /// The commit at the tip of a branch.
    pub fn branch_head(&self, repo: &str, branch: &str) -> Result<Option<String>, SandboxError> {
        Ok(Bare(&self.model().place(repo)?.dir).branch(branch))
    }

    /// The branches of a repository.
    pub fn branches(&self, repo: &str) -> Result<Vec<String>, SandboxError> {
        Ok(Bare(&self.model().place(repo)?.dir).branches().into_keys().collect())
    }

    /// A file at the tip of a branch.
    pub fn file(&self, repo: &str, branch: &str, path: &str) -> Result<Option<Vec<u8>>, SandboxError> {
        let model = self.model();
        let bare = Bare(&model.place(repo)?.dir);
        let entries = bare.branch(branch).map(|sha| bare.entries(&sha, path)).unwrap_or_default();
        Ok(entries.iter().find(|e| e[3] == path && e[1] == "blob").and_then(|e| bare.blob(&e[2])))
    }

    /// Messages of the commits on `branch` that are not on `base`, oldest first.
    pub fn commits(&self, repo: &str, base: &str, branch: &str) -> Result<Vec<String>, SandboxError> {
        Ok(self.history(repo, base, branch)?.into_iter().map(|commit| commit.message).collect())
    }

    /// The commits on `branch` that are not on `base`, oldest first.
    pub fn history(&self, repo: &str, base: &str, branch: &str) -> Result<Vec<CommitView>, SandboxError> {
        let model = self.model();
        let bare = Bare(&model.place(repo)?.dir);
        let ends = bare.branch(base).zip(bare.branch(branch));
        let commits = ends.map(|(base, head)| bare.commits(&base, &head)).unwrap_or_default();
        let view =
            |c: super::git::CommitFacts| CommitView { sha: c.sha, author: c.author.0, message: c.message };
        Ok(commits.into_iter().map(view).collect())
    }

    /// Every request so far, in the order it was answered.
    pub fn requests(&self) -> Vec<RequestView> {
        self.model().requests.clone()
    }
}

fn reaction_view(reaction: &Reaction) -> ReactionView {
    ReactionView { author: reaction.author.clone(), content: reaction.content.clone() }
}

fn comment_view(comment: &Comment) -> CommentView {
    CommentView {
        id: comment.id,
        author: comment.author.clone(),
        body: comment.body.clone(),
        edits: comment.edits,
        minimized: comment.minimized.clone(),
        reactions: comment.reactions.iter().map(reaction_view).collect(),
    }
}

fn pull_view(issue: &Issue) -> Option<PullView> {
    let pull = issue.pull.as_ref()?;
    Some(PullView {
        number: issue.number,
        title: issue.title.clone(),
        body: issue.body.clone(),
        author: issue.author.clone(),
        open: issue.open,
        draft: pull.draft,
        merged: pull.merged.is_some(),
        merged_by: pull.merged_by.clone(),
        head: pull.head.branch.clone(),
        head_sha: pull.head.sha.clone(),
        base: pull.base.branch.clone(),
    })
}

impl Model {
    pub(crate) fn checks_of(&self, repo: u64, sha: &str) -> Vec<CheckView> {
        match self.host {
            Host::Github => self.runs_of(repo, sha),
            Host::Gitlab => self.jobs_of(repo, sha),
        }
    }

    /// The check run or job with this id.
    pub(crate) fn check(&self, repo: u64, id: u64) -> Option<CheckView> {
        match self.host {
            Host::Github => self.run(id).filter(|r| r.repo == repo).map(|run| self.run_view(run)),
            Host::Gitlab => self.job(id).filter(|j| j.repo == repo).map(|job| self.job_view(job)),
        }
    }

    /// The number under which the host shows a thread. GitLab counts issues and merge requests apart.
    pub(crate) fn shown_number(&self, repo: u64, number: u64) -> u64 {
        let Some(found) = self.repo(repo).filter(|_| self.host == Host::Gitlab) else {
            return number;
        };
        let is_pull = found.issues.iter().find(|i| i.number == number).is_some_and(|i| i.pull.is_some());
        let before = found.issues.iter().filter(|i| i.number <= number && i.pull.is_some() == is_pull);
        before.count() as u64
    }
}
