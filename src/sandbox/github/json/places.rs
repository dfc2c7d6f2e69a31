//! Repositories and installations.

use super::permissions_json;
use crate::sandbox::github::desk::Installation;
use crate::sandbox::model::{Model, Repo, Role, extend, iso};
use serde_json::{Value, json};

/// Addresses under a repository, with the tail that GitHub prints.
const LINKS: &[(&str, &str)] = &[
    ("forks_url", "/forks"),
    ("keys_url", "/keys{/key_id}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("languages_url", "/languages"),
    ("stargazers_url", "/stargazers"),
    ("contributors_url", "/contributors"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("merges_url", "/merges"),
    ("archive_url", "/{archive_format}{/ref}"),
    ("downloads_url", "/downloads"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("labels_url", "/labels{/name}"),
    ("releases_url", "/releases{/id}"),
    ("deployments_url", "/deployments"),
];

impl Model {
    pub(crate) fn repo_json(&self, repo: &Repo) -> Value {
        let full_name = repo.full_name();
        let url = self.at(&format!("/repos/{full_name}"));
        let html = format!("{}/{full_name}", self.site.url);
        let open = repo.issues.iter().filter(|i| i.open).count();
        let mut value = json!({
            "id": repo.id,
            "node_id": format!("R_{}", repo.id),
            "name": repo.name,
            "full_name": full_name,
            "private": repo.private,
            "owner": self.user_json(&repo.owner),
            "html_url": html,
            "description": null,
            "fork": repo.fork_of.is_some(),
            "url": url,
        });
        for (key, tail) in LINKS {
            value[*key] = json!(format!("{url}{tail}"));
        }
        let rest = json!({
            "created_at": iso(repo.created), "updated_at": iso(repo.pushed), "pushed_at": iso(repo.pushed),
            "git_url": format!("{html}.git"), "ssh_url": format!("git@127.0.0.1:{full_name}.git"),
            "clone_url": format!("{html}.git"), "svn_url": html, "homepage": null, "size": 8,
            "stargazers_count": 0, "watchers_count": 0, "language": null,
            "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true,
            "has_pages": false, "has_discussions": false, "forks_count": 0, "mirror_url": null,
            "archived": repo.archived, "disabled": false, "open_issues_count": open, "license": null,
            "allow_forking": true, "is_template": false, "web_commit_signoff_required": false, "topics": [],
            "visibility": if repo.private { "private" } else { "public" },
            "forks": 0, "open_issues": open, "watchers": 0, "default_branch": repo.default_branch,
        });
        extend(&mut value, rest);
        value
    }

    /// A repository as answered to a caller with `role`, with the booleans and merge settings.
    pub(crate) fn repo_json_for(&self, repo: &Repo, role: Role) -> Value {
        let mut value = self.repo_json(repo);
        let settings = json!({
            "permissions": role_booleans(Some(role)),
            "allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": true,
            "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false,
        });
        extend(&mut value, settings);
        value
    }

    pub(crate) fn repo_short_json(repo: &Repo) -> Value {
        json!({
            "id": repo.id, "node_id": format!("R_{}", repo.id), "name": repo.name,
            "full_name": repo.full_name(), "private": repo.private,
        })
    }

    pub(crate) fn installation_json(&self, installation: &Installation) -> Value {
        let url = self.at(&format!("/app/installations/{}", installation.id));
        let account = self.user_json(&installation.account);
        let app = self.app(installation.app);
        json!({
            "id": installation.id,
            "account": account,
            "repository_selection": "selected",
            "access_tokens_url": format!("{url}/access_tokens"),
            "repositories_url": self.at("/installation/repositories"),
            "html_url": format!("{}/settings/installations/{}", self.site.url, installation.id),
            "app_id": installation.app,
            "app_slug": app.map(|a| a.slug.clone()),
            "target_id": account["id"],
            "target_type": account["type"],
            "permissions": permissions_json(&installation.permissions),
            "events": app.map(|a| a.events.clone()),
            "created_at": iso(installation.created),
            "updated_at": iso(installation.suspended.unwrap_or(installation.created)),
            "single_file_name": null,
            "has_multiple_single_files": false,
            "single_file_paths": [],
            "suspended_by": installation.suspended.map(|_| account.clone()),
            "suspended_at": installation.suspended.map(iso),
        })
    }
}

pub(crate) fn role_booleans(role: Option<Role>) -> Value {
    let at_least = |least: Role| role.is_some_and(|r| r >= least);
    json!({
        "admin": at_least(Role::Admin), "maintain": at_least(Role::Maintain), "push": at_least(Role::Write),
        "triage": at_least(Role::Triage), "pull": at_least(Role::Read),
    })
}
