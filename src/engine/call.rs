//! What an engine is asked to do.

use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// One call of an engine. Engines read nothing of the bot's own environment: all they get is here and in their settings.
#[derive(Debug, Clone)]
pub struct EngineCall {
    /// Given on standard input, never in the argument list, where other users of the machine could read it.
    pub prompt: String,
    /// The directory to work in; a worktree of its own.
    pub cwd: PathBuf,
    pub access: Access,
    /// Without it the engine takes its own default.
    pub model: Option<String>,
    /// JSON Schema of the final answer. The answer is *not* checked against it here.
    pub schema: Option<Value>,
    pub phase: Phase,
    /// Structured facts of the work: `number` (protocol number), `slug`, `step` (file name), `content` (of the step file, to take apart), `request` (what people wrote).
    /// Engines with a model ignore them, the prompt says it all; the demo engine and commands use them.
    pub facts: Value,
    pub limits: Limits,
    /// Cancel it to kill the run.
    pub stop: CancellationToken,
    /// A private directory for HOME, temporary files and the engine's state; made if absent, never removed here.
    pub home: PathBuf,
}

/// What the engine may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    /// Files below the working directory.
    Workspace,
}

impl Access {
    pub fn as_str(self) -> &'static str {
        match self {
            Access::ReadOnly => "read-only",
            Access::Workspace => "workspace-write",
        }
    }
}

/// Which part of a protocol's life the call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Discover,
    Plan,
    Decompose,
    Execute,
    Quality,
    Repair,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Discover => "discover",
            Phase::Plan => "plan",
            Phase::Decompose => "decompose",
            Phase::Execute => "execute",
            Phase::Quality => "quality",
            Phase::Repair => "repair",
        }
    }
}

/// How long and how much a program may run and write before it is killed.
///
/// No agent CLI's own limits can be trusted: some wait for ever on a server that does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From start to end.
    pub wall: Duration,
    /// Without a byte on standard output or standard error.
    pub idle: Duration,
    /// Between the request to end and the kill.
    pub grace: Duration,
    /// Bytes of standard output in all; more ends the run.
    pub stdout: usize,
    /// Bytes of one line; the rest of a longer line is dropped.
    pub line: usize,
    /// Last bytes of standard error that are kept.
    pub stderr_tail: usize,
    /// Bytes of the final answer; more is a bad answer.
    pub final_text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(1200),
            idle: Duration::from_secs(300),
            grace: Duration::from_secs(5),
            stdout: 64 << 20,
            line: 4 << 20,
            stderr_tail: 64 << 10,
            final_text: 1 << 20,
        }
    }
}
