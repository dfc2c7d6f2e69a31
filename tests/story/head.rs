//! The head of the branch, and the repository itself, in the hands of others.

use super::host::{self, Call};
use super::scripted::Reply;
use super::telling::{
    BRANCH, PULL, artifacts, checks, file, head, planned, says, shown, timeline, with_plan,
};
use super::world::{REPO, World};
use insta::assert_snapshot;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::sandbox::{Fault, Which};

async fn finish(mut world: World) {
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

#[actix_web::test]
async fn a_push_on_top_is_adopted_and_named() {
    let mut world = with_plan(&["parser", "writer"]).await;
    says(&mut world, "bob", PULL, "/protocol run --to 1").await;
    let theirs = world.twin.push_as("ann", REPO, BRANCH, &[("theirs.txt", Some("theirs\n"))]).unwrap();
    world.settle().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✋ **Resting: 2 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.

    - ann pushed to the branch; the work goes on from there.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed, outdated | – | <time> | 240 |
    | 02 Do writer | ▫️ to do | – | – | <time> | – |
    TasksGodzilla / protocol: Completed ActionRequired, Resting: 2 of 3 steps are done
    ");
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_eq!(file(&world, "theirs.txt").as_deref(), Some("theirs\n"));
    assert_ne!(head(&world), theirs);
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/7>>) | ✅ done | passed | – | <time> | 360 |
    | [02 Do writer](<</runs/6>>) | ✅ done | passed | – | <time> | 240 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 02 writer QA: Completed Success, Passed
    TasksGodzilla / 02 writer: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 3 steps are done; waiting for the merge
    ");
    assert_eq!(artifacts(&world).await.iter().filter(|name| name.ends_with(".patch")).count(), 0);
    finish(world).await;
}

#[actix_web::test]
async fn a_rewritten_branch_blocks_until_it_is_adopted() {
    let mut world = with_plan(&["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    let theirs = world.twin.force_push("ann", REPO, BRANCH, &[("new.txt", Some("new\n"))]).unwrap();
    world.settle().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✋ **Blocked: somebody rewrote the branch.** `/protocol resume` goes on from what is there now.

    **What it waits for**

    - **Somebody rewrote the branch**: the branch was rewritten by ann (<sha>).

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    ");
    assert_eq!(head(&world), theirs);
    says(&mut world, "bob", PULL, "/protocol resume").await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | – | <time> | 240 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    ");
    assert_eq!(file(&world, "new.txt").as_deref(), Some("new\n"));
    assert_snapshot!(timeline(&world).await, @r"
    bob approved the plan and runs it to step 0
    step 0 started: Prepare
    step 0 executed and pushed as <sha>
    step 0 completed, QA skipped
    what was asked for is done
    the branch was rewritten by ann (<sha>)
    nothing blocks it any more
    resumed by bob
    adopted <sha> of ann; verdicts before it are outdated
    bob approved the plan and runs it
    step 1 started: Do parser
    step 1 executed and pushed as <sha>
    QA of step 1: pass
    step 1 completed
    what was asked for is done
    everything is green: ready for review, waiting for the merge
    ");
    finish(world).await;
}

/// While the engine works somebody pushes; the engine then writes `ours` and ends.
async fn race(theirs: &'static str, ours: &'static str) -> World {
    let mut world = with_plan(&["parser"]).await;
    says(&mut world, "bob", PULL, "/step run 0").await;
    world.engine.next(Phase::Execute, Reply::WaitThenWrite(vec![(ours, "ours\n")], "done"));
    world.comments("bob", PULL, "/protocol run");
    while world.twin.deliver_next(&world.client).await.is_some() {}
    let working = world.drain_beside();
    world.engine.working.notified().await;
    world.twin.push_as("ann", REPO, BRANCH, &[(theirs, Some("theirs\n"))]).unwrap();
    world.engine.go_on.notify_one();
    working.await.unwrap();
    world.settle().await;
    world
}

#[actix_web::test]
async fn a_push_that_lost_the_race_is_put_on_top_once() {
    let mut world = race("theirs.txt", "ours.txt").await;
    assert_eq!(file(&world, "theirs.txt").as_deref(), Some("theirs\n"));
    assert_eq!(file(&world, "ours.txt").as_deref(), Some("ours\n"));
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | – | <time> | 240 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    ");
    assert_snapshot!(timeline(&world).await, @r"
    bob runs a step
    step 0 started: Prepare
    step 0 executed and pushed as <sha>
    step 0 completed, QA skipped
    what was asked for is done
    bob approved the plan and runs it
    step 1 started: Do parser
    adopted <sha> of ann; verdicts before it are outdated
    step 1 executed and pushed as <sha>
    QA of step 1: pass
    step 1 completed
    what was asked for is done
    everything is green: ready for review, waiting for the merge
    ");
    finish(world).await;
}

#[actix_web::test]
async fn a_race_for_the_same_file_fails_the_step_with_its_path() {
    let mut world = race("same.txt", "same.txt").await;
    assert_eq!(file(&world, "same.txt").as_deref(), Some("theirs\n"));
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ❌ **Blocked: step 1 failed.** `/step retry 1` does the step again.

    **What it waits for**

    - **Step 1 failed**: somebody pushed first and changed the same files: same.txt.

    Or instead: `/step approve 1 <why>` takes the responsibility, `/step skip 1 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    - ann pushed to the branch; the work goes on from there.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/3>>) | ❌ failed | – | – | <time> | – |
    TasksGodzilla / protocol: Completed Failure, Blocked: step 1 failed
    ");
    assert!(artifacts(&world).await.iter().any(|name| name == "thrown-away.patch"));
    finish(world).await;
}

#[actix_web::test]
async fn deleting_the_branch_closes_the_pull_request() {
    let mut world = with_plan(&["parser"]).await;
    world.twin.delete_branch("ann", REPO, BRANCH).unwrap();
    world.settle().await;
    assert_snapshot!(shown(&mut world, PULL), @r"
    🚫 **Cancelled: its pull request was closed.** Reopen it to go on; `/protocol new` starts another.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 Prepare | 🚫 cancelled | not needed | – | <time> | – |
    | 01 Do parser | 🚫 cancelled | – | – | <time> | – |
    ");
    assert_snapshot!(timeline(&world).await, @r"
    the pull request was closed by ann
    cancelled: its pull request was closed
    the worktree is removed
    ");
    assert!(world.twin.branch_head(REPO, BRANCH).unwrap().is_none(), "nothing is pushed afterwards");
    assert_snapshot!(world.headline(PULL), @"🚫 **Cancelled: its pull request was closed.** Reopen it to go on; `/protocol new` starts another.");
    finish(world).await;
}

#[actix_web::test]
async fn a_branch_deleted_before_there_is_a_pull_request_blocks_until_it_is_pushed_again() {
    let mut world = World::new().await;
    world.order(Call::OpenPull, Which::Next, Fault::Fails(422));
    says(&mut world, "bob", 1, "/protocol new").await;
    let ours = head(&world);
    world.twin.delete_branch("ann", REPO, BRANCH).unwrap();
    world.settle().await;
    let blocked = shown(&mut world, 1);
    let gone = format!(
        "- **The branch is gone**: the branch `{BRANCH}` is gone. `/protocol resume` pushes it again."
    );
    assert!(blocked.contains(&gone), "{blocked}");
    assert_eq!(world.twin.branch_head(REPO, BRANCH).unwrap(), None);
    assert!(world.twin.pulls(REPO).unwrap().is_empty());
    says(&mut world, "bob", 1, "/protocol resume").await;
    assert_eq!(head(&world), ours);
    let planned = shown(&mut world, PULL);
    assert!(planned.starts_with("✋ **Planned: 3 steps.**"), "nothing blocks it any more: {planned}");
    finish(world).await;
}

#[actix_web::test]
async fn deleting_the_base_closes_the_pull_request() {
    let mut world = World::new().await;
    world.twin.push_as("ann", REPO, "next", &[("next.txt", Some("next\n"))]).unwrap();
    world.settle().await;
    says(&mut world, "bob", 1, "/protocol new --base next").await;
    world.twin.delete_branch("ann", REPO, "next").unwrap();
    world.settle().await;
    assert_snapshot!(shown(&mut world, PULL), @r"
    🚫 **Cancelled: its pull request was closed.** Reopen it to go on; `/protocol new` starts another.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 Prepare | 🚫 cancelled | not needed | – | <time> | – |
    | 01 Do parser | 🚫 cancelled | – | – | <time> | – |
    | 02 Do writer | 🚫 cancelled | – | – | <time> | – |
    ");
    finish(world).await;
}

#[actix_web::test]
async fn a_renamed_repository_keeps_working() {
    let mut world = with_plan(&["parser"]).await;
    world.twin.rename(REPO, "backend").unwrap();
    world.settle().await;
    world.twin.comment("bob", "acme/backend", PULL, "/protocol run").unwrap();
    world.settle().await;
    let comments = world.twin.thread("acme/backend", PULL).unwrap();
    let sticky = comments.iter().find(|comment| comment.author == world.bot()).unwrap();
    assert!(sticky.body.contains("waiting for the merge"), "{}", sticky.body);
    world.twin.rename("acme/backend", "api").unwrap();
    world.settle().await;
    finish(world).await;
}

/// Requests that the bot made for its repository since the `from`th, but not for tokens.
fn calls(world: &World, from: usize) -> Vec<String> {
    let all = world.twin.requests();
    let ours = all[from..].iter().filter(|request| host::asked(&world.account, request));
    ours.map(|request| format!("{} {} {}", request.method, request.path, request.status)).collect()
}

#[actix_web::test]
async fn a_suspended_installation_pauses_and_is_not_called() {
    let mut world = with_plan(&["parser"]).await;
    let installation = host::installation(&world.twin);
    let before = world.twin.requests().len();
    world.twin.suspend(installation);
    world.settle().await;
    world.passes(std::time::Duration::from_secs(600)).await;
    assert_eq!(calls(&world, before), Vec::<String>::new());
    assert!(timeline(&world).await.contains("no access"), "{}", timeline(&world).await);
    world.twin.unsuspend(installation);
    world.settle().await;
    assert_snapshot!(shown(&mut world, PULL), @r"
    ✋ **Paused.** `/protocol resume` goes on.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 Prepare | ▫️ to do | not needed | – | <time> | – |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    ");
    says(&mut world, "bob", PULL, "/protocol resume").await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn a_repository_taken_from_the_app_pauses() {
    let mut world = with_plan(&["parser"]).await;
    let before = world.twin.requests().len();
    world.twin.uninstall_from(world.app().app_id, REPO).unwrap();
    world.settle().await;
    assert_eq!(calls(&world, before), Vec::<String>::new());
    assert_snapshot!(timeline(&world).await, @"the bot has no access to the repository");
    finish(world).await;
}

#[actix_web::test]
async fn an_archived_repository_pauses_and_comes_back() {
    let mut world = with_plan(&["parser"]).await;
    world.twin.archive(REPO).unwrap();
    world.settle().await;
    assert!(timeline(&world).await.contains("no access"), "{}", timeline(&world).await);
    world.twin.unarchive(REPO).unwrap();
    world.settle().await;
    assert!(world.headline(PULL).contains("Paused"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn a_deleted_repository_cancels() {
    let mut world = World::new().await;
    planned(&mut world, &["parser"]).await;
    world.reads(1);
    world.reads(PULL);
    let before = world.twin.requests().len();
    world.twin.delete_repository(REPO).unwrap();
    world.settle().await;
    assert_eq!(calls(&world, before), Vec::<String>::new());
    assert_snapshot!(timeline(&world).await, @r"
    cancelled: the repository was deleted
    the worktree is removed
    ");
    world.finish().await;
}
