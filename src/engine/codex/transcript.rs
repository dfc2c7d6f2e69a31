//! The JSON lines of `codex exec --json`, made into events. Unknown events and fields are ignored: the format grows.

use crate::engine::process::Line;
use crate::engine::{EngineEvent, FileChange, Usage};
use serde::Deserialize;
use serde_json::Value;

/// Characters of a tool's output that an event carries.
const OUTPUT_HEAD: usize = 2000;
/// Retries of Codex' own that are waited for; the back-off between calls is ours.
const RETRIES: usize = 4;

/// What was heard so far.
#[derive(Default)]
pub(super) struct Transcript {
    session: Option<String>,
    last_message: Option<String>,
    usage: Option<Usage>,
    retries: usize,
    retry_reason: Option<String>,
    /// The last `error` line; it is the reason of a failure only if nothing better comes.
    error: Option<String>,
    failure: Option<String>,
    completed: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Said {
    #[serde(rename = "thread.started")]
    Thread { thread_id: String },
    #[serde(rename = "item.started")]
    ItemStarted { item: Item },
    #[serde(rename = "item.completed")]
    ItemCompleted { item: Item },
    #[serde(rename = "turn.completed")]
    Completed { usage: TurnUsage },
    #[serde(rename = "turn.failed")]
    Failed { error: Fault },
    #[serde(rename = "error")]
    Error { message: String },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Item {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    text: String,
    message: String,
    command: String,
    aggregated_output: String,
    exit_code: Option<i32>,
    status: String,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    path: String,
    #[serde(default)]
    kind: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TurnUsage {
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    reasoning_output_tokens: u64,
}

impl Transcript {
    /// Takes one line and returns what it means, often nothing.
    pub(super) fn hear(&mut self, line: &Line) -> Vec<EngineEvent> {
        if line.text.trim().is_empty() {
            return Vec::new();
        }
        let Ok(said) = serde_json::from_str(&line.text) else {
            return vec![odd_line(line)];
        };
        match said {
            Said::Thread { thread_id } => {
                self.session = Some(thread_id);
                vec![EngineEvent::Started { process: None, session: self.session.clone() }]
            }
            Said::ItemStarted { item } => tool_started(item),
            Said::ItemCompleted { item } => self.item(item),
            Said::Completed { usage } => vec![EngineEvent::Usage(self.count(&usage))],
            Said::Failed { error } => {
                self.failure = Some(error.message);
                Vec::new()
            }
            Said::Error { message } => vec![self.error(message)],
            Said::Unknown => Vec::new(),
        }
    }

    pub(super) fn session(&self) -> Option<String> {
        self.session.clone()
    }

    pub(super) fn last_message(&self) -> Option<&str> {
        self.last_message.as_deref()
    }

    /// Tokens of the run; zero and not complete if Codex did not say.
    pub(super) fn usage(&self) -> Usage {
        self.usage.unwrap_or_default()
    }

    pub(super) fn usage_so_far(&self) -> Option<Usage> {
        self.usage
    }

    /// Why the turn failed, in Codex' words.
    pub(super) fn failure(&self) -> Option<&str> {
        let error = self.error.as_deref().filter(|_| !self.completed);
        self.failure.as_deref().or(error)
    }

    /// The reason of the last retry, if more of them are a waste of time.
    pub(super) fn hopeless_retry(&self) -> Option<String> {
        let reason = self.retry_reason.as_ref()?;
        let refused = super::fault::is_refusal(reason);
        (refused || self.retries > RETRIES).then(|| reason.clone())
    }

    fn item(&mut self, item: Item) -> Vec<EngineEvent> {
        match item.kind.as_str() {
            "agent_message" => {
                self.last_message = Some(item.text.clone());
                vec![EngineEvent::Message { text: item.text }]
            }
            "reasoning" => vec![EngineEvent::Reasoning { text: item.text }],
            "command_execution" => vec![tool_ended(item)],
            "file_change" => item.changes.into_iter().map(file_changed).collect(),
            "error" => vec![self.note(item.message)],
            _ => Vec::new(),
        }
    }

    fn note(&mut self, message: String) -> EngineEvent {
        // What failed before was the WebSocket, which some proxies do not let through; now plain HTTP gets its chance.
        if message.starts_with("Falling back from WebSockets") {
            self.retries = 0;
            self.retry_reason = None;
        }
        EngineEvent::Warning { text: message }
    }

    fn count(&mut self, turn: &TurnUsage) -> Usage {
        self.completed = true;
        let turn = Usage {
            input: turn.input_tokens,
            cached: turn.cached_input_tokens,
            output: turn.output_tokens,
            reasoning: turn.reasoning_output_tokens,
            complete: true,
        };
        let usage = self.usage.unwrap_or_default().plus(turn);
        self.usage = Some(usage);
        usage
    }

    fn error(&mut self, message: String) -> EngineEvent {
        if message.starts_with("Reconnecting...") {
            self.retries += 1;
            self.retry_reason = Some(message.clone());
            return EngineEvent::Retrying { reason: message };
        }
        self.error = Some(message.clone());
        EngineEvent::Warning { text: message }
    }
}

fn odd_line(line: &Line) -> EngineEvent {
    let what = if line.cut { "a line that is too long to read" } else { "a line that is no event" };
    EngineEvent::Warning { text: format!("{what}: {}", head(&line.text, 200)) }
}

fn tool_started(item: Item) -> Vec<EngineEvent> {
    if item.kind != "command_execution" {
        return Vec::new();
    }
    vec![EngineEvent::ToolStarted { id: item.id, name: "shell".to_owned(), detail: item.command }]
}

fn tool_ended(item: Item) -> EngineEvent {
    EngineEvent::ToolEnded {
        id: item.id,
        ok: item.status == "completed" && item.exit_code.is_none_or(|code| code == 0),
        exit: item.exit_code,
        output: head(&item.aggregated_output, OUTPUT_HEAD),
    }
}

fn file_changed(change: Change) -> EngineEvent {
    let kind = match change.kind.as_str() {
        Some("add") => FileChange::Added,
        Some("delete") => FileChange::Deleted,
        _ => FileChange::Updated,
    };
    EngineEvent::FileChanged { path: change.path, kind }
}

fn head(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn hear(lines: &[&str]) -> (Transcript, String) {
        let mut transcript = Transcript::default();
        let lines = lines.iter().map(|text| Line { text: (*text).to_owned(), cut: false });
        let log: Vec<_> =
            lines.flat_map(|line| transcript.hear(&line)).map(|event| event.log_line()).collect();
        (transcript, log.join("\n"))
    }

    #[test]
    fn a_turn_is_told_in_events() {
        let (transcript, log) = hear(&[
            r#"{"type":"thread.started","thread_id":"t-1"}"#,
            r#"{"type":"turn.started"}"#,
            r#"{"type":"item.completed","item":{"id":"item_0","type":"reasoning","text":"hm"}}"#,
            r#"{"type":"item.started","item":{"id":"item_1","type":"command_execution","command":"ls","exit_code":null,"status":"in_progress"}}"#,
            r#"{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"ls","aggregated_output":"a\n","exit_code":2,"status":"failed"}}"#,
            r#"{"type":"item.completed","item":{"id":"item_2","type":"file_change","changes":[{"path":"/w/a","kind":"add"},{"path":"/w/b","kind":"update"}],"status":"completed"}}"#,
            r#"{"type":"item.completed","item":{"id":"item_3","type":"agent_message","text":"Done."}}"#,
            r#"{"type":"turn.completed","usage":{"input_tokens":10,"cached_input_tokens":4,"output_tokens":3,"reasoning_output_tokens":1}}"#,
        ]);
        assert_snapshot!(log, @"
        started, session t-1
        thinks: hm
        shell: ls
        failed (exit 2): a
        added /w/a
        updated /w/b
        says: Done.
        tokens: 10 in (4 cached), 3 out (1 reasoning)
        ");
        assert_eq!((transcript.last_message(), transcript.failure()), (Some("Done."), None));
        assert!(transcript.usage().complete);
    }

    #[test]
    fn what_is_unknown_or_no_event_does_not_end_the_run() {
        let (transcript, log) = hear(&[
            r#"{"type":"item.completed","item":{"id":"x","type":"telepathy"}}"#,
            r#"{"type":"weather.changed","to":"rain"}"#,
            "",
            "Segmentation fault",
            r#"{"type":"item.completed"}"#,
        ]);
        assert_snapshot!(log, @r#"
        warning: a line that is no event: Segmentation fault
        warning: a line that is no event: {"type":"item.completed"}
        "#);
        assert_eq!(transcript.failure(), None);
    }

    #[test]
    fn a_failed_turn_has_a_reason() {
        let (transcript, _) = hear(&[
            r#"{"type":"error","message":"first"}"#,
            r#"{"type":"turn.failed","error":{"message":"second"}}"#,
        ]);
        assert_eq!(transcript.failure(), Some("second"));
        assert_eq!(hear(&[r#"{"type":"error","message":"only"}"#]).0.failure(), Some("only"));
    }

    #[test]
    fn retries_are_waited_for_a_few_times_and_not_at_all_when_refused() {
        let busy = r#"{"type":"error","message":"Reconnecting... 1/5 (unexpected status 503)"}"#;
        let refused =
            r#"{"type":"error","message":"Reconnecting... 1/5 (unexpected status 401 Unauthorized: no)"}"#;
        assert_eq!(hear(&[busy; RETRIES]).0.hopeless_retry(), None);
        assert!(hear(&[busy; RETRIES + 1]).0.hopeless_retry().is_some());
        assert!(hear(&[refused]).0.hopeless_retry().is_some());

        let fallback = r#"{"type":"item.completed","item":{"type":"error","message":"Falling back from WebSockets to HTTPS transport. x"}}"#;
        assert_eq!(hear(&[busy, busy, busy, busy, fallback, busy]).0.hopeless_retry(), None);
    }
}
