//! The contract of the command engine, kept and broken by shell scripts.

use crate::tools;
use serde_json::json;
use std::time::Duration;
use tasksgodzilla::domain::retry::Retry;
use tasksgodzilla::engine::command::{CommandEngine, CommandSettings};
use tasksgodzilla::engine::process::{Isolation, Network};
use tasksgodzilla::engine::{
    Access, Answer, Engine, EngineCall, EngineError, EngineEvent, FileChange, Limits, Phase, Usage,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

struct Bench {
    dir: TempDir,
    call: EngineCall,
    engine: CommandEngine,
}

impl Bench {
    fn new(script: &str) -> Self {
        Self::with(script, Isolation::walk_only(), Network::Open)
    }

    fn with(script: &str, isolation: Isolation, network: Network) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path().join("tree");
        std::fs::create_dir(&cwd).unwrap();
        let call = EngineCall {
            prompt: "line one\nline \"two\"".to_owned(),
            cwd,
            access: Access::ReadOnly,
            model: None,
            schema: None,
            phase: Phase::Quality,
            facts: json!({"number": 7}),
            limits: Limits { wall: Duration::from_secs(60), ..Limits::default() },
            stop: CancellationToken::new(),
            home: dir.path().join("home"),
        };
        let settings = CommandSettings {
            id: "ours".to_owned(),
            program: "sh".into(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: vec![("OUR_KEY".to_owned(), "k1".to_owned())],
            network,
        };
        Self { dir, call, engine: CommandEngine::new(settings, isolation) }
    }

    async fn run(&self) -> (Result<Answer, EngineError>, Vec<EngineEvent>) {
        let (sender, mut receiver) = mpsc::channel(256);
        let collect = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        };
        tokio::join!(self.engine.run(self.call.clone(), sender), collect)
    }
}

#[tokio::test]
async fn the_request_is_one_line_of_json() {
    let (answer, _) = Bench::new("cat").run().await;
    insta::assert_snapshot!(answer.unwrap().text, @r#"{"version":1,"phase":"quality","access":"read-only","model":null,"schema":null,"facts":{"number":7},"prompt":"line one\nline \"two\""}"#);
}

#[tokio::test]
async fn events_are_told_and_the_last_answer_counts() {
    let script = r#"cat >/dev/null; echo noise
        echo '{"type":"message","text":"I begin."}'
        echo '{"type":"tool","name":"make","detail":"make test"}'
        echo '{"type":"file","path":"a.rs","kind":"added"}'
        echo '{"type":"usage","input":12,"cached":8,"output":3}'
        echo '{"type":"answer","text":"first"}'
        echo '{"type":"answer","text":"Done.","json":{"verdict":"pass"}}'"#;
    let mut bench = Bench::new(script);
    bench.call.schema = Some(json!({"type": "object"}));
    let (answer, events) = bench.run().await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.json), ("Done.", Some(json!({"verdict": "pass"}))));
    let usage = Usage { input: 12, cached: 8, output: 3, reasoning: 0, complete: true };
    assert_eq!(answer.usage, usage);
    assert!(events.contains(&EngineEvent::FileChanged { path: "a.rs".to_owned(), kind: FileChange::Added }));
    let log: Vec<_> = events.iter().skip(1).map(EngineEvent::log_line).collect();
    insta::assert_snapshot!(log.join("\n"), @"
    says: noise
    says: I begin.
    make: make test
    added a.rs
    tokens: 12 in (8 cached), 3 out (0 reasoning)
    ");
}

#[tokio::test]
async fn plain_text_is_an_answer_and_may_hold_the_json() {
    let (answer, _) = Bench::new("echo one; echo; echo two").run().await;
    assert_eq!(answer.unwrap().text, "one\n\ntwo");

    let mut bench = Bench::new(r#"echo 'My verdict:'; echo '{"verdict":"fail"}'"#);
    bench.call.schema = Some(json!({"type": "object"}));
    assert_eq!(bench.run().await.0.unwrap().json, Some(json!({"verdict": "fail"})));
}

#[tokio::test]
async fn silence_is_no_answer() {
    for script in
        ["true", "echo; echo", r#"echo '{"type":"warning","text":"x"}'"#, r#"echo '{"type":"answer"}'"#]
    {
        let (answer, _) = Bench::new(script).run().await;
        assert!(matches!(answer, Err(EngineError::BadOutput { .. })), "{script}: {answer:?}");
    }
}

#[tokio::test]
async fn exit_codes_say_what_to_do_next() {
    let later = Bench::new("echo busy >&2; exit 75").run().await.0.unwrap_err();
    assert_eq!(later.retry(), Retry::Soon);
    assert!(later.to_string().contains("busy"), "{later}");

    let used = r#"echo '{"type":"usage","input":5}'; echo broken >&2; exit 3"#;
    let failed = Bench::new(used).run().await.0.unwrap_err();
    assert_eq!((failed.retry(), failed.usage().unwrap().input), (Retry::Never, 5));
    insta::assert_snapshot!(failed, @"the engine failed (exit 3): broken");
}

#[tokio::test]
async fn a_huge_answer_is_refused() {
    let mut bench = Bench::new("yes | head -c 5000");
    bench.call.limits.final_text = 1000;
    assert!(matches!(bench.run().await.0, Err(EngineError::BadOutput { .. })));
}

#[tokio::test]
async fn its_own_key_is_there_and_a_missing_program_is_told() {
    assert_eq!(Bench::new("echo $OUR_KEY").run().await.0.unwrap().text, "k1");

    let missing = CommandSettings {
        id: "ours".to_owned(),
        program: "/nowhere/engine".into(),
        args: Vec::new(),
        env: Vec::new(),
        network: Network::Open,
    };
    let engine = CommandEngine::new(missing, Isolation::walk_only());
    assert!(matches!(engine.probe().await, Err(EngineError::NotInstalled { .. })));
    let (sender, _receiver) = mpsc::channel(1);
    let started = engine.run(Bench::new("").call, sender).await;
    assert!(matches!(started, Err(EngineError::NotInstalled { .. })));
}

#[tokio::test]
async fn a_closed_network_without_a_sandbox_is_refused() {
    let bench = Bench::with("echo ran", Isolation::walk_only(), Network::Closed);
    assert!(matches!(bench.run().await.0, Err(EngineError::NotInstalled { .. })));
}

#[tokio::test]
async fn access_is_enforced_where_there_is_a_sandbox() {
    let isolation = Isolation::probe(Some(&tools::bubblewrap())).await;
    for access in [Access::ReadOnly, Access::Workspace] {
        let script = "echo x > mine.txt; echo y > $TMPDIR/y && echo done";
        let mut bench = Bench::with(script, isolation.clone(), Network::Open);
        bench.call.access = access;
        assert_eq!(bench.run().await.0.unwrap().text, "done");
        assert_eq!(bench.dir.path().join("tree/mine.txt").exists(), access == Access::Workspace);
    }
}
