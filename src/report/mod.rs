//! State to text: comments, checks, answers, pages and the worker's own files. Pure: no IO, no clock.
//!
//! Everything here is rendered from what the store says, never written by a model, and is the same for the same facts, so
//! publishing may be repeated. Words of people, engines and forges pass through `text` on their way.

pub mod answer;
pub mod check;
pub mod comment;
pub mod fit;
pub mod page;
pub mod record;
mod template;
pub mod text;
pub mod time;
pub mod tongue;
pub mod view;
mod words;

#[cfg(test)]
mod sample;
