//! One attempt of a job that calls an engine: its row, its log file, its artifacts, and the engine calls themselves.

mod log;
mod lost;

pub use lost::take_over;

use super::{Ctx, fault};
use crate::domain::claim::Claimed;
use crate::domain::ids::{Moment, ProtocolId, RunId, Sha, StepId};
use crate::engine::{Access, Answer, EngineCall, EngineError, EngineEvent, Limits, Phase, Usage};
use crate::prompt::Prompt;
use crate::store::run::{Artifact, NewRun, RunEnd, RunInputs, RunStatus};
use crate::store::{self, StoreError};
use log::Log;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Span;

/// A run while it runs.
pub struct Run {
    pub id: RunId,
    turn: Claimed,
    protocol: ProtocolId,
    folder: PathBuf,
    log: Log,
    began: Moment,
    usage: Usage,
    engine_time: Duration,
}

/// One engine call.
pub struct Call<'a> {
    pub engine: &'a str,
    pub model: Option<&'a str>,
    pub phase: Phase,
    pub prompt: &'a Prompt,
    pub schema: Option<Value>,
    pub access: Access,
    pub cwd: &'a Path,
    pub wall: Duration,
    pub facts: Value,
}

/// How often a running engine call looks whether it was told to stop.
const WATCH: Duration = Duration::from_millis(500);

impl Run {
    /// Opens the run's row, then its log: what a lost worker leaves belongs to a row.
    pub async fn open(
        ctx: &Ctx,
        turn: &Claimed,
        protocol: ProtocolId,
        step: Option<StepId>,
    ) -> anyhow::Result<Self> {
        let name = format!("{}-{}", turn.id, turn.fence);
        let folder = ctx.rules.runs_dir.join(&name);
        let mut tx = ctx.store.begin_held(turn.hold()).await?;
        let id =
            store::run::start(&mut tx, &NewRun::of(turn, protocol, step, format!("{name}/log.txt"))).await?;
        tx.commit().await?;
        Span::current().record("run.id", id.0);
        tracing::info!("a run begins");
        let log = Log::create(&folder, ctx.clock.clone(), ctx.redactor.clone()).await?;
        Ok(Self {
            id,
            turn: turn.clone(),
            protocol,
            folder,
            log,
            began: ctx.now(),
            usage: Usage { complete: true, ..Usage::default() },
            engine_time: Duration::ZERO,
        })
    }

    /// Writes a line of ours into the log.
    pub async fn say(&mut self, line: &str) {
        self.log.line(line).await;
    }

    /// Calls an engine, streams what it tells into the log, and kills it when the protocol is told to stop.
    pub async fn call(&mut self, ctx: &Ctx, call: Call<'_>) -> Result<Answer, EngineError> {
        let Some((&name, engine)) = ctx.engines.get_key_value(call.engine) else {
            return Err(EngineError::NotInstalled { todo: format!("there is no engine `{}`", call.engine) });
        };
        let model = call.model.map(str::to_owned);
        self.say(&format!(
            "calls {} to {} (prompt {} {})",
            call.engine,
            call.phase.as_str(),
            call.prompt.name,
            call.prompt.hash
        ))
        .await;
        if let Err(error) = self.note(ctx, &call).await {
            tracing::warn!(error = fault::chain(error), "what the run works from could not be recorded");
        }
        let stop = CancellationToken::new();
        let (events, told) = mpsc::channel(256);
        let request = EngineCall {
            prompt: call.prompt.text.clone(),
            cwd: call.cwd.to_owned(),
            access: call.access,
            model,
            schema: call.schema,
            phase: call.phase,
            facts: call.facts,
            limits: Limits { wall: call.wall, idle: ctx.rules.engine_idle, ..Limits::default() },
            stop: stop.clone(),
            home: self.home(),
        };
        tracing::info!(engine = name, phase = call.phase.as_str(), "calls an engine");
        let before = ctx.now();
        let working = engine.run(request, events);
        let watching = watch(ctx, self.protocol, stop);
        let listening = self.listen(ctx, told);
        let ended = tokio::select! {
            (ended, ()) = async { tokio::join!(working, listening) } => ended,
            never = watching => match never {},
        };
        self.engine_time += ctx.now().since(before);
        let used = self.account(&ended);
        ctx.meters.tokens(call.phase.as_str(), name, [used.input, used.cached, used.output]);
        if let Err(error) = self.note_usage(ctx).await {
            tracing::warn!(error = fault::chain(error), "what the run used could not be recorded");
        }
        let ended = without_secrets(ctx, ended);
        if let Err(error) = &ended {
            self.say(&format!("the engine gave no answer: {error}")).await;
        }
        ended
    }

    async fn note(&self, ctx: &Ctx, call: &Call<'_>) -> Result<(), StoreError> {
        let inputs = RunInputs {
            engine: Some(call.engine.to_owned()),
            model: call.model.map(str::to_owned),
            prompt_hash: Some(call.prompt.hash.clone()),
            base: None,
        };
        let mut tx = ctx.store.begin_held(self.turn.hold()).await?;
        store::run::note(&mut tx, self.id, &inputs).await?;
        tx.commit().await
    }

    async fn listen(&mut self, ctx: &Ctx, mut told: mpsc::Receiver<EngineEvent>) {
        while let Some(event) = told.recv().await {
            self.log.line(&event.log_line()).await;
            if let EngineEvent::Started { process: Some(process), .. } = event {
                let identity =
                    json!({"pid": process.pid, "started_at": process.started_at, "host": ctx.rules.host});
                if let Err(error) =
                    store::job::record_process(&ctx.store, self.turn.hold(), &identity.to_string()).await
                {
                    tracing::warn!(error = fault::chain(error), "an engine's process could not be recorded");
                }
            }
        }
    }

    /// Adds what a call used, as far as that is known, and returns it.
    fn account(&mut self, ended: &Result<Answer, EngineError>) -> Usage {
        let used = match ended {
            Ok(answer) => Some(answer.usage),
            Err(error) => error.usage().copied(),
        };
        let complete = self.usage.complete && used.is_some_and(|usage| usage.complete);
        let used = used.unwrap_or_default();
        self.usage = Usage { complete, ..self.usage.plus(used) };
        used
    }

    async fn note_usage(&self, ctx: &Ctx) -> Result<(), StoreError> {
        let mut tx = ctx.store.begin_held(self.turn.hold()).await?;
        store::run::record_usage(&mut tx, self.id, &self.usage()).await?;
        tx.commit().await
    }

    /// What every call so far used, as it is stored.
    fn usage(&self) -> Value {
        json!({
            "input": self.usage.input, "cached": self.usage.cached, "output": self.usage.output,
            "reasoning": self.usage.reasoning, "complete": self.usage.complete, "engine_ms": self.engine_ms(),
        })
    }

    /// A private folder for programs that run for it; removed when the run is closed.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// The same of the run whose log this is.
    fn home_in(log: &Path) -> PathBuf {
        log.with_file_name("home")
    }

    /// Tokens of every call so far, in and out.
    pub fn tokens(&self) -> u64 {
        self.usage.input.saturating_add(self.usage.output)
    }

    /// Wall time of every engine call so far, in milliseconds.
    pub fn engine_ms(&self) -> u64 {
        u64::try_from(self.engine_time.as_millis()).unwrap_or(u64::MAX)
    }

    /// Keeps a file of this run, redacted, under a plain name.
    pub async fn keep(&self, ctx: &Ctx, name: &str, kind: &str, text: &str) -> anyhow::Result<()> {
        let text = ctx.redactor.redact(text);
        let path = self.folder.join(name);
        tokio::fs::write(&path, text.as_bytes()).await?;
        let artifact = Artifact {
            name: name.to_owned(),
            kind: kind.to_owned(),
            path: format!("{}-{}/{name}", self.turn.id, self.turn.fence),
            sha256: hex::encode(Sha256::digest(text.as_bytes())),
            bytes: u64::try_from(text.len()).unwrap_or(u64::MAX),
        };
        let mut tx = ctx.store.begin_held(self.turn.hold()).await?;
        store::run::add_artifact(&mut tx, self.id, &artifact).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records the commit that this attempt made, before it is pushed.
    pub async fn committed(&mut self, ctx: &Ctx, commit: &Sha) -> anyhow::Result<()> {
        self.say(&format!("committed {}", commit.short())).await;
        let mut tx = ctx.store.begin_held(self.turn.hold()).await?;
        store::run::record_commit(&mut tx, self.id, commit).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records that the commit is on the remote.
    pub async fn pushed(&mut self, ctx: &Ctx) -> anyhow::Result<()> {
        self.say("pushed").await;
        let mut tx = ctx.store.begin_held(self.turn.hold()).await?;
        store::run::record_pushed(&mut tx, self.id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Closes the run after a fault of its job. Whoever may open the run's page reads what people may; the bot's own log has
    /// the chain.
    pub async fn fail(self, ctx: &Ctx, error: &anyhow::Error) -> anyhow::Result<()> {
        let told = fault::tell(&ctx.redactor, error, self.turn.id);
        self.close(ctx, RunStatus::Failed, &told.people).await
    }

    /// Closes the run: its log, its home, and last its row, so that what a lost worker leaves belongs to an open one.
    pub async fn close(mut self, ctx: &Ctx, status: RunStatus, error: &str) -> anyhow::Result<()> {
        if !error.is_empty() {
            self.say(error).await;
        }
        tokio::fs::remove_dir_all(self.home()).await.or_else(absent)?;
        let end = RunEnd {
            status,
            usage: Some(self.usage()),
            error: ctx.redactor.redact(error).into_owned(),
            log_bytes: self.log.bytes(),
        };
        let mut tx = ctx.store.begin_held(self.turn.hold()).await?;
        store::run::finish(&mut tx, self.id, &end).await?;
        tx.commit().await?;
        tracing::info!(
            status = status.as_str(),
            tokens = self.tokens(),
            engine_ms = self.engine_ms(),
            "a run ended"
        );
        ctx.meters.run_ended(self.turn.job.kind(), status.as_str(), ctx.now().since(self.began));
        Ok(())
    }
}

/// What an engine says is cleaned before anybody works with it: once Markdown is escaped, a secret is not found again.
fn without_secrets(ctx: &Ctx, ended: Result<Answer, EngineError>) -> Result<Answer, EngineError> {
    let clean = |text: String| ctx.redactor.redact(&text).into_owned();
    match ended {
        Ok(answer) => Ok(Answer { text: clean(answer.text), ..answer }),
        Err(EngineError::Failed { exit, stderr_tail, usage }) => {
            Err(EngineError::Failed { exit, stderr_tail: clean(stderr_tail), usage })
        }
        Err(EngineError::BadOutput { why, usage }) => Err(EngineError::BadOutput { why: clean(why), usage }),
        Err(EngineError::NotInstalled { todo }) => Err(EngineError::NotInstalled { todo: clean(todo) }),
        Err(EngineError::ModelUnavailable { why, retry }) => {
            Err(EngineError::ModelUnavailable { why: clean(why), retry })
        }
        Err(error) => Err(error),
    }
}

/// Tokens of a stored usage, in and out.
pub fn tokens_of(usage: &Value) -> u64 {
    usage["input"].as_u64().unwrap_or_default() + usage["output"].as_u64().unwrap_or_default()
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Cancels `stop` as soon as the protocol stops its engines; never ends by itself.
async fn watch(ctx: &Ctx, protocol: ProtocolId, stop: CancellationToken) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(WATCH).await;
        match told_to_stop(ctx, protocol).await {
            Ok(true) => stop.cancel(),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = fault::chain(error), "cannot see whether the engine must stop")
            }
        }
    }
}

/// Whether the protocol ended, or was paused at once, while a job of it ran.
pub async fn told_to_stop(ctx: &Ctx, protocol: ProtocolId) -> anyhow::Result<bool> {
    let protocol = store::protocol::load(&mut ctx.store.read().await?, protocol).await?;
    Ok(protocol.is_none_or(|protocol| protocol.state.stops_engines()))
}
