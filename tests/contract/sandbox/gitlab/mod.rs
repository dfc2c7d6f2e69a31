//! The GitLab twin, judged by the gitlab crate, by python-gitlab, by git, and held against GitLab's published description.

mod auth;
mod ci;
mod code;
mod faults;
mod hooks;
mod pages;
mod pulls;
mod python;
mod shapes;
mod talk;
mod world;
