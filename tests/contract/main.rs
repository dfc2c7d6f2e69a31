//! Contracts of the adapters with the real thing: real git, real databases, real queues, real HTTP.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod git;
mod github;
mod github_access;
mod github_checks;
mod github_deliveries;
mod github_files;
mod github_pulls;
mod github_server;
mod github_threads;
mod github_webhooks;
mod gitlab;
mod gitlab_access;
mod gitlab_checks;
mod gitlab_connect;
mod gitlab_doctor;
mod gitlab_intake;
mod gitlab_pulls;
mod gitlab_server;
mod gitlab_threads;
mod gitlab_webhooks;
mod operator;
mod queue;
mod relay;
mod sandbox;
mod setup;
mod store_bench;
mod store_catalogue;
mod store_figures;
mod store_intake;
mod store_job;
mod store_loss;
mod store_migrations;
mod store_outward;
mod store_protocol;
mod store_stage;
mod store_sweeps;
mod store_threads;
mod webhook_files;
mod witness;

#[path = "../shared/gitlab_openapi.rs"]
mod gitlab_openapi;
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/postgres_server.rs"]
mod postgres_server;
#[path = "../shared/server.rs"]
mod server;
#[path = "../shared/until.rs"]
mod until;
