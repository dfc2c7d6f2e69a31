//! QA judges: only a pass is green, and whatever is no verdict is none.

use super::scripted::{Reply, verdict};
use super::telling::{
    BRANCH, PULL, artifacts, checks, file, planned, says, shown, timeline, with_plan, written,
};
use super::world::World;
use insta::assert_snapshot;
use tasksgodzilla::engine::{EngineError, Phase};

/// One work step is judged so; what people see: headline, reasons, and the checks of the step.
async fn judged(reply: Reply) -> (World, String) {
    let mut world = with_plan(&["parser"]).await;
    says(&mut world, "bob", PULL, "/step run 0").await;
    world.engine.next(Phase::Quality, reply);
    says(&mut world, "bob", PULL, "/step run 1").await;
    world.reads(1);
    let seen = shown(&mut world, PULL).lines().take(5).collect::<Vec<_>>().join("\n");
    let seen = format!("{seen}\n{}", checks(&world));
    (world, seen)
}

#[actix_web::test]
async fn a_pass_is_green() {
    let (world, seen) = judged(Reply::Text(verdict("pass", &[("src/a.rs", "note", "nice")]))).await;
    assert_snapshot!(seen, @r#"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed, 1 note
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    "#);
    world.finish().await;
}

#[actix_web::test]
async fn a_fail_blocks_until_the_step_is_retried() {
    let (mut world, seen) =
        judged(Reply::Text(verdict("fail", &[("src/a.rs", "blocking", "does not compile")]))).await;
    assert_snapshot!(seen, @r#"
    ❌ **Blocked: QA of step 1 failed.** `/step retry 1` does the step again.

    **What it waits for**

    - **QA of step 1 failed**: QA failed: It is a fail.
    TasksGodzilla / 01 parser QA: Completed Failure, Failed, 1 blocking
    TasksGodzilla / 01 parser: Completed Success, Executed, 240 tokens
    TasksGodzilla / protocol: Completed Failure, Blocked: QA of step 1 failed
    "#);
    says(&mut world, "bob", PULL, "/step retry 1").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    assert_snapshot!(written(&world, ".protocols/0001-split-the-importer/quality-report.md"), @r#"
    # Quality of step 01-parser

    Verdict: FAIL

    Judged: <sha>, <time>

    ## Summary

    It is a fail.

    ## Blocking

    - `src/a.rs`: does not compile
    "#);
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn a_blocked_verdict_waits_for_a_person_and_may_be_judged_again() {
    let (mut world, seen) = judged(Reply::Text(verdict("blocked", &[]))).await;
    assert_snapshot!(seen, @r#"
    ✋ **Blocked: QA of step 1 came to no verdict.** `/step retry 1` does the step again.

    **What it waits for**

    - **QA of step 1 came to no verdict**: QA is blocked: It is a blocked.
    TasksGodzilla / 01 parser QA: Completed ActionRequired, Blocked
    TasksGodzilla / 01 parser: Completed ActionRequired, Blocked, 240 tokens
    TasksGodzilla / protocol: Completed ActionRequired, Blocked: QA of step 1 came to no verdict
    "#);
    says(&mut world, "bob", PULL, "/step qa 1").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    assert_snapshot!(timeline(&world).await, @r"
    bob runs a step
    step 0 started: Prepare
    step 0 executed and pushed as <sha>
    step 0 completed, QA skipped
    what was asked for is done
    bob runs a step
    step 1 started: Do parser
    step 1 executed and pushed as <sha>
    QA of step 1: blocked
    QA is blocked: It is a blocked.
    QA runs again on the present head
    QA of step 1: pass
    nothing blocks it any more
    step 1 completed
    what was asked for is done
    everything is green: ready for review, waiting for the merge
    ");
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn an_inconclusive_verdict_is_not_green() {
    let (world, seen) = judged(Reply::Text(verdict("inconclusive", &[]))).await;
    assert_snapshot!(seen, @r"
    ✋ **Blocked: QA of step 1 came to no verdict.** `/step retry 1` does the step again.

    **What it waits for**

    - **QA of step 1 came to no verdict**: QA is inconclusive: It is a inconclusive.
    TasksGodzilla / 01 parser QA: Completed ActionRequired, No verdict
    TasksGodzilla / 01 parser: Completed ActionRequired, Blocked, 240 tokens
    TasksGodzilla / protocol: Completed ActionRequired, Blocked: QA of step 1 came to no verdict
    ");
    world.finish().await;
}

#[actix_web::test]
async fn an_engine_that_fails_gives_no_verdict() {
    let error = EngineError::Failed { exit: Some(2), stderr_tail: "out of memory".to_owned(), usage: None };
    let (world, seen) = judged(Reply::Fail(error)).await;
    assert_snapshot!(seen, @r"
    ✋ **Blocked: QA of step 1 came to no verdict.** `/step retry 1` does the step again.

    **What it waits for**

    - **QA of step 1 came to no verdict**: QA is inconclusive: the engine gave no verdict: the engine failed (exit 2): out of memory.
    TasksGodzilla / 01 parser QA: Completed ActionRequired, No verdict
    TasksGodzilla / 01 parser: Completed ActionRequired, Blocked, 120 tokens
    TasksGodzilla / protocol: Completed ActionRequired, Blocked: QA of step 1 came to no verdict
    ");
    world.finish().await;
}

#[actix_web::test]
async fn nonsense_is_no_verdict() {
    let (world, seen) = judged(Reply::Text("I like turtles.".to_owned())).await;
    assert_snapshot!(seen, @r#"
    ✋ **Blocked: QA of step 1 came to no verdict.** `/step retry 1` does the step again.

    **What it waits for**

    - **QA of step 1 came to no verdict**: QA is inconclusive: the answer names no verdict.
    TasksGodzilla / 01 parser QA: Completed ActionRequired, No verdict
    TasksGodzilla / 01 parser: Completed ActionRequired, Blocked, 240 tokens
    TasksGodzilla / protocol: Completed ActionRequired, Blocked: QA of step 1 came to no verdict
    "#);
    world.finish().await;
}

#[actix_web::test]
async fn a_fail_about_the_bots_own_files_is_a_pass_with_a_note() {
    let path = ".protocols/0001-split-the-importer/log.md";
    let (world, seen) = judged(Reply::Text(verdict("fail", &[(path, "blocking", "no entry")]))).await;
    assert_snapshot!(seen, @r#"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed, with a note
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    "#);
    world.finish().await;
}

#[actix_web::test]
async fn the_report_is_an_artifact_and_joins_the_next_commit() {
    let mut world = with_plan(&["parser", "writer"]).await;
    says(&mut world, "bob", PULL, "/protocol run --to 1").await;
    let path = ".protocols/0001-split-the-importer/quality-report.md";
    assert_eq!(file(&world, path), None);
    assert_eq!(artifacts(&world).await, ["quality-report.md"]);
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_snapshot!(written(&world, path), @r#"
    # Quality of step 01-parser

    Verdict: PASS

    Judged: <sha>, <time>

    ## Summary

    It is a pass.
    "#);
    assert_snapshot!(written(&world, ".protocols/0001-split-the-importer/log.md"), @r#"
    # Log
    - <time> - planned on `main` at <sha>
    - <time> - step 00 executed: Prepare
    - <time> - step 01 executed: Do parser
    - <time> - QA of step 01: pass
    - <time> - step 02 executed: Do writer
    "#);
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

#[actix_web::test]
async fn light_quality_follows_in_the_same_job() {
    let mut world = World::with(|raw| raw.with("QA_POLICY", "light")).await;
    planned(&mut world, &["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    let calls = world.engine.calls();
    let asked = calls.iter().find(|call| call.phase == Phase::Quality).unwrap();
    assert!(asked.prompt.contains("light") || asked.prompt.contains("Light"), "{}", asked.prompt);
    assert_snapshot!(checks(&world), @r"
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    ");
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn skipped_quality_completes_a_step_and_says_so() {
    let mut world = World::with(|raw| raw.with("QA_POLICY", "skip")).await;
    planned(&mut world, &["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert!(world.engine.calls().iter().all(|call| call.phase != Phase::Quality));
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r#"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/3>>) | ✅ done | skipped | – | <time> | 120 |
    TasksGodzilla / 01 parser QA: Completed Neutral, Skipped
    TasksGodzilla / 01 parser: Completed Success, Done, 120 tokens
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    "#);
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn the_repositorys_scripts_are_evidence_only_in_a_sandbox() {
    let mut world = World::new().await;
    let script = "echo evidence-of-the-script\n";
    world.twin.push_as("ann", super::world::REPO, "main", &[("scripts/ci/test.sh", Some(script))]).unwrap();
    planned(&mut world, &["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    let calls = world.engine.calls();
    let asked = calls.iter().rfind(|call| call.phase == Phase::Quality).unwrap();
    assert!(asked.prompt.contains("scripts/ci/test.sh"), "{}", asked.prompt);
    let ran = asked.prompt.contains("evidence-of-the-script\n");
    let refused = asked.prompt.contains("not run");
    assert!(ran != refused, "it ran in a sandbox, or it says that it was not run: {}", asked.prompt);
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

#[actix_web::test]
async fn an_outdated_verdict_is_not_green() {
    let mut world = with_plan(&["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    world.twin.push_as("ann", super::world::REPO, BRANCH, &[("more.txt", Some("more\n"))]).unwrap();
    world.settle().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r#"
    ✋ **All 2 steps are done, but it is not green.** Step 1 has no verdict that holds on this head; `/step qa 1`.

    - ann pushed to the branch; the work goes on from there.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed, outdated | – | <time> | 240 |
    TasksGodzilla / protocol: Completed ActionRequired, All 2 steps are done, but it is not green
    "#);
    says(&mut world, "bob", PULL, "/protocol merge").await;
    says(&mut world, "bob", PULL, "/step qa 1").await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r#"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/5>>) | ✅ done | passed | – | <time> | 360 |
    ---
    @bob: `TasksGodzilla / protocol` is not green on the head: step 1 has no verdict that holds on this head; `/step qa 1`
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    "#);
    world.reads(1);
    world.finish().await;
}
