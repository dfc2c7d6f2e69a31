//! Projects, protocols, steps and their timeline.

use crate::store_bench::{Bench, facts, new_protocol, on_both};
use tasksgodzilla::domain::ci::CiStatus;
use tasksgodzilla::domain::event::{EventKind, NewEvent};
use tasksgodzilla::domain::forge_event::RepoFacts;
use tasksgodzilla::domain::ids::{CommandId, Moment, ProtocolId, ProtocolNumber, Sha, StepId};
use tasksgodzilla::domain::project::{
    ForgeKind, MergeRequest, Project, Protocol, PullFacts, PullState, RepoAccess,
};
use tasksgodzilla::domain::protocol::{
    CancelKind, Drive, Pause, ProtocolMove, ProtocolStatus, Reason, ReasonKey,
};
use tasksgodzilla::domain::retry::Retry;
use tasksgodzilla::domain::spec::{QaPolicy, StepSpec, from_step_files, step_number};
use tasksgodzilla::domain::step::{Approval, Judged, StepEnd, StepStatus};
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::domain::verdict::Verdict;
use tasksgodzilla::store::posted::PostedCheck;
use tasksgodzilla::store::protocol::NewProtocol;
use tasksgodzilla::store::{self, StoreError};

on_both!(
    a_protocol_comes_back_as_it_was_saved,
    a_save_over_a_newer_revision_is_a_conflict,
    numbers_rise_within_a_project_and_over_its_branches,
    creators_at_once_get_different_numbers,
    a_protocol_is_found_by_all_that_names_it,
    ended_protocols_are_not_open,
    steps_come_back_as_they_were_saved,
    a_new_plan_keeps_what_was_done,
    the_timeline_shows_its_newest_lines_last,
    a_project_follows_its_repository,
    what_is_not_said_of_a_repository_stays_as_it_is_known,
    an_archived_repository_is_out_of_reach_until_said_otherwise,
    a_project_is_known_by_forge_and_repository,
    a_row_nobody_can_read_is_said_to_be_corrupt,
);

fn sha(digit: char) -> Sha {
    Sha::parse(&digit.to_string().repeat(40)).unwrap()
}

async fn a_protocol_comes_back_as_it_was_saved(bench: Bench) {
    let mut protocol = bench.protocol().await;
    assert_eq!(protocol.number, ProtocolNumber(1));
    assert_eq!(protocol.status(), ProtocolStatus::Pending);

    let reason = Reason {
        key: ReasonKey::QaFailed,
        step: Some(2),
        since: Moment(5),
        detail: "it \"fails\" — ü\n".to_owned(),
    };
    for happened in [
        ProtocolMove::StartPlanning,
        ProtocolMove::AcceptPlan,
        ProtocolMove::Run(Drive::To(3)),
        ProtocolMove::Block(reason),
        ProtocolMove::Pause(Pause::Now),
        ProtocolMove::Cancel(CancelKind::PrClosed),
    ] {
        protocol.state = protocol.state.apply(happened).unwrap();
    }
    protocol.pull = Some(PullFacts {
        number: 9,
        node_id: "PR_x".to_owned(),
        url: "https://example.test/9".to_owned(),
        state: PullState::Draft,
        offered: false,
    });
    protocol.base_sha = Some(sha('a'));
    protocol.base_moved = true;
    protocol.head = Some(sha('b'));
    protocol.adopted_from = Some("vera".to_owned());
    protocol.engine = Some("codex".to_owned());
    protocol.model = Some("m".to_owned());
    protocol.plan_revision = 2;
    let files = [("01-parser.md".to_owned(), "# Parser".to_owned())];
    protocol.spec = Some(from_step_files(&files, None, QaPolicy::Full));
    protocol.spec_hash = Some("hash".to_owned());
    protocol.plan = "# Plan".to_owned();
    let merge = MergeRequest { by: "mia".to_owned(), command: CommandId(4), sha: sha('b'), by_bot: true };
    protocol.merge = Some(merge);
    bench.clock.advance(std::time::Duration::from_secs(1));
    save(&bench, &mut protocol).await.unwrap();
    assert_eq!(protocol.changed_at, bench.store.now());

    let mut db = bench.store.read().await.unwrap();
    let loaded = store::protocol::load(&mut db, protocol.id).await.unwrap();
    assert_eq!(loaded, Some(protocol));
}

async fn save(bench: &Bench, protocol: &mut Protocol) -> Result<(), StoreError> {
    let mut tx = bench.store.begin().await?;
    store::protocol::save(&mut tx, protocol).await?;
    tx.commit().await
}

async fn loaded(bench: &Bench, id: ProtocolId) -> Protocol {
    let mut db = bench.store.read().await.unwrap();
    store::protocol::load(&mut db, id).await.unwrap().unwrap()
}

async fn a_save_over_a_newer_revision_is_a_conflict(bench: Bench) {
    let mut mine = bench.protocol().await;
    let mut theirs = mine.clone();
    theirs.plan = "theirs".to_owned();
    save(&bench, &mut theirs).await.unwrap();
    mine.plan = "mine".to_owned();
    let refused = save(&bench, &mut mine).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(mine.revision, 1);
    let stored = loaded(&bench, mine.id).await;
    assert_eq!((stored.plan.as_str(), stored.revision), ("theirs", 2));
}

async fn create(bench: &Bench, number_floor: u32) -> ProtocolNumber {
    let project = bench.project().await;
    let mut tx = bench.store.begin().await.unwrap();
    let new = NewProtocol { number_floor, ..new_protocol(&project) };
    let created = store::protocol::create(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    created.number
}

async fn numbers_rise_within_a_project_and_over_its_branches(bench: Bench) {
    assert_eq!(create(&bench, 0).await, ProtocolNumber(1));
    assert_eq!(create(&bench, 7).await, ProtocolNumber(8));
    assert_eq!(create(&bench, 3).await, ProtocolNumber(9));
}

async fn creators_at_once_get_different_numbers(bench: Bench) {
    bench.project().await;
    let created = futures::future::join_all((0..6).map(|_| create(&bench, 0))).await;
    let mut numbers: Vec<u32> = created.into_iter().map(|number| number.0).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

async fn a_protocol_is_found_by_all_that_names_it(bench: Bench) {
    let mut protocol = bench.protocol().await;
    protocol.head = Some(sha('a'));
    protocol.pull = Some(PullFacts {
        number: 9,
        node_id: String::new(),
        url: String::new(),
        state: PullState::Draft,
        offered: false,
    });
    save(&bench, &mut protocol).await.unwrap();
    let mut tx = bench.store.begin().await.unwrap();
    store::step::insert_all(&mut tx, protocol.id, &plan(&["01-a.md"])).await.unwrap();
    let mut step = store::step::of_protocol(&mut tx, protocol.id).await.unwrap().remove(0);
    step.commit = Some(sha('b'));
    store::step::save(&mut tx, &step).await.unwrap();
    let check = PostedCheck {
        name: "protocol".to_owned(),
        sha: sha('c'),
        forge_id: Some(5),
        hash: String::new(),
        is_final: false,
        generation: 1,
        revision: 1,
        at: bench.store.now(),
    };
    store::posted::save_check(&mut tx, protocol.id, &check).await.unwrap();

    let project = protocol.project;
    for named in [sha('a'), sha('b'), sha('c')] {
        let found = store::protocol::by_sha(&mut tx, project, &named).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&protocol), "{named}");
    }
    assert_eq!(store::protocol::by_sha(&mut tx, project, &sha('d')).await.unwrap(), []);
    for thread in [Thread::issue(1), Thread::pull(9)] {
        let found = store::protocol::open_in_thread(&mut tx, project, thread).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&protocol));
    }
    assert_eq!(store::protocol::in_thread(&mut tx, project, Thread::issue(2)).await.unwrap(), []);
    let branch = store::protocol::by_branch(&mut tx, project, "0001-split-importer").await.unwrap();
    assert_eq!(branch, Some(protocol));
    for other in ["1-split-importer", "0001-split", "0002-split-importer", "main", "0001"] {
        assert_eq!(store::protocol::by_branch(&mut tx, project, other).await.unwrap(), None, "{other}");
    }
}

async fn ended_protocols_are_not_open(bench: Bench) {
    let mut ended = bench.protocol().await;
    create(&bench, 0).await;
    ended.state = ended.state.apply(ProtocolMove::Cancel(CancelKind::Command)).unwrap();
    save(&bench, &mut ended).await.unwrap();
    let mut db = bench.store.read().await.unwrap();
    let numbers = |protocols: Vec<Protocol>| -> Vec<u32> {
        protocols.iter().map(|protocol| protocol.number.0).collect()
    };
    let project = ended.project;
    assert_eq!(numbers(store::protocol::open_of_project(&mut db, project).await.unwrap()), [2]);
    assert_eq!(
        numbers(store::protocol::open_in_thread(&mut db, project, Thread::issue(1)).await.unwrap()),
        [2]
    );
    assert_eq!(
        numbers(store::protocol::in_thread(&mut db, project, Thread::issue(1)).await.unwrap()),
        [1, 2]
    );
    assert_eq!(numbers(store::protocol::open_all(&mut db, 9).await.unwrap()), [2]);
    assert_eq!(numbers(store::protocol::list(&mut db, 9).await.unwrap()), [2, 1]);
    assert_eq!(store::protocol::count(&mut db).await.unwrap(), 2);
}

fn plan(files: &[&str]) -> Vec<(u32, StepSpec)> {
    let files: Vec<(String, String)> =
        files.iter().map(|file| ((*file).to_owned(), "# Do it".to_owned())).collect();
    let spec = from_step_files(&files, Some("demo"), QaPolicy::Full);
    let number = |step: &StepSpec| step_number(&step.prompt_ref).unwrap();
    spec.steps.into_iter().map(|step| (number(&step), step)).collect()
}

async fn steps_come_back_as_they_were_saved(bench: Bench) {
    let protocol = bench.protocol().await;
    let mut tx = bench.store.begin().await.unwrap();
    let steps = plan(&["01-b.md", "00-setup.md"]);
    store::step::insert_all(&mut tx, protocol.id, &steps).await.unwrap();
    let mut stored = store::step::of_protocol(&mut tx, protocol.id).await.unwrap();
    let numbers: Vec<u32> = stored.iter().map(|step| step.number).collect();
    assert_eq!(numbers, [0, 1]);
    let mut step = stored.remove(1);
    assert_eq!((step.status, step.ci), (StepStatus::Pending, CiStatus::None));
    step.status = StepStatus::NeedsQa;
    step.judged = Some(Judged { verdict: Verdict::Inconclusive, sha: sha('a'), outdated: true });
    step.approval = Some(Approval { by: "mia".to_owned(), why: "fine".to_owned() });
    step.end = Some(StepEnd::Protocol(CancelKind::PrClosed));
    step.ci = CiStatus::Waiting;
    step.commit = Some(sha('b'));
    step.pushed_at = Some(Moment(5));
    step.attempts = 3;
    step.tokens = 1 << 40;
    step.engine_ms = 77;
    step.summary = "it\0 works".to_owned();
    step.started_at = Some(Moment(4));
    step.finished_at = Some(Moment(6));
    store::step::save(&mut tx, &step).await.unwrap();
    step.summary = "it works".to_owned();
    assert_eq!(store::step::load(&mut tx, step.id).await.unwrap(), Some(step));
    let taken = store::step::insert_all(&mut tx, protocol.id, &plan(&["01-c.md"])).await;
    assert!(matches!(taken, Err(StoreError::Conflict { .. })), "{taken:?}");
}

async fn a_new_plan_keeps_what_was_done(bench: Bench) {
    let protocol = bench.protocol().await;
    let mut tx = bench.store.begin().await.unwrap();
    let files = ["00-setup.md", "01-a.md", "02-b.md", "03-c.md"];
    store::step::insert_all(&mut tx, protocol.id, &plan(&files)).await.unwrap();
    let mut steps = store::step::of_protocol(&mut tx, protocol.id).await.unwrap();
    steps[0].status = StepStatus::Completed;
    steps[2].status = StepStatus::Failed;
    for step in &steps {
        store::step::save(&mut tx, step).await.unwrap();
    }
    let traced = event(&protocol, EventKind::StepExecutionFailed, Some(steps[2].id));
    store::event::append(&mut tx, &traced).await.unwrap();

    let next = store::step::retire_unfinished(&mut tx, protocol.id).await.unwrap();
    assert_eq!(next, 3);
    let left: Vec<(u32, StepStatus)> = store::step::of_protocol(&mut tx, protocol.id)
        .await
        .unwrap()
        .iter()
        .map(|step| (step.number, step.status))
        .collect();
    assert_eq!(left, [(0, StepStatus::Completed), (2, StepStatus::Cancelled)]);
}

fn event(protocol: &Protocol, kind: EventKind, step: Option<StepId>) -> NewEvent {
    NewEvent {
        protocol: protocol.id,
        step,
        kind,
        message: format!("{} happened", kind.as_str()),
        facts: serde_json::json!({"z": 1, "a": ["ü", null]}),
    }
}

async fn the_timeline_shows_its_newest_lines_last(bench: Bench) {
    let protocol = bench.protocol().await;
    let mut tx = bench.store.begin().await.unwrap();
    for kind in [EventKind::PlanningEnqueued, EventKind::Planned, EventKind::OpenPr] {
        store::event::append(&mut tx, &event(&protocol, kind, None)).await.unwrap();
    }
    let shown = store::event::of_protocol(&mut tx, protocol.id, 2).await.unwrap();
    let kinds: Vec<EventKind> = shown.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Planned, EventKind::OpenPr]);
    assert_eq!(shown[0].facts, event(&protocol, EventKind::Planned, None).facts);
    assert_eq!(shown[0].at, bench.store.now());
}

async fn upsert(bench: &Bench, forge: ForgeKind, facts: &RepoFacts) -> Project {
    let mut tx = bench.store.begin().await.unwrap();
    let project = store::project::upsert(&mut tx, forge, facts).await.unwrap();
    tx.commit().await.unwrap();
    project
}

async fn a_project_follows_its_repository(bench: Bench) {
    let first = bench.project().await;
    let mut tx = bench.store.begin().await.unwrap();
    assert!(store::project::mark_seen_ci(&mut tx, first.id).await.unwrap());
    assert!(!store::project::mark_seen_ci(&mut tx, first.id).await.unwrap());
    tx.commit().await.unwrap();
    let mut moved = facts(42);
    moved.repo.owner = "globex".to_owned();
    moved.repo.installation = 0;
    moved.private = Some(false);
    let known = upsert(&bench, ForgeKind::Github, &moved).await;
    assert_eq!(known.id, first.id);
    assert_eq!(known.repo.full_name(), "globex/api");
    assert_eq!(known.repo.installation, 7);
    assert!(known.has_seen_ci && !known.private);
}

async fn what_is_not_said_of_a_repository_stays_as_it_is_known(bench: Bench) {
    let mut told = facts(42);
    told.default_branch = Some("trunk".to_owned());
    upsert(&bench, ForgeKind::Gitlab, &told).await;
    told.repo.name = "renamed".to_owned();
    (told.default_branch, told.private) = (None, None);
    let known = upsert(&bench, ForgeKind::Gitlab, &told).await;
    assert_eq!((known.repo.name.as_str(), known.default_branch.as_str()), ("renamed", "trunk"));
    assert!(known.private);
    told.repo.id = 43;
    let new = upsert(&bench, ForgeKind::Gitlab, &told).await;
    assert_eq!((new.default_branch.as_str(), new.private), ("main", false), "it is not served unasked");
}

async fn an_archived_repository_is_out_of_reach_until_said_otherwise(bench: Bench) {
    let archived = RepoFacts { archived: true, ..facts(42) };
    bench.project().await;
    let known = upsert(&bench, ForgeKind::Github, &archived).await;
    assert_eq!(known.access, RepoAccess::Lost);
    assert_eq!(bench.project().await.access, RepoAccess::Lost);
    let mut tx = bench.store.begin().await.unwrap();
    let deleted = RepoAccess::Deleted;
    assert!(store::project::set_access(&mut tx, known.id, deleted).await.unwrap());
    assert!(!store::project::set_access(&mut tx, known.id, deleted).await.unwrap());
    tx.commit().await.unwrap();
    let known = upsert(&bench, ForgeKind::Github, &archived).await;
    assert_eq!(known.access, deleted);
}

async fn a_project_is_known_by_forge_and_repository(bench: Bench) {
    let here = bench.project().await;
    let there = upsert(&bench, ForgeKind::Gitlab, &facts(42)).await;
    let mut db = bench.store.read().await.unwrap();
    let by_repo = store::project::by_repo(&mut db, ForgeKind::Gitlab, 42).await;
    assert_eq!(by_repo.unwrap().as_ref(), Some(&there));
    let loaded = store::project::load(&mut db, here.id).await.unwrap();
    assert_eq!(loaded.as_ref(), Some(&here));
    let reached = store::project::of_installation(&mut db, ForgeKind::Github, 7).await;
    assert_eq!(reached.unwrap(), std::slice::from_ref(&here));
    assert_eq!(store::project::all(&mut db).await.unwrap(), [here, there]);
}

async fn a_row_nobody_can_read_is_said_to_be_corrupt(bench: Bench) {
    let protocol = bench.protocol().await;
    let sql = "UPDATE protocol SET drive = '{\"fly\": 1}'";
    bench.tamper(sql, sql).await;
    let mut db = bench.store.read().await.unwrap();
    let error = store::protocol::load(&mut db, protocol.id).await.unwrap_err();
    assert_eq!(error.to_string(), "the store holds a drive that this version cannot read");
    assert_eq!(error.retry(), Retry::Never);
}
