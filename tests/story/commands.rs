//! Every command that is there, as people give it and as it is answered.

use super::scripted::{Reply, verdict};
use super::world::{REPO, World};
use insta::assert_snapshot;
use tasksgodzilla::command::registry::{self, Status};
use tasksgodzilla::engine::{EngineError, Phase};

const BRANCH: &str = "0001-split-the-importer";

#[actix_web::test]
async fn run_goes_as_far_as_it_is_told() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("bob", 2, "/protocol run --to 1").await, @r"
    eyes rocket
    #1 ✋ **Resting: 2 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    #2 ✋ **Resting: 2 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol run --to 9").await, @r"
    eyes confused
    #2 @bob: there is no step 9; this protocol has steps 0 to 2.
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol run").await, @r"
    eyes rocket
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol run").await, @r"
    eyes confused
    #1 @bob: every step is done; `/protocol merge` is next.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn status_folds_its_earlier_answers() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("vera", 2, "/protocol status").await, @r"
    eyes rocket
    #2 ✋ **0001: Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 Prepare | ▫️ to do | not needed | – | – | – |
    | 01 Do parser | ▫️ to do | – | – | – | – |
    | 02 Do writer | ▫️ to do | – | – | – | – |

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>) · [run 1](<</runs/1>>)</sub>
    ");
    assert_eq!(world.reads(2).len(), 2);
    world.asks("vera", 2, "/protocol status").await;
    assert_eq!(world.reads(2).len(), 2, "the first answer is not folded");
    world.finish().await;
}

#[actix_web::test]
async fn a_pause_starts_nothing_more() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("bob", 2, "/protocol pause").await, @r"
    eyes rocket
    #1 ✋ **Paused.** `/protocol resume` goes on.
    #2 ✋ **Paused.** `/protocol resume` goes on.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol pause").await, @r"
    eyes confused
    #2 @bob: already paused; `/protocol resume` goes on.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol run").await, @r"
    eyes confused
    #2 @bob: this protocol is paused, so that cannot be done now; `/protocol resume` goes on.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol resume").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol resume").await, @r"
    eyes confused
    #2 @bob: this protocol is planned, there is nothing to resume.
    ");
    world.finish().await;
}

/// Runs until the engine works on the first step, then gives `command` and waits for what comes of it.
async fn amid_the_work(world: &mut World, command: &str) -> String {
    world.engine.next(Phase::Execute, Reply::UntilStopped);
    world.comments("bob", 2, "/protocol run");
    world.hears().await;
    let work = world.drain_beside();
    world.engine.working.notified().await;
    world.comments("bob", 2, command);
    world.hears().await;
    world.drain_beside().await.unwrap();
    work.await.unwrap();
    world.settle().await;
    world.news()
}

#[actix_web::test]
async fn pause_now_stops_the_engine_and_the_attempt_does_not_count() {
    let mut world = World::planned().await;
    assert_snapshot!(amid_the_work(&mut world, "/protocol pause --now").await, @r"
    #1 ✋ **Paused.** `/protocol resume` goes on.
    #2 ✋ **Paused.** `/protocol resume` goes on.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol resume").await, @r"
    eyes rocket
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    assert_snapshot!(world.asks("vera", 2, "/step show 0").await, @r"
    eyes rocket
    #2 **Step 0: Prepare** (done; QA: skipped; CI: –)

    <details><summary>Step file</summary>

    ```markdown
    # Prepare
    ```

    </details>
    ");
    world.finish().await;
}

#[actix_web::test]
async fn cancel_stops_the_engine_and_leaves_branch_and_pull_request() {
    let mut world = World::planned().await;
    assert_snapshot!(amid_the_work(&mut world, "/protocol cancel").await, @r"
    #1 🚫 **Cancelled by command.** `/protocol new` starts another.
    #2 🚫 **Cancelled by command.** `/protocol new` starts another.
    ");
    assert!(world.twin.pull(REPO, 2).unwrap().open);
    assert!(world.twin.branches(REPO).unwrap().contains(&BRANCH.to_owned()));
    assert_snapshot!(world.checks(BRANCH), @r"
    TasksGodzilla / plan: Completed Success, 3 steps, plan 1
    TasksGodzilla / protocol: Completed Cancelled, Cancelled by command
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol run").await, @r"
    eyes confused
    #2 @bob: this protocol is cancelled; comment `/protocol new` to start another.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol cancel").await, @r"
    eyes confused
    #2 @bob: this protocol is cancelled; comment `/protocol new` to start another.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn cancel_closes_the_pull_request_too_when_told() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("bob", 1, "/protocol cancel --close").await, @r"
    eyes rocket
    #1 🚫 **Cancelled by command.** `/protocol new` starts another.
    #2 🚫 **Cancelled by command.** `/protocol new` starts another.
    ");
    assert!(!world.twin.pull(REPO, 2).unwrap().open);
    world.finish().await;
}

#[actix_web::test]
async fn replan_makes_a_new_plan_and_keeps_what_is_done() {
    let mut world = World::planned().await;
    world.asks("bob", 2, "/protocol run --to 1").await;
    let plan = super::scripted::plan_from(2, &["printer", "tests"]);
    world.engine.next(Phase::Plan, Reply::Text(plan));
    assert_snapshot!(world.asks("bob", 2, "/protocol replan Print it\n\nIn colour.").await, @r"
    eyes rocket
    #1 ✋ **Resting: 2 of 4 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    #2 ✋ **Resting: 2 of 4 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ");
    assert_snapshot!(world.reads(2).join("\n---\n"), @r"
    ✋ **Resting: 2 of 4 steps are done.** `/protocol run` does the rest, `/step run next` one step.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/2>>) | ✅ done | skipped | – | – | 120 |
    | [01 Do parser](<</runs/4>>) | ✅ done | passed | – | – | 240 |
    | 02 Do printer | ▫️ to do | – | – | – | – |
    | 03 Do tests | ▫️ to do | – | – | – | – |

    <details><summary>Plan 2</summary>

    ```markdown
    # Plan
    ```

    </details>

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>) · [run 5](<</runs/5>>)</sub>
    ");
    assert!(world.engine.calls().iter().any(|call| call.prompt.contains("In colour.")));
    world.finish().await;
}

#[actix_web::test]
async fn merge_waits_for_green_and_pr_opens_nothing_twice() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("bob", 2, "/protocol merge").await, @r"
    eyes confused
    #2 @bob: `TasksGodzilla / protocol` is not green on the head: step 0 is pending.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol pr").await, @"eyes rocket");
    assert_eq!(world.twin.pulls(REPO).unwrap().len(), 1);
    world.asks("bob", 2, "/protocol run").await;
    assert_snapshot!(world.asks("vera", 2, "/protocol merge").await, @r"
    eyes confused
    #2 @vera: `/protocol merge` needs write access to this repository; you have read. ann and bob can do it.
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol merge").await, @r"
    eyes rocket
    #1 ✅ **Merged.** Nothing for you to do.
    #2 ✅ **Merged.** Nothing for you to do.
    ");
    assert!(world.twin.pull(REPO, 2).unwrap().merged);
    assert_snapshot!(world.asks("bob", 1, "/protocol merge").await, @r"
    eyes confused
    #1 @bob: this protocol is completed; comment `/protocol new` to start another.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn steps_run_one_by_one_in_order() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("bob", 2, "/step run 2").await, @r"
    eyes confused
    #2 @bob: step 0 comes first and is pending; run it, or add `--anyway` (needs maintain)
    ");
    assert_snapshot!(world.asks("bob", 2, "/step run").await, @r"
    eyes rocket
    #1 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    #2 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ");
    assert_snapshot!(world.asks("bob", 2, "/step run next").await, @r"
    eyes rocket
    #1 ✋ **Resting: 2 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    #2 ✋ **Resting: 2 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ");
    assert_snapshot!(world.asks("bob", 2, "/step run 1").await, @r"
    eyes confused
    #2 @bob: the step is completed, so that cannot be done now; `/step retry` takes a failed or blocked step.
    ");
    assert_snapshot!(world.asks("bob", 2, "/step run 7").await, @r"
    eyes confused
    #2 @bob: there is no step 7; this protocol has steps 0 to 2.
    ");
    assert_snapshot!(world.asks("bob", 2, "/step run all").await, @r"
    eyes rocket
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    assert_snapshot!(world.asks("bob", 2, "/step run").await, @r"
    eyes confused
    #2 @bob: every step is done; `/protocol merge` is next.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_maintainer_may_go_out_of_order() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("ann", 2, "/step run 2 --anyway").await, @r"
    eyes rocket
    #1 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    #2 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ");
    assert_snapshot!(world.asks("ann", 2, "/protocol run").await, @r"
    eyes rocket
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_failed_step_is_retried_skipped_or_approved() {
    let mut world = World::planned().await;
    for _ in 0..2 {
        let failed = EngineError::Failed { exit: Some(1), stderr_tail: "panic @ann".to_owned(), usage: None };
        world.engine.next(Phase::Execute, Reply::Fail(failed));
    }
    assert_snapshot!(world.asks("bob", 2, "/protocol run").await, @r"
    eyes rocket
    #1 ❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.
    #2 ❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol run").await, @r"
    eyes confused
    #2 @bob: this protocol is blocked.

    - Step 0 failed; clear it with `/step retry 0`
    ");
    assert_snapshot!(world.asks("bob", 2, "/step retry").await, @r#"
    eyes rocket
    #2 ❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.
    "#);
    let written = vec![("src/lib.rs", "")];
    world.engine.next(Phase::Execute, Reply::Write(written, "It is empty now."));
    let empty = verdict("fail", &[("src/lib.rs", "blocking", "It is empty.")]);
    world.engine.next(Phase::Quality, Reply::Text(empty));
    assert_snapshot!(world.asks("ann", 2, "/step skip 0 Nothing to prepare").await, @r"
    eyes rocket
    #1 ❌ **Blocked: QA of step 1 failed.** `/step retry 1` does the step again.
    #2 ❌ **Blocked: QA of step 1 failed.** `/step retry 1` does the step again.
    ");
    assert_snapshot!(world.asks("bob", 2, "/step qa 0").await, @r"
    eyes confused
    #2 @bob: the step is cancelled, so that cannot be done now; `/step qa` takes a step that was executed.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol run").await, @r"
    eyes confused
    #2 @bob: this protocol is blocked.

    - QA of step 1 failed; clear it with `/step retry 1`
    ");
    assert_snapshot!(world.asks("ann", 2, "/step approve 1").await, @r"
    eyes confused
    #2 @ann: `/step approve` needs `<why>` (usage: `/step approve <N> [--dry-run] <why>`)
    ");
    assert_snapshot!(world.asks("ann", 2, "/step approve 1 It is meant to be empty").await, @r"
    eyes rocket
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    assert_snapshot!(world.reads(2)[0], @r"
    ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/3>>) | 🚫 skipped by ann | not needed | – | – | – |
    | [01 Do parser](<</runs/5>>) | ✅ approved by ann | failed | – | – | 240 |
    | [02 Do writer](<</runs/7>>) | ✅ done | passed | – | – | 240 |

    <details><summary>Plan 1</summary>

    ```markdown
    # Plan
    ```

    </details>

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>) · [run 7](<</runs/7>>)</sub>
    ");
    assert_snapshot!(world.asks("vera", 2, "/step show 1").await, @r"
    eyes rocket
    #2 **Step 1: Do parser** (approved by ann; QA: failed; CI: –)

    ```
    It is a fail.
    ```

    <details><summary>Step file</summary>

    ```markdown
    # Do parser
    ```

    </details>
    ");
    world.finish().await;
}

#[actix_web::test]
async fn qa_judges_again() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("bob", 2, "/step qa").await, @r"
    eyes confused
    #2 @bob: no step was executed yet, so there is nothing to judge; `/step run` does the next one.
    ");
    world.asks("bob", 2, "/protocol run").await;
    world.engine.next(Phase::Quality, Reply::Text(verdict("pass", &[])));
    let before = world.engine.calls().len();
    assert_snapshot!(world.asks("bob", 2, "/step qa 2").await, @r#"
    eyes rocket
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    "#);
    assert_eq!(world.engine.calls().len(), before + 1);
    assert_snapshot!(world.asks("bob", 2, "/step qa 0").await, @r#"
    eyes rocket
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    "#);
    world.finish().await;
}

#[actix_web::test]
async fn the_bot_helps() {
    let mut world = World::new().await;
    assert_snapshot!(world.asks("vera", 1, "/bot help").await, @r"
    eyes rocket
    #1 **/protocol**

    | command | needs | does |
    |---|---|---|
    | `/protocol new [--base BRANCH] [--engine ENGINE] [--model MODEL] [--pack PACK] [--template TEMPLATE] [slug or text]` | write | Plan a protocol from the issue and the text given; a single word on the line is its slug |
    | `/protocol run [--to N]` | write | Approve the plan shown and execute it step by step |
    | `/protocol status` | read | Say where the protocol stands and what to do next |
    | `/protocol replan [text]` | write | Make a new revision of the plan; completed steps stay |
    | `/protocol pause [--now]` | write | Start nothing more after the running engine call |
    | `/protocol resume` | write | Go on after a pause or a fault |
    | `/protocol cancel [--close]` | write | Stop for good, within seconds; branch and pull request stay |
    | `/protocol pr` | write | Open or push the pull request again after that failed |
    | `/protocol merge` | write | Merge the judged commit when all is green and you may merge |

    **/step**

    | command | needs | does |
    |---|---|---|
    | `/step run [N\|next\|all] [--anyway]` | write | Execute one step, the next one unless told otherwise, or all |
    | `/step qa [N]` | write | Judge a step again |
    | `/step retry [N]` | write | Execute a failed or blocked step again on the present head |
    | `/step show <N>` | read | Show a step: its task, attempts and verdict |
    | `/step skip <N> <why>` | maintain | Leave a step out, in your name |
    | `/step approve <N> <why>` | maintain | Accept a step whatever its verdict, in your name |

    **/bot**

    | command | needs | does |
    |---|---|---|
    | `/bot help [command]` | read | List the commands, or explain one |
    | `/bot why <command>` | read | Explain what permits or blocks a command |
    | `/bot ping` | read | Say that the bot is listening |

    `/bot help <command>` explains one.

    Understood, but not done yet: `/protocol log`, `/protocol show`, `/protocol diff`, `/protocol review`, `/protocol allow`, `/protocol import`, `/step steer`, `/clarify`, `/clarify <key>`, `/policy`, `/policy use`, `/policy check`, `/budget`, `/budget set`, `/engine`, `/engine use`, `/project setup`, `/project discover`, `/project status`, `/branch list`, `/branch delete`.
    ");
    assert_snapshot!(world.asks("vera", 1, &format!("@{} ping", world.slug())).await, @r"
    eyes confused
    #1 @vera: there is no `ping`; did you mean `/bot ping`?
    ");
    assert_snapshot!(world.asks("vera", 1, &format!("@{} bot ping", world.slug())).await, @r"
    eyes rocket
    #1 @vera: pong. TasksGodzilla 0.1.0 is here; your comment took 0 s to reach it.
    ");
    assert_snapshot!(world.asks("vera", 1, "/bot help dance").await.lines().nth(1).unwrap(), @"#1 There is no command `dance`.");
    assert_snapshot!(world.asks("bob", 1, "/bot why /protocol run").await, @r"
    eyes rocket
    #1 @bob: there is no protocol here yet; comment `/protocol new` and say what is to be done.
    ");
    assert_snapshot!(world.asks("bob", 1, "/bot why /protocol new").await, @r"
    eyes rocket
    #1 @bob: nothing was changed; it would go like this:

    - `split-the-importer` is planned on `main` from the text here
    ");
    assert_snapshot!(world.asks("bob", 1, "/bot why /protocol dance").await, @r"
    eyes rocket
    #1 @bob: `/protocol` has no `dance`; did you mean `/protocol cancel`?
    ");
    world.finish().await;
}

#[actix_web::test]
async fn several_commands_stand_in_one_comment() {
    let mut world = World::new().await;
    let both = "Please:\n\n/protocol new Add a parser\nand a printer\n/bot ping\nThank you";
    assert_snapshot!(world.asks("bob", 1, both).await, @r"
    eyes rocket
    #1 @bob: pong. TasksGodzilla 0.1.0 is here; your comment took 0 s to reach it.
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    assert!(world.engine.calls()[0].prompt.contains("and a printer"));
    world.finish().await;
}

#[actix_web::test]
async fn what_is_quoted_or_code_or_not_ours_is_silent() {
    let mut world = World::new().await;
    for words in [
        "> /bot ping",
        "```\n/bot ping\n```",
        "    /bot ping",
        "`/bot ping`",
        "- /bot ping",
        "<!-- /bot ping -->",
        "<details>\n\n/bot ping\n\n</details>",
        "Try /bot ping",
        "/help",
        "/lgtm",
    ] {
        assert_eq!(world.asks("bob", 1, words).await, "", "{words}");
    }
    world.finish().await;
}

#[actix_web::test]
async fn mistakes_are_answered_with_a_suggestion() {
    let mut world = World::new().await;
    assert_snapshot!(world.asks("bob", 1, "/protocol statsu").await, @r"
    eyes confused
    #1 @bob: `/protocol` has no `statsu`; did you mean `/protocol status`?
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol new --bsae main").await, @r"
    eyes confused
    #1 @bob: `/protocol new` has no option `--bsae`; did you mean `--base`? (usage: `/protocol new [--base BRANCH] [--engine ENGINE] [--model MODEL] [--pack PACK] [--template TEMPLATE] [--dry-run] [slug or text]`)
    ");
    assert_snapshot!(world.asks("bob", 1, "/step run two").await, @r"
    eyes confused
    #1 @bob: `N|next|all` has to be a step number such as `2`, `next` or `all`, not `two` (usage: `/step run [N|next|all] [--anyway] [--dry-run]`)
    ");
    assert_snapshot!(world.asks("bob", 1, "/step skip 2").await, @r"
    eyes confused
    #1 @bob: `/step skip` needs `<why>` (usage: `/step skip <N> [--dry-run] <why>`)
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol new --base nowhere").await, @r"
    eyes confused
    #1 @bob: there is no branch `nowhere` in this repository.
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol new --engine abacus").await, @r"
    eyes confused
    #1 @bob: there is no engine `abacus`; there are: codex, demo.
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol run").await, @r"
    eyes confused
    #1 @bob: there is no protocol here yet; comment `/protocol new` and say what is to be done.
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol status").await, @r"
    eyes confused
    #1 @bob: there is no protocol here yet; comment `/protocol new` and say what is to be done.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn what_comes_later_says_so() {
    let mut world = World::planned().await;
    let later: Vec<_> = registry::commands().filter(|spec| spec.status == Status::Later).collect();
    assert!(!later.is_empty());
    for spec in later {
        let answer = world.asks("ann", 2, spec.example).await;
        assert!(answer.contains("is not there yet; `/bot help` lists what is"), "{}: {answer}", spec.example);
        assert!(answer.starts_with("eyes confused"), "{answer}");
    }
    world.finish().await;
}

#[actix_web::test]
async fn a_dry_run_changes_nothing() {
    let mut world = World::new().await;
    assert_snapshot!(world.asks("bob", 1, "/protocol new --dry-run").await, @r"
    eyes rocket
    #1 @bob: nothing was changed; it would go like this:

    - `split-the-importer` is planned on `main` from the text here
    ");
    world.asks("bob", 1, "/protocol new").await;
    assert_snapshot!(world.asks("bob", 2, "/protocol run --dry-run").await, @r"
    eyes rocket
    #2 @bob: nothing was changed; it would go like this:

    - bob approved the plan and runs it
    - then step 0 is executed
    ");
    assert_snapshot!(world.asks("ann", 2, "/step skip 1 --dry-run Not needed").await, @r"
    eyes rocket
    #2 @ann: nothing was changed; it would go like this:

    - step 1 was skipped by ann: Not needed
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol cancel --dry-run").await, @r"
    eyes rocket
    #2 @bob: nothing was changed; it would go like this:

    - cancelled by command
    - then the working copy is removed
    ");
    assert_eq!(world.engine.calls().len(), 1);
    assert_snapshot!(world.headline(2), @"✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.");
    world.finish().await;
}

#[actix_web::test]
async fn of_several_protocols_one_is_named() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("bob", 1, "/protocol new other").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run #0001` does all of it and `/step run #0001 next` one step; `/protocol replan #0001 <what to change>` makes another plan.
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run #0002` does all of it and `/step run #0002 next` one step; `/protocol replan #0002 <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run #0001` does all of it and `/step run #0001 next` one step; `/protocol replan #0001 <what to change>` makes another plan.
    #3 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run #0002` does all of it and `/step run #0002 next` one step; `/protocol replan #0002 <what to change>` makes another plan.
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol run").await, @r"
    eyes confused
    #1 @bob: several protocols are open here, name one: `#0001`, `#0002`
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol run #0002 --to 0").await, @r"
    eyes rocket
    #1 ✋ **Resting: 1 of 3 steps are done.** `/protocol run #0002` does the rest, `/step run #0002 next` one step.
    #3 ✋ **Resting: 1 of 3 steps are done.** `/protocol run #0002` does the rest, `/step run #0002 next` one step.
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol run #0009").await, @r"
    eyes confused
    #1 @bob: there is no protocol \#0009 in this thread.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol pause").await, @r"
    eyes rocket
    #1 ✋ **Paused.** `/protocol resume #0001` goes on.
    #2 ✋ **Paused.** `/protocol resume #0001` goes on.
    ");
    assert_snapshot!(world.asks("vera", 1, "/protocol status").await, @r"
    eyes rocket
    #1 ✋ **0001: Paused.** `/protocol resume #0001` goes on.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 Prepare | ▫️ to do | not needed | – | – | – |
    | 01 Do parser | ▫️ to do | – | – | – | – |
    | 02 Do writer | ▫️ to do | – | – | – | – |

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>) · [run 1](<</runs/1>>)</sub>

    ---

    ✋ **0002: Resting: 1 of 3 steps are done.** `/protocol run #0002` does the rest, `/step run #0002 next` one step.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/3>>) | ✅ done | skipped | – | – | 120 |
    | 01 Do parser | ▫️ to do | – | – | – | – |
    | 02 Do writer | ▫️ to do | – | – | – | – |

    <sub>Protocol 0002 · branch `0002-other` · asked for by bob · [timeline and logs](<</protocols/2>>) · [run 3](<</runs/3>>)</sub>
    ");
    world.finish().await;
}

#[actix_web::test]
async fn numbers_stay_clear_of_what_the_repository_knows() {
    let mut world = World::new().await;
    world.twin.push_as("ann", REPO, "0004-old", &[("x", Some("1"))]).unwrap();
    world.asks("bob", 1, "/protocol new by-branch").await;
    world.twin.push_as("ann", REPO, "main", &[(".protocols/0011-older/plan.md", Some("# Old\n"))]).unwrap();
    world.asks("bob", 1, "/protocol new by-folder").await;
    world.asks("bob", 1, "/protocol new by-store").await;
    let branches = world.twin.branches(REPO).unwrap();
    assert_eq!(branches, ["0004-old", "0005-by-branch", "0012-by-folder", "0013-by-store", "main"]);
    world.finish().await;
}
