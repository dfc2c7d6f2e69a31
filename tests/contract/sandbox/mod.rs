//! The GitHub twin, judged by real clients: octocrab over HTTP, and git.

mod auth;
mod talk;
mod world;
