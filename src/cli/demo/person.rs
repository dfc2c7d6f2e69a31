//! What a person does next, by what they see.

use crate::domain::drive;
use crate::domain::project::PullState;
use crate::domain::protocol::{ProtocolStatus, ReasonKey};
use crate::domain::thread::Thread;
use crate::report::view::ProtocolView;

/// Remembers what was said last, so that nothing is said twice.
#[derive(Debug, Default)]
pub(super) struct Person {
    said: Option<(String, i64)>,
    retries: u32,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Comment { thread: Thread, words: String },
    Wait,
    Done,
    GiveUp { why: String },
}

/// How often a failed step is tried again.
const RETRIES: u32 = 2;

impl Person {
    pub(super) fn next(&mut self, view: &ProtocolView) -> Step {
        let protocol = &view.protocol;
        match protocol.status() {
            ProtocolStatus::Completed => Step::Done,
            ProtocolStatus::Cancelled | ProtocolStatus::Failed => {
                Step::GiveUp { why: format!("it is {}", protocol.status()) }
            }
            ProtocolStatus::Planned if !drive::all_done(&view.steps) => {
                self.say(view, "/protocol run".to_owned())
            }
            ProtocolStatus::Planned if is_ready(view) => self.say(view, "/protocol merge".to_owned()),
            ProtocolStatus::Blocked => self.unblock(view),
            _ => Step::Wait,
        }
    }

    fn unblock(&mut self, view: &ProtocolView) -> Step {
        let reasons = &view.protocol.state.reasons;
        let failed_ci = reasons.iter().find(|reason| reason.key == ReasonKey::CiFailed);
        match failed_ci.and_then(|reason| reason.step) {
            Some(step) if self.retries < RETRIES => {
                let said = self.say(view, format!("/step retry {step}"));
                self.retries += u32::from(said != Step::Wait);
                said
            }
            _ => Step::GiveUp {
                why: reasons.iter().map(|reason| reason.detail.as_str()).collect::<Vec<_>>().join("; "),
            },
        }
    }

    /// Says it once per plan and retry; the answer takes a moment to show.
    fn say(&mut self, view: &ProtocolView, words: String) -> Step {
        let commits = view.steps.iter().map(|step| i64::from(step.attempts)).sum();
        let now = (words.clone(), commits);
        if self.said.as_ref() == Some(&now) {
            return Step::Wait;
        }
        self.said = Some(now);
        Step::Comment { thread: view.protocol.thread(), words }
    }
}

fn is_ready(view: &ProtocolView) -> bool {
    view.protocol.pull.as_ref().is_some_and(|pull| pull.state == PullState::Ready)
}
