//! Pull requests: opened, made ready, edited, and really merged in the bare repository.

use super::threads::Text;
use super::{No, RefChange};
use crate::sandbox::events::{Edits, Event};
use crate::sandbox::git::{Bare, Signature};
use crate::sandbox::model::{Actor, Issue, Model, Pull, Repo, Side};
use crate::sandbox::{Host, gitlab};

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

impl Model {
    pub(crate) fn open_pull(&mut self, repo: u64, actor: &Actor, new: &NewPull<'_>) -> Result<u64, No> {
        let (head, base) = self.ends(repo, new)?;
        let dir = self.repo(repo).ok_or(No::Missing)?.dir.clone();
        let bare = Bare(&dir);
        if head.repo != repo {
            let from = self.repo(head.repo).ok_or(No::Missing)?.dir.clone();
            bare.fetch(&from, &head.sha, &format!("refs/pull/heads/{}", head.sha))?;
        }
        if bare.commits(&base.sha, &head.sha).is_empty() {
            return Err(No::NothingToMerge { base: base.branch, head: head.branch });
        }
        let (id, pull_id) = (self.next_id("issue"), self.next_id("pull"));
        let title = match self.host {
            Host::Gitlab if new.draft => gitlab::as_draft(new.title),
            Host::Gitlab | Host::Github => new.title.to_owned(),
        };
        let text = Text { id, title: &title, body: new.body };
        let number = self.add_thread(repo, actor, text).ok_or(No::Missing)?;
        let pull_ref = self.pull_ref((repo, number), true);
        bare.update_ref(&pull_ref, &head.sha)?;
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
        self.happened(repo, actor, Event::Opened(number));
        self.ask_ci(repo, &ci.0, &ci.1);
        Ok(number)
    }

    /// Finds both ends of a new pull request.
    fn ends(&self, repo: u64, new: &NewPull<'_>) -> Result<(Side, Side), No> {
        let target = self.repo(repo).ok_or(No::Missing)?;
        let (owner, branch) = new.head.split_once(':').unwrap_or((&target.owner, new.head));
        let is_family =
            |r: &&Repo| r.owner.eq_ignore_ascii_case(owner) && (r.id == repo || r.fork_of == Some(repo));
        let no_head = || No::HeadMissing(branch.to_owned());
        let source = self.repos.iter().find(is_family).ok_or_else(no_head)?;
        let head_sha = Bare(&source.dir).branch(branch).ok_or_else(no_head)?;
        let base_sha =
            Bare(&target.dir).branch(new.base).ok_or_else(|| No::BaseMissing(new.base.to_owned()))?;
        if source.id == repo && branch == new.base {
            return Err(No::NothingToMerge { base: new.base.to_owned(), head: branch.to_owned() });
        }
        let same =
            |p: &Pull| p.head.repo == source.id && p.head.branch == branch && p.base.branch == new.base;
        let twice = target.issues.iter().find(|i| i.open && i.pull.as_ref().is_some_and(same));
        if let Some(Issue { number, .. }) = twice {
            let owner = source.owner.clone();
            return Err(No::Again { owner, branch: branch.to_owned(), number: *number });
        }
        let head = Side { repo: source.id, branch: branch.to_owned(), sha: head_sha };
        Ok((head, Side { repo, branch: new.base.to_owned(), sha: base_sha }))
    }

    pub(crate) fn set_draft(&mut self, at: (u64, u64), actor: &Actor, draft: bool) {
        let host = self.host;
        let Some(issue) = self.issue_mut(at.0, at.1) else { return };
        if host == Host::Gitlab {
            let title = if draft { gitlab::as_draft(&issue.title) } else { gitlab::as_ready(&issue.title) };
            let change = PullChange { title: Some(title), ..PullChange::default() };
            // Only a new target could be refused.
            let _ = self.edit_pull(at, actor, change);
            return;
        }
        let Some(pull) = issue.pull.as_mut() else { return };
        if std::mem::replace(&mut pull.draft, draft) != draft {
            self.happened(at.0, actor, Event::Drafted(at.1));
        }
    }

    pub(crate) fn edit_pull(&mut self, at: (u64, u64), actor: &Actor, change: PullChange) -> Result<(), No> {
        let (repo, number) = at;
        let base_sha = match &change.base {
            None => None,
            Some(base) => {
                let dir = &self.repo(repo).ok_or(No::Missing)?.dir;
                Some(Bare(dir).branch(base).ok_or_else(|| No::BaseMissing(base.clone()))?)
            }
        };
        let (now, host) = (self.now(), self.host);
        let issue = self.issue_mut(repo, number).ok_or(No::Missing)?;
        let mut edits: Edits = issue.reword(change.title, change.body);
        if let (Host::Gitlab, Some(pull)) = (host, issue.pull.as_mut()) {
            pull.draft = gitlab::is_draft(&issue.title);
        }
        if let (Some(branch), Some(sha), Some(pull)) = (change.base, base_sha, issue.pull.as_mut())
            && branch != pull.base.branch
        {
            let before = std::mem::replace(&mut pull.base, Side { repo, branch, sha });
            edits.base = Some((before.branch, before.sha));
        }
        if !edits.is_empty() {
            issue.updated = now;
            self.happened(repo, actor, Event::Edited(number, &edits));
        }
        Ok(())
    }

    /// Merges a pull request in git and closes it. Returns the new tip of the base branch.
    pub(crate) fn merge_pull(
        &mut self,
        at: (u64, u64),
        actor: &Actor,
        order: &MergeOrder,
    ) -> Result<String, No> {
        let (repo, number) = at;
        let dir = self.repo(repo).ok_or(No::Missing)?.dir.clone();
        let bare = Bare(&dir);
        let (head, base) = self.mergeable_ends(at, order)?;
        let base_tip = bare.branch(&base.branch).ok_or(No::Conflict)?;
        let sha = self.merge_in_git(&bare, at, actor, (&base_tip, &head.sha, order))?;
        bare.update_ref(&format!("refs/heads/{}", base.branch), &sha)?;
        self.mark_merged((repo, number), actor, &sha);
        let change = RefChange { branch: base.branch, old: Some(base_tip), new: Some(sha.clone()) };
        self.refs_changed(repo, actor, &[change]);
        Ok(sha)
    }

    fn mergeable_ends(&self, (repo, number): (u64, u64), order: &MergeOrder) -> Result<(Side, Side), No> {
        let issue = self.issue(repo, number).ok_or(No::Missing)?;
        let pull = issue.pull.as_ref().ok_or(No::Missing)?;
        if pull.draft {
            return Err(No::Draft);
        }
        if !issue.open {
            return Err(No::NotOpen);
        }
        if order.expected.as_ref().is_some_and(|sha| *sha != pull.head.sha) {
            return Err(No::HeadMoved);
        }
        Ok((pull.head.clone(), pull.base.clone()))
    }

    fn merge_in_git(
        &self,
        bare: &Bare<'_>,
        (repo, number): (u64, u64),
        actor: &Actor,
        (base, head, order): (&str, &str, &MergeOrder),
    ) -> Result<String, No> {
        let issue = self.issue(repo, number).ok_or(No::Missing)?;
        let pull = issue.pull.as_ref().ok_or(No::Missing)?;
        let tree = bare.merged_tree(base, head, None).ok_or(No::Conflict)?;
        let who = self.signature(&actor.login);
        let title = |usual: String| order.title.clone().unwrap_or(usual);
        let text = |title: String, usual: &str| {
            let rest = order.message.as_deref().unwrap_or(usual);
            if rest.is_empty() { title } else { format!("{title}\n\n{rest}") }
        };
        let sha = match order.method {
            MergeMethod::Merge => {
                let usual = self.merge_title(number, pull);
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
        self.happened(at.0, actor, Event::Merged(at.1));
    }

    /// Where git has the head of a pull request. One that is only being opened is not counted among them yet.
    pub(super) fn pull_ref(&self, (repo, number): (u64, u64), is_new: bool) -> String {
        if self.host == Host::Github {
            return format!("refs/pull/{number}/head");
        }
        let before = self
            .repo(repo)
            .map_or(0, |r| r.issues.iter().filter(|i| i.number <= number && i.pull.is_some()).count());
        format!("refs/merge-requests/{}/head", before + usize::from(is_new))
    }

    fn merge_title(&self, number: u64, pull: &Pull) -> String {
        let (head, base) = (&pull.head.branch, &pull.base.branch);
        let owner = self.repo(pull.head.repo).map_or("unknown", |r| r.owner.as_str());
        match self.host {
            Host::Github => format!("Merge pull request #{number} from {owner}/{head}"),
            Host::Gitlab => format!("Merge branch '{head}' into '{base}'"),
        }
    }

    /// How `login` signs commits now.
    pub(crate) fn signature(&self, login: &str) -> Signature {
        let email = format!("{login}@users.noreply.github.com");
        Signature { name: login.to_owned(), email, at: self.now().div_euclid(1000) }
    }
}

/// Writes each commit of `head` again on top of `base`, keeping its author.
fn rebase(bare: &Bare<'_>, base: &str, head: &str, committer: &Signature) -> Result<String, No> {
    let mut tip = base.to_owned();
    for commit in bare.commits(base, head) {
        let [parent] = commit.parents.as_slice() else {
            return Err(No::Unrebasable);
        };
        let tree = bare.merged_tree(&tip, &commit.sha, Some(parent)).ok_or(No::Conflict)?;
        let (name, email) = commit.author;
        let author = Signature { name, email, at: committer.at };
        tip = bare.write_commit(&tree, &[&tip], &commit.message, [&author, committer])?;
    }
    Ok(tip)
}
