//! An engine without a model: it shows how a protocol runs before anybody has a key.
//!
//! Deterministic, offline and harmless. It plans from the request's own words, writes one Markdown file of its own per
//! protocol at the top of the worktree, and passes what it is asked to judge. Everything it writes says that no model
//! wrote it. It works from `EngineCall::facts` alone and never reads the prompt.

mod note;
mod plan;

use super::{Access, Answer, Engine, EngineCall, EngineError, EngineEvent, Phase, Usage, tell};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;

/// Stands in every text of this engine.
const CONFESSION: &str = "Made by the demo engine of TasksGodzilla; no model was asked.";

/// The engine `demo`.
pub struct Demo {
    pace: Duration,
}

/// What the demo engine knows of the work; see `EngineCall::facts`.
struct Facts {
    /// With four digits, as branches are named.
    number: String,
    slug: String,
    step: String,
    /// The step file as it stands, for taking it apart.
    content: String,
    request: String,
}

impl Demo {
    /// `pace` is the pause before each event, so that people can watch; zero for none.
    pub fn new(pace: Duration) -> Self {
        Self { pace }
    }

    async fn act(&self, call: &EngineCall, events: &Sender<EngineEvent>) -> Result<Value, EngineError> {
        let facts = Facts::read(&call.facts);
        let reply = match call.phase {
            Phase::Plan => plan::planning(&facts),
            Phase::Quality => judgement(&facts),
            Phase::Decompose => json!({"summary": facts.content}),
            Phase::Discover => json!({"summary": format!("Nothing was looked at. {CONFESSION}")}),
            Phase::Execute | Phase::Repair => {
                let change = write_note(call, &facts)?;
                let summary = format!("Noted {} in {}. {CONFESSION}", facts.step, change.name);
                let path = call.cwd.join(&change.name).display().to_string();
                self.say(call, events, EngineEvent::FileChanged { path, kind: change.kind }).await?;
                json!({ "summary": summary })
            }
        };
        Ok(reply)
    }

    async fn say(
        &self,
        call: &EngineCall,
        events: &Sender<EngineEvent>,
        event: EngineEvent,
    ) -> Result<(), EngineError> {
        if !self.pace.is_zero() {
            let _ = call.stop.run_until_cancelled(tokio::time::sleep(self.pace)).await;
        }
        if call.stop.is_cancelled() {
            return Err(EngineError::Stopped { usage: None });
        }
        tell(events, event).await;
        Ok(())
    }
}

#[async_trait]
impl Engine for Demo {
    fn id(&self) -> &str {
        "demo"
    }

    async fn probe(&self) -> Result<String, EngineError> {
        Ok(env!("CARGO_PKG_VERSION").to_owned())
    }

    async fn run(&self, call: EngineCall, events: Sender<EngineEvent>) -> Result<Answer, EngineError> {
        let began = Instant::now();
        self.say(&call, &events, EngineEvent::Started { process: None, session: None }).await?;
        self.say(&call, &events, EngineEvent::Message { text: CONFESSION.to_owned() }).await?;
        let reply = self.act(&call, &events).await?;
        let usage = Usage { complete: true, ..Usage::default() };
        self.say(&call, &events, EngineEvent::Usage(usage)).await?;
        let summary = reply.get("summary").and_then(Value::as_str).filter(|_| call.schema.is_none());
        let text = summary.map_or_else(|| reply.to_string(), str::to_owned);
        let json = call.schema.is_some().then_some(reply);
        Ok(Answer { text, json, usage, session: None, wall: began.elapsed() })
    }
}

impl Facts {
    fn read(facts: &Value) -> Self {
        let text = |key: &str, absent: &str| {
            facts[key].as_str().filter(|text| !text.trim().is_empty()).unwrap_or(absent).to_owned()
        };
        let number =
            facts["number"].as_u64().map_or_else(|| text("number", "0000"), |number| format!("{number:04}"));
        let number = if number.bytes().all(|b| b.is_ascii_digit()) { number } else { "0000".to_owned() };
        Self {
            number,
            slug: text("slug", "demo"),
            step: text("step", "the work"),
            content: text("content", ""),
            request: text("request", ""),
        }
    }
}

fn write_note(call: &EngineCall, facts: &Facts) -> Result<note::Change, EngineError> {
    let failed = |why: String| EngineError::Failed { exit: None, stderr_tail: why, usage: None };
    if call.access == Access::ReadOnly {
        return Err(failed("the demo engine was asked to change files with read-only access".to_owned()));
    }
    let section = format!("## {}\n\n{}\n", facts.step, plan::quoted(&facts.request));
    note::write(&call.cwd, &facts.number, &section)
        .map_err(|error| failed(format!("{} cannot be written: {error}", call.cwd.display())))
}

fn judgement(facts: &Facts) -> Value {
    json!({
        "verdict": "pass",
        "summary": format!("{} passes by default. {CONFESSION}", facts.step),
        "findings": [{"severity": "note", "path": note::name(&facts.number, 1), "text": CONFESSION}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{FileChange, Limits};
    use std::path::Path;
    use tokio_util::sync::CancellationToken;

    fn call(cwd: &Path, phase: Phase) -> EngineCall {
        EngineCall {
            prompt: String::new(),
            cwd: cwd.to_path_buf(),
            access: if phase == Phase::Execute { Access::Workspace } else { Access::ReadOnly },
            model: None,
            schema: Some(json!({})),
            phase,
            facts: json!({"number": 7, "slug": "split-importer", "step": "01-split.md",
                "request": "Please split the importer.\n\n- read files\n- parse rows"}),
            limits: Limits::default(),
            stop: CancellationToken::new(),
            home: cwd.to_path_buf(),
        }
    }

    async fn run(call: EngineCall) -> (Result<Answer, EngineError>, Vec<EngineEvent>) {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
        let answer = Demo::new(Duration::ZERO).run(call, sender).await;
        let mut events = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            events.push(event);
        }
        (answer, events)
    }

    #[tokio::test]
    async fn an_execution_writes_one_file_of_its_own_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        for kind in [FileChange::Added, FileChange::Updated] {
            let (answer, events) = run(call(dir.path(), Phase::Execute)).await;
            assert!(answer.unwrap().text.contains("no model was asked"));
            let path = dir.path().join("TASKSGODZILLA-DEMO-0007.md").display().to_string();
            assert!(events.contains(&EngineEvent::FileChanged { path, kind }), "{events:?}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn the_same_call_has_the_same_answer_and_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (first, _) = run(call(dir.path(), Phase::Plan)).await;
        let (second, _) = run(call(dir.path(), Phase::Plan)).await;
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.json, second.json);
        assert_eq!(first.usage, Usage { complete: true, ..Usage::default() });
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "planning wrote something");
    }

    #[tokio::test]
    async fn its_verdict_says_that_no_model_looked() {
        let dir = tempfile::tempdir().unwrap();
        let (answer, _) = run(call(dir.path(), Phase::Quality)).await;
        let verdict = answer.unwrap().json.unwrap();
        assert_eq!(verdict["verdict"], "pass");
        assert_eq!(verdict["findings"][0]["text"], CONFESSION);
    }

    #[tokio::test]
    async fn read_only_access_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut call = call(dir.path(), Phase::Execute);
        call.access = Access::ReadOnly;
        assert!(matches!(run(call).await.0, Err(EngineError::Failed { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_stop_ends_it_before_it_writes() {
        let dir = tempfile::tempdir().unwrap();
        let call = call(dir.path(), Phase::Execute);
        call.stop.cancel();
        assert!(matches!(run(call).await.0, Err(EngineError::Stopped { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn strange_facts_do_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        for facts in
            [json!(null), json!({"number": "../../x", "step": "", "request": 5}), json!({"number": -1})]
        {
            let call = EngineCall { facts, ..call(dir.path(), Phase::Execute) };
            run(call).await.0.unwrap();
        }
        let names: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["TASKSGODZILLA-DEMO-0000.md"]);
    }
}
