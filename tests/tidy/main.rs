//! The house rules, read from the source as text. Each exception is listed by name, with its reason.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod files;
mod floors;
mod pages;
mod places;
mod tree;
mod words;
