//! Stories: people comment, the world settles, and we look at what people would see.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(unreachable_pub, reason = "a test binary exports nothing; its modules are each other's only users")]

mod checks;
mod ci;
mod commands;
mod crash;
mod dead_jobs;
mod ending;
mod execution;
mod faults;
#[path = "../shared/gitlab_openapi.rs"]
mod gitlab_openapi;
mod head;
mod health;
mod host;
mod intake;
mod late;
mod luck;
mod main_loop;
mod missed;
mod openapi;
mod operations;
mod pages;
mod permissions;
mod planning;
#[path = "../shared/postgres.rs"]
mod postgres;
mod quality;
mod repository_file;
mod scripted;
mod stages;
mod sweeps;
mod telling;
mod tidying;
mod world;
