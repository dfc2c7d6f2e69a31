//! Foreign programs as they really are: process trees, and the Codex CLI against a scripted model server.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod codex;
mod command;
mod demo;
mod process;
mod scripted_model;
mod tools;
mod traces;
