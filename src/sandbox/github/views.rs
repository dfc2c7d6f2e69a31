//! What one can see from outside: threads, checks, branches, and the log of requests.

use super::Twin;
use super::git::Bare;
use super::hooks::Delivery;
use super::model::{CheckConclusion, CheckStatus, Comment, Issue, Model, Reaction, Run};
use super::people::SandboxError;
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
    /// The operation of GitHub's published description, `git/push`, `git/fetch`, `graphql`; empty for pages.
    pub operation: String,
    pub app: Option<u64>,
    pub login: Option<String>,
    /// The JSON that was sent; null if it was none.
    pub body: Value,
}

/// A webhook that waits to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingHook {
    pub guid: String,
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
            app: delivery.app,
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

    /// The check runs on a commit, oldest first.
    pub fn checks(&self, repo: &str, sha: &str) -> Result<Vec<CheckView>, SandboxError> {
        let model = self.model();
        let id = model.place(repo)?.id;
        let here = model.runs.iter().filter(|r| r.repo == id && r.sha == sha);
        Ok(here.map(|r| check_view(&model, r)).collect())
    }

    /// The commit statuses of a commit, oldest first, superseded ones included.
    pub fn statuses(&self, repo: &str, sha: &str) -> Result<Vec<StatusView>, SandboxError> {
        let model = self.model();
        let id = model.place(repo)?.id;
        let here = model.statuses.iter().filter(|s| s.repo == id && s.sha == sha);
        let view = |s: &super::model::CommitStatus| StatusView {
            context: s.context.clone(),
            state: s.state.clone(),
            description: s.description.clone(),
            creator: s.creator.clone(),
        };
        Ok(here.map(view).collect())
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

fn check_view(model: &Model, run: &Run) -> CheckView {
    CheckView {
        id: run.id,
        suite: run.suite,
        app: run.app,
        app_slug: model.app(run.app).map(|a| a.slug.clone()).unwrap_or_default(),
        sha: run.sha.clone(),
        name: run.name.clone(),
        external_id: run.external_id.clone(),
        details_url: run.details_url.clone(),
        status: run.status,
        conclusion: run.conclusion,
        title: run.title.clone(),
        summary: run.summary.clone(),
        text: run.text.clone(),
        annotations: run.annotations.clone(),
        actions: run.actions.clone(),
    }
}
