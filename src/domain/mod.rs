//! Floor 0: the facts and rules of the bot. No IO, no async, no SDK types, no clock.

pub mod ids;
