//! Several processes of the real program on one store: roles, lost workers, late workers, and everything at once.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chaos;
mod drain;
mod gate;
mod late;
mod process;
mod roles;
mod world;

#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/server.rs"]
mod server;
#[path = "../shared/until.rs"]
mod until;
