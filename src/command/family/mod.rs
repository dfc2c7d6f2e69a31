//! The declarations: one file per family of commands, each command beside what makes it of its words.

pub(super) mod bot;
pub(super) mod branch;
pub(super) mod budget;
pub(super) mod clarify;
pub(super) mod engine;
pub(super) mod policy;
pub(super) mod project;
pub(super) mod protocol;
pub(super) mod step;
