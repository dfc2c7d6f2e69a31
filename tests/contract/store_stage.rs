//! Stages of CI: the one told last stands, and a branch finds its protocols in every project.

use crate::store_bench::{Bench, delivery, facts, new_protocol, on_both};
use tasksgodzilla::domain::ci::CiState;
use tasksgodzilla::domain::ids::{DeliveryId, ProtocolId, Sha};
use tasksgodzilla::domain::project::ForgeKind;
use tasksgodzilla::domain::protocol::{CancelKind, ProtocolMove};
use tasksgodzilla::domain::stage::{Ending, Stage};
use tasksgodzilla::store::{self, Accepted, NewDelivery};

on_both!(
    the_stage_that_was_told_last_stands_in_whatever_order_it_is_recorded,
    within_one_attempt_red_stays_red,
    stages_of_other_pipelines_and_commits_are_others,
    the_longest_names_are_kept,
    a_branch_finds_the_open_protocols_of_its_forge,
    a_delivery_keeps_the_protocol_that_its_address_named,
);

fn sha(digit: &str) -> Sha {
    Sha::parse(&digit.repeat(40)).unwrap()
}

fn stage(name: &str, attempt: &str, state: CiState) -> Stage {
    let url = Some("https://ci/1".to_owned()).filter(|_| state != CiState::Pending);
    Stage {
        pipeline: "CI".to_owned(),
        name: name.to_owned(),
        attempt: attempt.to_owned(),
        state,
        url,
        ending: Ending::Later,
    }
}

async fn told(bench: &Bench, protocol: ProtocolId, commit: &Sha, stage: &Stage, by: i64) {
    let mut tx = bench.store.begin().await.unwrap();
    store::stage::save(&mut tx, protocol, commit, stage, DeliveryId(by)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn stages(bench: &Bench, protocol: ProtocolId, commit: &Sha) -> Vec<Stage> {
    store::stage::of_commit(&mut bench.store.read().await.unwrap(), protocol, commit).await.unwrap()
}

async fn the_stage_that_was_told_last_stands_in_whatever_order_it_is_recorded(bench: Bench) {
    let (protocol, commit) = (bench.protocol().await.id, sha("a"));
    let (pending, green) = (stage("lint", "1", CiState::Pending), stage("lint", "1", CiState::Passed));
    let last = Stage { ending: Ending::Now, ..stage("test", "", CiState::Failed) };
    told(&bench, protocol, &commit, &pending, 1).await;
    told(&bench, protocol, &commit, &last, 3).await;
    told(&bench, protocol, &commit, &green, 7).await;
    assert_eq!(stages(&bench, protocol, &commit).await, [last.clone(), green.clone()]);
    told(&bench, protocol, &commit, &pending, 5).await;
    told(&bench, protocol, &commit, &green, 7).await;
    assert_eq!(stages(&bench, protocol, &commit).await, [last, green]);
}

async fn within_one_attempt_red_stays_red(bench: Bench) {
    let (protocol, commit) = (bench.protocol().await.id, sha("a"));
    let [red, green] = [CiState::Failed, CiState::Passed].map(|state| stage("test", "1", state));
    told(&bench, protocol, &commit, &red, 1).await;
    told(&bench, protocol, &commit, &green, 2).await;
    assert_eq!(stages(&bench, protocol, &commit).await, [red]);
    let again = stage("test", "2", CiState::Passed);
    told(&bench, protocol, &commit, &again, 3).await;
    assert_eq!(stages(&bench, protocol, &commit).await, [again]);
    for (by, state) in [(4, CiState::Failed), (5, CiState::Passed)] {
        let unsaid = stage("unsaid", "", state);
        told(&bench, protocol, &commit, &unsaid, by).await;
        assert_eq!(stages(&bench, protocol, &commit).await.pop(), Some(unsaid));
    }
}

async fn stages_of_other_pipelines_and_commits_are_others(bench: Bench) {
    let protocol = bench.protocol().await.id;
    let green = stage("lint", "1", CiState::Passed);
    let elsewhere = Stage { pipeline: "nightly".to_owned(), ..green.clone() };
    told(&bench, protocol, &sha("a"), &green, 1).await;
    told(&bench, protocol, &sha("a"), &elsewhere, 2).await;
    told(&bench, protocol, &sha("b"), &stage("lint", "1", CiState::Failed), 3).await;
    assert_eq!(stages(&bench, protocol, &sha("a")).await, [green, elsewhere]);
    assert_eq!(stages(&bench, protocol, &sha("c")).await, []);
}

async fn the_longest_names_are_kept(bench: Bench) {
    let protocol = bench.protocol().await.id;
    let long =
        |from: u32| -> String { (from..from + 200).filter_map(char::from_u32).chain(['…']).collect() };
    let commit = Sha::parse(&"0123456789abcdef".repeat(4)).unwrap();
    let named = Stage { pipeline: long(0x1_f300), ..stage(&long(0x2_0000), "1", CiState::Passed) };
    told(&bench, protocol, &commit, &named, 1).await;
    assert_eq!(stages(&bench, protocol, &commit).await, [named]);
}

async fn a_branch_finds_the_open_protocols_of_its_forge(bench: Bench) {
    let mut protocol = bench.protocol().await;
    let mut tx = bench.store.begin().await.unwrap();
    let mut namesakes = Vec::new();
    for (id, forge) in [(501, ForgeKind::Github), (502, ForgeKind::Gitlab)] {
        let project = store::project::upsert(&mut tx, forge, &facts(id)).await.unwrap();
        namesakes.push(store::protocol::create(&mut tx, new_protocol(&project)).await.unwrap().id);
    }
    tx.commit().await.unwrap();
    let found = |forge: ForgeKind, branch: &str| {
        let (store, branch) = (&bench.store, branch.to_owned());
        async move {
            let mut db = store.read().await.unwrap();
            let found = store::protocol::open_by_branch(&mut db, forge, &branch).await.unwrap();
            found.iter().map(|protocol| protocol.id).collect::<Vec<_>>()
        }
    };
    let branch = protocol.branch();
    assert_eq!(found(ForgeKind::Github, &branch).await, [protocol.id, namesakes[0]]);
    assert_eq!(found(ForgeKind::Gitlab, &branch).await, [namesakes[1]]);
    for other in
        ["", "main", "1-split-importer", "0001-split", "0002-split-importer", "0001-split-importer-2"]
    {
        assert_eq!(found(ForgeKind::Github, other).await, [], "{other}");
    }
    protocol.state = protocol.state.apply(ProtocolMove::Cancel(CancelKind::Command)).unwrap();
    let mut tx = bench.store.begin().await.unwrap();
    store::protocol::save(&mut tx, &mut protocol).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(found(ForgeKind::Github, &branch).await, [namesakes[0]]);
}

async fn a_delivery_keeps_the_protocol_that_its_address_named(bench: Bench) {
    for (guid, named) in [("a", Some(ProtocolId(7))), ("b", None)] {
        let new = NewDelivery { named_protocol: named, ..delivery(guid) };
        let Accepted::New(id) = bench.store.accept(new).await.unwrap() else { panic!("{guid} is new") };
        let mut db = bench.store.read().await.unwrap();
        assert_eq!(store::delivery::load(&mut db, id).await.unwrap().unwrap().named_protocol, named);
    }
}
