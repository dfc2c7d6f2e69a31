//! Forges in a box: in-process twins of the parts of GitHub and GitLab that the bot uses, over real HTTP on loopback.
//!
//! The `demo` command shows the bot on one, and the stories drive the bot through one. A twin is an independent judge:
//! it imports no other room of this crate, refuses what the real forge refuses, and writes down every request.
//! What is deliberately absent: durability, performance under load, and everything the bot never asks for.

pub mod github;
