//! What the demo prints: for people with progress, for scripts as one JSON object a line.

use crate::cli::output;
use crate::domain::event::Event;
use crate::domain::names::Names;
use crate::report::comment;
use crate::report::view::ProtocolView;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fmt::Display;
use std::time::Duration;

pub(super) struct Teller {
    json: bool,
    progress: ProgressBar,
}

/// How the demo ended and where to look.
pub(super) struct Summary {
    pub(super) outcome: String,
    pub(super) branch: Option<String>,
    pub(super) folder: Option<String>,
    pub(super) names: Names,
    pub(super) pull: Option<String>,
    pub(super) page: Option<String>,
    pub(super) commits: Vec<String>,
    pub(super) seconds: f64,
    pub(super) engine_seconds: f64,
}

impl Teller {
    /// Progress is shown on a terminal only.
    pub(super) fn new(json: bool) -> Self {
        let progress = if json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            progress.set_style(style);
        }
        progress.enable_steady_tick(Duration::from_millis(120));
        Self { json, progress }
    }

    /// Tells what the demo itself does.
    pub(super) fn say(&self, words: &str) {
        self.line(&json!({"you": words}), &format!("          you  {words}"));
    }

    /// Tells one line of the protocol's timeline.
    pub(super) fn event(&self, names: Names, event: &Event) {
        let message = names.spoken(&event.message);
        let value =
            json!({"at": event.at.0, "event": event.kind.as_str(), "message": message, "facts": event.facts});
        self.line(&value, &format!("{}   bot  {message}", event.at.time_of_day()));
    }

    /// Shows how the protocol stands, beside the spinner.
    pub(super) fn state(&self, view: &ProtocolView) {
        self.progress.set_message(comment::in_a_line(view));
    }

    pub(super) fn end(&self, summary: &Summary) {
        self.progress.finish_and_clear();
        if self.json {
            let value = json!({
                "outcome": summary.outcome, "branch": summary.branch, "pull": summary.pull, "page": summary.page,
                "commits": summary.commits, "folder": summary.folder,
                "durations": {"seconds": summary.seconds, "engine_seconds": summary.engine_seconds},
            });
            tell(value);
            return;
        }
        tell(format!("\n{} after {:.1} s", summary.outcome, summary.seconds));
        let rows = [
            ("branch", &summary.branch),
            ("folder", &summary.folder),
            (summary.names.pull, &summary.pull),
            ("page", &summary.page),
        ];
        for (name, value) in rows {
            if let Some(value) = value {
                tell(format!("  {name:<13} {value}"));
            }
        }
        for commit in &summary.commits {
            tell(format!("  {:<13} {}", "commit", commit));
        }
    }

    /// Tells how to go on while the demo stays up.
    pub(super) fn stay(&self, ways: &[String]) {
        let words = "the sandbox stays up until Ctrl-C; to go on:";
        self.line(&json!({"stays": words, "ways": ways}), &format!("\n{words}\n  {}", ways.join("\n  ")));
    }

    fn line(&self, value: &Value, words: &str) {
        match self.json {
            true => tell(value),
            false => self.progress.suspend(|| tell(words)),
        }
    }
}

/// The demo goes on whether or not anybody hears it.
fn tell(words: impl Display) {
    let _ = output::data(words);
}
