//! The git room against real git in temporary directories.

mod access;
mod commits;
mod hostile;
mod mirrors;
mod pushes;
mod sources;
mod worktrees;
mod world;
