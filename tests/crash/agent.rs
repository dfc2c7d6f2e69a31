//! The engines: one inside of the bot that plans and judges, and a program of its own that executes.
//!
//! The program works only when the bot has recorded its process, and waits for ever for a bot that died before: whoever
//! takes over must find it and end it.

use async_trait::async_trait;
use nix::sys::stat::Mode;
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tasksgodzilla::engine::{Answer, Engine, EngineCall, EngineError, EngineEvent, Phase, Usage};
use tokio::sync::mpsc::{self, Sender};

/// Plans two steps, takes the second apart, and finds everything good.
pub struct Thinker;

#[async_trait]
impl Engine for Thinker {
    fn id(&self) -> &'static str {
        "thinker"
    }

    async fn probe(&self) -> Result<String, EngineError> {
        Ok("0".to_owned())
    }

    async fn run(&self, call: EngineCall, events: Sender<EngineEvent>) -> Result<Answer, EngineError> {
        events.send(EngineEvent::Message { text: "thinking".to_owned() }).await.unwrap();
        let text = match call.phase {
            Phase::Plan | Phase::Repair => plan().to_string(),
            Phase::Quality => json!({"verdict": "pass", "summary": "Good.", "findings": []}).to_string(),
            Phase::Decompose | Phase::Discover | Phase::Execute => {
                "# Do writer\n\n- first\n- then\n".to_owned()
            }
        };
        let usage = Usage { input: 100, cached: 0, output: 20, reasoning: 0, complete: true };
        Ok(Answer { text, json: None, usage, session: None, wall: Duration::ZERO })
    }
}

fn plan() -> Value {
    let long = (1..=20).map(|n| format!("- part {n}\n")).collect::<String>();
    json!({
        "plan_md": "# Plan\n",
        "context_md": "# Context\n",
        "log_md": "# Log\n",
        "step_files": [
            {"filename": "00-setup.md", "content": "# Prepare\n"},
            {"filename": "01-writer.md", "content": format!("# Do writer\n\n{long}")},
        ],
    })
}

/// An engine that is a program, held back until its process was recorded.
pub struct HeldBack<E>(pub E);

#[async_trait]
impl<E: Engine> Engine for HeldBack<E> {
    fn id(&self) -> &str {
        self.0.id()
    }

    async fn probe(&self) -> Result<String, EngineError> {
        self.0.probe().await
    }

    async fn run(&self, call: EngineCall, events: Sender<EngineEvent>) -> Result<Answer, EngineError> {
        let gate = gate(&call.home);
        std::fs::create_dir_all(&call.home).unwrap();
        nix::unistd::mkfifo(&gate, Mode::S_IRWXU).unwrap();
        let (inner, mut told) = mpsc::channel(16);
        let working = self.0.run(call, inner);
        let relaying = async {
            while let Some(event) = told.recv().await {
                let began = matches!(event, EngineEvent::Started { .. });
                events.send(event).await.unwrap();
                if began {
                    recorded(&events).await;
                    let gate = gate.clone();
                    tokio::task::spawn_blocking(move || open(&gate)).await.unwrap();
                }
            }
        };
        tokio::join!(working, relaying).0
    }
}

fn gate(home: &Path) -> PathBuf {
    home.join("gate")
}

/// Waits until what was sent before is dealt with: events are taken one after the other.
async fn recorded(events: &Sender<EngineEvent>) {
    events.send(EngineEvent::Message { text: "recorded".to_owned() }).await.unwrap();
    while events.capacity() < events.max_capacity() {
        tokio::task::yield_now().await;
    }
}

/// Opening a pipe to write waits for its reader, and closing it lets the reader go on.
fn open(gate: &Path) {
    std::fs::OpenOptions::new().write(true).open(gate).unwrap();
}

/// The program: waits at the gate, then writes a file into the worktree.
pub fn main() {
    let asked: Value = serde_json::from_reader(std::io::stdin()).unwrap();
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    std::fs::File::open(gate(&home)).unwrap().read_to_end(&mut Vec::new()).unwrap();
    let step = asked["facts"]["step"].as_str().unwrap();
    std::fs::write(format!("work-{step}.txt"), format!("done in {step}\n")).unwrap();
    println!("{}", json!({"type": "usage", "input": 100, "output": 20}));
    println!("{}", json!({"type": "answer", "text": format!("did {step}")}));
}
