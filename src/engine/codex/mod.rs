//! The Codex CLI, `codex exec --json`, version 0.169.0.
//!
//! It brings a sandbox of its own (read-only, or writable below the working directory; no network for its commands),
//! so it may start without ours. It is told to write no session files, to read no configuration but what is given
//! here, to reach no host but the model's, and to hand none of our environment to its commands. Its own limits are not
//! relied on: it waits for ever on a server that does not answer.

mod fault;
mod line;
mod native;
mod transcript;

pub use native::find_native;

use super::answer::LastWords;
use super::process::{self, Confinement, Isolation, ProcessSpec, Running, base_env};
use super::{Answer, Engine, EngineCall, EngineError, EngineEvent, Limits, tell};
use async_trait::async_trait;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use transcript::Transcript;

/// Codex refuses prompts above 1,048,576 characters.
const PROMPT_LIMIT: usize = 900_000;
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// How to start the Codex CLI. Read by the caller; this engine looks at nothing but the search path.
#[derive(Clone, Default)]
pub struct CodexSettings {
    /// The native program, or npm's wrapper `codex`, whose native program is then looked for beside it (a wrapper
    /// outlives a kill of the program it started). `None`: `codex` on the search path.
    pub bin: Option<PathBuf>,
    /// Each is passed as `-c`: `key=value`, the value in TOML. Here belongs the model provider.
    pub config: Vec<String>,
    /// The model's key and what else Codex itself needs. Codex' commands do not get it.
    pub env: Vec<(String, String)>,
}

/// The engine `codex`.
pub struct Codex {
    settings: CodexSettings,
    isolation: Isolation,
}

impl Codex {
    pub fn new(settings: CodexSettings, isolation: Isolation) -> Self {
        Self { settings, isolation }
    }

    /// A command line of Codex; the prompt is its input.
    fn spec(&self, call: &EngineCall, args: Vec<OsString>) -> Result<ProcessSpec, EngineError> {
        let program = native::resolve(self.settings.bin.as_deref())?;
        let mut env = base_env(&call.home).map_err(|error| unusable_home(&call.home, &error))?;
        if let Some(tools) = native::tools_beside(&program) {
            let path = env.iter_mut().find(|(name, _)| name == "PATH");
            path.into_iter().for_each(|(_, path)| *path = format!("{path}:{}", tools.display()));
        }
        env.push(("CODEX_HOME".to_owned(), call.home.to_string_lossy().into_owned()));
        env.extend(self.settings.env.iter().cloned());
        Ok(ProcessSpec {
            program,
            args,
            cwd: call.cwd.clone(),
            env,
            stdin: call.prompt.clone().into_bytes(),
            limits: call.limits.clone(),
            stop: call.stop.clone(),
            isolation: self.isolation.clone(),
            confinement: Confinement::OwnTree,
        })
    }

    /// Reads events to the end. Gives up as soon as Codex' own retries cannot help.
    async fn listen(
        &self,
        running: &mut Running,
        heard: &mut Transcript,
        events: &Sender<EngineEvent>,
    ) -> Result<(), EngineError> {
        loop {
            let line = running.line().await;
            let Some(line) = line.map_err(|error| EngineError::from_process(&error, heard.usage_so_far()))?
            else {
                return Ok(());
            };
            for event in heard.hear(&line) {
                tell(events, event).await;
            }
            if let Some(reason) = heard.hopeless_retry() {
                running.kill().await;
                return Err(fault::classify(&reason, None, &self.settings.config, heard.usage_so_far()));
            }
        }
    }
}

#[async_trait]
impl Engine for Codex {
    fn id(&self) -> &str {
        "codex"
    }

    async fn probe(&self) -> Result<String, EngineError> {
        let home = tempfile::tempdir()
            .map_err(|error| unusable_home(Path::new("the temporary directory"), &error))?;
        let spec = ProcessSpec {
            program: native::resolve(self.settings.bin.as_deref())?,
            args: vec!["--version".into()],
            cwd: home.path().to_path_buf(),
            env: base_env(home.path()).map_err(|error| unusable_home(home.path(), &error))?,
            stdin: Vec::new(),
            limits: Limits { wall: PROBE_LIMIT, ..Limits::default() },
            stop: CancellationToken::new(),
            isolation: self.isolation.clone(),
            confinement: Confinement::OwnTree,
        };
        let program = spec.program.display().to_string();
        let broken = |why: String| EngineError::NotInstalled { todo: format!("{program} --version: {why}") };
        let (text, exit) = process::run(spec).await.map_err(|error| broken(error.to_string()))?;
        match text.split_whitespace().last() {
            Some(version) if exit.is_success() => Ok(version.to_owned()),
            _ => Err(broken(format!("exit {:?}, {}", exit.code, exit.stderr_tail))),
        }
    }

    fn check_credentials(&self) -> Result<(), EngineError> {
        // A call's home is its own, so nobody is logged in there before.
        fault::check_key(&self.settings, Path::new("/nonexistent"))
    }

    async fn run(&self, call: EngineCall, events: Sender<EngineEvent>) -> Result<Answer, EngineError> {
        if call.prompt.chars().count() > PROMPT_LIMIT {
            let stderr_tail = format!("the prompt has more than {PROMPT_LIMIT} characters");
            return Err(EngineError::Failed { exit: None, stderr_tail, usage: None });
        }
        fault::check_key(&self.settings, &call.home)?;
        let files = line::write_files(&call).map_err(|error| unusable_home(&call.home, &error))?;
        let spec = self.spec(&call, line::arguments(&call, &self.settings.config, &files))?;
        let mut running = process::start(spec).map_err(|error| EngineError::from_process(&error, None))?;
        let process = Some(running.identity());
        tell(&events, EngineEvent::Started { process, session: None }).await;

        let mut heard = Transcript::default();
        self.listen(&mut running, &mut heard, &events).await?;
        let exit = running.finish().await;
        let exit = exit.map_err(|error| EngineError::from_process(&error, heard.usage_so_far()))?;
        if !exit.is_success() || heard.failure().is_some() {
            let reason = heard.failure().unwrap_or(&exit.stderr_tail);
            return Err(fault::classify(reason, exit.code, &self.settings.config, heard.usage_so_far()));
        }
        let file = read_head(&files.last_message, call.limits.final_text).await;
        let text = file.or_else(|| heard.last_message().map(str::to_owned)).unwrap_or_default();
        let words = LastWords { text, usage: heard.usage(), session: heard.session(), wall: exit.wall };
        words.into_answer((&call.schema).into(), call.limits.final_text)
    }
}

fn unusable_home(home: &Path, error: &std::io::Error) -> EngineError {
    let stderr_tail = format!("{} cannot be written: {error}", home.display());
    EngineError::Failed { exit: None, stderr_tail, usage: None }
}

/// Reads a file as text, up to one byte more than `limit`; `None` if there is nothing to read.
async fn read_head(path: &Path, limit: usize) -> Option<String> {
    let file = tokio::fs::File::open(path).await.ok()?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).await.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|text| !text.trim().is_empty())
}
