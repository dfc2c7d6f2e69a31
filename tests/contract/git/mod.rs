//! The git room against real git in temporary directories.

mod access;
mod commits;
mod crashes;
mod hostile;
mod mirrors;
mod pushes;
mod sources;
mod worktrees;
pub(crate) mod world;
