//! Floor 0: the facts and rules of the bot. No IO, no async, no SDK types, no clock.

pub mod ids;
pub mod text;

pub mod actor;
pub mod command;
pub mod project;
pub mod thread;

pub mod names;

pub mod protocol;
pub mod step;

pub mod ci;
pub mod diff;
pub mod spec;
pub mod stage;
pub mod verdict;

pub mod colour;
pub mod drive;

pub mod claim;
pub mod effect;
pub mod event;
pub mod forge_event;
pub mod job;
pub mod refusal;
pub mod retry;
pub mod sight;
pub mod witness;
