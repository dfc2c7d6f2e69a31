//! What follows from a branch that moved, whoever moved it: pull requests, suites, CI and webhooks.

use crate::sandbox::github::git::Bare;
use crate::sandbox::github::hooks::About;
use crate::sandbox::github::http::Moved;
use crate::sandbox::github::json::commit_json;
use crate::sandbox::github::model::{Access, Actor, Model};
use serde_json::{Value, json};

const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// A branch before and after; `None` is "not there".
#[derive(Debug, Clone)]
pub(crate) struct RefChange {
    pub(crate) branch: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

impl Model {
    /// Brings the model up to what git now says and fires what GitHub would.
    pub(crate) fn refs_changed(&mut self, repo: u64, actor: &Actor, changes: &[RefChange]) {
        let now = self.now();
        if let Some(repo) = self.repo_mut(repo) {
            repo.pushed = now;
        }
        for change in changes {
            if let Some(to) = change.new.clone() {
                self.moves.push(Moved { to, from: change.old.clone(), at: now });
            }
            self.fire_ref(repo, actor, change);
            self.fire_push(repo, actor, change);
            match &change.new {
                None => self.close_pulls_of(repo, actor, &change.branch),
                Some(sha) => {
                    self.move_pulls(repo, actor, change, sha);
                    self.open_suites(repo, actor, change, sha);
                    self.ask_ci(repo, &change.branch, sha);
                }
            }
        }
    }

    fn fire_ref(&mut self, repo: u64, actor: &Actor, change: &RefChange) {
        let event = match (&change.old, &change.new) {
            (None, Some(_)) => "create",
            (Some(_), None) => "delete",
            _ => return,
        };
        let mut body = json!({ "ref": change.branch, "ref_type": "branch", "pusher_type": "user" });
        if event == "create" {
            body["master_branch"] = json!(self.repo(repo).map(|r| r.default_branch.clone()));
            body["description"] = Value::Null;
        }
        self.fire(event, None, About::all(repo, actor), &body);
    }

    fn fire_push(&mut self, repo: u64, actor: &Actor, change: &RefChange) {
        let Some(body) = self.push_body(repo, actor, change) else {
            return;
        };
        self.fire("push", None, About::all(repo, actor), &body);
    }

    /// The payload lists at most 2,048 commits on GitHub; 20 are enough for us.
    fn push_body(&self, repo: u64, actor: &Actor, change: &RefChange) -> Option<Value> {
        let repo = self.repo(repo)?;
        let bare = Bare(&repo.dir);
        let html = format!("{}/{}", self.site.url, repo.full_name());
        let known = change.old.clone().or_else(|| bare.branch(&repo.default_branch));
        let commits = match (&known, &change.new) {
            (Some(old), Some(new)) => bare.commits(old, new),
            _ => Vec::new(),
        };
        let shown: Vec<Value> = commits.iter().take(20).map(|c| commit_json(&bare, &html, c)).collect();
        let head =
            change.new.as_deref().and_then(|sha| bare.commit(sha)).map(|c| commit_json(&bare, &html, &c));
        let forced = match (&change.old, &change.new) {
            (Some(old), Some(new)) => !bare.is_ancestor(old, new),
            _ => false,
        };
        let before = change.old.as_deref().unwrap_or(NO_COMMIT);
        let after = change.new.as_deref().unwrap_or(NO_COMMIT);
        Some(json!({
            "ref": format!("refs/heads/{}", change.branch),
            "before": before,
            "after": after,
            "pusher": { "name": actor.login, "email": format!("{}@users.noreply.github.com", actor.login) },
            "created": change.old.is_none(),
            "deleted": change.new.is_none(),
            "forced": forced,
            "base_ref": null,
            "compare": format!("{html}/compare/{before}...{after}"),
            "commits": shown,
            "head_commit": head,
        }))
    }

    /// Numbers of the open pull requests for which `wanted` holds, in all repositories.
    fn open_pulls(&self, wanted: impl Fn(&crate::sandbox::github::model::Pull) -> bool) -> Vec<(u64, u64)> {
        let of_repo = |r: &crate::sandbox::github::model::Repo| {
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
        let (head_repo, base_branch) = (pull.head.repo, pull.base.branch.clone());
        let from = self.repo(head_repo).map(|r| r.dir.clone());
        if let Some(target) = self.repo(at.0) {
            let bare = Bare(&target.dir);
            if let Some(from) = from.filter(|_| head_repo != at.0) {
                // A fork whose commit cannot be copied shows as a pull request that cannot be merged.
                let _ = bare.fetch(&from, sha, &format!("refs/pull/heads/{sha}"));
            }
            let _ = bare.update_ref(&format!("refs/pull/{}/head", at.1), sha);
            let base_tip = bare.branch(&base_branch);
            if let (Some(tip), Some(pull)) =
                (base_tip, self.issue_mut(at.0, at.1).and_then(|i| i.pull.as_mut()))
            {
                pull.base.sha = tip;
            }
        }
        self.fire_pull("synchronize", at, actor, &json!({ "before": before, "after": sha }));
    }

    /// GitHub counts a pull request as merged when its head has reached the base by a push.
    fn notice_merge_by_push(&mut self, at: (u64, u64), actor: &Actor, base_tip: &str) {
        let Some(pull) = self.issue(at.0, at.1).and_then(|i| i.pull.as_ref()) else {
            return;
        };
        let Some(repo) = self.repo(at.0) else { return };
        if Bare(&repo.dir).is_ancestor(&pull.head.sha, base_tip) {
            self.mark_merged(at, actor, base_tip);
        }
    }

    /// Each App that may write checks gets a suite; one that nobody fills stays queued for ever.
    fn open_suites(&mut self, repo: u64, actor: &Actor, change: &RefChange, sha: &str) {
        let installed =
            self.installations.iter().filter(|i| i.suspended.is_none() && i.repos.contains(&repo));
        let apps: Vec<u64> = installed
            .map(|i| i.app)
            .filter(|id| self.app(*id).is_some_and(|a| a.may("checks", Access::Write)))
            .collect();
        for app in apps {
            let suite = self.suite_for(repo, app, sha, Some(&change.branch));
            if let Some(suite) = self.suite_mut(suite) {
                suite.before.clone_from(&change.old);
            }
            self.fire_suite("requested", suite, actor);
        }
    }
}
