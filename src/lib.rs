//! TasksGodzilla: a ChatOps bot for agent-driven development.
//!
//! Modules are listed in reading order; ARCHITECTURE.md is the map. A module imports only from floors below its own.

// Floor 0: facts and rules.
pub mod domain;

// Floor 1: adapters and pure rooms.
pub mod command;
pub mod config;
pub mod engine;
pub mod forge;
pub mod git;
pub mod queue;
pub mod store;
pub mod prompt;
pub mod report;
// Floor 3: ways in and out of the bot.
pub mod sandbox;
