//! The declarations: one file per family of commands, each command beside what makes it of its words.
//!
//! A new command is one variant and one name in `domain/command.rs` and one declaration here; a new family is a file
//! here and one line in `registry`. Then `UPDATE_DOCS=1 cargo test --test tidy` writes docs/commands.md.

pub(super) mod bot;
pub(super) mod branch;
pub(super) mod budget;
pub(super) mod clarify;
pub(super) mod engine;
pub(super) mod policy;
pub(super) mod project;
pub(super) mod protocol;
pub(super) mod step;
