//! The dialect of GitLab: REST API v4, access tokens and roles, pipelines and statuses, and the shape of webhooks.
//!
//! - `desk.rs`: what only GitLab has · `pipelines.rs`: what can be done to pipelines · `json/`: how things look
//! - `door.rs`: the way in · `auth.rs`: who may · `fields.rs`: what was sent · `routes.rs`: the table of routes
//! - `rest/`: the handlers · `events.rs`, `hooks.rs`: webhooks · `words.rs`: refusals and names
//! - `people.rs`: what an operator does · `views.rs`: what one can see
//!
//! Left out: labels, approvals, quick actions, merge trains, runners, limits that bite by themselves.

mod auth;
mod desk;
pub(in crate::sandbox) mod door;
mod events;
mod fields;
mod hooks;
mod json;
mod people;
mod pipelines;
mod rest;
mod routes;
mod views;
mod words;

pub use people::{BotToken, HookSpec, HookView, Scope};

pub(crate) use desk::{AccessToken, Desk};
pub(crate) use words::{as_draft, as_ready, check_note, is_draft, refused};
