//! The REST handlers, one file per chapter of GitLab's reference. `routes.rs` says which path is whose.

pub(super) mod code;
pub(super) mod emoji;
pub(super) mod hooks;
pub(super) mod issues;
pub(super) mod merge_requests;
pub(super) mod notes;
pub(super) mod pipelines;
pub(super) mod projects;
pub(super) mod statuses;
pub(super) mod users;

use super::auth::level_of;
use super::fields::number;
use super::words::missing;
use crate::sandbox::acts::Refused;
use crate::sandbox::http::{Call, Caller};
use crate::sandbox::model::{Issue, Model, Role};

/// The number of the thread that the path names, in the numbers of the model.
fn thread(model: &Model, call: &Call) -> Result<u64, Refused> {
    let is_pull = !call.param("merge_request_iid").is_empty();
    let (name, what) = if is_pull { ("merge_request_iid", "Merge Request") } else { ("issue_iid", "Issue") };
    let iid = number(call, name)?;
    let repo = model.repo(call.repo).ok_or_else(|| missing("Project"))?;
    let of_kind = |issue: &&Issue| issue.pull.is_some() == is_pull;
    let index = usize::try_from(iid).unwrap_or(0).checked_sub(1);
    let found = index.and_then(|index| repo.issues.iter().filter(of_kind).nth(index));
    let found = found.filter(|issue| sees(model, call, issue));
    found.map(|issue| issue.number).ok_or_else(|| missing(what))
}

/// Confidential issues are for their authors and for members from the role Reporter up.
fn sees(model: &Model, call: &Call, issue: &Issue) -> bool {
    let is_author = matches!(&call.caller, Caller::Person { login } if *login == issue.author);
    !issue.confidential || is_author || level_of(model, call).is_some_and(|role| role >= Role::Triage)
}
