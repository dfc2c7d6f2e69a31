//! Foreign programs as they really are: process trees, the Codex CLI against a scripted model server, and what reads deploy/.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bench;
mod codex;
mod command;
mod demo;
mod deploy;
#[path = "../shared/postgres.rs"]
mod postgres;
mod process;
mod scripted_model;
mod tools;
mod traces;
