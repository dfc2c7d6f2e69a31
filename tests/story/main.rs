//! Stories: people comment, the world settles, and we look at what people would see.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod main_loop;
mod scripted;
mod world;
