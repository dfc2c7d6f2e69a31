//! The model as GitLab writes it: every field that its clients require or the bot reads, under GitLab's names.

mod code;
mod hooked;
mod threads;

pub(super) use hooked::attributes;

use super::desk::level;
use crate::sandbox::model::{Model, Repo, UserKind, iso};
use serde_json::{Value, json};

/// A moment as the API writes it: `2026-01-31T10:00:00.000Z`.
pub(super) fn at(ms: i64) -> String {
    iso(ms).replace('Z', &format!(".{:03}Z", ms.rem_euclid(1000)))
}

/// A moment as webhooks write it: `2026-01-31 10:00:00 UTC`.
pub(super) fn when(ms: i64) -> String {
    iso(ms).replace('T', " ").replace('Z', " UTC")
}

impl Model {
    pub(super) fn account_json(&self, login: &str) -> Value {
        let user = self.user(login);
        json!({
            "id": user.map_or(10_137, |u| u.id), "username": login, "name": login, "state": "active",
            "locked": false, "avatar_url": null, "web_url": format!("{}/{login}", self.root()),
            "public_email": "",
        })
    }

    /// As `/users/:id` tells it.
    pub(super) fn account_details(&self, login: &str) -> Value {
        let mut account = self.account_json(login);
        account["bot"] = json!(self.user(login).is_some_and(|u| u.kind == UserKind::Bot));
        account["created_at"] = json!(at(0));
        account
    }

    pub(super) fn member_json(&self, repo: &Repo, login: &str) -> Option<Value> {
        let granted = self.role(repo, login).filter(|_| self.is_member(repo, login))?;
        let mut member = self.account_json(login);
        member["access_level"] = json!(level(granted));
        member["created_at"] = json!(at(repo.created));
        member["expires_at"] = Value::Null;
        member["membership_state"] = json!("active");
        Some(member)
    }

    fn is_member(&self, repo: &Repo, login: &str) -> bool {
        repo.owner.eq_ignore_ascii_case(login)
            || repo.roles.keys().any(|who| who.eq_ignore_ascii_case(login))
            || self.group_role(&repo.owner, login).is_some()
    }

    /// Everybody with a role, by whatever gives it.
    pub(super) fn members(&self, repo: &Repo) -> Vec<Value> {
        let people = self.users.iter().filter(|u| u.kind != UserKind::Organization);
        people.filter_map(|u| self.member_json(repo, &u.login)).collect()
    }

    pub(super) fn project_json(&self, repo: &Repo, login: Option<&str>) -> Value {
        let path = repo.full_name();
        let url = format!("{}/{path}", self.root());
        let access = login.filter(|login| self.is_member(repo, login)).and_then(|l| self.role(repo, l));
        let is_empty = crate::sandbox::git::Bare(&repo.dir).branches().is_empty();
        json!({
            "id": repo.id, "name": repo.name, "path": repo.name, "path_with_namespace": path,
            "name_with_namespace": path.replace('/', " / "), "description": null,
            "default_branch": (!is_empty).then_some(&repo.default_branch),
            "visibility": if repo.private { "private" } else { "public" }, "archived": repo.archived,
            "web_url": url, "http_url_to_repo": format!("{url}.git"),
            "ssh_url_to_repo": format!("git@127.0.0.1:{path}.git"), "readme_url": null, "avatar_url": null,
            "created_at": at(repo.created), "last_activity_at": at(repo.pushed), "empty_repo": is_empty,
            "namespace": self.namespace_json(&repo.owner), "topics": [], "tag_list": [], "star_count": 0,
            "forks_count": 0, "issues_enabled": true, "merge_requests_enabled": true, "jobs_enabled": true,
            "wiki_enabled": true, "snippets_enabled": true, "merge_method": "merge", "creator_id": 1,
            "only_allow_merge_if_pipeline_succeeds": false, "remove_source_branch_after_merge": false,
            "forked_from_project": repo.fork_of.map(|id| json!({ "id": id })),
            "permissions": {
                "project_access": access.map(|r| json!({ "access_level": level(r), "notification_level": 3 })),
                "group_access": null,
            },
        })
    }

    pub(super) fn namespace_json(&self, path: &str) -> Value {
        let user = self.user(path);
        let kind = if user.is_some_and(|u| u.kind == UserKind::User) { "user" } else { "group" };
        let name = path.rsplit('/').next();
        json!({
            "id": user.map_or(1, |u| u.id), "name": name, "path": name, "kind": kind, "full_path": path,
            "parent_id": null, "avatar_url": null, "web_url": format!("{}/{path}", self.root()),
        })
    }
}
