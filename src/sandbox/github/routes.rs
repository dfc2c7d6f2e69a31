//! The table of routes. A path that is not here does not exist.

use super::desk::Access;
use super::graphql;
use crate::sandbox::github::rest::{apps, checks, comments, contents, issues, pulls, repos, statuses};
use crate::sandbox::http::{Params, delete, get, params, patch, post, put};
use crate::sandbox::model::Role;

/// What a caller must have. For a token of an App any one of `rights` is enough; a person needs `role`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Needs {
    Nothing,
    Someone,
    App,
    AppOnRepo,
    Repo { rights: &'static [(&'static str, Access)], role: Role },
}

pub(crate) type Route = crate::sandbox::http::Route<Needs>;

const R: Access = Access::Read;
const W: Access = Access::Write;
const METADATA: Needs = Needs::Repo { rights: &[("metadata", R)], role: Role::Read };
const READ_TALK: Needs = Needs::Repo { rights: &[("issues", R), ("pull_requests", R)], role: Role::Read };
const TALK: Needs = Needs::Repo { rights: &[("issues", W), ("pull_requests", W)], role: Role::Read };
const READ_PULLS: Needs = Needs::Repo { rights: &[("pull_requests", R)], role: Role::Read };
const WRITE_PULLS: Needs = Needs::Repo { rights: &[("pull_requests", W)], role: Role::Read };
const READ_CODE: Needs = Needs::Repo { rights: &[("contents", R)], role: Role::Read };
const WRITE_CODE: Needs = Needs::Repo { rights: &[("contents", W)], role: Role::Write };
const READ_CHECKS: Needs = Needs::Repo { rights: &[("checks", R)], role: Role::Read };
const WRITE_CHECKS: Needs = Needs::Repo { rights: &[("checks", W)], role: Role::Write };
const READ_STATUSES: Needs = Needs::Repo { rights: &[("statuses", R)], role: Role::Read };
const WRITE_STATUSES: Needs = Needs::Repo { rights: &[("statuses", W)], role: Role::Write };

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    get("/app", "apps/get-authenticated", Needs::App, apps::get_app),
    get("/app/installations", "apps/list-installations", Needs::App, apps::installations),
    get("/app/installations/{installation_id}", "apps/get-installation", Needs::App, apps::installation),
    post("/app/installations/{installation_id}/access_tokens", "apps/create-installation-access-token", Needs::App, apps::mint),
    get("/app/hook/config", "apps/get-webhook-config-for-app", Needs::App, apps::hook_config),
    get("/app/hook/deliveries", "apps/list-webhook-deliveries", Needs::App, apps::deliveries),
    get("/app/hook/deliveries/{delivery_id}", "apps/get-webhook-delivery", Needs::App, apps::delivery),
    post("/app/hook/deliveries/{delivery_id}/attempts", "apps/redeliver-webhook-delivery", Needs::App, apps::redeliver),
    get("/apps/{app_slug}", "apps/get-by-slug", Needs::Nothing, apps::by_slug),
    get("/installation/repositories", "apps/list-repos-accessible-to-installation", Needs::Someone, apps::repositories),
    get("/users/{username}", "users/get-by-username", Needs::Nothing, apps::user),
    get("/rate_limit", "rate-limit/get", Needs::Nothing, apps::rate_limit),

    get("/repos/{owner}/{repo}", "repos/get", METADATA, repos::get),
    get("/repositories/{repository_id}", "repos/get-by-id", METADATA, repos::get),
    get("/repos/{owner}/{repo}/installation", "apps/get-repo-installation", Needs::AppOnRepo, apps::repo_installation),
    get("/repos/{owner}/{repo}/collaborators", "repos/list-collaborators", METADATA, repos::collaborators),
    get("/repos/{owner}/{repo}/collaborators/{username}/permission", "repos/get-collaborator-permission-level", METADATA, repos::permission),
    get("/repos/{owner}/{repo}/branches/{branch*}", "repos/get-branch", READ_CODE, contents::branch),
    get("/repos/{owner}/{repo}/git/ref/{ref*}", "git/get-ref", READ_CODE, contents::get_ref),
    delete("/repos/{owner}/{repo}/git/refs/{ref*}", "git/delete-ref", WRITE_CODE, contents::delete_ref),
    get("/repos/{owner}/{repo}/contents/{path*}", "repos/get-content", READ_CODE, contents::contents),
    get("/repos/{owner}/{repo}/contents", "repos/get-content", READ_CODE, contents::contents),

    get("/repos/{owner}/{repo}/issues/comments/{comment_id}", "issues/get-comment", READ_TALK, comments::get),
    patch("/repos/{owner}/{repo}/issues/comments/{comment_id}", "issues/update-comment", TALK, comments::update),
    delete("/repos/{owner}/{repo}/issues/comments/{comment_id}", "issues/delete-comment", TALK, comments::delete),
    get("/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", "reactions/list-for-issue-comment", READ_TALK, comments::reactions),
    post("/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", "reactions/create-for-issue-comment", TALK, comments::react),
    delete("/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}", "reactions/delete-for-issue-comment", TALK, comments::unreact),
    get("/repos/{owner}/{repo}/issues/{number}", "issues/get", READ_TALK, issues::get),
    get("/repos/{owner}/{repo}/issues/{number}/comments", "issues/list-comments", READ_TALK, comments::list),
    post("/repos/{owner}/{repo}/issues/{number}/comments", "issues/create-comment", TALK, comments::create),
    get("/repos/{owner}/{repo}/issues/{number}/reactions", "reactions/list-for-issue", READ_TALK, comments::reactions),
    post("/repos/{owner}/{repo}/issues/{number}/reactions", "reactions/create-for-issue", TALK, comments::react),
    delete("/repos/{owner}/{repo}/issues/{number}/reactions/{reaction_id}", "reactions/delete-for-issue", TALK, comments::unreact),

    get("/repos/{owner}/{repo}/pulls", "pulls/list", READ_PULLS, pulls::list),
    post("/repos/{owner}/{repo}/pulls", "pulls/create", WRITE_PULLS, pulls::create),
    get("/repos/{owner}/{repo}/pulls/{number}", "pulls/get", READ_PULLS, pulls::get),
    patch("/repos/{owner}/{repo}/pulls/{number}", "pulls/update", WRITE_PULLS, pulls::update),
    put("/repos/{owner}/{repo}/pulls/{number}/merge", "pulls/merge", WRITE_CODE, pulls::merge),
    get("/repos/{owner}/{repo}/pulls/{number}/commits", "pulls/list-commits", READ_PULLS, pulls::commits),

    post("/repos/{owner}/{repo}/check-runs", "checks/create", WRITE_CHECKS, checks::create),
    get("/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks/get", READ_CHECKS, checks::get),
    patch("/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks/update", WRITE_CHECKS, checks::update),
    get("/repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs", "checks/list-for-suite", READ_CHECKS, checks::of_suite),
    get("/repos/{owner}/{repo}/commits/{ref*}/check-runs", "checks/list-for-ref", READ_CHECKS, checks::of_ref),
    get("/repos/{owner}/{repo}/commits/{ref*}/check-suites", "checks/list-suites-for-ref", READ_CHECKS, checks::suites_of_ref),
    post("/repos/{owner}/{repo}/statuses/{sha}", "repos/create-commit-status", WRITE_STATUSES, statuses::create),
    get("/repos/{owner}/{repo}/commits/{ref*}/status", "repos/get-combined-status-for-ref", READ_STATUSES, statuses::combined),
    get("/repos/{owner}/{repo}/commits/{ref*}/statuses", "repos/list-commit-statuses-for-ref", READ_STATUSES, statuses::list),
    get("/repos/{owner}/{repo}/commits/{ref*}", "repos/get-commit", READ_CODE, contents::commit),
];

/// GraphQL lies beside the versioned API: `/api/graphql` for `/api/v3`, `/graphql` without a prefix.
const GRAPHQL: Route = post("/graphql", "graphql", Needs::Someone, graphql::answer);

/// The path of GraphQL for an API under `prefix`.
pub(crate) fn graphql_path(prefix: &str) -> String {
    format!("{}/graphql", prefix.strip_suffix("/v3").unwrap_or(prefix))
}

pub(crate) fn find(prefix: &str, method: &str, path: &str) -> Option<(&'static Route, Params)> {
    if path == graphql_path(prefix) {
        return (method == GRAPHQL.method).then_some((&GRAPHQL, Params::new()));
    }
    let path = path.strip_prefix(prefix)?;
    let fits = |route: &'static Route| Some((route, params(route.path, path)?));
    let with = |method: &str| ROUTES.iter().filter(|r| r.method == method).find_map(fits);
    // GitHub takes POST where it documents PATCH, and octocrab's `update_comment` relies on it.
    with(method).or_else(|| if method == "POST" { with("PATCH") } else { None })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[track_caller]
    fn check(method: &str, path: &str, operation: Option<&str>) {
        assert_eq!(find("/api/v3", method, path).map(|(route, _)| route.operation), operation);
    }

    #[test]
    fn paths_find_their_operation() {
        check("GET", "/api/v3/repos/o/r/issues/7", Some("issues/get"));
        check("GET", "/api/v3/repos/o/r/commits/feature/x/check-runs", Some("checks/list-for-ref"));
        check("GET", "/api/v3/repos/o/r/commits/feature/x", Some("repos/get-commit"));
        check("POST", "/api/graphql", Some("graphql"));
        check("POST", "/api/v3/graphql", None);
        check("GET", "/repos/o/r", None);
        check("PUT", "/api/v3/repos/o/r", None);
        check("GET", "/api/v3/repos/o", None);
    }

    #[test]
    fn names_are_decoded() {
        let (_, params) = find("", "GET", "/repos/o/r/branches/a%2Fb+c").expect("the route exists");
        assert_eq!(params.get("branch").map(String::as_str), Some("a/b+c"));
    }
}
