//! Buttons on checks, and the commands that they stand for.

use crate::domain::drive;
use crate::domain::protocol::{Act, ProtocolStatus};
use crate::report::view::ProtocolView;

/// A button on a check: GitHub takes 20, 40 and 20 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub label: &'static str,
    pub description: &'static str,
    pub identifier: String,
}

/// What a button's identifier begins with, the command it stands for, its label and what it says it does. Those of steps
/// have the step's number behind a dash: `retry-2`.
pub(super) struct Declared {
    identifier: &'static str,
    command: &'static str,
    label: &'static str,
    description: &'static str,
    of_step: Scope,
}

#[derive(PartialEq, Eq)]
enum Scope {
    Protocol,
    Step,
}

const RUN_ALL: Declared = declared("run-all", "/protocol run", "Run all steps", "Do all steps that are left");
const RUN_NEXT: Declared = declared("run-next", "/step run next", "Run next step", "Do one step and rest");
const RESUME: Declared = declared("resume", "/protocol resume", "Resume", "Go on from where it stopped");
pub(super) const REPLAN: Declared =
    declared("replan", "/protocol replan", "Plan again", "Make a new plan in place of this one");
const OPEN_PULL: Declared =
    declared("open-pr", "/protocol pr", "Open or push again", "Try the push and pull request again");
const MERGE: Declared = declared("merge", "/protocol merge", "Merge", "Merge the judged commit");
pub(super) const RETRY: Declared = of_step("retry", "/step retry", "Retry", "Do this step again");
pub(super) const JUDGE: Declared = of_step("qa", "/step qa", "Judge again", "Run QA of this step again");
const ALL: [&Declared; 8] = [&RUN_ALL, &RUN_NEXT, &RESUME, &REPLAN, &OPEN_PULL, &MERGE, &RETRY, &JUDGE];

const fn declared(
    identifier: &'static str,
    command: &'static str,
    label: &'static str,
    description: &'static str,
) -> Declared {
    Declared { identifier, command, label, description, of_step: Scope::Protocol }
}

const fn of_step(
    identifier: &'static str,
    command: &'static str,
    label: &'static str,
    description: &'static str,
) -> Declared {
    Declared { identifier, command, label, description, of_step: Scope::Step }
}

/// The command that a button stands for, `None` for an identifier that is not ours.
pub fn button_command(identifier: &str) -> Option<String> {
    let plain =
        ALL.iter().find(|button| button.of_step == Scope::Protocol && button.identifier == identifier);
    if let Some(button) = plain {
        return Some(button.command.to_owned());
    }
    let (word, number) = identifier.rsplit_once('-')?;
    let button = ALL.iter().find(|button| button.of_step == Scope::Step && button.identifier == word)?;
    let is_number = !number.is_empty() && number.len() <= 4 && number.bytes().all(|b| b.is_ascii_digit());
    let number: u32 = is_number.then(|| number.parse().ok()).flatten()?;
    Some(format!("{} {number}", button.command))
}

impl Declared {
    pub(super) fn button(&self) -> Button {
        Button { label: self.label, description: self.description, identifier: self.identifier.to_owned() }
    }

    pub(super) fn for_step(&self, step: u32) -> Button {
        Button { identifier: format!("{}-{step}", self.identifier), ..self.button() }
    }
}

/// The most likely next acts, at most three.
pub(super) fn of_protocol(view: &ProtocolView) -> Vec<Button> {
    let mut buttons = match view.protocol.status() {
        ProtocolStatus::Planned if drive::all_done(&view.steps) => {
            match (drive::not_green(&view.protocol, &view.steps), &view.protocol.pull) {
                (None, Some(_)) => vec![MERGE.button()],
                (None, None) => vec![OPEN_PULL.button()],
                (Some(_), _) => vec![RUN_ALL.button()],
            }
        }
        ProtocolStatus::Planned => vec![RUN_ALL.button(), RUN_NEXT.button(), REPLAN.button()],
        ProtocolStatus::Paused | ProtocolStatus::Failed => vec![RESUME.button()],
        ProtocolStatus::Blocked => blocked_buttons(view),
        ProtocolStatus::Pending
        | ProtocolStatus::Planning
        | ProtocolStatus::Running
        | ProtocolStatus::Cancelled
        | ProtocolStatus::Completed => Vec::new(),
    };
    buttons.truncate(3);
    buttons
}

fn blocked_buttons(view: &ProtocolView) -> Vec<Button> {
    let mut buttons: Vec<Button> = Vec::new();
    let acts = view.protocol.state.reasons.iter().filter_map(|reason| {
        match (reason.key.cleared_by(), reason.step) {
            (Act::Retry, Some(step)) => Some(RETRY.for_step(step)),
            (Act::Retry, None) => None,
            (Act::Resume, _) => Some(RESUME.button()),
            (Act::Pr, _) => Some(OPEN_PULL.button()),
            (Act::Replan, _) => Some(REPLAN.button()),
        }
    });
    for button in acts.chain([REPLAN.button()]) {
        if !buttons.contains(&button) {
            buttons.push(button);
        }
    }
    buttons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_button_is_within_githubs_limits_and_means_a_command() {
        for declared in ALL {
            let button = match declared.of_step {
                Scope::Protocol => declared.button(),
                Scope::Step => declared.for_step(9_999),
            };
            let lengths =
                [button.label, button.description, &button.identifier].map(|text| text.chars().count());
            assert!(lengths[0] <= 20 && lengths[1] <= 40 && lengths[2] <= 20, "{button:?}: {lengths:?}");
            let command = button_command(&button.identifier).unwrap();
            assert!(command.starts_with(declared.command), "{command}");
        }
    }

    #[test]
    fn a_button_that_is_not_ours_means_nothing() {
        assert_eq!(button_command("retry-2"), Some("/step retry 2".to_owned()));
        assert_eq!(button_command("run-all"), Some("/protocol run".to_owned()));
        for identifier in [
            "",
            "retry",
            "retry-",
            "retry-2x",
            "retry--2",
            "retry-+2",
            "run-all-2",
            "cancel",
            "/protocol cancel",
        ] {
            assert_eq!(button_command(identifier), None, "{identifier}");
        }
    }
}
