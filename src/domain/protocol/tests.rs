use super::*;

fn at(work: Work) -> ProtocolState {
    ProtocolState {
        work,
        drive: if work == Work::Running { Drive::All } else { Drive::None },
        ..ProtocolState::new()
    }
}

fn reason(key: ReasonKey, step: Option<u32>) -> Reason {
    Reason { key, step, since: Moment(0), detail: "because".to_owned() }
}

fn after(state: &ProtocolState, moves: &[ProtocolMove]) -> Result<ProtocolState, Refusal> {
    moves.iter().try_fold(state.clone(), |state, happened| state.apply(happened.clone()))
}

#[track_caller]
fn check(state: &ProtocolState, moves: &[ProtocolMove], status: ProtocolStatus) {
    assert_eq!(after(state, moves).map(|state| state.status()), Ok(status));
}

#[track_caller]
fn refused(state: &ProtocolState, happened: &ProtocolMove) {
    assert!(state.apply(happened.clone()).is_err(), "{happened:?} on {state:?}");
}

#[test]
fn the_main_road_leads_from_new_to_completed() {
    let road = [
        ProtocolMove::StartPlanning,
        ProtocolMove::AcceptPlan,
        ProtocolMove::Run(Drive::All),
        ProtocolMove::FinishDrive,
        ProtocolMove::Merge,
    ];
    let statuses: Vec<_> = (0..=road.len())
        .map(|done| after(&ProtocolState::new(), &road[..done]).map(|state| state.status()))
        .collect();
    assert_eq!(
        statuses,
        [
            Ok(ProtocolStatus::Pending),
            Ok(ProtocolStatus::Planning),
            Ok(ProtocolStatus::Planned),
            Ok(ProtocolStatus::Running),
            Ok(ProtocolStatus::Planned),
            Ok(ProtocolStatus::Completed),
        ]
    );
}

#[test]
fn the_last_reason_cleared_shows_what_was_beneath() {
    let blocked = [
        ProtocolMove::Block(reason(ReasonKey::QaFailed, Some(1))),
        ProtocolMove::Block(reason(ReasonKey::HeadRewritten, None)),
    ];
    let state = after(&at(Work::Running), &blocked).expect("facts are taken while running");
    check(&state, &[ProtocolMove::Clear(Clearing::Step(1))], ProtocolStatus::Blocked);
    check(&state, &[ProtocolMove::Clear(Clearing::Step(1)), ProtocolMove::Resume], ProtocolStatus::Running);
    refused(
        &after(&state, &[ProtocolMove::Resume]).expect("one reason is cleared by resume"),
        &ProtocolMove::Resume,
    );
}

#[test]
fn each_clearing_drops_its_own_reasons_and_no_other() {
    use ReasonKey::{CiFailed, CiUndecided, PrFailed, PushRefused, QaFailed, QaUndecided, StepFailed};
    let held = [
        reason(StepFailed, Some(1)),
        reason(CiFailed, Some(1)),
        reason(CiUndecided, Some(1)),
        reason(QaFailed, Some(1)),
        reason(QaUndecided, Some(1)),
        reason(QaFailed, Some(2)),
        reason(PushRefused, Some(2)),
        reason(PrFailed, None),
    ];
    let state = ProtocolState { reasons: held.to_vec(), ..at(Work::Running) };
    for (clearing, dropped) in [
        (Clearing::Step(1), &held[..5]),
        (Clearing::CiPassed(1), &held[1..3]),
        (Clearing::QaPassed(1), &held[3..5]),
        (Clearing::QaPassed(2), &held[5..6]),
        (Clearing::Pull, &held[6..]),
    ] {
        let left = state.apply(ProtocolMove::Clear(clearing)).expect("taken while running").reasons;
        let gone: Vec<_> = held.iter().filter(|reason| !left.contains(reason)).cloned().collect();
        assert_eq!(gone, dropped, "{clearing:?}");
    }
}

#[test]
fn a_reason_is_held_once_and_takes_the_newest_words() {
    let twice = [
        ProtocolMove::Block(reason(ReasonKey::CiFailed, Some(2))),
        ProtocolMove::Block(Reason { detail: "newer".to_owned(), ..reason(ReasonKey::CiFailed, Some(2)) }),
    ];
    let state = after(&at(Work::Running), &twice).expect("facts are taken while running");
    assert_eq!(state.reasons.len(), 1);
    assert_eq!(state.reasons[0].detail, "newer");
}

#[test]
fn a_pause_lies_over_everything_and_goes_back() {
    let paused = after(&at(Work::Planning), &[ProtocolMove::Pause(Pause::AfterThis)]).expect("may be paused");
    check(&paused, &[ProtocolMove::AcceptPlan], ProtocolStatus::Paused);
    check(&paused, &[ProtocolMove::AcceptPlan, ProtocolMove::Resume], ProtocolStatus::Planned);
    let block = ProtocolMove::Block(reason(ReasonKey::PlanInvalid, None));
    check(&paused, &[block, ProtocolMove::Resume], ProtocolStatus::Blocked);
    refused(&paused, &ProtocolMove::Pause(Pause::AfterThis));
    check(&paused, &[ProtocolMove::Pause(Pause::Now)], ProtocolStatus::Paused);
    refused(&paused, &ProtocolMove::Run(Drive::All));
}

#[test]
fn terminal_states_are_sticky() {
    let cancelled =
        |kind| after(&at(Work::Running), &[ProtocolMove::Cancel(kind)]).expect("may be cancelled");
    for happened in [
        ProtocolMove::AcceptPlan,
        ProtocolMove::Run(Drive::All),
        ProtocolMove::Resume,
        ProtocolMove::Fault,
        ProtocolMove::Cancel(CancelKind::Command),
        ProtocolMove::Block(reason(ReasonKey::CiFailed, None)),
    ] {
        refused(&cancelled(CancelKind::PrClosed), &happened.clone());
        refused(&after(&at(Work::Running), &[ProtocolMove::Merge]).expect("may be merged"), &happened);
    }
    check(&cancelled(CancelKind::PrClosed), &[ProtocolMove::Merge], ProtocolStatus::Completed);
    refused(&cancelled(CancelKind::Command), &ProtocolMove::Merge);
    check(&cancelled(CancelKind::PrClosed), &[ProtocolMove::Reopen], ProtocolStatus::Paused);
    refused(&cancelled(CancelKind::Command), &ProtocolMove::Reopen);
    refused(&cancelled(CancelKind::IssueClosed), &ProtocolMove::Reopen);
}

#[test]
fn a_reopened_protocol_waits_for_resume_and_then_goes_on() {
    let moves = [ProtocolMove::Cancel(CancelKind::PrClosed), ProtocolMove::Reopen, ProtocolMove::Resume];
    check(&at(Work::Running), &moves, ProtocolStatus::Running);
}

#[test]
fn replanning_clears_reasons_and_ends_a_pause() {
    let moves = [
        ProtocolMove::Block(reason(ReasonKey::QaFailed, Some(1))),
        ProtocolMove::Pause(Pause::AfterThis),
        ProtocolMove::Replan,
    ];
    let state = after(&at(Work::Running), &moves).expect("a paused protocol may be replanned");
    assert_eq!(
        (state.status(), state.reasons.len(), state.drive),
        (ProtocolStatus::Planning, 0, Drive::None)
    );
    refused(&at(Work::Running), &ProtocolMove::Replan);
    refused(&at(Work::Planning), &ProtocolMove::Replan);
}

#[test]
fn a_wider_drive_widens_and_the_same_is_already_running() {
    let running = |drive| ProtocolState { drive, ..at(Work::Running) };
    let widened = |from, by| running(from).apply(ProtocolMove::Run(by)).map(|state| state.drive);
    assert_eq!(widened(Drive::To(1), Drive::To(3)), Ok(Drive::To(3)));
    assert_eq!(widened(Drive::Only(2), Drive::All), Ok(Drive::All));
    assert_eq!(widened(Drive::Only(2), Drive::Only(4)), Ok(Drive::To(4)));
    for (from, by) in
        [(Drive::All, Drive::To(9)), (Drive::To(3), Drive::Only(2)), (Drive::To(3), Drive::To(3))]
    {
        assert_eq!(widened(from, by), Err(Refusal::AlreadyRunning), "{from:?} {by:?}");
    }
}

#[test]
fn a_fault_of_ours_is_left_by_resume() {
    check(&at(Work::Running), &[ProtocolMove::Fault], ProtocolStatus::Failed);
    check(&at(Work::Running), &[ProtocolMove::Fault, ProtocolMove::Resume], ProtocolStatus::Running);
    check(&at(Work::Planning), &[ProtocolMove::Fault, ProtocolMove::Resume], ProtocolStatus::Planning);
}

#[test]
fn every_end_and_pause_now_stop_engines() {
    let stops = |happened| at(Work::Running).apply(happened).expect("may move").stops_engines();
    assert!(stops(ProtocolMove::Cancel(CancelKind::Command)));
    assert!(stops(ProtocolMove::Pause(Pause::Now)));
    assert!(!stops(ProtocolMove::Pause(Pause::AfterThis)));
    assert!(stops(ProtocolMove::Merge));
}

#[test]
fn doing_a_step_again_drives_an_idle_protocol() {
    let redone =
        |state: &ProtocolState| state.apply(ProtocolMove::Redo(2)).map(|state| (state.work, state.drive));
    assert_eq!(redone(&at(Work::Planned)), Ok((Work::Running, Drive::Only(2))));
    assert_eq!(redone(&at(Work::Running)), Ok((Work::Running, Drive::All)));
    let to_one = ProtocolState { drive: Drive::To(1), ..at(Work::Running) };
    assert_eq!(redone(&to_one), Ok((Work::Running, Drive::To(2))));
    assert_eq!(redone(&at(Work::Planning)), Ok((Work::Planning, Drive::None)));
}
