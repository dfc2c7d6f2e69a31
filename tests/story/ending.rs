//! The end of a protocol: merged, closed, cancelled, and what is left of it.

use super::host;
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
    assert_snapshot!(format!("{}\n{}", world.headline(PULL), checks(&world)), @r"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    ");
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
    assert_snapshot!(format!("{}\n{}\n{}", world.headline(1), shown(&mut world, PULL), checks(&world)), @r"
    ✅ **Merged.** Nothing for you to do.
    ✅ **Merged.** Nothing for you to do.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | – | <time> | 240 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, Merged
    ");
    finish(world).await;
}

#[actix_web::test]
async fn what_the_forge_refuses_is_answered_in_its_words() {
    let mut world = done().await;
    let theirs = [("work-01-parser.md.txt", Some("something else\n"))];
    world.twin.push_as("ann", REPO, "main", &theirs).unwrap();
    world.twin.push_as("ann", REPO, "main", &[("README.md", None)]).unwrap();
    world.settle().await;
    let asked = says(&mut world, "bob", PULL, "/protocol merge").await;
    assert!(!world.twin.pull(REPO, PULL).unwrap().merged);
    assert_eq!(world.reactions(PULL, asked), ["eyes", "confused"]);
    let said = shown(&mut world, PULL).replace(host::unmergeable(world.twin.host()), "<its words>");
    assert_snapshot!(said, @r#"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    - `main` has moved on since the plan was made.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | – | <time> | 240 |
    ---
    @bob: the forge says no: <forge> refused to merge: <its words>.
    "#);
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
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✅ **Merged before 1 step was done.** `/protocol new` starts another.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | – | <time> | 240 |
    | 02 Do writer | 🚫 not done: merged before | – | – | <time> | – |
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, Merged before 1 step was done
    ");
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
    assert_snapshot!(shown(&mut world, PULL), @r"
    ✅ **Merged before 2 steps were done.** `/protocol new` starts another.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | 🚫 not done: merged before | not needed | – | <time> | – |
    | 01 Do parser | 🚫 not done: merged before | – | – | <time> | – |
    ");
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
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    🚫 **Cancelled: its pull request was closed.** Reopen it to go on; `/protocol new` starts another.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | 🚫 cancelled | not needed | – | <time> | – |
    | 01 Do parser | 🚫 cancelled | – | – | <time> | – |
    TasksGodzilla / plan: Completed Success, 2 steps, plan 1
    TasksGodzilla / protocol: Completed Cancelled, Cancelled: its pull request was closed
    ");
    world.twin.reopen_pull("bob", REPO, PULL).unwrap();
    world.settle().await;
    let calls = world.engine.calls().len();
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✋ **Paused.** `/protocol resume` goes on.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ▫️ to do | not needed | – | <time> | – |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    TasksGodzilla / plan: Completed Success, 2 steps, plan 1
    TasksGodzilla / protocol: Completed ActionRequired, Paused
    ");
    assert_eq!(world.engine.calls().len(), calls, "nothing starts by itself");
    says(&mut world, "bob", PULL, "/protocol resume").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    assert_snapshot!(timeline(&world).await, @r"
    bob approved the plan and runs it
    step 0 started: Prepare
    the pull request was closed by bob
    cancelled: its pull request was closed
    the worktree is removed
    reopened by bob; `/protocol resume` goes on
    resumed by bob
    step 0 started: Prepare
    step 0 executed and pushed as <sha>
    step 0 completed, QA skipped
    step 1 started: Do parser
    step 1 executed and pushed as <sha>
    QA of step 1: pass
    step 1 completed
    what was asked for is done
    everything is green: ready for review, waiting for the merge
    ");
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
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    🚫 **Cancelled by command.** `/protocol new` starts another.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 Prepare | 🚫 cancelled | not needed | – | <time> | – |
    | 01 Do parser | 🚫 cancelled | – | – | <time> | – |
    TasksGodzilla / plan: Completed Success, 2 steps, plan 1
    TasksGodzilla / protocol: Completed Cancelled, Cancelled by command
    ");
    finish(world).await;
}

#[actix_web::test]
async fn cancel_close_closes_the_pull_request() {
    let mut world = done().await;
    says(&mut world, "bob", PULL, "/protocol cancel --close").await;
    assert!(!world.twin.is_open(REPO, PULL).unwrap());
    assert_snapshot!(format!("{}\n{}", world.headline(PULL), checks(&world)), @r"
    🚫 **Cancelled by command.** `/protocol new` starts another.
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Cancelled, Cancelled by command
    ");
    finish(world).await;
}
