//! The real Codex CLI, working for a model that says what the test tells it to.

use crate::scripted_model::{ScriptedModel, Turn};
use crate::tools;
use crate::traces::{UniqueSleep, processes_with, until_async};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tasksgodzilla::engine::codex::{Codex, CodexSettings};
use tasksgodzilla::engine::process::Isolation;
use tasksgodzilla::engine::{
    Access, Answer, Engine, EngineCall, EngineError, EngineEvent, FileChange, Limits, Phase, TimeLimit, Usage,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The key that must reach the model and nobody else.
const KEY: &str = "key-canary-5f1d";

/// A linked worktree, a private home, and Codex set up for one model service.
struct Desk {
    dir: TempDir,
    codex: Codex,
    call: EngineCall,
}

impl Desk {
    async fn new(model: &ScriptedModel) -> Self {
        Self::at(&model.base_url()).await
    }

    async fn at(base_url: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cwd = worktree(dir.path());
        let provider = format!(
            "model_providers.scripted={{name=\"scripted\",base_url=\"{base_url}\",wire_api=\"responses\",\
             env_key=\"BOT_MODEL_KEY\",request_max_retries=0,stream_max_retries=1,stream_idle_timeout_ms=20000}}"
        );
        let settings = CodexSettings {
            bin: Some(tools::codex()),
            config: vec!["model_provider=scripted".to_owned(), provider],
            env: vec![("BOT_MODEL_KEY".to_owned(), KEY.to_owned())],
        };
        let call = EngineCall {
            prompt: "Do what the test says.".to_owned(),
            cwd,
            access: Access::ReadOnly,
            model: Some("scripted-1".to_owned()),
            schema: None,
            phase: Phase::Plan,
            facts: json!({}),
            limits: Limits {
                wall: Duration::from_secs(120),
                idle: Duration::from_secs(60),
                grace: Duration::from_secs(1),
                ..Limits::default()
            },
            stop: CancellationToken::new(),
            home: dir.path().join("home"),
        };
        Self { dir, codex: Codex::new(settings, Isolation::probe(None).await), call }
    }

    async fn run(&self) -> (Result<Answer, EngineError>, Vec<EngineEvent>) {
        let (sender, mut receiver) = mpsc::channel(64);
        let collect = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        };
        tokio::join!(self.codex.run(self.call.clone(), sender), collect)
    }

    async fn answer(&self) -> Answer {
        let (answer, events) = self.run().await;
        answer.unwrap_or_else(|error| panic!("{error}: {events:#?}"))
    }

    async fn error(&self) -> EngineError {
        self.run().await.0.unwrap_err()
    }

    /// Processes that know this desk: Codex, its sandbox, and its commands.
    fn processes(&self) -> Vec<u32> {
        processes_with(&self.dir.path().to_string_lossy())
    }
}

fn worktree(dir: &Path) -> PathBuf {
    let repo = dir.join("repo");
    let tree = dir.join("tree");
    std::fs::create_dir(&repo).unwrap();
    git(&repo, &["init", "-q", "-b", "main"]);
    std::fs::write(repo.join("README.md"), "# Shop\n").unwrap();
    git(&repo, &["add", "."]);
    git(&repo, &["-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qm", "Begin"]);
    git(&repo, &["worktree", "add", "-q", "-b", "0001-work", &tree.to_string_lossy()]);
    tree
}

fn git(dir: &Path, args: &[&str]) {
    let clean = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")];
    assert!(
        Command::new("git").args(args).current_dir(dir).envs(clean).status().unwrap().success(),
        "git {args:?}"
    );
}

fn says(text: &str) -> Turn {
    Turn::Says(text.to_owned())
}

fn runs(command: &str) -> Turn {
    Turn::Runs(command.to_owned())
}

#[tokio::test]
async fn the_program_tells_its_version() {
    let desk = Desk::at("http://127.0.0.1:9").await;
    assert_eq!(desk.codex.probe().await.unwrap(), "0.169.0");
}

#[tokio::test]
async fn a_plan_comes_back_as_json() {
    let model = ScriptedModel::start(&[says(r#"{"summary":"two steps"}"#)]).await;
    let mut desk = Desk::new(&model).await;
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["summary"],
        "properties": {"summary": {"type": "string"}}});
    desk.call.schema = Some(schema.clone());

    let (answer, events) = desk.run().await;
    let answer = answer.unwrap();
    assert_eq!(answer.json, Some(json!({"summary": "two steps"})));
    let wanted = Usage { input: 1000, cached: 400, output: 50, reasoning: 10, complete: true };
    assert_eq!(answer.usage, wanted);
    assert!(events.contains(&EngineEvent::Usage(wanted)));
    assert!(matches!(events[0], EngineEvent::Started { process: Some(_), .. }), "{events:#?}");
    assert!(answer.session.is_some());

    let request = &model.requests()[0];
    assert_eq!(
        (request.path.as_str(), request.authorization.as_str()),
        ("/v1/responses", "Bearer key-canary-5f1d")
    );
    assert_eq!(request.body["text"]["format"]["schema"], schema);
    assert_eq!(request.body["model"], "scripted-1");
}

#[tokio::test]
async fn prose_where_json_was_asked_for_is_a_bad_answer() {
    let model = ScriptedModel::start(&[says("I would rather not.")]).await;
    let mut desk = Desk::new(&model).await;
    desk.call.schema = Some(json!({"type": "object", "properties": {}, "additionalProperties": false}));
    let error = desk.error().await;
    assert!(matches!(error, EngineError::BadOutput { .. }), "{error:?}");
    assert_eq!(error.usage().unwrap().input, 1000);
}

#[tokio::test]
async fn an_execution_edits_files_of_the_worktree() {
    let patch =
        "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: docs/greeting.txt\n+hello\n*** End Patch\nEOF";
    let script = [runs(patch), runs("printf 'Sells tea.\\n' >> README.md"), says("Both files are done.")];
    let model = ScriptedModel::start(&script).await;
    let mut desk = Desk::new(&model).await;
    desk.call.access = Access::Workspace;
    desk.call.phase = Phase::Execute;

    let (answer, events) = desk.run().await;
    assert_eq!(answer.unwrap().text, "Both files are done.", "{events:#?}");
    assert_eq!(std::fs::read_to_string(desk.call.cwd.join("docs/greeting.txt")).unwrap(), "hello\n");
    assert_eq!(std::fs::read_to_string(desk.call.cwd.join("README.md")).unwrap(), "# Shop\nSells tea.\n");
    let changed = |event: &EngineEvent| match event {
        EngineEvent::FileChanged { path, kind: FileChange::Added } => path.ends_with("docs/greeting.txt"),
        _ => false,
    };
    assert!(events.iter().any(changed), "{events:#?}");
    assert!(
        events.iter().any(|event| matches!(event, EngineEvent::ToolEnded { ok: true, exit: Some(0), .. }))
    );
}

#[tokio::test]
async fn quality_reads_but_cannot_write() {
    let script = [runs("cat README.md; echo spoiled > README.md; echo x > $TMPDIR/x"), says("Looked at it.")];
    let model = ScriptedModel::start(&script).await;
    let mut desk = Desk::new(&model).await;
    desk.call.phase = Phase::Quality;
    desk.answer().await;
    assert_eq!(std::fs::read_to_string(desk.call.cwd.join("README.md")).unwrap(), "# Shop\n");
    let seen = model.tool_results();
    assert!(seen.contains("# Shop") && seen.contains("Read-only file system"), "{seen}");
}

#[tokio::test]
async fn an_execution_can_neither_leave_its_worktree_nor_reach_the_network() {
    let model_port = ScriptedModel::start(&[says("never asked")]).await;
    let address =
        model_port.base_url().replace("http://127.0.0.1:", "/dev/tcp/127.0.0.1/").replace("/v1", "");
    let shared = tempfile::tempdir().unwrap();
    let outside = shared.path().join("stolen");
    let elsewhere = outside.display();
    let probe =
        format!("echo x > ../repo/stolen; echo x > {elsewhere}; bash -c 'echo hi > {address}'; echo end");
    let model = ScriptedModel::start(&[runs(&probe), says("Tried.")]).await;
    let mut desk = Desk::new(&model).await;
    desk.call.access = Access::Workspace;
    desk.answer().await;
    assert!(!desk.dir.path().join("repo/stolen").exists());
    assert!(!outside.exists());
    let seen = model.tool_results();
    assert!(seen.contains("end"), "the probe did not run: {seen}");
    assert_eq!(model_port.count(), 0);
}

#[tokio::test]
async fn commands_see_neither_the_key_nor_our_environment() {
    let look = "env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; echo end";
    let model = ScriptedModel::start(&[runs(look), says("Looked around.")]).await;
    let desk = Desk::new(&model).await;
    desk.answer().await;
    let seen = model.tool_results();
    assert!(seen.contains("PATH=") && seen.contains("end"), "{seen}");
    assert!(!seen.contains(KEY), "the key is visible to commands");
    let inherited = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    assert!(
        !seen.contains(&format!("CARGO_MANIFEST_DIR={inherited}")),
        "our own environment is visible to commands"
    );
}

#[tokio::test]
async fn a_wrong_key_is_told_at_once() {
    let body = r#"{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}"#;
    let model = ScriptedModel::start(&[Turn::Refuses(401, "", body)]).await;
    let error = Desk::new(&model).await.error().await;
    assert!(
        matches!(&error, EngineError::AuthMissing { setting } if setting == "BOT_MODEL_KEY"),
        "{error:?}"
    );
    assert!(model.count() <= 2, "{} calls with a wrong key", model.count());
}

#[tokio::test]
async fn a_missing_key_is_told_before_the_start() {
    let model = ScriptedModel::start(&[says("never asked")]).await;
    let mut desk = Desk::new(&model).await;
    let config =
        vec!["model_provider=x".to_owned(), r#"model_providers.x={env_key="NO_SUCH_KEY"}"#.to_owned()];
    let settings = CodexSettings { bin: Some(tools::codex()), config, env: Vec::new() };
    desk.codex = Codex::new(settings, Isolation::probe(None).await);
    let error = desk.error().await;
    assert!(matches!(&error, EngineError::AuthMissing { setting } if setting == "NO_SUCH_KEY"), "{error:?}");
}

#[tokio::test]
async fn the_service_of_the_vendor_takes_a_key_too() {
    let model = ScriptedModel::start(&[says("Here I am.")]).await;
    let mut desk = Desk::new(&model).await;
    let settings = CodexSettings {
        bin: Some(tools::codex()),
        config: vec![format!("openai_base_url=\"{}\"", model.base_url())],
        env: vec![("CODEX_API_KEY".to_owned(), KEY.to_owned())],
    };
    desk.codex = Codex::new(settings, Isolation::probe(None).await);
    assert_eq!(desk.answer().await.text, "Here I am.");
    assert_eq!(model.requests().pop().unwrap().authorization, format!("Bearer {KEY}"));
}

#[tokio::test]
async fn too_many_calls_and_a_spent_quota_are_different_things() {
    let busy = r#"{"error":{"message":"Slow down.","code":"rate_limit_exceeded"}}"#;
    let model = ScriptedModel::start(&[Turn::Refuses(429, "retry-after: 1\r\n", busy)]).await;
    let error = Desk::new(&model).await.error().await;
    assert!(matches!(error, EngineError::RateLimited { .. }), "{error:?}");

    let limited = Turn::Fails("rate_limit_exceeded", "Rate limit reached. Please try again in 2.5s.");
    let model = ScriptedModel::start(&[limited]).await;
    let error = Desk::new(&model).await.error().await;
    let wait = Some(Duration::from_millis(2500));
    assert!(matches!(error, EngineError::RateLimited { retry_after } if retry_after == wait), "{error:?}");
}

#[tokio::test]
async fn a_broken_service_is_unavailable() {
    let turns = [Turn::Refuses(500, "", r#"{"error":{"message":"oops"}}"#), Turn::IsCutOff];
    for turn in turns {
        let model = ScriptedModel::start(std::slice::from_ref(&turn)).await;
        let error = Desk::new(&model).await.error().await;
        assert!(matches!(error, EngineError::ModelUnavailable { .. }), "{turn:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_quickly() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let desk = Desk::at(&format!("http://{address}/v1")).await;
    let began = Instant::now();
    let error = desk.error().await;
    assert!(matches!(error, EngineError::ModelUnavailable { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_service_that_never_answers_meets_our_own_limit() {
    let model = ScriptedModel::start(&[Turn::Hangs]).await;
    let mut desk = Desk::new(&model).await;
    desk.call.limits.idle = Duration::from_secs(4);
    let error = desk.error().await;
    assert!(matches!(error, EngineError::TimedOut { kind: TimeLimit::Idle, .. }), "{error:?}");
    assert_eq!(model.count(), 1);
    assert_eq!(desk.processes(), Vec::<u32>::new());
}

#[tokio::test]
async fn a_stop_while_a_command_runs_leaves_nothing() {
    let token = UniqueSleep::new();
    let busy = format!("setsid sleep {token} & sleep {token}");
    let model = ScriptedModel::start(&[runs(&busy), says("never said")]).await;
    let mut desk = Desk::new(&model).await;
    desk.call.access = Access::Workspace;
    let stopper = async {
        until_async(60, "the command runs", || token.sleepers() == 2).await;
        desk.call.stop.cancel();
    };
    let (error, ()) = tokio::join!(desk.error(), stopper);
    assert!(matches!(error, EngineError::Stopped { .. }), "{error:?}");
    assert_eq!(token.traces(), Vec::<u32>::new());
    assert_eq!(desk.processes(), Vec::<u32>::new());
}

#[tokio::test]
async fn dropping_the_run_leaves_nothing() {
    let token = UniqueSleep::new();
    let model = ScriptedModel::start(&[runs(&format!("sleep {token}")), says("never said")]).await;
    let desk = Desk::new(&model).await;
    let started = until_async(60, "the command runs", || token.sleepers() == 1);
    tokio::select! {
        _ = desk.run() => panic!("it ended by itself"),
        () = started => {}
    }
    until_async(10, "nothing of it is left", || token.traces().is_empty()).await;
    assert_eq!(desk.processes(), Vec::<u32>::new());
}
