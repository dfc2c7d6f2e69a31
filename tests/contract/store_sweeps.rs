//! What the sweeps look for, and what the housekeeping deletes.

use crate::store_bench::{Bench, delivery, on_both};
use std::time::Duration;
use tasksgodzilla::domain::effect::{Effect, NewEffect};
use tasksgodzilla::domain::ids::{DeliveryId, Moment, ProtocolId, RunId, Sha};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::project::{ForgeKind, Protocol};
use tasksgodzilla::domain::protocol::{CancelKind, ProtocolMove};
use tasksgodzilla::domain::retry::JobEnd;
use tasksgodzilla::domain::spec::{self, QaPolicy, StepSpec};
use tasksgodzilla::domain::step::{StepMove, StepStatus};
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::store::delivery::DeliveryStatus;
use tasksgodzilla::store::posted::PostedCheck;
use tasksgodzilla::store::run::{Artifact, NewRun};
use tasksgodzilla::store::{self, Accepted, NewDelivery, retention};

on_both!(
    a_protocol_is_published_once_its_last_revision_is,
    a_publishing_that_failed_rests_until_it_is_revived,
    checks_are_unfinished_in_vain_where_nobody_works,
    a_running_step_without_a_job_is_abandoned,
    what_waits_to_be_sent_without_a_sender_is_found,
    a_delivery_is_known_by_its_forge_and_its_id,
    a_job_knows_since_when_it_fails,
    a_head_stands_since_it_was_set,
    the_last_push_that_was_told_counts,
    marks_are_moved,
    bodies_go_before_deliveries_and_commands_keep_theirs,
    done_jobs_go_unless_they_left_a_run,
    runs_of_ended_protocols_go_with_their_artifacts,
    the_last_use_of_a_project_is_that_of_its_newest_protocol,
);

const HOUR: Duration = Duration::from_secs(3600);

async fn save(bench: &Bench, protocol: &mut Protocol) {
    let mut tx = bench.store.begin().await.unwrap();
    store::protocol::save(&mut tx, protocol).await.unwrap();
    tx.commit().await.unwrap();
}

async fn end(bench: &Bench, protocol: &mut Protocol) {
    protocol.state = protocol.state.apply(ProtocolMove::Cancel(CancelKind::Command)).unwrap();
    save(bench, protocol).await;
}

async fn push(bench: &Bench, job: Job) {
    let mut tx = bench.store.begin().await.unwrap();
    let now = tx.now();
    store::job::push(&mut tx, job, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn finish_next(bench: &Bench, end: JobEnd) {
    let claimed = bench.claim(1).await.remove(0);
    assert!(store::job::finish(&bench.store, claimed.hold(), &end).await.unwrap());
}

fn dead() -> JobEnd {
    JobEnd::Dead { error: "no answer".to_owned() }
}

async fn unpublished(bench: &Bench) -> Vec<ProtocolId> {
    let (now, mut db) = (bench.store.now(), bench.store.read().await.unwrap());
    store::protocol::unpublished(&mut db, now, 10).await.unwrap()
}

async fn a_protocol_is_published_once_its_last_revision_is(bench: Bench) {
    let mut protocol = bench.protocol().await;
    assert_eq!(unpublished(&bench).await, [protocol.id]);
    let mut tx = bench.store.begin().await.unwrap();
    store::protocol::mark_published(&mut tx, protocol.id, protocol.revision).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(unpublished(&bench).await, []);
    save(&bench, &mut protocol).await;
    assert_eq!(unpublished(&bench).await, [protocol.id]);
    let mut db = bench.store.read().await.unwrap();
    let before = bench.store.now().minus(Duration::from_millis(1));
    assert_eq!(store::protocol::unpublished(&mut db, before, 10).await.unwrap(), [], "too young");
    drop(db);
    push(&bench, Job::Publish { protocol: protocol.id }).await;
    assert_eq!(unpublished(&bench).await, [], "somebody will");
}

async fn a_publishing_that_failed_rests_until_it_is_revived(bench: Bench) {
    let protocol = bench.protocol().await;
    push(&bench, Job::Publish { protocol: protocol.id }).await;
    finish_next(&bench, dead()).await;
    bench.clock.advance(HOUR);
    assert_eq!(unpublished(&bench).await, []);
    revive_next(&bench, "publish").await;
    finish_next(&bench, JobEnd::Done).await;
    assert_eq!(unpublished(&bench).await, [protocol.id]);
}

async fn revive_next(bench: &Bench, kind: &str) {
    let mut tx = bench.store.begin().await.unwrap();
    let dead = store::job::dead_of_kind(&mut tx, kind, 10).await.unwrap().remove(0);
    store::job::revive(&mut tx, dead.id).await.unwrap();
    tx.commit().await.unwrap();
}

async fn checks_are_unfinished_in_vain_where_nobody_works(bench: Bench) {
    let mut protocol = bench.protocol().await;
    let sha = |letter: &str| Sha::parse(&letter.repeat(40)).unwrap();
    protocol.head = Some(sha("b"));
    save(&bench, &mut protocol).await;
    let in_vain = async || {
        let mut db = bench.store.read().await.unwrap();
        store::posted::unfinished_in_vain(&mut db, 10).await.unwrap()
    };
    let post = async |letter: &str, is_final| {
        let check = PostedCheck {
            name: "protocol".to_owned(),
            sha: sha(letter),
            forge_id: Some(5),
            hash: String::new(),
            is_final,
            generation: 1,
            revision: 99,
            at: Moment(0),
        };
        let mut tx = bench.store.begin().await.unwrap();
        store::posted::save_check(&mut tx, protocol.id, &check).await.unwrap();
        tx.commit().await.unwrap();
    };
    post("b", false).await;
    assert_eq!(in_vain().await, [], "it is worked on");
    post("a", false).await;
    assert_eq!(in_vain().await, [protocol.id], "the head is another one");
    post("a", true).await;
    assert_eq!(in_vain().await, []);
    let mut ended = protocol.clone();
    end(&bench, &mut ended).await;
    assert_eq!(in_vain().await, [protocol.id], "it has ended");
    push(&bench, Job::Publish { protocol: protocol.id }).await;
    assert_eq!(in_vain().await, [], "somebody will");
}

fn step_spec() -> StepSpec {
    let files = [("01-a.md".to_owned(), "# Do it".to_owned())];
    spec::from_step_files(&files, None, QaPolicy::Full).steps.remove(0)
}

async fn a_running_step_without_a_job_is_abandoned(bench: Bench) {
    let protocol = bench.protocol().await;
    let mut tx = bench.store.begin().await.unwrap();
    store::step::insert_all(&mut tx, protocol.id, &[(1, step_spec())]).await.unwrap();
    let mut step = store::step::of_protocol(&mut tx, protocol.id).await.unwrap().remove(0);
    step.status = step.status.apply(StepMove::Start).unwrap();
    step.started_at = Some(tx.now());
    store::step::save(&mut tx, &step).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(step.status, StepStatus::Running);
    let abandoned = async || {
        let (now, mut db) = (bench.store.now(), bench.store.read().await.unwrap());
        let found = store::step::abandoned(&mut db, now.minus(HOUR), 10).await.unwrap();
        found.iter().map(|step| step.id).collect::<Vec<_>>()
    };
    assert_eq!(abandoned().await, [], "too young");
    bench.clock.advance(HOUR);
    assert_eq!(abandoned().await, [step.id]);
    push(&bench, Job::ExecuteStep { step: step.id, protocol: protocol.id }).await;
    assert_eq!(abandoned().await, [], "it is queued");
    let claimed = bench.claim(1).await.remove(0);
    assert_eq!(abandoned().await, [], "a worker has it");
    store::job::finish(&bench.store, claimed.hold(), &dead()).await.unwrap();
    assert_eq!(abandoned().await, [step.id]);
}

async fn what_waits_to_be_sent_without_a_sender_is_found(bench: Bench) {
    let project = bench.project().await.id;
    let answer = NewEffect {
        key: "answer:1".to_owned(),
        protocol: None,
        command: None,
        effect: Effect::Answer {
            thread: Thread::issue(1),
            discussion: None,
            body: "pong".to_owned(),
            topic: None,
        },
    };
    let mut tx = bench.store.begin().await.unwrap();
    store::effect::push(&mut tx, project, &answer).await.unwrap();
    tx.commit().await.unwrap();
    let waiting = async |before| {
        let mut db = bench.store.read().await.unwrap();
        store::effect::projects_waiting(&mut db, before).await.unwrap()
    };
    let now = bench.store.now();
    assert_eq!(waiting(now).await, [], "its job is queued");
    finish_next(&bench, dead()).await;
    assert_eq!(waiting(now).await, [], "its job rests");
    revive_next(&bench, "send_answers").await;
    finish_next(&bench, JobEnd::Done).await;
    assert_eq!(waiting(now).await, [project]);
    assert_eq!(waiting(now.minus(HOUR)).await, [], "too young");
    let mut tx = bench.store.begin().await.unwrap();
    let open = store::effect::open(&mut tx, project).await.unwrap();
    store::effect::mark_sent(&mut tx, open[0].id, "").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(waiting(now).await, []);
}

async fn accepted(bench: &Bench, guid: &str) -> DeliveryId {
    match bench.deliver(guid).await.unwrap() {
        Accepted::New(id) => id,
        Accepted::Duplicate => panic!("{guid} is new"),
    }
}

async fn a_delivery_is_known_by_its_forge_and_its_id(bench: Bench) {
    accepted(&bench, "a").await;
    let mut db = bench.store.read().await.unwrap();
    assert!(store::delivery::is_known(&mut db, ForgeKind::Github, "a").await.unwrap());
    assert!(!store::delivery::is_known(&mut db, ForgeKind::Gitlab, "a").await.unwrap());
}

async fn a_job_knows_since_when_it_fails(bench: Bench) {
    push(&bench, Job::Reconcile).await;
    let since = bench.store.now();
    let away = JobEnd::Away { at: since, error: "away".to_owned() };
    assert_eq!(bench.claim(1).await[0].failing_since, None);
    bench.clock.advance(HOUR);
    let claimed = bench.claim(1).await.remove(0);
    assert_eq!(claimed.failing_since, None, "a lost worker says nothing of the work");
    store::job::finish(&bench.store, claimed.hold(), &away).await.unwrap();
    let failing = bench.store.now();
    bench.clock.advance(HOUR);
    push(&bench, Job::Reconcile).await;
    let claimed = bench.claim(1).await.remove(0);
    assert_eq!(claimed.failing_since, Some(failing));
    push(&bench, Job::Reconcile).await;
    store::job::finish(&bench.store, claimed.hold(), &away).await.unwrap();
    let claimed = bench.claim(1).await.remove(0);
    assert_eq!(claimed.failing_since, Some(failing), "the job of the same key takes it over");
    let later = JobEnd::Later { at: bench.store.now().plus(HOUR), why: "limited".to_owned() };
    store::job::finish(&bench.store, claimed.hold(), &later).await.unwrap();
    bench.clock.advance(HOUR);
    let claimed = bench.claim(1).await.remove(0);
    assert_eq!(claimed.failing_since, Some(bench.store.now()), "who answers that it has to wait is not away");
    store::job::finish(&bench.store, claimed.hold(), &dead()).await.unwrap();
    let mut tx = bench.store.begin().await.unwrap();
    assert!(store::job::revive(&mut tx, claimed.id).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(bench.claim(1).await[0].failing_since, None, "a person gives it a new start");
}

async fn a_head_stands_since_it_was_set(bench: Bench) {
    let mut protocol = bench.protocol().await;
    let since = async || {
        store::protocol::head_since(&mut bench.store.read().await.unwrap(), protocol.id).await.unwrap()
    };
    assert_eq!(since().await, None);
    let mut changed = protocol.clone();
    changed.head = Sha::parse(&"a".repeat(40));
    save(&bench, &mut changed).await;
    let first = bench.store.now();
    assert_eq!(since().await, Some(first));
    bench.clock.advance(HOUR);
    save(&bench, &mut changed).await;
    assert_eq!(since().await, Some(first), "it is the same head");
    changed.head = Sha::parse(&"b".repeat(40));
    save(&bench, &mut changed).await;
    assert_eq!(since().await, Some(bench.store.now()));
    protocol = changed;
    assert!(protocol.head.is_some());
}

async fn the_last_push_that_was_told_counts(bench: Bench) {
    let protocol = bench.protocol().await.id;
    let (a, b) = (Sha::parse(&"a".repeat(40)).unwrap(), Sha::parse(&"b".repeat(40)).unwrap());
    let mut tx = bench.store.begin().await.unwrap();
    assert_eq!(store::told_push::last(&mut tx, protocol).await.unwrap(), None);
    store::told_push::save(&mut tx, protocol, Some(&a), Some(&b)).await.unwrap();
    store::told_push::save(&mut tx, protocol, Some(&b), None).await.unwrap();
    let told = store::told_push::last(&mut tx, protocol).await.unwrap().unwrap();
    assert_eq!((told.before, told.after, told.at), (Some(b), None, tx.now()));
}

async fn marks_are_moved(bench: Bench) {
    let mut tx = bench.store.begin().await.unwrap();
    assert_eq!(store::mark::at(&mut tx, "x").await.unwrap(), None);
    store::mark::set(&mut tx, "x", Moment(7)).await.unwrap();
    store::mark::set(&mut tx, "x", Moment(5)).await.unwrap();
    store::mark::set(&mut tx, "y", Moment(9)).await.unwrap();
    assert_eq!(store::mark::at(&mut tx, "x").await.unwrap(), Some(Moment(5)));
}

async fn bodies_go_before_deliveries_and_commands_keep_theirs(bench: Bench) {
    let project = bench.project().await;
    let foreign = NewDelivery { body: None, ..delivery("foreign") };
    bench.store.accept(foreign).await.unwrap();
    let (done, open, command) =
        (accepted(&bench, "done").await, accepted(&bench, "open").await, accepted(&bench, "command").await);
    let mut tx = bench.store.begin().await.unwrap();
    for id in [done, command] {
        store::delivery::finish(&mut tx, id, DeliveryStatus::Done, "").await.unwrap();
    }
    let new = store::command::NewCommand {
        project: project.id,
        source: tasksgodzilla::domain::forge_event::CommentSource::Comment(7),
        hash: "h".to_owned(),
        ordinal: 0,
        delivery: command,
        thread: Thread::issue(1),
        discussion: None,
        actor: "mia".to_owned(),
        line: "/bot ping".to_owned(),
    };
    store::command::take(&mut tx, &new).await.unwrap();
    let (now, too_early) = (tx.now(), tx.now().minus(HOUR));
    assert_eq!(retention::drop_bodies(&mut tx, too_early).await.unwrap(), 0);
    assert_eq!(retention::drop_bodies(&mut tx, now).await.unwrap(), 2);
    assert_eq!(retention::drop_bodies(&mut tx, now).await.unwrap(), 0);
    let body = store::delivery::load(&mut tx, open).await.unwrap().unwrap().body;
    assert!(body.is_some(), "it still has to be taken in");
    assert_eq!(retention::delete_deliveries(&mut tx, too_early).await.unwrap(), 0);
    assert_eq!(retention::delete_deliveries(&mut tx, now).await.unwrap(), 2, "the done and the foreign one");
    assert!(store::delivery::load(&mut tx, command).await.unwrap().is_some());
    assert!(store::delivery::load(&mut tx, open).await.unwrap().is_some());
}

/// A run of a step's job, and the job is done.
async fn run(bench: &Bench, protocol: ProtocolId) -> RunId {
    push(bench, Job::PlanProtocol { protocol }).await;
    let work = bench.claim(1).await.remove(0);
    let mut tx = bench.store.begin_held(work.hold()).await.unwrap();
    let new = NewRun::of(&work, protocol, None, "1-1/log.txt".to_owned());
    let id = store::run::start(&mut tx, &new).await.unwrap();
    let artifact = Artifact {
        name: "a".to_owned(),
        kind: "k".to_owned(),
        path: "1-1/a".to_owned(),
        sha256: String::new(),
        bytes: 0,
    };
    store::run::add_artifact(&mut tx, id, &artifact).await.unwrap();
    tx.commit().await.unwrap();
    store::job::finish(&bench.store, work.hold(), &JobEnd::Done).await.unwrap();
    id
}

async fn done_jobs_go_unless_they_left_a_run(bench: Bench) {
    let protocol = bench.protocol().await.id;
    run(&bench, protocol).await;
    push(&bench, Job::Reconcile).await;
    finish_next(&bench, JobEnd::Done).await;
    push(&bench, Job::Reconcile).await;
    finish_next(&bench, dead()).await;
    push(&bench, Job::Reconcile).await;
    let mut tx = bench.store.begin().await.unwrap();
    let now = tx.now();
    assert_eq!(retention::delete_jobs(&mut tx, now.minus(HOUR)).await.unwrap(), 0);
    assert_eq!(retention::delete_jobs(&mut tx, now).await.unwrap(), 1);
    assert_eq!(retention::delete_jobs(&mut tx, now).await.unwrap(), 0);
}

async fn runs_of_ended_protocols_go_with_their_artifacts(bench: Bench) {
    let mut protocol = bench.protocol().await;
    let run = run(&bench, protocol.id).await;
    let old = async |before| {
        let mut db = bench.store.read().await.unwrap();
        retention::old_runs(&mut db, before).await.unwrap()
    };
    let now = bench.store.now();
    assert_eq!(old(now).await, [], "the protocol is open");
    end(&bench, &mut protocol).await;
    assert_eq!(old(now.minus(HOUR)).await, [], "too young");
    let found = old(now).await;
    assert_eq!((found.len(), found[0].id, found[0].log_path.as_str()), (1, run, "1-1/log.txt"));
    let mut tx = bench.store.begin().await.unwrap();
    retention::delete_run(&mut tx, run).await.unwrap();
    assert_eq!(store::run::load(&mut tx, run).await.unwrap(), None);
    assert_eq!(retention::delete_jobs(&mut tx, now).await.unwrap(), 1, "nothing holds its job any more");
}

async fn the_last_use_of_a_project_is_that_of_its_newest_protocol(bench: Bench) {
    let mut protocol = bench.protocol().await;
    let last_use = async || {
        let mut db = bench.store.read().await.unwrap();
        store::protocol::last_use(&mut db, protocol.project).await.unwrap().unwrap()
    };
    assert!(last_use().await.has_open);
    bench.clock.advance(HOUR);
    let mut ended = protocol.clone();
    end(&bench, &mut ended).await;
    let found = last_use().await;
    assert_eq!((found.has_open, found.at), (false, bench.store.now()));
    protocol = ended;
    assert!(protocol.status().is_terminal());
}
