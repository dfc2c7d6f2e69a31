//! Which engine works, and what its failure means.

use super::Ctx;
use crate::domain::project::Protocol;
use crate::domain::protocol::ReasonKey;
use crate::domain::retry::Retry;
use crate::engine::EngineError;

/// What an engine gave.
pub enum Gave<T> {
    Answer(T),
    /// Nothing usable; a person must do something.
    Nothing(Trouble),
    /// The protocol was told to stop.
    Stopped,
}

/// Why a person must do something.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub key: ReasonKey,
    pub detail: String,
}

impl<T> Gave<T> {
    pub fn nothing(key: ReasonKey, detail: String) -> Self {
        Self::Nothing(Trouble { key, detail })
    }
}

/// The engine for a phase: the one the protocol was started with, else the phase's, else the default.
pub fn of(ctx: &Ctx, protocol: &Protocol, phase: Option<&str>) -> String {
    protocol.engine.as_deref().or(phase).unwrap_or(&ctx.rules.default_engine).to_owned()
}

/// Sorts an engine's error: what may pass goes to the job's retries, the rest blocks with `key`.
pub fn trouble<T>(error: EngineError, key: ReasonKey) -> anyhow::Result<Gave<T>> {
    match &error {
        EngineError::Stopped { .. } => Ok(Gave::Stopped),
        EngineError::NotInstalled { .. } | EngineError::AuthMissing { .. } => {
            Ok(Gave::nothing(ReasonKey::EngineMissing, error.to_string()))
        }
        EngineError::RateLimited { .. } | EngineError::ModelUnavailable { .. }
            if error.retry() != Retry::Never =>
        {
            Err(error.into())
        }
        _ => Ok(Gave::nothing(key, error.to_string())),
    }
}
