//! A protocol in its main states, for the tests of this room.

use super::view::{Links, ProtocolView, RunLink};
use crate::domain::ci::CiStatus;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{Moment, ProjectId, ProtocolId, ProtocolNumber, RunId, Sha, StepId};
use crate::domain::names::Names;
use crate::domain::project::{Protocol, PullFacts, PullState, Requester};
use crate::domain::protocol::{Drive, ProtocolState, Reason, ReasonKey, Work};
use crate::domain::spec::{QaPolicy, from_step_files};
use crate::domain::step::{Judged, Step, StepStatus};
use crate::domain::thread::Thread;
use crate::domain::verdict::Verdict;
use std::collections::BTreeMap;

pub(super) const NOON: Moment = Moment(1_772_366_400_000);

pub(super) fn sha() -> Sha {
    Sha::parse(&"0123456789abcdef".repeat(3)[..40]).unwrap()
}

/// Planning, before there is anything.
pub(super) fn planning() -> ProtocolView {
    let mut state = ProtocolState::new();
    state.work = Work::Planning;
    ProtocolView {
        protocol: Protocol {
            id: ProtocolId(12),
            project: ProjectId(1),
            number: ProtocolNumber(7),
            slug: "split-importer".to_owned(),
            state,
            revision: 1,
            asked_in: Thread::issue(41),
            pull: None,
            base: "main".to_owned(),
            base_sha: Some(sha()),
            base_moved: false,
            head: None,
            adopted_from: None,
            request: "Split the importer, @bob.\n```\nfixes #3\n```".to_owned(),
            requester: Requester { login: "vera".to_owned(), id: 5 },
            engine: Some("codex".to_owned()),
            model: None,
            plan_revision: 0,
            spec: None,
            spec_hash: None,
            plan: String::new(),
            merge: None,
            created_at: NOON,
            changed_at: NOON,
        },
        steps: Vec::new(),
        events: Vec::new(),
        repo: "acme/api".to_owned(),
        names: Names::WRITTEN,
        also_open: Vec::new(),
        ci_logs: BTreeMap::new(),
        delay: None,
        links: Links { page: Some("https://bot.example/p/12?t=x".to_owned()), ..Links::default() },
        app_slug: "tasksgodzilla".to_owned(),
    }
}

/// Planned, with set-up and three steps, and a draft pull request.
pub(super) fn planned() -> ProtocolView {
    let files = ["00-setup.md", "01-parser.md", "02-writer.md", "03-docs.md"]
        .map(|file| (file.to_owned(), format!("# {}\n", &file[3..file.len() - 3])));
    let spec = from_step_files(&files, Some("codex"), QaPolicy::Full);
    let mut view = planning();
    view.steps = spec.steps.iter().enumerate().map(|(index, spec)| step(index, spec.clone())).collect();
    view.protocol.state.work = Work::Planned;
    view.protocol.plan_revision = 1;
    view.protocol.plan = "# Split the importer\n\n- [parser](01-parser.md)\n".to_owned();
    view.protocol.spec = Some(spec);
    view.protocol.pull = Some(PullFacts {
        number: 42,
        node_id: "PR_x".to_owned(),
        url: "https://github.com/acme/api/pull/42".to_owned(),
        state: PullState::Draft,
        offered: false,
    });
    view.events = vec![Event {
        at: NOON,
        step: None,
        kind: EventKind::Planned,
        message: "The plan was accepted: 4 steps <b>.".to_owned(),
        facts: serde_json::Value::Null,
    }];
    view
}

fn step(index: usize, spec: crate::domain::spec::StepSpec) -> Step {
    Step {
        id: StepId(i64::try_from(index).unwrap()),
        protocol: ProtocolId(12),
        number: u32::try_from(index).unwrap(),
        status: StepStatus::Pending,
        spec,
        judged: None,
        approval: None,
        end: None,
        ci: CiStatus::None,
        commit: None,
        pushed_at: None,
        attempts: 0,
        tokens: 0,
        engine_ms: 0,
        summary: String::new(),
        started_at: None,
        finished_at: None,
    }
}

/// Running all steps; the first `done` of them are done and green.
pub(super) fn running(done: usize) -> ProtocolView {
    let mut view = planned();
    view.protocol.state.work = Work::Running;
    view.protocol.state.drive = Drive::All;
    for step in &mut view.steps[..done] {
        finish(step, StepStatus::Completed, Verdict::Pass);
        view.links.runs.insert(
            step.number,
            RunLink { run: RunId(31), url: format!("https://bot.example/r/{}", step.number) },
        );
    }
    view
}

/// Executed, pushed and judged.
pub(super) fn finish(step: &mut Step, status: StepStatus, verdict: Verdict) {
    step.status = status;
    step.judged = step.spec.needs_verdict().then(|| Judged { verdict, sha: sha(), outdated: false });
    step.ci = CiStatus::Passed;
    step.commit = Some(sha());
    step.pushed_at = Some(Moment(NOON.0 + i64::from(step.number)));
    step.attempts = 1;
    step.tokens = 12_345;
    step.engine_ms = 192_000;
    step.summary = "Done: the parser.\nChecks: cargo test, 12 passed.".to_owned();
}

/// All steps done and green, waiting for the merge.
pub(super) fn all_done() -> ProtocolView {
    let mut view = running(4);
    view.protocol.state.work = Work::Planned;
    view.protocol.state.drive = Drive::None;
    view
}

/// QA of step 2 failed, in words that try to do things.
pub(super) fn blocked() -> ProtocolView {
    let mut view = running(2);
    finish(&mut view.steps[2], StepStatus::Failed, Verdict::Fail);
    let detail = "2 tests fail, @bob please look; closes #3";
    view.protocol.state.reasons.push(reason(ReasonKey::QaFailed, Some(2), detail));
    view
}

pub(super) fn reason(key: ReasonKey, step: Option<u32>, detail: &str) -> Reason {
    Reason { key, step, since: NOON, detail: detail.to_owned() }
}
