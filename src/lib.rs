//! TasksGodzilla: a ChatOps bot for agent-driven development.
//!
//! Modules are listed in reading order; ARCHITECTURE.md is the map. A module imports only from floors below its own.

// Floor 0: facts and rules, and what is counted.
pub mod domain;
pub mod meter;

// Floor 1: adapters and pure rooms.
pub mod command;
pub mod config;
pub mod engine;
pub mod forge;
pub mod git;
pub mod prompt;
pub mod queue;
pub mod report;
pub mod store;

// Floor 2: use cases.
pub mod services;

// Floor 3: the doors, and a forge in a box.
pub mod app;
pub mod cli;
pub mod http;
pub mod jobs;
pub mod sandbox;
