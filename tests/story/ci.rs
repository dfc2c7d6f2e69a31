//! CI of others: waited for, read again, and never believed too early.

use super::telling::{PULL, checks, events, head, planned, says, shown, timeline};
use super::world::{REPO, World};
use insta::assert_snapshot;
use std::time::Duration;
use tasksgodzilla::domain::event::EventKind;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::sandbox::github::{CheckConclusion, Ci};

/// A planned protocol where CI behaves so from the beginning; CI of the plan's commit is over.
async fn with_ci(ci: Ci) -> World {
    let mut world = World::new().await;
    world.twin.set_ci(REPO, ci).unwrap();
    planned(&mut world, &["parser"]).await;
    if ci != Ci::Silent {
        world.ci_finishes().await;
    }
    world
}

async fn finish(mut world: World) {
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

fn executed(world: &World) -> usize {
    world.engine.calls().iter().filter(|call| call.phase == Phase::Execute).count()
}

#[actix_web::test]
async fn without_ci_nobody_waits() {
    let mut world = World::new().await;
    planned(&mut world, &["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert!(!events(&world).await.iter().any(|event| event.kind == EventKind::CiWaiting));
    assert!(world.headline(PULL).contains("waiting for the merge"));
    finish(world).await;
}

#[actix_web::test]
async fn the_next_step_starts_only_after_ci_of_the_one_before() {
    let mut world = with_ci(Ci::Green).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_eq!(executed(&world), 1);
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ⏳ **Waiting for CI of step 0 of 1: Prepare.** Nothing for you to do; `/protocol pause` stops after this.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | waiting | <time> | 120 |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    TasksGodzilla / 00 setup QA: Completed Neutral, Skipped
    TasksGodzilla / 00 setup: Completed Success, Done, 120 tokens
    TasksGodzilla / protocol: InProgress, Waiting for CI of step 0 of 1: Prepare
    ");
    assert_eq!(world.twin.play_ci(), 1);
    world.settle().await;
    assert_eq!(executed(&world), 2);
    world.ci_finishes().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✅ **All 2 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | passed | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | passed | <time> | 240 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed Success, All 2 steps are done; waiting for the merge
    ");
    finish(world).await;
}

#[actix_web::test]
async fn a_red_run_blocks_with_its_name_and_a_rerun_unblocks() {
    let mut world = with_ci(Ci::Green).await;
    world.twin.set_ci(REPO, Ci::RedOnce).unwrap();
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    assert_eq!(world.twin.play_ci(), 1);
    world.settle().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ❌ **Blocked: CI of step 0 failed.** `/step retry 0` does the step again.

    **What it waits for**

    - **CI of step 0 failed**: build (http://<forge>/acme/api/runs/<number>).

    Or instead: `/step approve 0 <why>` takes the responsibility, `/step skip 0 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ❌ failed | skipped | failed | <time> | 120 |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    TasksGodzilla / 00 setup QA: Completed Neutral, Skipped
    TasksGodzilla / 00 setup: Completed Success, Executed, 120 tokens
    TasksGodzilla / protocol: Completed Failure, Blocked: CI of step 0 failed
    ");
    let all = world.twin.checks(REPO, &head(&world)).unwrap();
    let build = all.iter().find(|check| check.name == "build").unwrap();
    assert_eq!(build.conclusion, Some(CheckConclusion::Failure));
    world.twin.rerun_check("bob", build.id).unwrap();
    world.settle().await;
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✋ **Resting: 1 of 2 steps are done.** `/protocol run` does the rest, `/step run next` one step.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | passed | <time> | 120 |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    TasksGodzilla / 00 setup QA: Completed Neutral, Skipped
    TasksGodzilla / 00 setup: Completed Success, Done, 120 tokens
    TasksGodzilla / protocol: Completed ActionRequired, Resting: 1 of 2 steps are done
    ");
    assert_snapshot!(timeline(&world).await, @r"
    bob approved the plan and runs it to step 0
    step 0 started: Prepare
    step 0 executed and pushed as <sha>
    step 0 completed, QA skipped
    CI of step 0 failed
    build (</acme/api/runs/<number>>)
    CI of step 0 runs
    CI of step 0 passed
    nothing blocks it any more
    what was asked for is done
    ");
    finish(world).await;
}

#[actix_web::test]
async fn what_failed_is_shown_and_told_to_who_does_the_step_again() {
    let mut world = with_ci(Ci::Green).await;
    world.twin.set_ci(REPO, Ci::RedOnce).unwrap();
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    world.ci_finishes().await;
    let failed = "build printed last:\n\n```\n`adds_two_numbers` failed: expected 4, got 5.\n```";
    let sticky = world.reads(PULL).join("\n");
    assert!(sticky.contains(&format!("<details><summary>What failed</summary>\n\n{failed}")), "{sticky}");
    says(&mut world, "bob", PULL, "/step retry 0").await;
    let calls = world.engine.calls();
    let prompts: Vec<&str> =
        calls.iter().filter(|call| call.phase == Phase::Execute).map(|call| call.prompt.as_str()).collect();
    let told: Vec<bool> = prompts.iter().map(|prompt| prompt.contains("expected 4, got 5.")).collect();
    assert_eq!(told, [false, true], "{prompts:#?}");
    world.ci_finishes().await;
    assert!(!world.reads(PULL).join("\n").contains("What failed"), "it passed");
    finish(world).await;
}

#[actix_web::test]
async fn a_failure_after_a_pass_takes_the_green_away() {
    let mut world = with_ci(Ci::Green).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    let all = world.twin.checks(REPO, &head(&world)).unwrap();
    let build = all.iter().find(|check| check.name == "build").unwrap().id;
    world.twin.set_ci(REPO, Ci::Red).unwrap();
    world.twin.rerun_check("bob", build).unwrap();
    world.settle().await;
    world.ci_finishes().await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r#"
    ❌ **Blocked: CI of step 1 failed.** `/step retry 1` does the step again.

    **What it waits for**

    - **CI of step 1 failed**: build (http://<forge>/acme/api/runs/<number>).

    Or instead: `/step approve 1 <why>` takes the responsibility, `/step skip 1 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | passed | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ❌ failed | passed | failed | <time> | 240 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Executed, 240 tokens
    TasksGodzilla / protocol: Completed Failure, Blocked: CI of step 1 failed
    "#);
    says(&mut world, "bob", PULL, "/protocol merge").await;
    assert!(!world.twin.pull(REPO, PULL).unwrap().merged);
    finish(world).await;
}

#[actix_web::test]
async fn statuses_count_like_runs() {
    let mut world = with_ci(Ci::Statuses).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn the_first_green_stage_completes_nothing() {
    let mut world = with_ci(Ci::Staged).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_eq!(world.twin.play_ci(), 1);
    world.settle().await;
    assert!(world.headline(PULL).contains("Waiting for CI of step 0"), "{}", world.headline(PULL));
    assert_eq!(executed(&world), 1);
    assert_eq!(world.twin.play_ci(), 1);
    world.settle().await;
    assert_eq!(executed(&world), 2);
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn silence_is_no_ci_after_a_minute() {
    let mut world = with_ci(Ci::Green).await;
    world.twin.set_ci(REPO, Ci::None).unwrap();
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(50)).await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(10)).await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    assert!(timeline(&world).await.contains("no CI for step 0"));
    finish(world).await;
}

#[actix_web::test]
async fn files_of_ci_are_reason_to_wait() {
    let mut world = World::new().await;
    let file = [(".github/workflows/ci.yml", Some("on: push\n"))];
    world.twin.push_as("ann", REPO, "main", &file).unwrap();
    planned(&mut world, &["parser"]).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(60)).await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn a_run_that_never_ends_needs_a_person() {
    let mut world = with_ci(Ci::Silent).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    world.passes(Duration::from_secs(3500)).await;
    assert!(world.headline(PULL).contains("Waiting for CI"), "{}", world.headline(PULL));
    world.passes(Duration::from_secs(110)).await;
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✋ **Blocked: CI of step 0 came to no end.** `/step retry 0` does the step again.

    **What it waits for**

    - **CI of step 0 came to no end**: build (http://<forge>/acme/api/runs/<number>).

    Or instead: `/step approve 0 <why>` takes the responsibility, `/step skip 0 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | no end | <time> | 120 |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    TasksGodzilla / 00 setup QA: Completed Neutral, Skipped
    TasksGodzilla / 00 setup: Completed Success, Done, 120 tokens
    TasksGodzilla / protocol: Completed ActionRequired, Blocked: CI of step 0 came to no end
    ");
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn results_of_superseded_commits_are_ignored() {
    let mut world = with_ci(Ci::Green).await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    let old = head(&world);
    world.ci_finishes().await;
    let old_run = world.twin.checks(REPO, &old).unwrap();
    let old_run = old_run.iter().find(|check| check.name == "build").unwrap().id;
    says(&mut world, "bob", PULL, "/protocol run").await;
    world.ci_finishes().await;
    world.twin.set_ci(REPO, Ci::Red).unwrap();
    world.twin.rerun_check("bob", old_run).unwrap();
    world.settle().await;
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    finish(world).await;
}
