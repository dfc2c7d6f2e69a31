//! The GitHub twin, judged by real clients: octocrab over HTTP, and git.

mod auth;
mod checks;
mod code;
mod faults;
mod pages;
mod places;
mod pulls;
mod shapes;
mod talk;
mod world;
