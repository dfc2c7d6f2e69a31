//! What follows from a branch that moved, whoever moved it: webhooks, pull requests and CI.

use crate::sandbox::Host;
use crate::sandbox::events::Event;
use crate::sandbox::git::Bare;
use crate::sandbox::http::Moved;
use crate::sandbox::model::{Actor, Model, Pull, Repo};

/// In place of a commit where there is none.
pub(crate) const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// A branch or a tag before and after; `None` is "not there".
#[derive(Debug, Clone)]
pub(crate) struct RefChange {
    pub(crate) branch: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

impl Model {
    /// Brings the model up to what git now says and tells of it.
    pub(crate) fn refs_changed(&mut self, repo: u64, actor: &Actor, changes: &[RefChange]) {
        let now = self.now();
        if let Some(repo) = self.repo_mut(repo) {
            repo.pushed = now;
        }
        for change in changes {
            if let Some(to) = change.new.clone() {
                self.moves.push(Moved { to, from: change.old.clone(), at: now });
            }
            self.happened(repo, actor, Event::Pushed(change));
            match &change.new {
                None => self.close_pulls_of(repo, actor, &change.branch),
                Some(sha) => {
                    self.move_pulls(repo, actor, change, sha);
                    if self.host == Host::Github {
                        self.open_suites(repo, actor, change, sha);
                    }
                    self.ask_ci(repo, &change.branch, sha);
                }
            }
        }
    }

    /// Tells of tags that were pushed; nothing else follows from them.
    pub(crate) fn tags_changed(&mut self, repo: u64, actor: &Actor, tags: &[RefChange]) {
        for tag in tags {
            self.happened(repo, actor, Event::Tagged(tag));
        }
    }

    /// Numbers of the open pull requests for which `wanted` holds, in all repositories.
    fn open_pulls(&self, wanted: impl Fn(&Pull) -> bool) -> Vec<(u64, u64)> {
        let of_repo = |r: &Repo| {
            let open = r.issues.iter().filter(|i| i.open && i.pull.as_ref().is_some_and(&wanted));
            open.map(|i| (r.id, i.number)).collect::<Vec<_>>()
        };
        self.repos.iter().flat_map(of_repo).collect()
    }

    /// A deleted branch closes the pull requests that came from it or aimed at it.
    fn close_pulls_of(&mut self, repo: u64, actor: &Actor, branch: &str) {
        let ends =
            self.open_pulls(|p| [&p.head, &p.base].iter().any(|s| s.repo == repo && s.branch == branch));
        for (repo, number) in ends {
            self.close_thread(repo, number, actor);
        }
    }

    fn move_pulls(&mut self, repo: u64, actor: &Actor, change: &RefChange, sha: &str) {
        for at in self.open_pulls(|p| p.head.repo == repo && p.head.branch == change.branch) {
            self.synchronize(at, actor, sha);
        }
        for at in self.open_pulls(|p| p.base.repo == repo && p.base.branch == change.branch) {
            self.notice_merge_by_push(at, actor, sha);
        }
    }

    fn synchronize(&mut self, at: (u64, u64), actor: &Actor, sha: &str) {
        let now = self.now();
        let Some(issue) = self.issue_mut(at.0, at.1) else {
            return;
        };
        issue.updated = now;
        let Some(pull) = issue.pull.as_mut() else { return };
        let before = std::mem::replace(&mut pull.head.sha, sha.to_owned());
        let (head_repo, head_branch, base_branch) =
            (pull.head.repo, pull.head.branch.clone(), pull.base.branch.clone());
        let from = self.repo(head_repo).map(|r| r.dir.clone());
        if let Some(target) = self.repo(at.0) {
            let bare = Bare(&target.dir);
            if let Some(from) = from.filter(|_| head_repo != at.0) {
                // A fork whose commit cannot be copied shows as a pull request that cannot be merged.
                let _ = bare.fetch(&from, sha, &format!("refs/pull/heads/{sha}"));
            }
            let _ = bare.update_ref(&self.pull_ref(at, false), sha);
            let base_tip = bare.branch(&base_branch);
            if let (Some(tip), Some(pull)) =
                (base_tip, self.issue_mut(at.0, at.1).and_then(|i| i.pull.as_mut()))
            {
                pull.base.sha = tip;
            }
        }
        let change = RefChange { branch: head_branch, old: Some(before), new: Some(sha.to_owned()) };
        self.happened(at.0, actor, Event::Synchronized(at.1, &change));
    }

    /// A pull request counts as merged when its head has reached the base by a push.
    fn notice_merge_by_push(&mut self, at: (u64, u64), actor: &Actor, base_tip: &str) {
        let Some(pull) = self.issue(at.0, at.1).and_then(|i| i.pull.as_ref()) else {
            return;
        };
        let Some(repo) = self.repo(at.0) else { return };
        if Bare(&repo.dir).is_ancestor(&pull.head.sha, base_tip) {
            self.mark_merged(at, actor, base_tip);
        }
    }
}
