//! Paths to ask for, and the pages that `Link` headers name.

use crate::domain::ids::Sha;
use http::{HeaderMap, Uri};

pub(super) use crate::forge::wire::encoded;

/// Below the API's address: `/repos/OWNER/NAME` and `rest`.
pub(super) fn repo_path(repo: &crate::domain::project::RepoRef, rest: &str) -> String {
    format!("/repos/{}/{}{rest}", encoded(&repo.owner), encoded(&repo.name))
}

/// The words of GitHub's API that the bot uses. Whatever else stands in a path is the name of something.
const WORDS: [&str; 29] = [
    "access_tokens",
    "actions",
    "app",
    "app-manifests",
    "branches",
    "check-runs",
    "check-suites",
    "collaborators",
    "comments",
    "commits",
    "config",
    "contents",
    "deliveries",
    "git",
    "graphql",
    "heads",
    "hook",
    "installations",
    "issues",
    "jobs",
    "logs",
    "merge",
    "permission",
    "pulls",
    "rate_limit",
    "reactions",
    "ref",
    "status",
    "statuses",
];

/// The path without its query, and with all names and numbers in it put in braces.
pub(super) fn pattern(path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let mut folded = String::with_capacity(path.len());
    let mut parts = path.split('/').skip(1);
    while let Some(part) = parts.next() {
        folded.push('/');
        // What follows these is a name that somebody chose, and it may be one of our words.
        let (shown, names): (&str, &[&str]) = match part {
            "repos" => (part, &["/{owner}", "/{repo}"]),
            "users" | "collaborators" => (part, &["/{login}"]),
            "apps" => (part, &["/{slug}"]),
            "heads" => (part, &["/{branch}"]),
            "contents" => (part, &["/{path}"]),
            _ if WORDS.contains(&part) => (part, &[]),
            _ if part.bytes().all(|byte| byte.is_ascii_digit()) => ("{number}", &[]),
            _ if Sha::parse(part).is_some() => ("{sha}", &[]),
            _ => ("{name}", &[]),
        };
        folded.push_str(shown);
        for name in names.iter().take_while(|_| parts.next().is_some()) {
            folded.push_str(name);
        }
        if matches!(part, "heads" | "contents") {
            break;
        }
    }
    folded
}

/// Path and query of the link with this `rel`, without its host: credentials go to our host only.
/// <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>
pub(super) fn path_of(headers: &HeaderMap, rel: &str) -> Option<String> {
    let wanted = format!("rel=\"{rel}\"");
    let all = headers.get("link")?.to_str().ok()?;
    all.split(',').find_map(|link| {
        let (address, attributes) = link.trim().strip_prefix('<')?.split_once('>')?;
        if !attributes.split(';').any(|attribute| attribute.trim() == wanted) {
            return None;
        }
        Some(address.parse::<Uri>().ok()?.path_and_query()?.to_string())
    })
}

/// The number of the page that a path asks for.
pub(super) fn page_number(path: &str) -> Option<u32> {
    let (_, query) = path.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("page=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("link", value.parse().unwrap());
        headers
    }

    #[test]
    fn links_lose_their_host_and_keep_their_path() {
        let headers = link(
            r#"<https://ghe.example/api/v3/repositories/7/issues?per_page=100&page=2>; rel="next", <https://ghe.example/api/v3/repositories/7/issues?per_page=100&page=5>; rel="last""#,
        );
        let last = path_of(&headers, "last").unwrap();
        assert_eq!(last, "/api/v3/repositories/7/issues?per_page=100&page=5");
        assert_eq!(page_number(&last), Some(5));
        assert_eq!(path_of(&headers, "prev"), None);
        assert_eq!(path_of(&link("nonsense, <x"), "next"), None);
        assert_eq!(page_number("/issues?per_page=100"), None);
    }

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(pattern(path), expected);
    }

    #[test]
    fn a_pattern_names_no_single_thing() {
        check("/app", "/app");
        check("/app/installations/7/access_tokens", "/app/installations/{number}/access_tokens");
        check("/users/godzilla%5Bbot%5D", "/users/{login}");
        check("/repos/acme/issues", "/repos/{owner}/{repo}");
        check("/repos/acme/api/collaborators?permission=push", "/repos/{owner}/{repo}/collaborators");
        check("/apps/merge", "/apps/{slug}");
        check("/repos/acme/api/pulls?head=acme:secret", "/repos/{owner}/{repo}/pulls");
        check("/repos/acme/api/issues/1/comments?page=2", "/repos/{owner}/{repo}/issues/{number}/comments");
        check(
            "/repos/a/b/collaborators/app/permission",
            "/repos/{owner}/{repo}/collaborators/{login}/permission",
        );
        check("/repos/a/b/git/ref/heads/feature/7", "/repos/{owner}/{repo}/git/ref/heads/{branch}");
        let commit = format!("/repos/a/b/commits/{}/check-runs", "0a".repeat(20));
        check("/repos/a/b/actions/jobs/7/logs", "/repos/{owner}/{repo}/actions/jobs/{number}/logs");
        check(&commit, "/repos/{owner}/{repo}/commits/{sha}/check-runs");
        check("/repos/a/b/contents/src/merge", "/repos/{owner}/{repo}/contents/{path}");
        check("/secrets/of/acme", "/{name}/{name}/{name}");
    }
}
