//! An engine that does what a story tells it, and something harmless when it was told nothing.

use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;
use tasksgodzilla::engine::{Answer, Engine, EngineCall, EngineError, EngineEvent, Phase, Usage};
use tokio::sync::mpsc::Sender;

/// What the engine does at one call.
pub enum Reply {
    /// Answers with this text.
    Text(String),
    /// Writes these files below the working directory, then answers with this text.
    Write(Vec<(&'static str, &'static str)>, &'static str),
    Fail(EngineError),
    /// Dies in a way that nobody foresaw.
    Panic,
    /// Works until it is told to stop.
    UntilStopped,
    /// Works until the story lets it go on, then does as `Write`.
    WaitThenWrite(Vec<(&'static str, &'static str)>, &'static str),
}

/// A call as the engine got it.
#[derive(Debug, Clone)]
pub struct Called {
    pub phase: Phase,
    pub prompt: String,
    pub step: String,
}

#[derive(Default)]
pub struct Scripted {
    replies: Mutex<Vec<(Phase, VecDeque<Reply>)>>,
    calls: Mutex<Vec<Called>>,
    /// Told when a call of [`Reply::UntilStopped`] or [`Reply::WaitThenWrite`] began.
    pub working: tokio::sync::Notify,
    /// Lets a call of [`Reply::WaitThenWrite`] go on.
    pub go_on: tokio::sync::Notify,
}

impl Scripted {
    /// The next call of `phase` that has no reply yet gets this one.
    pub fn next(&self, phase: Phase, reply: Reply) {
        let mut replies = self.replies.lock().unwrap();
        match replies.iter_mut().find(|(known, _)| *known == phase) {
            Some((_, queue)) => queue.push_back(reply),
            None => replies.push((phase, VecDeque::from([reply]))),
        }
    }

    pub fn calls(&self) -> Vec<Called> {
        self.calls.lock().unwrap().clone()
    }

    fn reply(&self, phase: Phase) -> Option<Reply> {
        let mut replies = self.replies.lock().unwrap();
        replies.iter_mut().find(|(known, _)| *known == phase).and_then(|(_, queue)| queue.pop_front())
    }
}

/// A plan with a set-up step and these work steps.
pub fn plan(steps: &[&str]) -> String {
    let setup = ("00-setup.md".to_owned(), "# Prepare\n".to_owned());
    plan_of(std::iter::once(setup).chain(work_files(1, steps)))
}

/// A plan that goes on with these work steps, the first of them numbered `from`.
pub fn plan_from(from: u32, steps: &[&str]) -> String {
    plan_of(work_files(from, steps))
}

fn work_files(from: u32, steps: &[&str]) -> impl Iterator<Item = (String, String)> {
    let numbered = steps.iter().zip(from..);
    numbered.map(|(step, number)| (format!("{number:02}-{step}.md"), format!("# Do {step}\n")))
}

fn plan_of(files: impl Iterator<Item = (String, String)>) -> String {
    let files: Vec<Value> =
        files.map(|(filename, content)| json!({"filename": filename, "content": content})).collect();
    json!({"plan_md": "# Plan\n", "context_md": "# Context\n", "log_md": "# Log\n", "step_files": files})
        .to_string()
}

/// A verdict with these findings: path, severity, text.
pub fn verdict(verdict: &str, findings: &[(&str, &str, &str)]) -> String {
    let findings: Vec<Value> = findings
        .iter()
        .map(|(path, severity, text)| json!({"path": path, "severity": severity, "text": text}))
        .collect();
    json!({"verdict": verdict, "summary": format!("It is a {verdict}."), "findings": findings}).to_string()
}

#[async_trait]
impl Engine for Scripted {
    fn id(&self) -> &'static str {
        "scripted"
    }

    async fn probe(&self) -> Result<String, EngineError> {
        Ok("0".to_owned())
    }

    async fn run(&self, call: EngineCall, events: Sender<EngineEvent>) -> Result<Answer, EngineError> {
        let step = call.facts["step"].as_str().unwrap_or_default().to_owned();
        let called = Called { phase: call.phase, prompt: call.prompt.clone(), step: step.clone() };
        self.calls.lock().unwrap().push(called);
        events.send(EngineEvent::Message { text: format!("working on {step}") }).await.unwrap();
        let text = match self.reply(call.phase) {
            Some(Reply::Text(text)) => text,
            Some(Reply::Fail(error)) => return Err(error),
            Some(Reply::Panic) => panic!("nobody foresaw this"),
            Some(Reply::Write(files, text)) => {
                for (path, content) in files {
                    write(&call, path, content);
                }
                text.to_owned()
            }
            Some(Reply::WaitThenWrite(files, text)) => {
                self.working.notify_one();
                self.go_on.notified().await;
                for (path, content) in files {
                    write(&call, path, content);
                }
                text.to_owned()
            }
            Some(Reply::UntilStopped) => {
                self.working.notify_one();
                call.stop.cancelled().await;
                return Err(EngineError::Stopped { usage: None });
            }
            None => default(&call, &step),
        };
        let usage = Usage { input: 100, cached: 0, output: 20, reasoning: 0, complete: true };
        Ok(Answer { text, json: None, usage, session: None, wall: Duration::ZERO })
    }
}

fn default(call: &EngineCall, step: &str) -> String {
    match call.phase {
        Phase::Plan | Phase::Repair => plan(&["parser", "writer"]),
        Phase::Quality => verdict("pass", &[]),
        Phase::Execute => {
            write(call, &format!("work-{step}.txt"), &format!("done in {step}\n"));
            format!("did {step}")
        }
        Phase::Decompose | Phase::Discover => "# Detailed\n\n- do it\n".to_owned(),
    }
}

fn write(call: &EngineCall, path: &str, content: &str) {
    let target = call.cwd.join(path);
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    std::fs::write(target, content).unwrap();
}
