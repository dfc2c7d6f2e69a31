//! Projects, protocols, steps and their timeline.

use crate::store_bench::{Bench, facts, new_protocol, on_both};
use std::collections::HashSet;
use tasksgodzilla::domain::ci::CiStatus;
use tasksgodzilla::domain::claim::Claimed;
use tasksgodzilla::domain::event::{EventKind, NewEvent};
use tasksgodzilla::domain::forge_event::RepoFacts;
use tasksgodzilla::domain::ids::{CommandId, Moment, ProtocolId, ProtocolNumber, Sha, StepId};
use tasksgodzilla::domain::project::{ForgeKind, MergeRequest, Protocol, PullFacts, PullState, RepoAccess};
use tasksgodzilla::domain::protocol::{
    CancelKind, Drive, Pause, ProtocolMove, ProtocolStatus, Reason, ReasonKey,
};
use tasksgodzilla::domain::spec::{QaPolicy, from_step_files};
use tasksgodzilla::domain::step::{Approval, Judged, StepEnd, StepStatus};
use tasksgodzilla::domain::verdict::Verdict;
use tasksgodzilla::store::{self, StoreError, Tx};

on_both!(a_protocol_comes_back_as_it_was_saved,);

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
    protocol.merge = Some(MergeRequest {
        by: "mia".to_owned(),
        command: CommandId(4),
        sha: sha('b'),
    });
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
