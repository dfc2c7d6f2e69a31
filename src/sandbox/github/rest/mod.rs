//! The REST handlers, one file per chapter of GitHub's reference. `routes.rs` says which path is whose.

pub(crate) mod apps;
mod check_body;
pub(crate) mod checks;
pub(crate) mod comments;
pub(crate) mod contents;
pub(crate) mod issues;
pub(crate) mod pulls;
pub(crate) mod repos;
pub(crate) mod statuses;
