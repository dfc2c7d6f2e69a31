//! Facts to prompts, and engines' answers to facts. Pure: no IO, no clock.
//!
//! Words of people and content of repositories go into prompts as data between fences that they cannot close (`quote`);
//! what an engine answers is believed only after it was validated (`plan`, `verdict`, `spec`).

mod answer;
mod facts;
pub mod plan;
mod quote;
pub mod schema;
pub mod spec;
mod template;
pub mod verdict;
mod write;

pub use facts::{
    CHARACTER_LIMIT, Depth, Done, Evidence, ExecutionFacts, Identity, PlanningFacts, QualityFacts,
    RepairFacts, Replan,
};
pub use template::Prompt;
pub use write::{decompose, execute, planning, quality, repair};
