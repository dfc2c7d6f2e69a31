//! Paths to ask for: segments made safe, and the pages that `Link` headers name.

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
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(encoded("slug[bot]"), "slug%5Bbot%5D");
        assert_eq!(encoded("a/../b?c#d é"), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
    }
}
