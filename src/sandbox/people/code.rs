//! Repositories, branches and pull requests.

use super::{SandboxError, impossible};
use crate::sandbox::acts::{MergeMethod, MergeOrder, NewPull, RefChange};
use crate::sandbox::git::{Bare, Entry, make_bare};
use crate::sandbox::model::{Actor, Ci, Model, Repo, Role, UserKind};
use crate::sandbox::{Host, Twin};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What one fills in when opening a pull request.
#[derive(Debug, Clone)]
pub struct PullSpec<'a> {
    pub title: &'a str,
    pub body: &'a str,
    /// `branch`, or `owner:branch` from a fork.
    pub head: &'a str,
    pub base: &'a str,
    pub draft: bool,
}

impl Twin {
    /// Makes a public repository of `owner`, an account that is added if missing.
    ///
    /// With a `source` it starts as a bare clone of that repository, which is only read; without, it is empty
    /// and its default branch is `main`.
    pub fn repository(&self, owner: &str, name: &str, source: Option<&Path>) -> Result<u64, SandboxError> {
        let mut model = self.model();
        model.add_user(owner, UserKind::User);
        add_repo(&mut model, (owner, name), source, None)
    }

    /// Copies a repository to the account of `login`.
    pub fn fork(&self, login: &str, repo: &str) -> Result<u64, SandboxError> {
        let mut model = self.model();
        model.allowed(login, repo, Role::Read)?;
        let origin = model.place(repo)?;
        let (id, name, dir) = (origin.id, origin.name.clone(), origin.dir.clone());
        add_repo(&mut model, (login, &name), Some(&dir), Some(id))
    }

    pub fn make_private(&self, repo: &str) -> Result<(), SandboxError> {
        self.with_repo(repo, |r| r.private = true)
    }

    /// Says how CI behaves on a repository from now on.
    pub fn set_ci(&self, repo: &str, ci: Ci) -> Result<(), SandboxError> {
        self.with_repo(repo, |r| r.ci = ci)
    }

    /// Presses "Re-run" of a check run, or "Retry" of a job.
    pub fn rerun_check(&self, login: &str, run: u64) -> Result<(), SandboxError> {
        let mut model = self.model();
        match model.host {
            Host::Github => model.rerun_check(login, run),
            Host::Gitlab => model.retry_as(login, run),
        }
    }

    fn with_repo(&self, repo: &str, act: impl FnOnce(&mut Repo)) -> Result<(), SandboxError> {
        let mut model = self.model();
        let id = model.place(repo)?.id;
        if let Some(repo) = model.repo_mut(id) {
            act(repo);
        }
        Ok(())
    }

    /// Commits files on top of a branch and pushes. A new branch starts at the default branch.
    ///
    /// `files` are paths with their new content; `None` removes the file. Returns the new commit.
    pub fn push_as(
        &self,
        login: &str,
        repo: &str,
        branch: &str,
        files: &[(&str, Option<&str>)],
    ) -> Result<String, SandboxError> {
        self.write(login, repo, (branch, &entries(files)), Onto::Tip)
    }

    /// Commits a symbolic link to `target` on top of a branch and pushes. Returns the new commit.
    pub fn link_as(
        &self,
        login: &str,
        repo: &str,
        branch: &str,
        (path, target): (&str, &str),
    ) -> Result<String, SandboxError> {
        self.write(login, repo, (branch, &[(path, Entry::Link(target))]), Onto::Tip)
    }

    /// Replaces the history of a branch: the files are committed on top of the parent of its tip.
    pub fn force_push(
        &self,
        login: &str,
        repo: &str,
        branch: &str,
        files: &[(&str, Option<&str>)],
    ) -> Result<String, SandboxError> {
        self.write(login, repo, (branch, &entries(files)), Onto::ParentOfTip)
    }

    fn write(
        &self,
        login: &str,
        repo: &str,
        (branch, files): (&str, &[(&str, Entry<'_>)]),
        onto: Onto,
    ) -> Result<String, SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, model.least_for(repo, branch)?)?;
        let (dir, default) = {
            let found = model.place(repo)?;
            (found.dir.clone(), found.default_branch.clone())
        };
        let bare = Bare(&dir);
        let old = bare.branch(branch);
        let tip = old.clone().or_else(|| bare.branch(&default));
        let parent = match onto {
            Onto::Tip => tip,
            Onto::ParentOfTip => tip.and_then(|t| bare.commit(&t)).and_then(|c| c.parents.into_iter().next()),
        };
        let tree = bare.write_tree(parent.as_deref(), files)?;
        let who = model.signature(login);
        let names: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
        let message = format!("Change {}", names.join(", "));
        let parents: Vec<&str> = parent.as_deref().into_iter().collect();
        let sha = bare.write_commit(&tree, &parents, &message, [&who, &who])?;
        bare.update_ref(&format!("refs/heads/{branch}"), &sha)?;
        let change = RefChange { branch: branch.to_owned(), old, new: Some(sha.clone()) };
        model.refs_changed(id, &actor, &[change]);
        Ok(sha)
    }

    pub fn delete_branch(&self, login: &str, repo: &str, branch: &str) -> Result<(), SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.allowed(login, repo, Role::Write)?;
        let dir = model.place(repo)?.dir.clone();
        let bare = Bare(&dir);
        let old = bare.branch(branch).ok_or_else(|| SandboxError::Unknown(format!("branch {branch}")))?;
        bare.delete_branch(branch)?;
        let change = RefChange { branch: branch.to_owned(), old: Some(old), new: None };
        model.refs_changed(id, &actor, &[change]);
        Ok(())
    }

    /// Opens a pull request and returns its number.
    pub fn open_pull(&self, login: &str, repo: &str, spec: &PullSpec<'_>) -> Result<u64, SandboxError> {
        let mut model = self.model();
        // GitLab takes merge requests of readers from forks only.
        let is_own = model.host == Host::Gitlab && !spec.head.contains(':');
        let least = if is_own { Role::Write } else { Role::Read };
        let (id, actor) = model.allowed(login, repo, least)?;
        let PullSpec { title, body, head, base, draft } = *spec;
        let new = NewPull { title, body, head, base, draft };
        model.open_pull(id, &actor, &new).map_err(|no| impossible(login, &no))
    }

    pub fn close_pull(&self, login: &str, repo: &str, number: u64) -> Result<(), SandboxError> {
        self.close_issue(login, repo, number)
    }

    pub fn reopen_pull(&self, login: &str, repo: &str, number: u64) -> Result<(), SandboxError> {
        self.reopen_issue(login, repo, number)
    }

    pub fn ready_pull(&self, login: &str, repo: &str, number: u64) -> Result<(), SandboxError> {
        let mut model = self.model();
        let (id, actor) = model.may_close(login, repo, number)?;
        model.set_draft((id, number), &actor, false);
        Ok(())
    }

    /// Merges with a merge commit, as the green button does. Returns the new tip of the base branch.
    pub fn merge_pull(&self, login: &str, repo: &str, number: u64) -> Result<String, SandboxError> {
        let mut model = self.model();
        let base = model.place(repo)?.issues.iter().find(|i| i.number == number);
        let base = base.and_then(|i| i.pull.as_ref()).map_or_else(String::new, |p| p.base.branch.clone());
        let (id, actor) = model.allowed(login, repo, model.least_for(repo, &base)?)?;
        let order = MergeOrder { method: MergeMethod::Merge, title: None, message: None, expected: None };
        model.merge_pull((id, number), &actor, &order).map_err(|no| impossible(login, &no))
    }

    /// Renames a repository, as its owner; the App keeps seeing the same id.
    pub fn rename(&self, repo: &str, name: &str) -> Result<(), SandboxError> {
        self.as_owner(repo, |model, id, actor| model.rename(id, actor, name))
    }

    pub fn transfer(&self, repo: &str, owner: &str) -> Result<(), SandboxError> {
        self.model().add_user(owner, UserKind::User);
        self.as_owner(repo, |model, id, actor| model.transfer(id, actor, owner))
    }

    pub fn archive(&self, repo: &str) -> Result<(), SandboxError> {
        self.as_owner(repo, |model, id, actor| model.archive(id, actor))
    }

    pub fn unarchive(&self, repo: &str) -> Result<(), SandboxError> {
        self.as_owner(repo, |model, id, actor| model.unarchive(id, actor))
    }

    pub fn delete_repository(&self, repo: &str) -> Result<(), SandboxError> {
        self.as_owner(repo, |model, id, actor| model.delete_repo(id, actor))
    }

    fn as_owner(&self, repo: &str, act: impl FnOnce(&mut Model, u64, &Actor)) -> Result<(), SandboxError> {
        let mut model = self.model();
        let found = model.place(repo)?;
        let (id, actor) = (found.id, Actor::person(&found.owner));
        act(&mut model, id, &actor);
        Ok(())
    }
}

fn entries<'a>(files: &[(&'a str, Option<&'a str>)]) -> Vec<(&'a str, Entry<'a>)> {
    files.iter().map(|(path, text)| (*path, text.map_or(Entry::Gone, Entry::File))).collect()
}

#[derive(Clone, Copy)]
enum Onto {
    Tip,
    ParentOfTip,
}

fn add_repo(
    model: &mut Model,
    (owner, name): (&str, &str),
    source: Option<&Path>,
    fork_of: Option<u64>,
) -> Result<u64, SandboxError> {
    if model.repo_named(owner, name).is_some() {
        let why = format!("{owner}/{name} exists already");
        return Err(SandboxError::Refused { who: owner.to_owned(), why });
    }
    let (id, now) = (model.next_id("repository"), model.now());
    let dir = model.site.root.join(format!("{id}.git"));
    make_bare(&dir, source, "main")?;
    let default_branch = Bare(&dir).current_branch().unwrap_or_else(|| "main".to_owned());
    model.repos.push(Repo {
        id,
        owner: owner.to_owned(),
        name: name.to_owned(),
        private: false,
        archived: false,
        default_branch,
        protected: Role::Maintain,
        fork_of,
        created: now,
        pushed: now,
        dir,
        roles: BTreeMap::new(),
        issues: Vec::new(),
        ci: Ci::default(),
        ci_failed_once: BTreeSet::new(),
    });
    Ok(id)
}
