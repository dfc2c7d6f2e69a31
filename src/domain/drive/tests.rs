use super::*;
use crate::domain::ids::{Moment, ProjectId, ProtocolId, ProtocolNumber, Sha, StepId};
use crate::domain::project::{PullFacts, Requester};
use crate::domain::protocol::{Pause, ProtocolState, Work};
use crate::domain::spec::{QaPolicy, from_step_files};
use crate::domain::step::Judged;
use crate::domain::thread::Thread;
use crate::domain::verdict::Verdict;

fn sha() -> Sha {
    Sha::parse(&"a".repeat(40)).expect("forty digits")
}

fn protocol(drive: Drive) -> Protocol {
    Protocol {
        id: ProtocolId(1),
        project: ProjectId(1),
        number: ProtocolNumber(1),
        slug: "a".to_owned(),
        state: ProtocolState { work: Work::Running, drive, ..ProtocolState::new() },
        revision: 1,
        asked_in: Thread::issue(1),
        pull: None,
        base: "main".to_owned(),
        base_sha: None,
        base_moved: false,
        head: None,
        adopted_from: None,
        request: String::new(),
        requester: Requester { login: "ann".to_owned(), id: 1 },
        engine: None,
        model: None,
        plan_revision: 1,
        spec: None,
        spec_hash: None,
        plan: String::new(),
        merge: None,
        created_at: Moment(0),
        changed_at: Moment(0),
    }
}

/// Steps 0, 1, … in these states; a completed one was judged to pass on its commit.
fn steps(states: &[(StepStatus, CiStatus)]) -> Vec<Step> {
    let files: Vec<_> =
        (0..states.len()).map(|number| (format!("0{number}-step.md"), String::new())).collect();
    let spec = from_step_files(&files, None, QaPolicy::Full);
    let numbered = states.iter().zip(spec.steps).zip(0u32..);
    numbered
        .map(|(((status, ci), spec), number)| {
            let is_completed = *status == StepStatus::Completed;
            Step {
                id: StepId(i64::from(number) + 1),
                protocol: ProtocolId(1),
                number,
                status: *status,
                judged: (is_completed && spec.needs_verdict()).then(|| Judged {
                    verdict: Verdict::Pass,
                    sha: sha(),
                    outdated: false,
                }),
                spec,
                approval: None,
                end: None,
                ci: *ci,
                commit: is_completed.then(sha),
                pushed_at: is_completed.then_some(Moment(i64::from(number))),
                attempts: 0,
                tokens: 0,
                engine_ms: 0,
                summary: String::new(),
                started_at: None,
                finished_at: None,
            }
        })
        .collect()
}

const PENDING: (StepStatus, CiStatus) = (StepStatus::Pending, CiStatus::None);
const DONE: (StepStatus, CiStatus) = (StepStatus::Completed, CiStatus::Passed);
const WAITING: (StepStatus, CiStatus) = (StepStatus::Completed, CiStatus::Waiting);

#[track_caller]
fn check(drive: Drive, states: &[(StepStatus, CiStatus)], expected: &Next) {
    assert_eq!(next(&protocol(drive), &steps(states)), *expected);
}

#[test]
fn steps_go_one_after_the_other() {
    check(Drive::All, &[PENDING, PENDING], &Next::Execute(0));
    check(Drive::All, &[(StepStatus::Running, CiStatus::None), PENDING], &Next::Rest);
    check(Drive::All, &[(StepStatus::NeedsQa, CiStatus::None), PENDING], &Next::Judge(0));
    check(Drive::All, &[DONE, PENDING], &Next::Execute(1));
    check(Drive::All, &[DONE, (StepStatus::Failed, CiStatus::None), PENDING], &Next::Rest);
    check(Drive::All, &[DONE, (StepStatus::Cancelled, CiStatus::None), PENDING], &Next::Execute(2));
}

#[test]
fn the_next_step_waits_for_ci_of_the_one_before() {
    check(Drive::All, &[WAITING, PENDING], &Next::AwaitCi(0));
    check(Drive::All, &[(StepStatus::Completed, CiStatus::Inconclusive), PENDING], &Next::Rest);
    check(Drive::Only(1), &[WAITING, PENDING, PENDING], &Next::AwaitCi(0));
    check(Drive::All, &[DONE, WAITING], &Next::AwaitCi(1));
}

#[test]
fn a_drive_goes_as_far_as_it_was_told() {
    check(Drive::To(1), &[DONE, DONE, PENDING], &Next::FinishDrive);
    check(Drive::To(1), &[DONE, PENDING, PENDING], &Next::Execute(1));
    check(Drive::Only(2), &[DONE, PENDING, PENDING], &Next::Execute(2));
    check(Drive::Only(0), &[DONE, PENDING], &Next::FinishDrive);
    check(Drive::All, &[DONE, DONE], &Next::FinishDrive);
}

#[test]
fn an_outdated_verdict_is_judged_again_before_the_drive_ends() {
    let mut done = steps(&[DONE, DONE, DONE]);
    done[1].judged = Some(Judged { verdict: Verdict::Pass, sha: sha(), outdated: true });
    assert_eq!(next(&protocol(Drive::All), &done), Next::Judge(1));
    assert_eq!(next(&protocol(Drive::Only(2)), &done), Next::FinishDrive);
}

#[test]
fn nothing_starts_while_paused_or_idle() {
    let mut paused = protocol(Drive::All);
    paused.state.pause = Some(Pause::AfterThis);
    assert_eq!(next(&paused, &steps(&[PENDING])), Next::Rest);
    let mut planning = protocol(Drive::None);
    planning.state.work = Work::Planning;
    assert_eq!(next(&planning, &[]), Next::Plan);
    planning.state.work = Work::Planned;
    assert_eq!(next(&planning, &steps(&[PENDING])), Next::Rest);
}

#[test]
fn a_finished_protocol_is_offered_once() {
    let mut idle = protocol(Drive::None);
    idle.state.work = Work::Planned;
    idle.pull = Some(PullFacts {
        number: 2,
        node_id: "PR_1".to_owned(),
        url: String::new(),
        state: PullState::Draft,
        offered: false,
    });
    assert_eq!(next(&idle, &steps(&[DONE, DONE])), Next::Offer);
    assert_eq!(next(&idle, &steps(&[DONE, PENDING])), Next::Rest);
    idle.pull = idle.pull.map(|pull| PullFacts { offered: true, ..pull });
    assert_eq!(next(&idle, &steps(&[DONE, DONE])), Next::Rest);
}

#[test]
fn green_needs_every_step_vouched_for_and_ci_passed() {
    let ours = protocol(Drive::None);
    assert_eq!(not_green(&ours, &steps(&[DONE, DONE])), None);
    assert!(not_green(&ours, &[]).is_some());
    assert!(not_green(&ours, &steps(&[DONE, PENDING])).is_some());
    assert!(not_green(&ours, &steps(&[DONE, WAITING])).is_some());
    assert_eq!(not_green(&ours, &steps(&[WAITING, DONE])), None, "the older commit is superseded");
    let mut unjudged = steps(&[DONE, DONE]);
    unjudged[1].judged = None;
    assert!(not_green(&ours, &unjudged).is_some());
    let adopted = Protocol { adopted_from: Some("bob".to_owned()), ..protocol(Drive::None) };
    assert!(not_green(&adopted, &steps(&[DONE, DONE])).is_some());
}

#[test]
fn a_step_stands_on_all_earlier_ones_or_on_those_it_names() {
    use StepStatus::{Completed, Pending};
    let none = CiStatus::None;
    let mut steps = steps(&[(Completed, none), (Pending, none), (Pending, none), (Pending, none)]);
    let open = |steps: &[Step]| first_open_under(steps, &steps[3]).map(|step| step.number);
    assert_eq!(open(&steps), Some(1));
    steps[3].spec.depends_on = Some(vec![steps[2].spec.id.clone()]);
    assert_eq!(open(&steps), Some(2));
    steps[3].spec.depends_on = Some(vec![steps[0].spec.id.clone()]);
    assert_eq!(open(&steps), None);
    steps[3].spec.depends_on = Some(Vec::new());
    assert_eq!(open(&steps), None);
}
