//! A step is executed: what the engine is asked, what becomes of its work, and what happens when it gives none.

use super::host::{self, Call};
use super::scripted::{Reply, verdict};
use super::telling::{
    BRANCH, PULL, artifacts, checks, events, file, head, pushes, runs, says, shown, timeline, with_plan,
    writes, written,
};
use super::world::{REPO, World};
use insta::assert_snapshot;
use std::time::Duration;
use tasksgodzilla::domain::event::EventKind;
use tasksgodzilla::engine::{EngineError, Phase, TimeLimit};

#[actix_web::test]
async fn a_step_becomes_one_commit_and_one_push() {
    let mut world = with_plan(&["parser", "writer"]).await;
    says(&mut world, "bob", PULL, "/step run 0").await;
    let before = world.twin.requests().len();
    says(&mut world, "bob", PULL, "/step run 1").await;
    let asked = world.engine.calls();
    let asked = asked.iter().rfind(|call| call.phase == Phase::Execute).unwrap();
    assert!(asked.step.ends_with("01-parser.md"), "{}", asked.step);
    assert!(asked.prompt.contains("# Do parser") && asked.prompt.contains("# Plan"), "{}", asked.prompt);
    let commits = world.twin.commits(REPO, "main", BRANCH).unwrap();
    let address = host::nobodys_address(world.twin.host(), 1003, "bob");
    assert_snapshot!(commits.last().unwrap().trim().replace(&address, "<nobody>"), @r"
    feat(step): Do parser [protocol-0001/01]

    Co-authored-by: bob <<nobody>>
    ");
    assert!(commits.last().unwrap().starts_with("feat(step): "));
    assert_eq!(file(&world, "work-.protocols/0001-split-the-importer/01-parser.md.txt"), None);
    assert_eq!(pushes(&world, before), 1);
    assert_snapshot!(written(&world, ".protocols/0001-split-the-importer/log.md"), @r#"
    # Log
    - <time> - planned on `main` at <sha>
    - <time> - step 00 executed: Prepare
    - <time> - step 01 executed: Do parser
    "#);
    assert_snapshot!(written(&world, ".protocols/0001-split-the-importer/context.md"), @r#"
    <!-- kept by the worker: begin -->
    - Current step: 02-writer
    - Status: executed, not judged yet
    - Last action: step 01 executed: Do parser
    - Next action: judge this step, then execute 02-writer
    - Branch: 0001-split-the-importer
    - Commit: <sha>
    - Written: <time>
    <!-- kept by the worker: end -->

    # Context
    "#);
    assert_snapshot!(shown(&mut world, PULL), @r#"
    ✋ **Resting: 2 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | – | <time> | 240 |
    | 02 Do writer | ▫️ to do | – | – | <time> | – |
    "#);
    assert_snapshot!(checks(&world), @r"
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 240 tokens
    TasksGodzilla / protocol: Completed ActionRequired, Resting: 2 of 3 steps are done
    ");
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn a_step_costs_few_writes() {
    let mut world = with_plan(&["parser", "writer", "reader"]).await;
    says(&mut world, "bob", PULL, "/step run 0").await;
    says(&mut world, "bob", PULL, "/step run 1").await;
    let before = world.twin.requests().len();
    says(&mut world, "bob", PULL, "/step run 2").await;
    assert_eq!(
        writes(&world, before),
        [Call::Push, Call::EditComment, Call::EditComment, Call::PutCheck, Call::PutCheck, Call::PutCheck]
    );
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

#[actix_web::test]
async fn what_the_agent_writes_below_protocols_is_thrown_away() {
    let mut world = with_plan(&["parser"]).await;
    let files = vec![
        ("src/parser.rs", "fn parse() {}\n"),
        (".protocols/0001-split-the-importer/plan.md", "# Another plan\n"),
        (".protocols/0001-split-the-importer/new.md", "# Mine\n"),
        (".protocols/9999-other/plan.md", "# Other\n"),
    ];
    says(&mut world, "bob", PULL, "/step run 0").await;
    world.engine.next(Phase::Execute, Reply::Write(files, "done"));
    says(&mut world, "bob", PULL, "/step run 1").await;
    assert_eq!(file(&world, "src/parser.rs").as_deref(), Some("fn parse() {}\n"));
    assert_eq!(file(&world, ".protocols/0001-split-the-importer/plan.md").as_deref(), Some("# Plan\n"));
    assert_eq!(file(&world, ".protocols/0001-split-the-importer/new.md"), None);
    assert_eq!(file(&world, ".protocols/9999-other/plan.md"), None);
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

/// The first step fails as told; what people see, and a retry that does it.
async fn a_step_fails(error: EngineError) -> (World, String) {
    let mut world = with_plan(&["parser"]).await;
    world.engine.next(Phase::Execute, Reply::Fail(error));
    let before = head(&world);
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_eq!(head(&world), before, "nothing is pushed");
    let seen = format!("{}\n\n{}", shown(&mut world, PULL), checks(&world));
    (world, seen)
}

#[actix_web::test]
async fn a_step_that_meets_the_wall_limit_fails_and_is_retried() {
    let after = Duration::from_secs(1200);
    let error = EngineError::TimedOut { kind: TimeLimit::Wall, after, usage: None };
    let (mut world, seen) = a_step_fails(error).await;
    assert_snapshot!(seen, @r#"
    ❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.

    **What it waits for**

    - **Step 0 failed**: no end after 1200 s (wall limit).

    Or instead: `/step approve 0 <why>` takes the responsibility, `/step skip 0 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ❌ failed | not needed | – | <time> | – |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |

    TasksGodzilla / plan: Completed Success, 2 steps, plan 1
    TasksGodzilla / protocol: Completed Failure, Blocked: step 0 failed
    "#);
    says(&mut world, "bob", PULL, "/step retry 0").await;
    assert_snapshot!(timeline(&world).await, @r#"
    bob approved the plan and runs it
    step 0 started: Prepare
    step 0 failed
    no end after 1200 s (wall limit)
    nothing blocks it any more
    bob tries step 0 again
    step 0 started: Prepare
    step 0 executed and pushed as <sha>
    step 0 completed, QA skipped
    step 1 started: Do parser
    step 1 executed and pushed as <sha>
    QA of step 1: pass
    step 1 completed
    what was asked for is done
    everything is green: ready for review, waiting for the merge
    "#);
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn a_step_that_falls_silent_fails() {
    let after = Duration::from_secs(300);
    let (mut world, _) =
        a_step_fails(EngineError::TimedOut { kind: TimeLimit::Idle, after, usage: None }).await;
    assert_snapshot!(world.headline(PULL), @"❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.");
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn a_missing_engine_blocks_and_resume_goes_on() {
    let error = EngineError::NotInstalled { todo: "install codex".to_owned() };
    let (mut world, seen) = a_step_fails(error).await;
    assert_snapshot!(seen, @r#"
    ✋ **Blocked: the engine is not there.** `/protocol resume` goes on once it is there.

    **What it waits for**

    - **The engine is not there**: the engine cannot be started: install codex.

    Or instead: `/step approve 0 <why>` takes the responsibility, `/step skip 0 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✋ blocked | not needed | – | <time> | – |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |

    TasksGodzilla / plan: Completed Success, 2 steps, plan 1
    TasksGodzilla / protocol: Completed ActionRequired, Blocked: the engine is not there
    "#);
    says(&mut world, "bob", PULL, "/protocol resume").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    world.reads(1);
    world.finish().await;
}

/// A change that must not be pushed is refused, kept as a patch, and said.
async fn is_refused(path: &'static str, content: &'static str) -> String {
    let mut world = with_plan(&["parser"]).await;
    world.engine.next(Phase::Execute, Reply::Write(vec![("ok.txt", "fine\n"), (path, content)], "done"));
    let before = head(&world);
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert_eq!(head(&world), before, "nothing is pushed");
    assert_eq!(artifacts(&world).await, ["thrown-away.patch"]);
    let seen = shown(&mut world, PULL).lines().take(5).collect::<Vec<_>>().join("\n");
    assert!(checks(&world).contains("TasksGodzilla / protocol: Completed Failure"));
    world.reads(1);
    world.finish().await;
    seen
}

#[actix_web::test]
async fn a_changed_workflow_file_is_refused() {
    assert_snapshot!(is_refused(".github/workflows/ci.yml", "on: push\n").await, @r"
    ❌ **Blocked: the changes of step 0 were refused.** `/step retry 0` does the step again.

    **What it waits for**

    - **The changes of step 0 were refused**: the changes were not pushed: workflow files are changed by people only: .github/workflows/ci.yml.
    ");
}

#[actix_web::test]
async fn changed_submodules_are_refused() {
    assert_snapshot!(is_refused(".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = ../x\n").await, @r"
    ❌ **Blocked: the changes of step 0 were refused.** `/step retry 0` does the step again.

    **What it waits for**

    - **The changes of step 0 were refused**: the changes were not pushed: files of git itself: .gitmodules.
    ");
}

#[actix_web::test]
async fn a_secret_in_the_changes_is_refused() {
    let token = "token = ghs_0123456789abcdefghijABCDEFGHIJ\n";
    assert_snapshot!(is_refused("config.toml", token).await, @r"
    ❌ **Blocked: the changes of step 0 were refused.** `/step retry 0` does the step again.

    **What it waits for**

    - **The changes of step 0 were refused**: the changes were not pushed: the changes hold a secret that the bot knows or a token's shape.
    ");
}

#[actix_web::test]
async fn a_retry_works_on_the_present_head_and_outdates_later_verdicts() {
    let mut world = with_plan(&["parser", "writer"]).await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    world.engine.next(Phase::Quality, Reply::Text(verdict("fail", &[("src/a.rs", "blocking", "broken")])));
    says(&mut world, "bob", PULL, "/step qa 1").await;
    let before = world.twin.commits(REPO, "main", BRANCH).unwrap();
    says(&mut world, "bob", PULL, "/step retry 1").await;
    let after = world.twin.commits(REPO, "main", BRANCH).unwrap();
    assert_eq!(after[..before.len()], before, "nothing is rewritten");
    assert_eq!(after.len(), before.len() + 1);
    assert_snapshot!(format!("{}\n{}", shown(&mut world, PULL), checks(&world)), @r"
    ✋ **All 3 steps are done, but it is not green.** Step 2 has no verdict that holds on this head; `/step qa 2`.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | <time> | 120 |
    | [01 Do parser](<</runs/9>>) | ✅ done | passed | – | <time> | 600 |
    | [02 Do writer](<</runs/6>>) | ✅ done | passed, outdated | – | <time> | 240 |
    TasksGodzilla / 01 parser QA: Completed Success, Passed
    TasksGodzilla / 01 parser: Completed Success, Done, 600 tokens, attempt 2
    TasksGodzilla / protocol: Completed ActionRequired, All 3 steps are done, but it is not green
    ");
    says(&mut world, "bob", PULL, "/step qa 2").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn a_run_leaves_a_log_without_secrets() {
    let mut world = with_plan(&["parser"]).await;
    let secret = world.account.webhook_secret().to_owned();
    let words = format!("the token is ghs_0123456789abcdefghijABCDEFGHIJ and the secret {secret}, sorry");
    world.engine.next(Phase::Execute, Reply::Text(words.clone()));
    world.engine.next(
        Phase::Execute,
        Reply::Fail(EngineError::Failed { exit: Some(1), stderr_tail: words, usage: None }),
    );
    says(&mut world, "bob", PULL, "/protocol run").await;
    let mut all = String::new();
    for run in runs(&world).await {
        let log = std::fs::read_to_string(world.ctx.rules.runs_dir.join(&run.log_path)).unwrap();
        assert!(!log.is_empty());
        all.push_str(&log);
        all.push_str(&run.error);
    }
    all.push_str(&shown(&mut world, PULL));
    all.push_str(&format!("{:?}", events(&world).await));
    for thread in [1, PULL] {
        all.push_str(&world.reads(thread).join("\n"));
    }
    assert!(all.contains("[redacted]"), "{all}");
    assert!(!all.contains(&secret) && !all.contains("ghs_0123"), "{all}");
    assert!(events(&world).await.iter().any(|event| event.kind == EventKind::StepExecutionFailed));
    world.finish().await;
}
