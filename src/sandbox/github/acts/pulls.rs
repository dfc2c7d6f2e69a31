//! Pull requests: opened, made ready, edited, and really merged in the bare repository.

use super::threads::Text;
use super::{RefChange, Refused};
use crate::sandbox::github::git::{Bare, Signature};
use crate::sandbox::github::hooks::About;
use crate::sandbox::github::json::extend;
use crate::sandbox::github::model::{Actor, Model, Pull, Side};
use crate::sandbox::github::people::SandboxError;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(crate) struct NewPull<'a> {
    pub(crate) title: &'a str,
    pub(crate) body: &'a str,
    /// `branch`, or `owner:branch` for a fork.
    pub(crate) head: &'a str,
    pub(crate) base: &'a str,
    pub(crate) draft: bool,
}

#[derive(Debug, Default)]
pub(crate) struct PullChange {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) base: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeMethod {
    Merge,
    Squash,
    Rebase,
}

#[derive(Debug)]
pub(crate) struct MergeOrder {
    pub(crate) method: MergeMethod,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
    /// The head that the asker has seen.
    pub(crate) expected: Option<String>,
}

impl From<SandboxError> for Refused {
    fn from(error: SandboxError) -> Self {
        Refused::new(500, error.to_string())
    }
}

impl Model {
    pub(crate) fn open_pull(&mut self, repo: u64, actor: &Actor, new: &NewPull<'_>) -> Result<u64, Refused> {
        let (head, base) = self.ends(repo, new)?;
        let dir = self.repo(repo).ok_or_else(Refused::missing)?.dir.clone();
        let bare = Bare(&dir);
        if head.repo != repo {
            let from = self.repo(head.repo).ok_or_else(Refused::missing)?.dir.clone();
            bare.fetch(&from, &head.sha, &format!("refs/pull/heads/{}", head.sha))?;
        }
        if bare.commits(&base.sha, &head.sha).is_empty() {
            let why = format!("No commits between {} and {}", base.branch, head.branch);
            return Err(Refused::invalid("PullRequest", "head", "custom", why));
        }
        let (id, pull_id) = (self.next_id("issue"), self.next_id("pull"));
        let text = Text { id, title: new.title, body: new.body };
        let number = self.add_thread(repo, actor, text).ok_or_else(Refused::missing)?;
        bare.update_ref(&format!("refs/pull/{number}/head"), &head.sha)?;
        let pull = Pull {
            id: pull_id,
            head,
            base,
            draft: new.draft,
            merged: None,
            merged_by: None,
            merge_sha: None,
        };
        let ci = (pull.head.branch.clone(), pull.head.sha.clone());
        if let Some(issue) = self.issue_mut(repo, number) {
            issue.pull = Some(pull);
        }
        self.fire_pull("opened", (repo, number), actor, &json!({}));
        self.ask_ci(repo, &ci.0, &ci.1);
        Ok(number)
    }

    /// Finds both ends of a new pull request, or says what GitHub says.
    fn ends(&self, repo: u64, new: &NewPull<'_>) -> Result<(Side, Side), Refused> {
        let target = self.repo(repo).ok_or_else(Refused::missing)?;
        let invalid = |field: &str| Refused::invalid("PullRequest", field, "invalid", "");
        let (owner, branch) = new.head.split_once(':').unwrap_or((&target.owner, new.head));
        let is_family = |r: &&crate::sandbox::github::model::Repo| {
            r.owner.eq_ignore_ascii_case(owner) && (r.id == repo || r.fork_of == Some(repo))
        };
        let source = self.repos.iter().find(is_family).ok_or_else(|| invalid("head"))?;
        let head_sha = Bare(&source.dir).branch(branch).ok_or_else(|| invalid("head"))?;
        let base_sha = Bare(&target.dir).branch(new.base).ok_or_else(|| invalid("base"))?;
        if source.id == repo && branch == new.base {
            let why = format!("No commits between {} and {branch}", new.base);
            return Err(Refused::invalid("PullRequest", "head", "custom", why));
        }
        let same =
            |p: &Pull| p.head.repo == source.id && p.head.branch == branch && p.base.branch == new.base;
        if target.issues.iter().any(|i| i.open && i.pull.as_ref().is_some_and(same)) {
            let why = format!("A pull request already exists for {}:{branch}.", source.owner);
            return Err(Refused::invalid("PullRequest", "", "custom", why));
        }
        let head = Side { repo: source.id, branch: branch.to_owned(), sha: head_sha };
        Ok((head, Side { repo, branch: new.base.to_owned(), sha: base_sha }))
    }

    pub(crate) fn pull_hook_json(&self, (repo, number): (u64, u64)) -> Option<Value> {
        let issue = self.issue(repo, number)?;
        Some(self.pull_json(self.repo(repo)?, issue, issue.pull.as_ref()?))
    }

    pub(crate) fn fire_pull(&mut self, action: &str, at: (u64, u64), actor: &Actor, more: &Value) {
        let Some(pull) = self.pull_hook_json(at) else {
            return;
        };
        let mut body = json!({ "number": at.1, "pull_request": pull });
        extend(&mut body, more.clone());
        self.fire("pull_request", Some(action), About::all(at.0, actor), &body);
    }

    pub(crate) fn mark_ready(&mut self, at: (u64, u64), actor: &Actor) {
        let Some(pull) = self.issue_mut(at.0, at.1).and_then(|i| i.pull.as_mut()) else {
            return;
        };
        if std::mem::replace(&mut pull.draft, false) {
            self.fire_pull("ready_for_review", at, actor, &json!({}));
        }
    }

    pub(crate) fn edit_pull(
        &mut self,
        at: (u64, u64),
        actor: &Actor,
        change: PullChange,
    ) -> Result<(), Refused> {
        let (repo, number) = at;
        let base_sha = match &change.base {
            None => None,
            Some(base) => {
                let dir = &self.repo(repo).ok_or_else(Refused::missing)?.dir;
                let invalid = || Refused::invalid("PullRequest", "base", "invalid", "");
                Some(Bare(dir).branch(base).ok_or_else(invalid)?)
            }
        };
        let now = self.now();
        let issue = self.issue_mut(repo, number).ok_or_else(Refused::missing)?;
        let mut changes = json!({});
        if let Some(title) = change.title.filter(|t| *t != issue.title) {
            changes["title"] = json!({ "from": std::mem::replace(&mut issue.title, title) });
        }
        if let Some(body) = change.body.filter(|b| *b != issue.body) {
            changes["body"] = json!({ "from": std::mem::replace(&mut issue.body, body) });
        }
        if let (Some(base), Some(sha), Some(pull)) = (change.base, base_sha, issue.pull.as_mut())
            && base != pull.base.branch
        {
            let from = json!({ "ref": { "from": pull.base.branch }, "sha": { "from": pull.base.sha } });
            changes["base"] = from;
            pull.base = Side { repo, branch: base, sha };
        }
        if changes.as_object().is_some_and(|c| !c.is_empty()) {
            issue.updated = now;
            self.fire_pull("edited", at, actor, &json!({ "changes": changes }));
        }
        Ok(())
    }

    /// Merges a pull request in git and closes it. Returns the new tip of the base branch.
    pub(crate) fn merge_pull(
        &mut self,
        at: (u64, u64),
        actor: &Actor,
        order: &MergeOrder,
    ) -> Result<String, Refused> {
        let (repo, number) = at;
        let dir = self.repo(repo).ok_or_else(Refused::missing)?.dir.clone();
        let bare = Bare(&dir);
        let (head, base) = self.mergeable_ends(at, order)?;
        let base_tip = bare.branch(&base.branch).ok_or_else(not_mergeable)?;
        let sha = self.merge_in_git(&bare, at, actor, (&base_tip, &head.sha, order))?;
        bare.update_ref(&format!("refs/heads/{}", base.branch), &sha)?;
        self.mark_merged((repo, number), actor, &sha);
        let change = RefChange { branch: base.branch, old: Some(base_tip), new: Some(sha.clone()) };
        self.refs_changed(repo, actor, &[change]);
        Ok(sha)
    }

    fn mergeable_ends(
        &self,
        (repo, number): (u64, u64),
        order: &MergeOrder,
    ) -> Result<(Side, Side), Refused> {
        let issue = self.issue(repo, number).ok_or_else(Refused::missing)?;
        let pull = issue.pull.as_ref().ok_or_else(Refused::missing)?;
        if pull.draft {
            return Err(Refused::new(405, "Pull Request is still a draft"));
        }
        if !issue.open {
            return Err(not_mergeable());
        }
        if order.expected.as_ref().is_some_and(|sha| *sha != pull.head.sha) {
            return Err(Refused::new(409, "Head branch was modified. Review and try the merge again."));
        }
        Ok((pull.head.clone(), pull.base.clone()))
    }

    fn merge_in_git(
        &self,
        bare: &Bare<'_>,
        (repo, number): (u64, u64),
        actor: &Actor,
        (base, head, order): (&str, &str, &MergeOrder),
    ) -> Result<String, Refused> {
        let issue = self.issue(repo, number).ok_or_else(Refused::missing)?;
        let pull = issue.pull.as_ref().ok_or_else(Refused::missing)?;
        let tree = bare.merged_tree(base, head, None).ok_or_else(not_mergeable)?;
        let who = self.signature(&actor.login);
        let title = |usual: String| order.title.clone().unwrap_or(usual);
        let text = |title: String, usual: &str| {
            let rest = order.message.as_deref().unwrap_or(usual);
            if rest.is_empty() { title } else { format!("{title}\n\n{rest}") }
        };
        let sha = match order.method {
            MergeMethod::Merge => {
                let owner = self.repo(pull.head.repo).map_or("unknown", |r| r.owner.as_str());
                let usual = format!("Merge pull request #{number} from {owner}/{}", pull.head.branch);
                bare.write_commit(&tree, &[base, head], &text(title(usual), &issue.title), [&who, &who])?
            }
            MergeMethod::Squash => {
                let usual = format!("{} (#{number})", issue.title);
                bare.write_commit(&tree, &[base], &text(title(usual), ""), [&who, &who])?
            }
            MergeMethod::Rebase => rebase(bare, base, head, &who)?,
        };
        Ok(sha)
    }

    pub(super) fn mark_merged(&mut self, at: (u64, u64), actor: &Actor, sha: &str) {
        let now = self.now();
        let Some(issue) = self.issue_mut(at.0, at.1) else {
            return;
        };
        issue.open = false;
        issue.closed = Some(now);
        issue.updated = now;
        if let Some(pull) = issue.pull.as_mut() {
            pull.merged = Some(now);
            pull.merged_by = Some(actor.login.clone());
            pull.merge_sha = Some(sha.to_owned());
        }
        self.fire_pull("closed", at, actor, &json!({}));
    }

    /// How `login` signs commits now.
    pub(crate) fn signature(&self, login: &str) -> Signature {
        let email = format!("{login}@users.noreply.github.com");
        Signature { name: login.to_owned(), email, at: self.now().div_euclid(1000) }
    }
}

fn not_mergeable() -> Refused {
    Refused::new(405, "Pull Request is not mergeable")
}

/// Writes each commit of `head` again on top of `base`, keeping its author.
fn rebase(bare: &Bare<'_>, base: &str, head: &str, committer: &Signature) -> Result<String, Refused> {
    let mut tip = base.to_owned();
    for commit in bare.commits(base, head) {
        let [parent] = commit.parents.as_slice() else {
            return Err(Refused::new(405, "This branch can't be rebased"));
        };
        let tree = bare.merged_tree(&tip, &commit.sha, Some(parent)).ok_or_else(not_mergeable)?;
        let (name, email) = commit.author;
        let author = Signature { name, email, at: committer.at };
        tip = bare.write_commit(&tree, &[&tip], &commit.message, [&author, committer])?;
    }
    Ok(tip)
}
