//! The fate of repositories.

use crate::sandbox::events::Event;
use crate::sandbox::model::{Actor, Model};

impl Model {
    pub(crate) fn rename(&mut self, repo: u64, actor: &Actor, name: &str) {
        let Some(found) = self.repo_mut(repo) else { return };
        let from = std::mem::replace(&mut found.name, name.to_owned());
        self.happened(repo, actor, Event::Renamed(&from));
    }

    /// Gives a repository to another account. Installations follow it, as when both accounts have the App; so do hooks.
    pub(crate) fn transfer(&mut self, repo: u64, actor: &Actor, owner: &str) {
        let Some(found) = self.repo_mut(repo) else { return };
        let from = std::mem::replace(&mut found.owner, owner.to_owned());
        self.happened(repo, actor, Event::Transferred(&from));
    }

    pub(crate) fn archive(&mut self, repo: u64, actor: &Actor) {
        if let Some(found) = self.repo_mut(repo) {
            found.archived = true;
            self.happened(repo, actor, Event::Archived);
        }
    }

    pub(crate) fn unarchive(&mut self, repo: u64, actor: &Actor) {
        if let Some(found) = self.repo_mut(repo) {
            found.archived = false;
            self.happened(repo, actor, Event::Unarchived);
        }
    }

    /// Forgets a repository; its directory stays until the twin ends.
    pub(crate) fn delete_repo(&mut self, repo: u64, actor: &Actor) {
        self.happened(repo, actor, Event::Deleted);
        self.repos.retain(|r| r.id != repo);
        for installation in &mut self.github.installations {
            installation.repos.retain(|r| *r != repo);
        }
    }
}
