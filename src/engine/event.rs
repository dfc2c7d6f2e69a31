//! What an engine tells while it works, and what it answers.

use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// Something that happened during a run, in the order it happened. All text in it was written by others.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineEvent {
    /// The process exists; record it, so that a later worker can kill what this one leaves behind.
    /// Comes once without a session, and again when the engine names its session. Engines without a process have none.
    Started {
        process: Option<ProcessIdentity>,
        session: Option<String>,
    },
    Message {
        text: String,
    },
    Reasoning {
        text: String,
    },
    ToolStarted {
        id: String,
        name: String,
        detail: String,
    },
    /// `output` is the head of what the tool printed.
    ToolEnded {
        id: String,
        ok: bool,
        exit: Option<i32>,
        output: String,
    },
    /// `path` as the engine gave it: often absolute.
    FileChanged {
        path: String,
        kind: FileChange,
    },
    /// The engine is trying a model call again by itself.
    Retrying {
        reason: String,
    },
    Warning {
        text: String,
    },
    /// Tokens so far, of the whole run.
    Usage(Usage),
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    Added,
    Updated,
    Deleted,
}

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessIdentity {
    pub pid: u32,
    /// Clock ticks from the machine's start to the process' start: field 22 of proc(5) `/proc/PID/stat`.
    pub started_at: u64,
}

/// Tokens of a run. `input` is all input, the cached part included, for every engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub reasoning: u64,
    /// False when the run ended before the engine counted everything.
    pub complete: bool,
}

/// The end of a run that went well. The engine said so: nothing in it is checked yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub text: String,
    /// Present if a schema was asked for.
    pub json: Option<Value>,
    pub usage: Usage,
    pub session: Option<String>,
    pub wall: Duration,
}

/// Characters of one log line.
const LOG_LINE: usize = 2000;

impl EngineEvent {
    /// One bounded line for the run's log, without line breaks or control characters.
    pub fn log_line(&self) -> String {
        let line = match self {
            EngineEvent::Started { process, session } => started_line(*process, session.as_deref()),
            EngineEvent::Message { text } => format!("says: {text}"),
            EngineEvent::Reasoning { text } => format!("thinks: {text}"),
            EngineEvent::ToolStarted { name, detail, .. } => format!("{name}: {detail}"),
            EngineEvent::ToolEnded { ok, exit, output, .. } => tool_line(*ok, *exit, output),
            EngineEvent::FileChanged { path, kind } => format!("{} {path}", kind.as_str()),
            EngineEvent::Retrying { reason } => format!("tries again: {reason}"),
            EngineEvent::Warning { text } => format!("warning: {text}"),
            EngineEvent::Usage(usage) => usage.log_line(),
        };
        one_line(&line, LOG_LINE)
    }
}

impl FileChange {
    pub fn as_str(self) -> &'static str {
        match self {
            FileChange::Added => "added",
            FileChange::Updated => "updated",
            FileChange::Deleted => "deleted",
        }
    }
}

impl Usage {
    fn log_line(self) -> String {
        let Usage { input, cached, output, reasoning, complete } = self;
        let open = if complete { "" } else { ", not complete" };
        format!("tokens: {input} in ({cached} cached), {output} out ({reasoning} reasoning){open}")
    }

    /// Adds what another model call used.
    pub fn plus(self, more: Usage) -> Usage {
        Usage {
            input: self.input.saturating_add(more.input),
            cached: self.cached.saturating_add(more.cached),
            output: self.output.saturating_add(more.output),
            reasoning: self.reasoning.saturating_add(more.reasoning),
            complete: more.complete,
        }
    }
}

fn started_line(process: Option<ProcessIdentity>, session: Option<&str>) -> String {
    let mut line = "started".to_owned();
    if let Some(process) = process {
        let _ = write!(line, ", process {}", process.pid);
    }
    if let Some(session) = session {
        let _ = write!(line, ", session {session}");
    }
    line
}

fn tool_line(ok: bool, exit: Option<i32>, output: &str) -> String {
    let outcome = if ok { "done" } else { "failed" };
    match exit {
        Some(code) => format!("{outcome} (exit {code}): {output}"),
        None => format!("{outcome}: {output}"),
    }
}

/// Cuts `text` to `limit` characters and writes line breaks and control characters visibly.
fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit));
    for (count, c) in text.trim_end().chars().enumerate() {
        if count >= limit {
            line.push('…');
            break;
        }
        match c {
            '\n' => line.push_str(" ⏎ "),
            '\t' => line.push(' '),
            c if c.is_control() => line.push('\u{fffd}'),
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn a_log_line_is_one_line_without_control_characters() {
        let event = EngineEvent::Message { text: "first\nsecond\x1b[31m\tred\r\n\n".to_owned() };
        assert_snapshot!(event.log_line(), @"says: first ⏎ second�[31m red");
    }

    #[test]
    fn a_log_line_is_bounded() {
        let event = EngineEvent::Warning { text: "ü".repeat(1_000_000) };
        assert_eq!(event.log_line().chars().count(), LOG_LINE + 1);
    }

    #[test]
    fn every_event_reads_as_a_sentence_of_the_log() {
        let process = Some(ProcessIdentity { pid: 7, started_at: 1 });
        let lines = [
            EngineEvent::Started { process, session: Some("s1".to_owned()) },
            EngineEvent::ToolStarted {
                id: "1".to_owned(),
                name: "shell".to_owned(),
                detail: "ls".to_owned(),
            },
            EngineEvent::ToolEnded {
                id: "1".to_owned(),
                ok: false,
                exit: Some(2),
                output: "no\n".to_owned(),
            },
            EngineEvent::FileChanged { path: "a.txt".to_owned(), kind: FileChange::Added },
            EngineEvent::Usage(Usage { input: 10, cached: 4, output: 3, reasoning: 1, complete: false }),
        ]
        .map(|event| event.log_line());
        assert_snapshot!(lines.join("\n"), @"
        started, process 7, session s1
        shell: ls
        failed (exit 2): no
        added a.txt
        tokens: 10 in (4 cached), 3 out (1 reasoning), not complete
        ");
    }
}
