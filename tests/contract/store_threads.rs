//! Threads: an issue and a pull request of one number are two, and what was stored before that is still found.

use crate::store_bench::{Bench, new_protocol, on_both};
use tasksgodzilla::domain::effect::{Effect, Reaction};
use tasksgodzilla::domain::forge_event::CommentSource;
use tasksgodzilla::domain::ids::{CommandId, ProjectId, ProtocolId};
use tasksgodzilla::domain::project::Protocol;
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::store;
use tasksgodzilla::store::protocol::NewProtocol;

on_both!(an_issue_and_a_pull_request_of_one_number_are_two_threads);

async fn an_issue_and_a_pull_request_of_one_number_are_two_threads(bench: Bench) {
    let project = bench.project().await;
    let mut tx = bench.store.begin().await.unwrap();
    for asked_in in [Thread::issue(1), Thread::pull(1)] {
        let new = NewProtocol { asked_in, ..new_protocol(&project) };
        store::protocol::create(&mut tx, new).await.unwrap();
    }
    for thread in [Thread::issue(1), Thread::pull(1)] {
        let found = store::protocol::open_in_thread(&mut tx, project.id, thread).await.unwrap();
        assert_eq!(asked_in(&found), [thread]);
        let found = store::protocol::in_thread(&mut tx, project.id, thread).await.unwrap();
        assert_eq!(asked_in(&found), [thread]);
    }
}

fn asked_in(protocols: &[Protocol]) -> Vec<Thread> {
    protocols.iter().map(|protocol| protocol.asked_in).collect()
}

#[tokio::test]
async fn threads_stored_by_number_get_their_kind() {
    for bench in [Bench::sqlite_before("0007").await, Bench::postgres_before("0007").await] {
        let mut db = bench.store.read().await.unwrap();
        let pull = store::protocol::load(&mut db, ProtocolId(71)).await.unwrap().unwrap();
        assert_eq!((pull.asked_in, pull.thread()), (Thread::issue(4), Thread::pull(9)));
        let stacked = store::protocol::load(&mut db, ProtocolId(72)).await.unwrap().unwrap();
        assert_eq!(stacked.asked_in, Thread::pull(6));
        for (command, thread) in [(71, Thread::issue(4)), (72, Thread::pull(9)), (73, Thread::pull(6))] {
            let stored = store::command::load(&mut db, CommandId(command)).await.unwrap().unwrap();
            assert_eq!(stored.thread, thread);
        }
        for (protocol, kind, thread) in
            [(71, "issue", Thread::issue(4)), (71, "sticky", Thread::pull(9)), (72, "issue", Thread::pull(6))]
        {
            let stored = store::posted::comment(&mut db, ProtocolId(protocol), kind).await.unwrap().unwrap();
            assert_eq!(stored.thread, thread);
        }
        let open = store::effect::open(&mut db, ProjectId(71)).await.unwrap();
        let effects: Vec<Effect> = open.iter().map(|stored| stored.effect.clone()).collect();
        let react = Effect::React {
            thread: Thread::pull(6),
            to: CommentSource::Comment(60),
            reaction: Reaction::Eyes,
        };
        let answer = Effect::Answer {
            thread: Thread::pull(6),
            discussion: None,
            body: "refused".to_owned(),
            topic: None,
        };
        assert_eq!(effects, [react, answer, Effect::ClosePull { number: 9 }]);
        let newest = open[2].id;
        let earlier = store::effect::earlier_of_topic(&mut db, ProjectId(71), "status:pull:9", newest);
        assert_eq!(earlier.await.unwrap().len(), 1, "an answer given before is folded by the next one");
    }
}
