//! Any program as an engine, by a contract that a shell script can keep.
//!
//! **Input.** The program gets one JSON document on standard input, on one line, and then the end of the input:
//!
//! ```json
//! {"version": 1, "phase": "execute", "access": "workspace-write", "model": null, "schema": null,
//!  "facts": {"number": 7, "slug": "split-importer", "step": "01-split.md", "request": "…"}, "prompt": "…"}
//! ```
//!
//! `phase` is `discover`, `plan`, `decompose`, `execute`, `quality` or `repair`. `access` is `read-only` or
//! `workspace-write`. `schema` is the JSON Schema of the wanted answer, or null. The working directory is the worktree.
//! The environment is PATH, a private HOME and TMPDIR, and what the engine's settings name.
//!
//! **Output.** Either plain text, which is the answer; or one JSON object per line:
//!
//! ```json
//! {"type": "message", "text": "I begin with the importer."}
//! {"type": "tool", "name": "make", "detail": "make test"}
//! {"type": "file", "path": "src/importer.rs", "kind": "updated"}
//! {"type": "warning", "text": "no tests found"}
//! {"type": "usage", "input": 1200, "cached": 800, "output": 90, "reasoning": 10}
//! {"type": "answer", "text": "Done.", "json": {"any": "thing"}}
//! ```
//!
//! `kind` is `added`, `updated` or `deleted`. `usage` counts from the start of the run, `input` with the cached tokens;
//! a field left out is zero. `answer` needs `text`, `json` or both; the last one counts. Without one, the last message
//! is the answer. As soon as one line is such an object, plain lines are no answer, and
//! those that follow are told as warnings.
//!
//! **Exit code.** 0: well. 75 (`EX_TEMPFAIL`): try again later. Any other: failed; the end of standard error says why.
//!
//! **Limits.** Time, silence and output are limited, and whatever the program started is killed when it ends. Where
//! bubblewrap is installed, only the worktree (with `workspace-write`), HOME and TMPDIR can be written. Without it,
//! `read-only` is a request.

use super::answer::{LastWords, WantsJson};
use super::process::{
    self, Confinement, Exit, Isolation, Line, Network, ProcessSpec, base_env, find_program, search_path,
};
use super::{Access, Answer, Engine, EngineCall, EngineError, EngineEvent, FileChange, Usage, tell};
use crate::domain::retry::Retry;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::sync::mpsc::Sender;

/// `EX_TEMPFAIL` of sysexits(3).
const TRY_LATER: i32 = 75;

/// How to start the program.
#[derive(Clone)]
pub struct CommandSettings {
    /// The name people type after `--engine`.
    pub id: String,
    /// An absolute path, or a name on the search path.
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Added to the basic environment; the program's keys belong here.
    pub env: Vec<(String, String)>,
    /// `Closed` needs bubblewrap; without it the engine does not start.
    pub network: Network,
}

/// An engine that is a program of the operator's own.
pub struct CommandEngine {
    settings: CommandSettings,
    isolation: Isolation,
}

impl CommandEngine {
    pub fn new(settings: CommandSettings, isolation: Isolation) -> Self {
        Self { settings, isolation }
    }

    fn spec(&self, call: &EngineCall) -> Result<ProcessSpec, EngineError> {
        let unusable = |error: std::io::Error| EngineError::Failed {
            exit: None,
            stderr_tail: format!("{} cannot be written: {error}", call.home.display()),
            usage: None,
        };
        let mut env = base_env(&call.home).map_err(unusable)?;
        env.extend(self.settings.env.iter().cloned());
        Ok(ProcessSpec {
            program: self.settings.program.clone(),
            args: self.settings.args.iter().map(Into::into).collect(),
            cwd: call.cwd.clone(),
            env,
            stdin: request(call).into_bytes(),
            limits: call.limits.clone(),
            stop: call.stop.clone(),
            isolation: self.isolation.clone(),
            confinement: self.confinement(call),
        })
    }

    fn confinement(&self, call: &EngineCall) -> Confinement {
        let network = self.settings.network;
        if network == Network::Open && !self.isolation.has_sandbox() {
            return Confinement::OwnTree;
        }
        let writable = match call.access {
            Access::ReadOnly => vec![call.home.clone()],
            Access::Workspace => vec![call.home.clone(), call.cwd.clone()],
        };
        Confinement::Sandbox { writable, network }
    }
}

#[async_trait]
impl Engine for CommandEngine {
    fn id(&self) -> &str {
        &self.settings.id
    }

    /// Finds the program. It is not started: nothing says that it knows `--version`.
    async fn probe(&self) -> Result<String, EngineError> {
        let program = &self.settings.program;
        let found = find_program(program, &search_path());
        let path = found.ok_or_else(|| EngineError::NotInstalled {
            todo: format!(
                "there is no program {}; correct the setting of engine {}",
                program.display(),
                self.id()
            ),
        })?;
        Ok(path.display().to_string())
    }

    async fn run(&self, call: EngineCall, events: Sender<EngineEvent>) -> Result<Answer, EngineError> {
        let mut running =
            process::start(self.spec(&call)?).map_err(|error| EngineError::from_process(&error, None))?;
        tell(&events, EngineEvent::Started { process: Some(running.identity()), session: None }).await;
        let mut heard = Heard { limit: call.limits.final_text, ..Heard::default() };
        loop {
            let line =
                running.line().await.map_err(|error| EngineError::from_process(&error, heard.usage))?;
            let Some(line) = line else { break };
            if let Some(event) = heard.hear(&line) {
                tell(&events, event).await;
            }
        }
        let exit = running.finish().await.map_err(|error| EngineError::from_process(&error, heard.usage))?;
        heard.conclude(&exit, &call)
    }
}

fn request(call: &EngineCall) -> String {
    let document = json!({
        "version": 1,
        "phase": call.phase.as_str(),
        "access": call.access.as_str(),
        "model": call.model,
        "schema": call.schema,
        "facts": call.facts,
        "prompt": call.prompt,
    });
    format!("{document}\n")
}

/// One line of the contract.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Message {
        text: String,
    },
    Warning {
        text: String,
    },
    Tool {
        name: String,
        #[serde(default)]
        detail: String,
    },
    File {
        path: String,
        #[serde(default)]
        kind: Kind,
    },
    Usage(Tokens),
    Answer {
        #[serde(default)]
        text: Option<String>,
        #[serde(default)]
        json: Option<Value>,
    },
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Added,
    #[default]
    Updated,
    Deleted,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Tokens {
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
}

/// What the program said so far.
#[derive(Default)]
struct Heard {
    limit: usize,
    usage: Option<Usage>,
    keeps_contract: bool,
    plain: String,
    last_message: Option<String>,
    answer: Option<(Option<String>, Option<Value>)>,
}

impl Heard {
    fn hear(&mut self, line: &Line) -> Option<EngineEvent> {
        let Ok(said) = serde_json::from_str(&line.text) else {
            return self.plain_line(line);
        };
        self.keeps_contract = true;
        match said {
            Said::Message { text } => {
                self.last_message = Some(text.clone());
                Some(EngineEvent::Message { text })
            }
            Said::Warning { text } => Some(EngineEvent::Warning { text }),
            Said::Tool { name, detail } => Some(EngineEvent::ToolStarted { id: String::new(), name, detail }),
            Said::File { path, kind } => Some(EngineEvent::FileChanged { path, kind: kind.into() }),
            Said::Usage(Tokens { input, cached, output, reasoning }) => {
                let usage = Usage { input, cached, output, reasoning, complete: true };
                self.usage = Some(usage);
                Some(EngineEvent::Usage(usage))
            }
            Said::Answer { text, json } => {
                self.answer = Some((text, json));
                None
            }
        }
    }

    /// Kept as a part of a plain answer; one byte over the limit is enough to refuse it later.
    fn plain_line(&mut self, line: &Line) -> Option<EngineEvent> {
        if line.text.trim().is_empty() && self.keeps_contract {
            return None;
        }
        if self.plain.len() <= self.limit {
            self.plain.push_str(&line.text);
            self.plain.push('\n');
        }
        let text = line.text.clone();
        Some(if self.keeps_contract { EngineEvent::Warning { text } } else { EngineEvent::Message { text } })
    }

    fn conclude(self, exit: &Exit, call: &EngineCall) -> Result<Answer, EngineError> {
        match exit.code {
            Some(0) => {}
            Some(TRY_LATER) => {
                let why = format!("the program asks to try again later: {}", exit.stderr_tail.trim_end());
                return Err(EngineError::ModelUnavailable { why, retry: Retry::Soon });
            }
            code => {
                let stderr_tail = exit.stderr_tail.clone();
                return Err(EngineError::Failed { exit: code, stderr_tail, usage: self.usage });
            }
        }
        let (text, json) = match self.answer {
            Some(answer) => answer,
            None if self.keeps_contract => (self.last_message, None),
            None => (Some(self.plain.trim_end().to_owned()), None),
        };
        let text = text.or_else(|| json.as_ref().map(Value::to_string)).unwrap_or_default();
        let usage = self.usage.unwrap_or_default();
        let wants_json = if json.is_some() { WantsJson::No } else { (&call.schema).into() };
        let words = LastWords { text, usage, session: None, wall: exit.wall };
        let answer = words.into_answer(wants_json, call.limits.final_text)?;
        let given = json.filter(|_| call.schema.is_some());
        Ok(Answer { json: given.or(answer.json), ..answer })
    }
}

impl From<Kind> for FileChange {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Added => FileChange::Added,
            Kind::Updated => FileChange::Updated,
            Kind::Deleted => FileChange::Deleted,
        }
    }
}
