//! What operators do with Apps: registering, installing and removing them, pressing their buttons.

use crate::config::{self, Manifest};
use crate::sandbox::Twin;
use crate::sandbox::acts::NewComment;
use crate::sandbox::github::desk::{Access, App, Permissions};
use crate::sandbox::github::keys::key_for;
use crate::sandbox::model::{Actor, CheckStatus, Model, Repo, Role, UserKind, iso};
use crate::sandbox::people::SandboxError;
use serde_json::json;

/// What one fills in when registering an App.
#[derive(Debug, Clone, Default)]
pub struct AppSpec<'a> {
    pub name: &'a str,
    pub permissions: &'a [(&'a str, Access)],
    pub events: &'a [&'a str],
    /// Where its webhooks go; without one it hears nothing.
    pub webhook: Option<&'a str>,
}

/// What an operator carries away from the registration.
#[derive(Clone)]
pub struct AppCredentials {
    pub app_id: u64,
    pub slug: String,
    pub private_key_pem: String,
    pub webhook_secret: String,
}

impl Twin {
    /// Registers an App with a key of its own. The webhook secret is made up from its id.
    pub fn register_app(&self, spec: &AppSpec<'_>) -> Result<AppCredentials, SandboxError> {
        let place = self.model().github.apps.iter().filter(|a| !a.public_key.0.is_empty()).count();
        let key = key_for(place)?;
        let mut model = self.model();
        let (id, created) = (model.next_id("app"), model.now());
        let slug = spec.name.to_lowercase().replace(' ', "-");
        let webhook_secret = format!("webhook-secret-of-app-{id}");
        let mut permissions: Permissions =
            spec.permissions.iter().map(|(name, access)| ((*name).to_owned(), *access)).collect();
        permissions.entry("metadata".to_owned()).or_insert(Access::Read);
        model.add_user(&format!("{slug}[bot]"), UserKind::Bot);
        model.github.apps.push(App {
            id,
            slug: slug.clone(),
            name: spec.name.to_owned(),
            public_key: key.public,
            permissions,
            events: spec.events.iter().map(|e| (*e).to_owned()).collect(),
            webhook_url: spec.webhook.map(str::to_owned),
            webhook_secret: webhook_secret.clone(),
            created,
        });
        Ok(AppCredentials { app_id: id, slug, private_key_pem: key.pem, webhook_secret })
    }

    /// Registers the App that a manifest describes. It hears nothing until its webhook is set.
    pub fn register_manifest(&self, manifest: &Manifest) -> Result<AppCredentials, SandboxError> {
        let granted = |access| match access {
            config::Access::Read => Access::Read,
            config::Access::Write => Access::Write,
        };
        let permissions = manifest.default_permissions.iter();
        let permissions: Vec<_> =
            permissions.map(|(name, access)| (name.as_str(), granted(*access))).collect();
        let events: Vec<_> = manifest.default_events.iter().map(String::as_str).collect();
        self.register_app(&AppSpec {
            name: &manifest.name,
            permissions: &permissions,
            events: &events,
            webhook: None,
        })
    }

    /// Changes where an App's webhooks go, and pings there.
    pub fn set_webhook(&self, app: u64, url: &str) {
        let mut model = self.model();
        let Some(found) = model.github.apps.iter_mut().find(|a| a.id == app) else {
            return;
        };
        found.webhook_url = Some(url.to_owned());
        let events = found.events.clone();
        let config = json!({ "content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url });
        let now = iso(model.now());
        let hook = json!({
            "type": "App", "id": app + 10_000, "name": "web", "active": true, "events": events, "config": config,
            "updated_at": now, "created_at": now, "app_id": app,
            "deliveries_url": model.at("/app/hook/deliveries"),
        });
        let body = json!({ "zen": "Keep it logically awesome.", "hook_id": app + 10_000, "hook": hook });
        model.tell(app, None, ("ping", None), &body);
    }

    /// Changes what an App may do and hears, on its settings page.
    pub fn change_rights(&self, app: u64, permissions: &[(&str, Access)], events: &[&str]) {
        let mut wanted: Permissions =
            permissions.iter().map(|(name, access)| ((*name).to_owned(), *access)).collect();
        wanted.entry("metadata".to_owned()).or_insert(Access::Read);
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        self.model().change_rights(app, &wanted, events);
    }

    /// An account agrees to what an App asks for since its installation.
    pub fn agree(&self, installation: u64) {
        let mut model = self.model();
        let actor = account_of(&model, installation);
        model.agree(installation, &actor);
    }

    /// Installs an App on `owner/name` repositories of one account. Returns the installation's id.
    pub fn install(&self, app: u64, repos: &[&str]) -> Result<u64, SandboxError> {
        let mut model = self.model();
        let found: Result<Vec<u64>, SandboxError> = repos.iter().map(|r| Ok(model.place(r)?.id)).collect();
        let account = repos.first().and_then(|r| r.split_once('/')).map(|(owner, _)| owner.to_owned());
        let account = account.ok_or_else(|| SandboxError::Unknown("repository to install on".to_owned()))?;
        Ok(model.install(app, &account, found?))
    }

    /// Takes one repository out of an App's installation.
    pub fn uninstall_from(&self, app: u64, repo: &str) -> Result<(), SandboxError> {
        let mut model = self.model();
        let (id, actor) = owner_of(&model, repo)?;
        model.take_away(app, id, &actor);
        Ok(())
    }

    pub fn suspend(&self, installation: u64) {
        let mut model = self.model();
        let actor = account_of(&model, installation);
        model.suspend(installation, &actor);
    }

    pub fn unsuspend(&self, installation: u64) {
        let mut model = self.model();
        let actor = account_of(&model, installation);
        model.unsuspend(installation, &actor);
    }

    pub fn uninstall(&self, installation: u64) {
        let mut model = self.model();
        let actor = account_of(&model, installation);
        model.uninstall(installation, &actor);
    }

    /// An App comments on an issue or pull request, if it is installed there and may write one.
    pub fn comment_as_app(&self, app: u64, repo: &str, number: u64, body: &str) -> Result<u64, SandboxError> {
        let mut model = self.model();
        let actor = model.bot_of(app);
        let id = model.place(repo)?.id;
        let may = model
            .app(app)
            .is_some_and(|app| ["issues", "pull_requests"].iter().any(|what| app.may(what, Access::Write)));
        if !may || model.installation_on(app, id).is_none() {
            return Err(SandboxError::Unknown(format!("App {app} that may comment on {repo}")));
        }
        model.say((id, number), &actor, NewComment { body, ..NewComment::default() })
    }

    /// Presses a button of a completed check run.
    pub fn press_button(&self, login: &str, run: u64, identifier: &str) -> Result<(), SandboxError> {
        self.model().press_button(login, run, identifier)
    }

    /// Presses "Re-run all checks" of the suite that `run` belongs to.
    pub fn rerun_suite(&self, login: &str, run: u64) -> Result<(), SandboxError> {
        let mut model = self.model();
        let actor = model.may_press(login, run)?;
        if let Some(suite) = model.run(run).map(|r| r.suite).filter(|_| !model.rerun_ci(run)) {
            model.fire_suite("rerequested", suite, &actor);
        }
        Ok(())
    }
}

impl Model {
    pub(crate) fn press_button(
        &mut self,
        login: &str,
        run: u64,
        identifier: &str,
    ) -> Result<(), SandboxError> {
        let actor = self.may_press(login, run)?;
        let shown = self.run(run).filter(|r| r.status == CheckStatus::Completed);
        if !shown.is_some_and(|r| r.actions.iter().any(|a| a["identifier"] == identifier)) {
            return Err(SandboxError::Unknown(format!("button {identifier} on check run {run}")));
        }
        let action = json!({ "requested_action": { "identifier": identifier } });
        self.fire_run("requested_action", run, &actor, action);
        Ok(())
    }

    pub(crate) fn rerun_check(&mut self, login: &str, run: u64) -> Result<(), SandboxError> {
        let actor = self.may_press(login, run)?;
        if !self.rerun_ci(run) {
            self.fire_run("rerequested", run, &actor, json!({}));
        }
        Ok(())
    }

    /// Buttons of check runs are for people who may write.
    fn may_press(&self, login: &str, run: u64) -> Result<Actor, SandboxError> {
        let repo = self.run(run).and_then(|r| self.repo(r.repo)).map(Repo::full_name);
        let repo = repo.ok_or_else(|| SandboxError::Unknown(format!("check run {run}")))?;
        Ok(self.allowed(login, &repo, Role::Write)?.1)
    }
}

fn account_of(model: &Model, installation: u64) -> Actor {
    let found = model.github.installations.iter().find(|i| i.id == installation);
    Actor::person(found.map_or("ghost", |i| i.account.as_str()))
}

fn owner_of(model: &Model, repo: &str) -> Result<(u64, Actor), SandboxError> {
    let found = model.place(repo)?;
    Ok((found.id, Actor::person(&found.owner)))
}
