//! Buttons and "Re-run" on checks are the same commands as in comments.

use super::scripted::{Reply, verdict};
use super::world::World;
use insta::assert_snapshot;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::sandbox::github::CheckView;

const BRANCH: &str = "0001-split-the-importer";
const PROTOCOL: &str = "TasksGodzilla / protocol";
const QA: &str = "TasksGodzilla / 02 writer QA";

fn buttons(check: &CheckView) -> Vec<&str> {
    check.actions.iter().map(|action| action["identifier"].as_str().unwrap()).collect()
}

/// The states that were sent for a check run, oldest first.
fn states(world: &World, check: u64) -> Vec<String> {
    let requests = world.twin.requests();
    let ours = requests.iter().filter(|request| request.path.ends_with(&format!("/check-runs/{check}")));
    let state = |request: &serde_json::Value| {
        let name = |key: &str| request[key].as_str().unwrap_or("-").to_owned();
        format!("{} {}", name("status"), name("conclusion"))
    };
    ours.map(|request| state(&request.body)).collect()
}

#[actix_web::test]
async fn buttons_do_what_they_say() {
    let mut world = World::planned().await;
    let check = world.check(BRANCH, PROTOCOL);
    assert_eq!(buttons(&check), ["run-all", "run-next", "replan"]);
    world.twin.press_button("vera", check.id, "run-next").unwrap_err();
    world.twin.press_button("bob", check.id, "run-next").unwrap();
    world.settle().await;
    assert_snapshot!(world.news(), @r"
    #1 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    #2 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ");
    let check = world.check(BRANCH, PROTOCOL);
    world.twin.press_button("bob", check.id, "run-all").unwrap();
    world.settle().await;
    assert_snapshot!(world.news(), @r"
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    let check = world.check(BRANCH, PROTOCOL);
    assert_eq!(buttons(&check), ["merge"]);
    world.twin.press_button("bob", check.id, "merge").unwrap();
    world.settle().await;
    assert_snapshot!(world.news(), @r"
    #1 ✅ **Merged.** Nothing for you to do.
    #2 ✅ **Merged.** Nothing for you to do.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_rerun_of_qa_is_the_same_check_run_in_its_next_generation() {
    let mut world = World::planned().await;
    world.asks("bob", 2, "/protocol run").await;
    let before = world.check(BRANCH, QA);
    let empty = verdict("fail", &[("src/lib.rs", "blocking", "It is empty.")]);
    world.engine.next(Phase::Quality, Reply::Text(empty));
    world.twin.rerun_check("bob", before.id).unwrap();
    world.settle().await;
    let after = world.check(BRANCH, QA);
    assert_eq!((before.id, after.sha), (after.id, before.sha));
    assert_eq!([before.external_id, after.external_id], ["protocol-1:1", "protocol-1:2"]);
    assert_eq!(states(&world, after.id), ["queued -", "completed failure"]);
    assert_snapshot!(world.news(), @r"
    #1 ❌ **Blocked: QA of step 2 failed.** `/step retry 2` does the step again.
    #2 ❌ **Blocked: QA of step 2 failed.** `/step retry 2` does the step again.
    ");
    assert_snapshot!(world.checks(BRANCH), @r"
    TasksGodzilla / 02 writer QA: Completed Failure, Failed, 1 blocking
    TasksGodzilla / 02 writer: Completed Success, Executed, 360 tokens
    TasksGodzilla / protocol: Completed Failure, Blocked: QA of step 2 failed
    ");
    assert_eq!(buttons(&world.check(BRANCH, QA)), ["qa-2", "retry-2"]);
    world.twin.press_button("bob", after.id, "qa-2").unwrap();
    world.settle().await;
    assert_snapshot!(world.checks(BRANCH), @r"
    TasksGodzilla / 02 writer QA: Completed Success, Passed
    TasksGodzilla / 02 writer: Completed Success, Done, 480 tokens
    TasksGodzilla / protocol: Completed Success, All 3 steps are done; waiting for the merge
    ");
    assert_snapshot!(world.news(), @r"
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_rerun_of_the_plan_or_of_everything_is_a_command_too() {
    let mut world = World::planned().await;
    let plan = world.check(BRANCH, "TasksGodzilla / plan");
    world.twin.rerun_check("bob", plan.id).unwrap();
    world.settle().await;
    assert_eq!(world.engine.calls().iter().filter(|call| call.phase == Phase::Plan).count(), 2);
    assert_snapshot!(world.checks(BRANCH), @r"
    TasksGodzilla / plan: Completed Success, 3 steps, plan 2
    TasksGodzilla / protocol: Completed ActionRequired, Planned: 3 steps
    ");
    let check = world.check(BRANCH, PROTOCOL);
    world.twin.rerun_suite("bob", check.id).unwrap();
    world.settle().await;
    assert_snapshot!(world.news(), @r"
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    let check = world.check(BRANCH, PROTOCOL);
    world.twin.rerun_check("bob", check.id).unwrap();
    world.settle().await;
    assert_snapshot!(world.news(), @"#2 @bob: every step is done; `/protocol merge` is next.");
    world.finish().await;
}
