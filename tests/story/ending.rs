//! The end of a protocol: merged, closed, cancelled, and what is left of it.

use super::scripted::Reply;
use super::telling::{BRANCH, PULL, checks, head, pushes, says, shown, timeline, with_plan};
use super::world::{REPO, World};
use insta::assert_snapshot;
use tasksgodzilla::domain::ids::ProjectId;
use tasksgodzilla::engine::Phase;

/// Everything is done and green.
async fn done() -> World {
    let mut world = with_plan(&["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    world
}

async fn finish(mut world: World) {
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

async fn has_worktree(world: &World) -> bool {
    let mirror = world.ctx.git.mirror(ProjectId(1)).await.unwrap();
    world.ctx.git.find(&mirror, BRANCH).is_some()
}

#[actix_web::test]
async fn all_done_is_ready_for_review_and_green() {
    let mut world = done().await;
    assert!(!world.twin.pull(REPO, PULL).unwrap().draft);
    assert_snapshot!(format!("{}\n{}", world.headline(PULL), checks(&world)), @"");
    finish(world).await;
}

#[actix_web::test]
async fn the_merge_command_merges_the_judged_head_and_cleans_up() {
    let mut world = done().await;
    let judged = head(&world);
    assert!(has_worktree(&world).await);
    let asked = says(&mut world, "bob", PULL, "/protocol merge").await;
    assert!(world.twin.pull(REPO, PULL).unwrap().merged);
    assert_eq!(world.reactions(PULL, asked), ["eyes", "rocket"]);
    let merge = world.twin.requests().into_iter().find(|request| request.path.ends_with("/merge")).unwrap();
    assert_eq!(merge.body["sha"], judged.as_str());
    assert!(!has_worktree(&world).await);
    assert!(world.twin.branches(REPO).unwrap().contains(&BRANCH.to_owned()), "the branch stays");
    assert_snapshot!(format!("{}\n{}\n{}", world.headline(1), shown(&mut world, PULL), checks(&world)), @"");
    finish(world).await;
}

#[actix_web::test]
async fn what_the_forge_refuses_is_answered_in_its_words() {
    let mut world = done().await;
    let theirs = [("work-01-parser.md.txt", Some("something else\n"))];
    let ours = world.twin.requests().len();
    world.twin.push_as("ann", REPO, "main", &theirs).unwrap();
    world.twin.push_as("ann", REPO, "main", &[("README.md", None)]).unwrap();
    world.settle().await;
    let asked = says(&mut world, "bob", PULL, "/protocol merge").await;
    assert!(world.twin.requests().len() > ours);
    if !world.twin.pull(REPO, PULL).unwrap().merged {
        assert_eq!(world.reactions(PULL, asked), ["eyes", "confused"]);
    }
    assert_snapshot!(shown(&mut world, PULL), @"");
    finish(world).await;
}

#[actix_web::test]
async fn a_merge_by_a_person_completes_early() {
    let mut world = with_plan(&["parser", "writer"]).await;
    says(&mut world, "bob", PULL, "/protocol run --to 1").await;
    world.twin.ready_pull("bob", REPO, PULL).unwrap();
    world.twin.merge_pull("bob", REPO, PULL).unwrap();
    let before = world.twin.requests().len();
    world.settle().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_eq!(pushes(&world, before), 0);
    finish(world).await;
}

#[actix_web::test]
async fn a_merge_while_an_engine_works_stops_it_and_nothing_is_pushed() {
    let mut world = with_plan(&["parser"]).await;
    world.engine.next(Phase::Execute, Reply::UntilStopped);
    world.comments("bob", PULL, "/protocol run");
    while world.twin.deliver_next(&world.client).await.is_some() {}
    let working = world.drain_beside();
    world.engine.working.notified().await;
    let before = world.twin.requests().len();
    world.twin.ready_pull("bob", REPO, PULL).unwrap();
    world.twin.merge_pull("bob", REPO, PULL).unwrap();
    world.settle().await;
    working.await.unwrap();
    world.settle().await;
    assert_eq!(pushes(&world, before), 0);
    assert_snapshot!(shown(&mut world, PULL), @"");
    finish(world).await;
}

#[actix_web::test]
async fn closing_the_pull_request_kills_and_cancels_and_reopening_waits_for_resume() {
    let mut world = with_plan(&["parser"]).await;
    world.engine.next(Phase::Execute, Reply::UntilStopped);
    world.comments("bob", PULL, "/protocol run");
    while world.twin.deliver_next(&world.client).await.is_some() {}
    let working = world.drain_beside();
    world.engine.working.notified().await;
    world.twin.close_pull("bob", REPO, PULL).unwrap();
    world.settle().await;
    working.await.unwrap();
    world.settle().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    world.twin.reopen_pull("bob", REPO, PULL).unwrap();
    world.settle().await;
    let calls = world.engine.calls().len();
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    assert_eq!(world.engine.calls().len(), calls, "nothing starts by itself");
    says(&mut world, "bob", PULL, "/protocol resume").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    assert_snapshot!(timeline(&world).await, @"");
    finish(world).await;
}

#[actix_web::test]
async fn cancelled_by_command_stays_cancelled_when_it_is_merged() {
    let mut world = with_plan(&["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol cancel").await;
    assert!(world.twin.is_open(REPO, PULL).unwrap(), "the pull request stays");
    assert!(world.twin.branches(REPO).unwrap().contains(&BRANCH.to_owned()), "the branch stays");
    world.twin.ready_pull("bob", REPO, PULL).unwrap();
    world.twin.merge_pull("bob", REPO, PULL).unwrap();
    world.settle().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @"");
    finish(world).await;
}

#[actix_web::test]
async fn cancel_close_closes_the_pull_request() {
    let mut world = done().await;
    says(&mut world, "bob", PULL, "/protocol cancel --close").await;
    assert!(!world.twin.is_open(REPO, PULL).unwrap());
    assert_snapshot!(format!("{}\n{}", world.headline(PULL), checks(&world)), @"");
    finish(world).await;
}
