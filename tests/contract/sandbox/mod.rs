//! The twins, judged by real clients: octocrab, the gitlab crate and python-gitlab over HTTP, and git.

mod auth;
mod checks;
mod code;
mod faults;
mod gitlab;
mod pages;
mod places;
mod pulls;
mod shapes;
mod talk;
mod world;
