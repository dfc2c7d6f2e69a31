//! Refusals in GitHub's words.

use crate::sandbox::acts::{No, Refused};
use serde_json::json;

/// GitHub counts characters here, not bytes.
const LONGEST_BODY: usize = 65_536;

impl Refused {
    /// A 422 that names the field, as GitHub does: `code` is `missing_field`, `invalid`, `custom` …
    pub(crate) fn invalid(resource: &str, field: &str, code: &str, why: impl Into<String>) -> Self {
        let why = why.into();
        let mut error = json!({ "resource": resource, "field": field, "code": code });
        if !why.is_empty() {
            error["message"] = json!(why);
        }
        Self { status: 422, message: "Validation Failed".to_owned(), errors: Some(json!([error])) }
    }

    /// A 422 from the JSON schema check that GitHub runs before it looks at the meaning.
    pub(crate) fn schema(why: impl std::fmt::Display) -> Self {
        Self::new(422, format!("Invalid request.\n\n{why}"))
    }
}

pub(crate) fn refused(no: No) -> Refused {
    let custom = |why: String| Refused::invalid("PullRequest", "head", "custom", why);
    match no {
        No::Missing => Refused::missing(),
        No::HeadMissing(_) => Refused::invalid("PullRequest", "head", "invalid", ""),
        No::BaseMissing(_) => Refused::invalid("PullRequest", "base", "invalid", ""),
        No::NothingToMerge { base, head } => custom(format!("No commits between {base} and {head}")),
        No::Again { owner, branch, .. } => {
            let why = format!("A pull request already exists for {owner}:{branch}.");
            Refused::invalid("PullRequest", "", "custom", why)
        }
        No::Draft => Refused::new(405, "Pull Request is still a draft"),
        No::NotOpen | No::Conflict => Refused::new(405, "Pull Request is not mergeable"),
        No::Unrebasable => Refused::new(405, "This branch can't be rebased"),
        No::HeadMoved => Refused::new(409, "Head branch was modified. Review and try the merge again."),
        No::Broken(why) => Refused::new(500, why),
    }
}

pub(crate) fn check_body(resource: &str, body: &str) -> Result<(), Refused> {
    if body.trim().is_empty() {
        return Err(Refused::invalid(resource, "body", "custom", "body can't be blank"));
    }
    if body.chars().count() > LONGEST_BODY {
        let why = format!("body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Refused::invalid(resource, "body", "custom", why));
    }
    Ok(())
}
