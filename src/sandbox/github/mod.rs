//! The dialect of GitHub: REST, GraphQL, Apps and their rights, check runs, and the shape of webhooks.
//!
//! - `desk.rs`, `checks.rs`: what only GitHub has · `acts/`: what can be done to that · `json/`: how things look
//! - `door.rs`: the way in · `auth.rs`: who may · `routes.rs`: the table of routes · `rest/`, `graphql.rs`: the handlers
//! - `events.rs`: webhooks · `words.rs`: refusals · `keys.rs`: keys of Apps · `apps.rs`: what an operator does ·
//!   `views.rs`: what one can see
//!
//! Left out: teams, reviews, labels, search, rate limits that bite by themselves.

mod acts;
mod apps;
mod auth;
mod checks;
mod desk;
pub(in crate::sandbox) mod door;
mod events;
mod graphql;
mod json;
mod keys;
mod rest;
pub(in crate::sandbox) mod routes;
mod views;
mod words;

pub use crate::sandbox::hooks::{Delivered, Hooks};
pub use crate::sandbox::http::{Fault, Met, Which};
pub use crate::sandbox::model::{CheckConclusion, CheckStatus, Ci, Role, UserKind};
pub use crate::sandbox::people::{PullSpec, SandboxError};
pub use crate::sandbox::views::{
    CheckView, CommentView, CommitView, PendingHook, PullView, ReactionView, RequestView, StatusView,
};
pub use crate::sandbox::{Twin, TwinOptions};
pub use apps::{AppCredentials, AppSpec};
pub use desk::{Access, AssertionClock};

pub(crate) use desk::{Desk, Permissions};
pub(crate) use words::{check_body, refused};
