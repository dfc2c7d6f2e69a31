//! Agent CLIs behind one trait: what an engine is asked, what it tells while it works, what it answers.
//!
//! Services call [`Engine::run`] and know nothing about command lines. [`process`] is the one place of the program
//! that starts programs written by others (engines, a repository's `scripts/ci`); the adapters are [`codex`],
//! [`command`] (any program, by a documented contract) and [`demo`] (no model at all). Prompts are made elsewhere, and
//! answers are validated elsewhere: here they are text and JSON that somebody else wrote.

mod answer;
mod call;
pub mod codex;
pub mod command;
pub mod demo;
mod error;
mod event;
pub mod process;

pub use call::{Access, EngineCall, Limits, Phase};
pub use error::{EngineError, TimeLimit};
pub use event::{Answer, EngineEvent, FileChange, ProcessIdentity, Usage};

use async_trait::async_trait;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// How long a run waits for a receiver that is too busy to take an event.
const PATIENCE: Duration = Duration::from_secs(10);

/// An agent that works on a directory when it is given a prompt.
#[async_trait]
pub trait Engine: Send + Sync {
    /// The name people type after `--engine`.
    fn id(&self) -> &str;

    /// Finds the program and returns its version.
    async fn probe(&self) -> Result<String, EngineError>;

    /// Whether the credentials that a call needs are there. They are looked for, not tried.
    fn check_credentials(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Runs one call to its end and reports progress on `events`.
    ///
    /// Returns only after every process of the call is gone. Cancelling `call.stop`, or dropping the future, kills them.
    /// A receiver that went away does not disturb the run; one that reads nothing for ten seconds loses events.
    async fn run(&self, call: EngineCall, events: Sender<EngineEvent>) -> Result<Answer, EngineError>;
}

/// Reports `event`; a receiver that is gone or asleep misses it.
async fn tell(events: &Sender<EngineEvent>, event: EngineEvent) {
    if tokio::time::timeout(PATIENCE, events.send(event)).await.is_err() {
        tracing::warn!("an engine's event was dropped: nobody takes them");
    }
}
