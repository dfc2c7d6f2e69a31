//! The table of routes below `/api/v4`. A path that is not here does not exist.

use super::auth::Needs;
use super::rest::{code, emoji, hooks, issues, merge_requests, notes, pipelines, projects, statuses, users};
use crate::sandbox::http::{Act, Params, params};
use crate::sandbox::model::Role;

pub(super) type Route = crate::sandbox::http::Route<Needs>;

/// The published description has no names of operations that would last, so the path names it.
const fn route(method: &'static str, path: &'static str, needs: Needs, act: Act) -> Route {
    Route { method, path, operation: path, needs, act }
}

const SOMEONE: Needs = Needs::Someone;
const SEE: Needs = Needs::See;
const TALK: Needs = Needs::Talk;
const CODE: Needs = Needs::Code;
const DEVELOP: Needs = Needs::Least(Role::Write);
const MAINTAIN: Needs = Needs::Least(Role::Maintain);
const OWN_GROUP: Needs = Needs::Group(Role::Admin);

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    route("GET", "/version", SOMEONE, users::version),
    route("GET", "/user", SOMEONE, users::me),
    route("GET", "/users", SOMEONE, users::list),
    route("GET", "/users/{user_id}", SOMEONE, users::get),
    route("GET", "/personal_access_tokens/self", SOMEONE, users::token),

    route("GET", "/projects/{id}", SEE, projects::get),
    route("GET", "/projects/{id}/members/all", SEE, projects::members),
    route("GET", "/projects/{id}/members", SEE, projects::members),
    route("GET", "/projects/{id}/members/all/{user_id}", SEE, projects::member),
    route("GET", "/projects/{id}/members/{user_id}", SEE, projects::member),
    route("GET", "/groups/{id}", Needs::Group(Role::Read), projects::group),

    route("GET", "/projects/{id}/repository/branches", CODE, code::branches),
    route("GET", "/projects/{id}/repository/branches/{branch}", CODE, code::branch),
    route("DELETE", "/projects/{id}/repository/branches/{branch}", DEVELOP, code::delete_branch),
    route("GET", "/projects/{id}/protected_branches", DEVELOP, code::protected),
    route("GET", "/projects/{id}/repository/tree", CODE, code::tree),
    route("GET", "/projects/{id}/repository/files/{file_path}", CODE, code::file),
    route("GET", "/projects/{id}/repository/files/{file_path}/raw", CODE, code::raw),
    route("GET", "/projects/{id}/repository/commits", CODE, code::commits),
    route("GET", "/projects/{id}/repository/commits/{sha}", CODE, code::commit),
    route("GET", "/projects/{id}/repository/commits/{sha}/merge_requests", CODE, merge_requests::of_commit),
    route("GET", "/projects/{id}/repository/commits/{sha}/statuses", CODE, statuses::list),
    route("POST", "/projects/{id}/statuses/{sha}", DEVELOP, statuses::set),

    route("GET", "/projects/{id}/pipelines", CODE, pipelines::list),
    route("GET", "/projects/{id}/pipelines/{pipeline_id}", CODE, pipelines::get),
    route("GET", "/projects/{id}/pipelines/{pipeline_id}/jobs", CODE, pipelines::jobs),
    route("GET", "/projects/{id}/pipelines/{pipeline_id}/bridges", CODE, pipelines::bridges),
    route("POST", "/projects/{id}/pipelines/{pipeline_id}/retry", DEVELOP, pipelines::retry),
    route("GET", "/projects/{id}/jobs/{job_id}", CODE, pipelines::job),
    route("GET", "/projects/{id}/jobs/{job_id}/trace", CODE, pipelines::trace),
    route("POST", "/projects/{id}/jobs/{job_id}/retry", DEVELOP, pipelines::retry_job),

    route("GET", "/projects/{id}/issues", SEE, issues::list),
    route("POST", "/projects/{id}/issues", TALK, issues::create),
    route("GET", "/projects/{id}/issues/{issue_iid}", SEE, issues::get),
    route("PUT", "/projects/{id}/issues/{issue_iid}", TALK, issues::update),

    route("GET", "/projects/{id}/merge_requests", CODE, merge_requests::list),
    route("POST", "/projects/{id}/merge_requests", DEVELOP, merge_requests::create),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}", CODE, merge_requests::get),
    route("PUT", "/projects/{id}/merge_requests/{merge_request_iid}", TALK, merge_requests::update),
    route("PUT", "/projects/{id}/merge_requests/{merge_request_iid}/merge", TALK, merge_requests::merge),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}/commits", CODE, merge_requests::commits),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}/pipelines", CODE, merge_requests::pipelines),

    route("GET", "/projects/{id}/issues/{issue_iid}/notes", SEE, notes::list),
    route("POST", "/projects/{id}/issues/{issue_iid}/notes", TALK, notes::create),
    route("GET", "/projects/{id}/issues/{issue_iid}/notes/{note_id}", SEE, notes::get),
    route("PUT", "/projects/{id}/issues/{issue_iid}/notes/{note_id}", TALK, notes::update),
    route("DELETE", "/projects/{id}/issues/{issue_iid}/notes/{note_id}", TALK, notes::delete),
    route("GET", "/projects/{id}/issues/{issue_iid}/discussions", SEE, notes::discussions),
    route("GET", "/projects/{id}/issues/{issue_iid}/discussions/{discussion_id}", SEE, notes::discussion),
    route("POST", "/projects/{id}/issues/{issue_iid}/discussions", TALK, notes::discuss),
    route("POST", "/projects/{id}/issues/{issue_iid}/discussions/{discussion_id}/notes", TALK, notes::reply),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}/notes", CODE, notes::list),
    route("POST", "/projects/{id}/merge_requests/{merge_request_iid}/notes", TALK, notes::create),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}", CODE, notes::get),
    route("PUT", "/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}", TALK, notes::update),
    route("DELETE", "/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}", TALK, notes::delete),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}/discussions", CODE, notes::discussions),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}/discussions/{discussion_id}", CODE, notes::discussion),
    route("POST", "/projects/{id}/merge_requests/{merge_request_iid}/discussions", TALK, notes::discuss),
    route("POST", "/projects/{id}/merge_requests/{merge_request_iid}/discussions/{discussion_id}/notes", TALK, notes::reply),

    route("GET", "/projects/{id}/issues/{issue_iid}/award_emoji", SEE, emoji::list),
    route("POST", "/projects/{id}/issues/{issue_iid}/award_emoji", TALK, emoji::award),
    route("DELETE", "/projects/{id}/issues/{issue_iid}/award_emoji/{award_id}", TALK, emoji::take),
    route("GET", "/projects/{id}/issues/{issue_iid}/notes/{note_id}/award_emoji", SEE, emoji::list),
    route("POST", "/projects/{id}/issues/{issue_iid}/notes/{note_id}/award_emoji", TALK, emoji::award),
    route("DELETE", "/projects/{id}/issues/{issue_iid}/notes/{note_id}/award_emoji/{award_id}", TALK, emoji::take),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}/award_emoji", CODE, emoji::list),
    route("POST", "/projects/{id}/merge_requests/{merge_request_iid}/award_emoji", TALK, emoji::award),
    route("DELETE", "/projects/{id}/merge_requests/{merge_request_iid}/award_emoji/{award_id}", TALK, emoji::take),
    route("GET", "/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}/award_emoji", CODE, emoji::list),
    route("POST", "/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}/award_emoji", TALK, emoji::award),
    route("DELETE", "/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}/award_emoji/{award_id}", TALK, emoji::take),

    route("GET", "/projects/{id}/hooks", MAINTAIN, hooks::list),
    route("POST", "/projects/{id}/hooks", MAINTAIN, hooks::create),
    route("GET", "/projects/{id}/hooks/{hook_id}", MAINTAIN, hooks::get),
    route("PUT", "/projects/{id}/hooks/{hook_id}", MAINTAIN, hooks::update),
    route("DELETE", "/projects/{id}/hooks/{hook_id}", MAINTAIN, hooks::delete),
    route("POST", "/projects/{id}/hooks/{hook_id}/test/{trigger}", MAINTAIN, hooks::test),
    route("GET", "/groups/{id}/hooks", OWN_GROUP, hooks::list),
    route("POST", "/groups/{id}/hooks", OWN_GROUP, hooks::create),
    route("GET", "/groups/{id}/hooks/{hook_id}", OWN_GROUP, hooks::get),
    route("PUT", "/groups/{id}/hooks/{hook_id}", OWN_GROUP, hooks::update),
    route("DELETE", "/groups/{id}/hooks/{hook_id}", OWN_GROUP, hooks::delete),
    route("POST", "/groups/{id}/hooks/{hook_id}/test/{trigger}", OWN_GROUP, hooks::test),
];

/// The route of a path below the API. `HEAD` asks what `GET` would answer.
pub(super) fn find(method: &str, path: &str) -> Option<(&'static Route, Params)> {
    let method = if method == "HEAD" { "GET" } else { method };
    let fits = |route: &'static Route| Some((route, params(route.path, path)?));
    ROUTES.iter().filter(|route| route.method == method).find_map(fits)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[track_caller]
    fn check(method: &str, path: &str, expected: Option<&str>) {
        assert_eq!(find(method, path).map(|(route, _)| route.path), expected);
    }

    #[test]
    fn a_slash_within_a_name_is_written_as_a_sign() {
        check("GET", "/projects/acme%2Fapi", Some("/projects/{id}"));
        check("GET", "/projects/acme/api", None);
        let file = "/projects/{id}/repository/files/{file_path}/raw";
        check("HEAD", "/projects/7/repository/files/a%2Fb.md/raw", Some(file));
        check("GET", "/projects/7/members/all", Some("/projects/{id}/members/all"));
        check("PATCH", "/projects/7", None);
    }
}
