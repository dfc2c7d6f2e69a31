//! Installations and the fate of repositories.

use crate::sandbox::github::desk::{Installation, Permissions};
use crate::sandbox::github::json::extend;
use crate::sandbox::model::{Actor, Model};
use serde_json::{Value, json};

impl Model {
    /// Installs an App on repositories of one account, or adds them to its installation there.
    pub(crate) fn install(&mut self, app: u64, account: &str, repos: Vec<u64>) -> u64 {
        let actor = Actor::person(account);
        let same = |i: &&mut Installation| i.app == app && i.account.eq_ignore_ascii_case(account);
        if let Some(old) = self.github.installations.iter_mut().find(same) {
            let added: Vec<u64> = repos.into_iter().filter(|r| !old.repos.contains(r)).collect();
            old.repos.extend(&added);
            let id = old.id;
            self.tell_repositories(id, "added", &added, &actor);
            return id;
        }
        let (id, created) = (self.next_id("installation"), self.now());
        let list = self.short_list(&repos);
        let (account, suspended) = (account.to_owned(), None);
        let permissions = self.app(app).map(|app| app.permissions.clone()).unwrap_or_default();
        self.github.installations.push(Installation {
            id,
            app,
            account,
            repos,
            permissions,
            suspended,
            created,
        });
        self.tell_installation(id, "created", &actor, json!({ "repositories": list, "requester": null }));
        id
    }

    fn short_list(&self, repos: &[u64]) -> Vec<Value> {
        repos.iter().filter_map(|id| self.repo(*id)).map(Model::repo_short_json).collect()
    }

    pub(crate) fn tell_installation(&mut self, id: u64, action: &str, actor: &Actor, more: Value) {
        let Some(installation) = self.github.installations.iter().find(|i| i.id == id) else {
            return;
        };
        let app = installation.app;
        let mut body = json!({ "action": action, "installation": self.installation_json(installation) });
        extend(&mut body, more);
        body["sender"] = self.user_json(&actor.login);
        self.tell(app, Some(id), ("installation", Some(action)), &body);
    }

    fn tell_repositories(&mut self, id: u64, action: &str, repos: &[u64], actor: &Actor) {
        let Some(installation) = self.github.installations.iter().find(|i| i.id == id) else {
            return;
        };
        let (app, list) = (installation.app, self.short_list(repos));
        let (added, removed) = if action == "added" { (list, Vec::new()) } else { (Vec::new(), list) };
        let body = json!({
            "action": action,
            "installation": self.installation_json(installation),
            "repository_selection": "selected",
            "repositories_added": added,
            "repositories_removed": removed,
            "requester": null,
            "sender": self.user_json(&actor.login),
        });
        self.tell(app, Some(id), ("installation_repositories", Some(action)), &body);
    }

    /// Takes repositories out of an App's installation.
    pub(crate) fn take_away(&mut self, app: u64, repo: u64, actor: &Actor) {
        let has = |i: &&mut Installation| i.app == app && i.repos.contains(&repo);
        let Some(installation) = self.github.installations.iter_mut().find(has) else {
            return;
        };
        installation.repos.retain(|r| *r != repo);
        let id = installation.id;
        self.tell_repositories(id, "removed", &[repo], actor);
    }

    /// Changes what an App may do and hears. What it may no longer, its installations lose at once; what it may more, they
    /// must agree to. Events need no agreement.
    pub(crate) fn change_rights(&mut self, app: u64, permissions: &Permissions, events: Vec<String>) {
        let Some(found) = self.github.apps.iter_mut().find(|a| a.id == app) else {
            return;
        };
        found.permissions.clone_from(permissions);
        found.events = events;
        for installation in self.github.installations.iter_mut().filter(|i| i.app == app) {
            installation.permissions.retain(|name, _| permissions.contains_key(name));
            for (name, access) in &mut installation.permissions {
                *access = (*access).min(permissions[name]);
            }
        }
    }

    /// The account agrees to what the App asks for now.
    pub(crate) fn agree(&mut self, installation: u64, actor: &Actor) {
        let Some(place) = self.github.installations.iter().position(|i| i.id == installation) else {
            return;
        };
        let asked = self.app(self.github.installations[place].app).map(|app| app.permissions.clone());
        self.github.installations[place].permissions = asked.unwrap_or_default();
        self.tell_installation(installation, "new_permissions_accepted", actor, json!({}));
    }

    pub(crate) fn suspend(&mut self, installation: u64, actor: &Actor) {
        let now = self.now();
        let Some(found) = self.github.installations.iter_mut().find(|i| i.id == installation) else {
            return;
        };
        found.suspended = Some(now);
        self.tell_installation(installation, "suspend", actor, json!({}));
    }

    pub(crate) fn unsuspend(&mut self, installation: u64, actor: &Actor) {
        let Some(found) = self.github.installations.iter_mut().find(|i| i.id == installation) else {
            return;
        };
        found.suspended = None;
        self.tell_installation(installation, "unsuspend", actor, json!({}));
    }

    pub(crate) fn uninstall(&mut self, installation: u64, actor: &Actor) {
        let repos = self.github.installations.iter().find(|i| i.id == installation).map(|i| i.repos.clone());
        let list = self.short_list(&repos.unwrap_or_default());
        self.tell_installation(installation, "deleted", actor, json!({ "repositories": list }));
        self.github.installations.retain(|i| i.id != installation);
    }
}
