//! Paths to ask for: segments made safe, and the pages that `Link` headers name.

use crate::domain::ids::Sha;
use http::{HeaderMap, Uri};
use std::fmt::Write;

/// Below the API's address: `/repos/OWNER/NAME` and `rest`.
pub(super) fn repo_path(repo: &crate::domain::project::RepoRef, rest: &str) -> String {
    format!("/repos/{}/{}{rest}", encoded(&repo.owner), encoded(&repo.name))
}

/// Percent-encodes everything but letters, digits and `-._~`, for one path segment or one query value.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The path without its query and without what names one thing: `/repos/{owner}/{repo}/issues/{number}`.
pub(super) fn pattern(path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let mut folded = String::with_capacity(path.len());
    let mut parts = path.split('/').skip(1);
    while let Some(part) = parts.next() {
        folded.push('/');
        folded.push_str(match part {
            _ if Sha::parse(part).is_some() => "{sha}",
            _ if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) => "{number}",
            _ => part,
        });
        // What follows these is a name that somebody chose.
        let names: &[&str] = match part {
            "repos" => &["/{owner}", "/{repo}"],
            "users" | "collaborators" => &["/{login}"],
            "heads" => {
                folded.push_str("/{branch}");
                return folded;
            }
            _ => &[],
        };
        for name in names.iter().take_while(|_| parts.next().is_some()) {
            folded.push_str(name);
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

    #[test]
    fn a_pattern_names_no_single_thing() {
        let sha = "0123456789012345678901234567890123456789";
        for (path, expected) in [
            ("/app", "/app"),
            ("/app/installations/7/access_tokens", "/app/installations/{number}/access_tokens"),
            ("/users/godzilla%5Bbot%5D", "/users/{login}"),
            ("/repos/acme/42", "/repos/{owner}/{repo}"),
            (
                "/repos/acme/api/issues/1/comments?per_page=100",
                "/repos/{owner}/{repo}/issues/{number}/comments",
            ),
            (
                "/repos/acme/api/collaborators/bob/permission",
                "/repos/{owner}/{repo}/collaborators/{login}/permission",
            ),
            ("/repos/acme/api/git/ref/heads/feature/7", "/repos/{owner}/{repo}/git/ref/heads/{branch}"),
            (
                &format!("/repos/acme/api/commits/{sha}/check-runs?a=b"),
                "/repos/{owner}/{repo}/commits/{sha}/check-runs",
            ),
        ] {
            assert_eq!(pattern(path), expected);
        }
    }

    #[test]
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(encoded("slug[bot]"), "slug%5Bbot%5D");
        assert_eq!(encoded("a/../b?c#d é"), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
    }
}
