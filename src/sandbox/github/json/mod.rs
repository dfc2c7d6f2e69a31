//! The model as GitHub writes it: every field that octocrab's types require or the bot reads, under GitHub's names.

mod checks;
mod places;
mod threads;

use crate::sandbox::model::Model;
use serde_json::{Value, json};

pub(crate) use crate::sandbox::model::extend;
pub(crate) use checks::commit_json;
pub(crate) use places::role_booleans;
pub(crate) use threads::REACTIONS;

impl Model {
    pub(crate) fn user_json(&self, login: &str) -> Value {
        let (id, kind) = self.user(login).map_or((10_137, "User"), |u| (u.id, u.kind.as_str()));
        let url = self.at(&format!("/users/{login}"));
        let mut user = json!({
            "login": login,
            "id": id,
            "node_id": format!("U_{id}"),
            "avatar_url": format!("{}/avatars/{id}", self.site.url),
            "gravatar_id": "",
            "url": url,
            "html_url": format!("{}/{login}", self.site.url),
        });
        for part in ["followers", "following", "gists", "starred", "subscriptions", "orgs", "repos", "events"]
        {
            let key = if part == "orgs" { "organizations_url".to_owned() } else { format!("{part}_url") };
            user[key] = json!(format!("{url}/{part}"));
        }
        user["received_events_url"] = json!(format!("{url}/received_events"));
        user["type"] = json!(kind);
        user["site_admin"] = json!(false);
        user
    }

    pub(crate) fn app_json(&self, id: u64) -> Value {
        let Some(app) = self.app(id) else {
            return Value::Null;
        };
        let installed = self.github.installations.iter().filter(|i| i.app == id).count();
        let created = crate::sandbox::model::iso(app.created);
        json!({
            "id": id,
            "slug": app.slug,
            "node_id": format!("A_{id}"),
            "client_id": format!("Iv1.{id}"),
            "owner": self.user_json("app-owner"),
            "name": app.name,
            "description": null,
            "external_url": format!("{}/apps/{}", self.site.url, app.slug),
            "html_url": format!("{}/apps/{}", self.site.url, app.slug),
            "created_at": created,
            "updated_at": created,
            "permissions": permissions_json(&app.permissions),
            "events": app.events,
            "installations_count": installed,
        })
    }
}

pub(crate) fn permissions_json(permissions: &crate::sandbox::github::desk::Permissions) -> Value {
    permissions.iter().map(|(name, access)| (name.clone(), json!(access.as_str()))).collect()
}
