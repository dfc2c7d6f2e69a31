//! What goes out and what came in by comment: commands, effects, posted reports, runs.

use crate::store_bench::{Bench, delivery, on_both};
use std::time::Duration;
use tasksgodzilla::domain::effect::{Effect, NewEffect, Reaction};
use tasksgodzilla::domain::forge_event::CommentSource;
use tasksgodzilla::domain::ids::{DeliveryId, Moment, ProjectId, ProtocolId, RunId, Sha};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::store::command::{CommandOutcome, NewCommand, Taken};
use tasksgodzilla::store::effect::{EffectStatus, StoredEffect};
use tasksgodzilla::store::posted::{PostedCheck, PostedComment};
use tasksgodzilla::store::run::{Artifact, NewRun, RunEnd, RunInputs, RunStatus};
use tasksgodzilla::store::{self, Accepted, StoreError};

on_both!(
    a_command_is_taken_once_and_retried_until_it_is_finished,
    what_somebody_gave_in_a_thread_is_counted,
    an_effect_is_kept_once_and_in_order_with_a_job,
    an_effect_is_open_until_it_is_sent_or_refused,
    earlier_answers_of_a_topic_are_folded_once,
    a_posted_revision_only_rises,
    a_check_is_found_by_its_name_and_commit,
    what_was_posted_since_a_moment_can_be_doubted,
    a_run_remembers_what_it_worked_from,
    a_run_remembers_how_it_ended,
    a_run_whose_worker_is_gone_is_closed_and_keeps_what_it_recorded,
    an_artifact_is_replaced_by_one_of_the_same_name,
);

async fn a_command_is_taken_once_and_retried_until_it_is_finished(bench: Bench) {
    let project = bench.project().await;
    let Accepted::New(delivery) = bench.store.accept(delivery("a")).await.unwrap() else {
        panic!("a new delivery")
    };
    let new = step_run(project.id, delivery);
    let mut tx = bench.store.begin().await.unwrap();
    let Taken::New(id) = store::command::take(&mut tx, &new).await.unwrap() else { panic!("a new command") };
    assert_eq!(store::command::take(&mut tx, &new).await.unwrap(), Taken::Open(id));
    let again = NewCommand { ordinal: 1, ..new.clone() };
    assert!(matches!(store::command::take(&mut tx, &again).await.unwrap(), Taken::New(_)));
    let outcome = CommandOutcome::Refused;
    assert!(store::command::finish(&mut tx, id, outcome).await.unwrap());
    assert!(!store::command::finish(&mut tx, id, CommandOutcome::Done).await.unwrap());
    assert_eq!(store::command::take(&mut tx, &new).await.unwrap(), Taken::Finished);
    let stored = store::command::load(&mut tx, id).await.unwrap().unwrap();
    assert_eq!((stored.outcome, stored.source), (outcome, new.source));
    assert_eq!((stored.actor, stored.line), (new.actor, new.line));
    assert_eq!((stored.thread, stored.discussion), (new.thread, new.discussion));
}

fn step_run(project: ProjectId, delivery: DeliveryId) -> NewCommand {
    NewCommand {
        project,
        source: CommentSource::Comment(17),
        hash: "h".to_owned(),
        ordinal: 0,
        delivery,
        thread: Thread::issue(1),
        discussion: Some("d1".to_owned()),
        actor: "mia".to_owned(),
        line: "/step run".to_owned(),
    }
}

async fn what_somebody_gave_in_a_thread_is_counted(bench: Bench) {
    let project = bench.project().await.id;
    let Accepted::New(delivery) = bench.store.accept(delivery("a")).await.unwrap() else {
        panic!("a new delivery")
    };
    let start = bench.store.begin().await.unwrap().now();
    let (here, elsewhere) = (Thread::issue(1), [Thread::issue(2), Thread::pull(1)]);
    let given = [
        (0, here, "mia"),
        (1, here, "mia"),
        (2, elsewhere[0], "mia"),
        (3, elsewhere[1], "mia"),
        (4, here, "bob"),
    ];
    for (ordinal, thread, actor) in given {
        let new = NewCommand { ordinal, thread, actor: actor.to_owned(), ..step_run(project, delivery) };
        let mut tx = bench.store.begin().await.unwrap();
        store::command::take(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        bench.clock.advance(Duration::from_secs(60));
    }
    let mut db = bench.store.read().await.unwrap();
    let mut given =
        async |since| store::command::given_since(&mut db, project, here, "mia", since).await.unwrap();
    assert_eq!(given(start).await, 2);
    assert_eq!(given(start.plus(Duration::from_secs(60))).await, 1);
    assert_eq!(given(start.plus(Duration::from_secs(61))).await, 0);
}

fn answer(key: &str, topic: Option<&str>) -> NewEffect {
    NewEffect {
        key: key.to_owned(),
        protocol: None,
        command: None,
        effect: Effect::Answer {
            thread: Thread::issue(1),
            discussion: None,
            body: format!("body of {key}"),
            topic: topic.map(str::to_owned),
        },
    }
}

fn keys(effects: &[StoredEffect]) -> Vec<&str> {
    effects.iter().map(|effect| effect.key.as_str()).collect()
}

async fn push_all(bench: &Bench, project: ProjectId, effects: &[NewEffect]) -> Vec<bool> {
    let mut tx = bench.store.begin().await.unwrap();
    let mut new = Vec::new();
    for effect in effects {
        new.push(store::effect::push(&mut tx, project, effect).await.unwrap());
    }
    tx.commit().await.unwrap();
    new
}

async fn an_effect_is_kept_once_and_in_order_with_a_job(bench: Bench) {
    let project = bench.project().await.id;
    let eyes = NewEffect {
        effect: Effect::React {
            thread: Thread::issue(4),
            to: CommentSource::Issue(4),
            reaction: Reaction::Eyes,
        },
        ..answer("eyes", None)
    };
    let effects = [eyes, answer("b", None), answer("a", None), answer("b", None)];
    assert_eq!(push_all(&bench, project, &effects).await, [true, true, true, false]);
    let claimed = bench.claim(10).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].job, Job::SendAnswers { project });

    let mut db = bench.store.read().await.unwrap();
    let open = store::effect::open(&mut db, project).await.unwrap();
    assert_eq!(keys(&open), ["eyes", "b", "a"]);
    assert_eq!(open[0].effect, effects[0].effect);
    assert_eq!(store::effect::open(&mut db, ProjectId(99)).await.unwrap(), []);
}

async fn an_effect_is_open_until_it_is_sent_or_refused(bench: Bench) {
    let project = bench.project().await.id;
    let effects = [answer("sent", None), answer("refused", None), answer("unknown", None)];
    push_all(&bench, project, &effects).await;
    let mut tx = bench.store.begin().await.unwrap();
    let open = store::effect::open(&mut tx, project).await.unwrap();
    for effect in &open {
        assert!(store::effect::mark_sending(&mut tx, effect.id).await.unwrap());
    }
    store::effect::mark_sent(&mut tx, open[0].id, "comment 1").await.unwrap();
    store::effect::mark_refused(&mut tx, open[1].id, "locked").await.unwrap();
    assert!(!store::effect::mark_sending(&mut tx, open[0].id).await.unwrap());
    let left = store::effect::open(&mut tx, project).await.unwrap();
    assert_eq!(keys(&left), ["unknown"]);
    assert_eq!((left[0].status, left[0].sending_at), (EffectStatus::Sending, Some(bench.store.now())));
}

async fn earlier_answers_of_a_topic_are_folded_once(bench: Bench) {
    let project = bench.project().await.id;
    let mut tx = bench.store.begin().await.unwrap();
    for (key, topic) in [("1", "status"), ("2", "status"), ("other", "log"), ("3", "status"), ("4", "status")]
    {
        store::effect::push(&mut tx, project, &answer(key, Some(topic))).await.unwrap();
    }
    let open = store::effect::open(&mut tx, project).await.unwrap();
    for sent in [0, 2, 3, 4] {
        store::effect::mark_sent(&mut tx, open[sent].id, "ref").await.unwrap();
    }
    let newest = open[3].id;
    let earlier = store::effect::earlier_of_topic(&mut tx, project, "status", newest).await.unwrap();
    assert_eq!(keys(&earlier), ["1"]);
    assert_eq!(earlier[0].forge_ref.as_deref(), Some("ref"));
    store::effect::mark_hidden(&mut tx, earlier[0].id).await.unwrap();
    let earlier = store::effect::earlier_of_topic(&mut tx, project, "status", newest).await.unwrap();
    assert_eq!(keys(&earlier), <[&str; 0]>::default());
}

async fn a_posted_revision_only_rises(bench: Bench) {
    let protocol = bench.protocol().await.id;
    let mut tx = bench.store.begin().await.unwrap();
    let at = bench.store.now();
    let comment = |revision, hash: &str| PostedComment {
        kind: "sticky".to_owned(),
        thread: Thread::issue(1),
        forge_ref: Some("17".to_owned()),
        hash: hash.to_owned(),
        revision,
        at,
    };
    assert_eq!(store::posted::comment(&mut tx, protocol, "sticky").await.unwrap(), None);
    for (revision, hash, taken) in
        [(2, "two", true), (1, "one", false), (2, "again", true), (3, "three", true)]
    {
        let saved = store::posted::save_comment(&mut tx, protocol, &comment(revision, hash)).await;
        assert_eq!(saved.unwrap(), taken, "{hash}");
    }
    let stored = store::posted::comment(&mut tx, protocol, "sticky").await.unwrap();
    assert_eq!(stored, Some(comment(3, "three")));

    for (revision, generation, taken) in [(2, 2, true), (1, 2, false), (3, 1, false), (3, 2, true)] {
        let saved = store::posted::save_check(&mut tx, protocol, &check(revision, generation, at)).await;
        assert_eq!(saved.unwrap(), taken, "{revision} {generation}");
    }
}

fn check(revision: i64, generation: i64, at: Moment) -> PostedCheck {
    PostedCheck {
        name: "TasksGodzilla / protocol".to_owned(),
        sha: Sha::parse(&"a".repeat(40)).unwrap(),
        forge_id: Some(5),
        hash: "h".to_owned(),
        is_final: true,
        generation,
        revision,
        at,
    }
}

async fn a_check_is_found_by_its_name_and_commit(bench: Bench) {
    let protocol = bench.protocol().await;
    let mut tx = bench.store.begin().await.unwrap();
    let check = check(1, 1, bench.store.now());
    assert!(store::posted::save_check(&mut tx, protocol.id, &check).await.unwrap());
    let found = store::posted::check(&mut tx, protocol.id, &check.name, &check.sha).await.unwrap();
    assert_eq!(found.as_ref(), Some(&check));
    assert_eq!(store::posted::checks(&mut tx, protocol.id).await.unwrap(), [check]);
}

async fn what_was_posted_since_a_moment_can_be_doubted(bench: Bench) {
    let protocol = bench.protocol().await.id;
    let mut tx = bench.store.begin().await.unwrap();
    let old = check(1, 1, tx.now());
    assert!(store::posted::save_check(&mut tx, protocol, &old).await.unwrap());
    bench.clock.advance(Duration::from_secs(1));
    let since = tx.now();
    let new = PostedCheck { name: "newer".to_owned(), ..check(1, 1, since) };
    assert!(store::posted::save_check(&mut tx, protocol, &new).await.unwrap());
    store::posted::doubt(&mut tx, protocol, since).await.unwrap();
    let checks = store::posted::checks(&mut tx, protocol).await.unwrap();
    assert_eq!(checks, [old, PostedCheck { hash: String::new(), ..new }]);
}

/// A run of a planning job, begun under its lease.
async fn run(bench: &Bench) -> (RunId, ProtocolId) {
    let protocol = bench.protocol().await.id;
    let mut tx = bench.store.begin().await.unwrap();
    let at = tx.now();
    let job = Job::PlanProtocol { protocol };
    store::job::push(&mut tx, job, at).await.unwrap();
    tx.commit().await.unwrap();
    let work = bench.claim(1).await.remove(0);
    let mut tx = bench.store.begin_held(work.hold()).await.unwrap();
    let new = NewRun::of(&work, protocol, None, "1/log".to_owned());
    let id = store::run::start(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    (id, protocol)
}

async fn a_run_remembers_what_it_worked_from(bench: Bench) {
    let (id, _) = run(&bench).await;
    let mut tx = bench.store.begin().await.unwrap();
    let engine = RunInputs { engine: Some("codex".to_owned()), ..RunInputs::default() };
    let base = RunInputs { base: Sha::parse(&"b".repeat(40)), ..RunInputs::default() };
    store::run::note(&mut tx, id, &engine).await.unwrap();
    store::run::note(&mut tx, id, &base).await.unwrap();
    let run = store::run::load(&mut tx, id).await.unwrap().unwrap();
    assert_eq!((run.attempt, run.kind.as_str()), (1, "plan_protocol"));
    assert_eq!(run.status, RunStatus::Running);
    assert_eq!(run.inputs, RunInputs { base: base.base, ..engine });
}

async fn a_run_remembers_how_it_ended(bench: Bench) {
    let (id, protocol) = run(&bench).await;
    let sha = Sha::parse(&"b".repeat(40)).unwrap();
    let end = RunEnd {
        status: RunStatus::Failed,
        usage: Some(serde_json::json!({"tokens": 5})),
        error: "idle for 300 s".to_owned(),
        log_bytes: 9,
    };
    let mut tx = bench.store.begin().await.unwrap();
    store::run::record_commit(&mut tx, id, &sha).await.unwrap();
    store::run::record_pushed(&mut tx, id).await.unwrap();
    store::run::finish(&mut tx, id, &end).await.unwrap();
    let missing = store::run::record_pushed(&mut tx, RunId(99)).await;
    assert!(matches!(missing, Err(StoreError::Missing { what: "run" })));

    let run = store::run::load(&mut tx, id).await.unwrap().unwrap();
    assert_eq!((run.commit.as_ref(), run.pushed), (Some(&sha), true));
    let seen = RunEnd {
        status: run.status,
        usage: run.usage.clone(),
        error: run.error.clone(),
        log_bytes: run.log_bytes,
    };
    assert_eq!(seen, end);
    let runs = store::run::of_protocol(&mut tx, protocol, 5).await.unwrap();
    assert_eq!(runs, [run]);
}

async fn a_run_whose_worker_is_gone_is_closed_and_keeps_what_it_recorded(bench: Bench) {
    let (id, protocol) = run(&bench).await;
    let sha = Sha::parse(&"b".repeat(40)).unwrap();
    let usage = serde_json::json!({"input": 5});
    let mut tx = bench.store.begin().await.unwrap();
    store::run::record_usage(&mut tx, id, &usage).await.unwrap();
    store::run::record_commit(&mut tx, id, &sha).await.unwrap();
    let open = store::run::running(&mut tx, protocol).await.unwrap();
    assert_eq!(open.iter().map(|run| (run.id, run.was_lost())).collect::<Vec<_>>(), [(id, false)]);

    store::run::close_lost(&mut tx, id).await.unwrap();
    assert_eq!(store::run::running(&mut tx, protocol).await.unwrap(), []);
    let run = store::run::load(&mut tx, id).await.unwrap().unwrap();
    assert!(run.was_lost() && run.finished_at.is_some());
    assert_eq!((run.commit, run.usage), (Some(sha), Some(usage)));
    let again = store::run::close_lost(&mut tx, id).await;
    assert!(matches!(again, Err(StoreError::Missing { what: "run" })));
}

async fn an_artifact_is_replaced_by_one_of_the_same_name(bench: Bench) {
    let (id, _) = run(&bench).await;
    let artifact = |bytes| Artifact {
        name: "patch".to_owned(),
        kind: "patch".to_owned(),
        path: "1/patch".to_owned(),
        sha256: "c".repeat(64),
        bytes,
    };
    let mut tx = bench.store.begin().await.unwrap();
    for bytes in [1, 2] {
        store::run::add_artifact(&mut tx, id, &artifact(bytes)).await.unwrap();
    }
    let stored = store::run::artifacts(&mut tx, id).await.unwrap();
    assert_eq!(stored, [artifact(2)]);
}
