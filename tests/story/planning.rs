//! From a request to a plan on a branch, and what becomes of requests, engines and answers that are not as they should be.

use super::host;
use super::scripted::{Reply, plan};
use super::world::{REPO, World};
use insta::assert_snapshot;
use std::time::Duration;
use tasksgodzilla::domain::retry::Retry;
use tasksgodzilla::engine::{EngineError, Phase};

const BRANCH: &str = "0001-split-the-importer";

/// A plan with one step file of this name.
fn plan_with_file(name: &str) -> String {
    plan(&["parser"]).replace("01-parser.md", name)
}

#[actix_web::test]
async fn a_plan_is_a_branch_a_draft_and_checks() {
    let world = World::planned().await;
    let pull = world.twin.pull(REPO, 2).unwrap();
    assert!(pull.draft && pull.open);
    assert_eq!((pull.head.as_str(), pull.base.as_str()), (BRANCH, "main"));
    assert_snapshot!(host::title(world.twin.host(), &pull), @"Split the importer (protocol 0001)");
    assert_snapshot!(world.clean(&pull.body), @r#"
    Closes #1.

    This is protocol 0001. The comment below shows how far it is and what it waits for; `.protocols/0001-split-the-importer/plan.md` says what is done and why.

    <details><summary>What was asked for</summary>

    ```
    Split the importer

    It does too much.
    ```

    </details>

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    "#);
    let address = host::nobodys_address(world.twin.host(), 1003, "bob");
    let commits = world.twin.commits(REPO, "main", BRANCH).unwrap().join("\n");
    assert_snapshot!(commits.replace(&address, "<nobody>"), @r"
    feat(protocol): add plan for 0001-split-the-importer [protocol-0001/00]

    Co-authored-by: bob <<nobody>>
    ");
    let log = world.twin.file(REPO, BRANCH, &format!(".protocols/{BRANCH}/log.md")).unwrap().unwrap();
    assert_snapshot!(super::world::clean(&String::from_utf8(log).unwrap()), @r"
    # Log
    - 2027-01-15 08:00:00 UTC - planned on `main` at <sha>
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_malformed_plan_is_mended_once() {
    let mut world = World::new().await;
    world.engine.next(Phase::Plan, Reply::Text("Here is my plan: do it.".to_owned()));
    assert_snapshot!(world.asks("bob", 1, "/protocol new").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    let phases: Vec<Phase> = world.engine.calls().iter().map(|call| call.phase).collect();
    assert_eq!(phases[..2], [Phase::Plan, Phase::Repair]);
    assert!(world.engine.calls()[1].prompt.contains("Here is my plan: do it."));
    world.finish().await;
}

#[actix_web::test]
async fn a_plan_that_stays_malformed_blocks_with_its_faults() {
    let mut world = World::new().await;
    world.engine.next(Phase::Plan, Reply::Text("no".to_owned()));
    world.engine.next(Phase::Repair, Reply::Text(r#"{"plan_md": "", "step_files": 7}"#.to_owned()));
    world.asks("bob", 1, "/protocol new").await;
    assert_snapshot!(world.reads(1).join("\n"), @r#"
    ✋ **Blocked: the plan could not be taken.** `/protocol replan` plans again.

    - **The plan could not be taken**: the engine's plan was not taken: the answer: "context\_md" is a required property; the answer: "log\_md" is a required property; step\_files: this is not of type "array".

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    "#);
    assert_snapshot!(world.asks("bob", 1, "/protocol run").await, @r"
    eyes confused
    #1 @bob: this protocol is blocked.

    - The plan could not be taken; clear it with `/protocol replan`
    ");
    assert_snapshot!(world.asks("bob", 1, "/protocol replan Keep it short").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    assert!(world.engine.calls().iter().any(|call| call.prompt.contains("Keep it short")));
    world.finish().await;
}

#[actix_web::test]
async fn hostile_file_names_of_a_plan_are_refused() {
    for name in
        ["../../evil.md", "01-../x.md", ".git/hooks/x.md", "01-parser.sh", "01-\u{202e}x.md", "/etc/01-x.md"]
    {
        let mut world = World::new().await;
        world.engine.next(Phase::Plan, Reply::Text(plan_with_file(name)));
        world.engine.next(Phase::Repair, Reply::Text(plan_with_file(name)));
        world.asks("bob", 1, "/protocol new").await;
        assert!(world.headline(1).starts_with("✋ **Blocked: the plan could not be taken"), "{name}");
        assert_eq!(world.twin.branches(REPO).unwrap(), ["main"]);
        world.finish().await;
    }
}

#[actix_web::test]
async fn a_missing_engine_blocks_until_somebody_resumes() {
    let mut world = World::new().await;
    let missing = EngineError::NotInstalled { todo: "install `codex` (npm i -g @openai/codex)".to_owned() };
    world.engine.next(Phase::Plan, Reply::Fail(missing));
    world.asks("bob", 1, "/protocol new").await;
    assert_snapshot!(world.reads(1).join("\n"), @r#"
    ✋ **Blocked: the engine is not there.** `/protocol resume` goes on once it is there.

    - **The engine is not there**: the engine cannot be started: install `codex` (npm i -g \@openai/codex).

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    "#);
    let auth = EngineError::AuthMissing { setting: "OPENAI_API_KEY".to_owned() };
    world.engine.next(Phase::Plan, Reply::Fail(auth));
    world.asks("bob", 1, "/protocol resume").await;
    assert_snapshot!(world.reads(1).join("\n"), @r#"
    ✋ **Blocked: the engine is not there.** `/protocol resume` goes on once it is there.

    - **The engine is not there**: the model service refuses us: set or renew OPENAI\_API\_KEY.

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    "#);
    assert_snapshot!(world.asks("bob", 1, "/protocol resume").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_rate_limit_waits_as_told_and_costs_no_attempt() {
    let mut world = World::new().await;
    for _ in 0..5 {
        let limited = EngineError::RateLimited { retry_after: Some(Duration::from_secs(600)) };
        world.engine.next(Phase::Plan, Reply::Fail(limited));
    }
    assert_snapshot!(world.asks("bob", 1, "/protocol new").await, @r"
    eyes rocket
    #1 ⏳ **Waiting until 2027-01-15 08:10:00 UTC: the model service is limiting our calls.** It goes on by itself then.
    ");
    for _ in 0..4 {
        world.passes(Duration::from_secs(600)).await;
    }
    assert_snapshot!(world.news(), @"#1 ⏳ **Waiting until 2027-01-15 08:50:04 UTC: the model service is limiting our calls.** It goes on by itself then.");
    world.passes(Duration::from_secs(600)).await;
    assert_snapshot!(world.news(), @r"
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_silent_model_is_asked_three_times() {
    let mut world = World::new().await;
    for _ in 0..3 {
        let silent = EngineError::ModelUnavailable { why: "HTTP 503".to_owned(), retry: Retry::Soon };
        world.engine.next(Phase::Plan, Reply::Fail(silent));
    }
    world.comments("bob", 1, "/protocol new");
    world.settle().await;
    world.news();
    world.passes(Duration::from_secs(60)).await;
    world.passes(Duration::from_secs(60)).await;
    assert_eq!(world.engine.calls().len(), 3);
    assert_snapshot!(world.reads(1).join("\n"), @r#"
    ✋ **Blocked: no plan was made.** `/protocol replan` plans again.

    - **No plan was made**: planning failed: the model service does not answer: HTTP 503.

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    "#);
    assert_snapshot!(world.forgives_dead_jobs().await.join("\n"), @"plan_protocol: the model service does not answer: HTTP 503");
    world.finish().await;
}

#[actix_web::test]
async fn a_step_that_is_not_simple_is_taken_apart() {
    let mut world = World::with(|raw| raw.with("SKIP_SIMPLE_DECOMPOSE", "true")).await;
    let hard = "- read\\n".repeat(60);
    let answer = plan(&["parser", "writer"]).replace("# Do parser\\n", &format!("# Do parser\\n\\n{hard}"));
    world.engine.next(Phase::Plan, Reply::Text(answer));
    world.engine.next(Phase::Decompose, Reply::Text("# Do parser\n\n1. first\n2. second\n".to_owned()));
    assert_snapshot!(world.asks("bob", 1, "/protocol new").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    let taken: Vec<String> = world.engine.calls().iter().map(|call| call.step.clone()).collect();
    assert_eq!(taken, ["", "01-parser.md"]);
    let file = world.twin.file(REPO, BRANCH, &format!(".protocols/{BRANCH}/01-parser.md")).unwrap().unwrap();
    assert_snapshot!(String::from_utf8(file).unwrap(), @r"
    # Do parser

    1. first
    2. second
    ");
    world.finish().await;
}

#[actix_web::test]
async fn closing_the_issue_stops_the_planning() {
    let mut world = World::new().await;
    world.engine.next(Phase::Plan, Reply::UntilStopped);
    world.comments("bob", 1, "/protocol new");
    world.hears().await;
    let work = world.drain_beside();
    world.engine.working.notified().await;
    world.twin.close_issue("ann", REPO, 1).unwrap();
    world.hears().await;
    let beside = world.drain_beside();
    work.await.unwrap();
    beside.await.unwrap();
    world.settle().await;
    assert_snapshot!(world.news(), @"#1 🚫 **Cancelled: its issue was closed.** `/protocol new` starts another.");
    assert_eq!(world.twin.branches(REPO).unwrap(), ["main"]);
    world.finish().await;
}

#[actix_web::test]
async fn a_base_that_is_gone_blocks() {
    let mut world = World::new().await;
    world.twin.push_as("ann", REPO, "next", &[("x", Some("1"))]).unwrap();
    world.settle().await;
    world.comments("bob", 1, "/protocol new --base next");
    let hook = world.twin.deliver_next(&world.client).await.unwrap();
    assert_eq!(hook.status, 202);
    world.engine.next(Phase::Plan, Reply::Fail(EngineError::NotInstalled { todo: "x".to_owned() }));
    world.settle().await;
    world.twin.delete_branch("ann", REPO, "next").unwrap();
    world.asks("bob", 1, "/protocol resume").await;
    assert_snapshot!(world.reads(1).join("\n"), @r#"
    ✋ **Blocked: the base branch is gone.** `/protocol resume` goes on once it is back.

    - **The base branch is gone**: the base branch `next` is gone; restore it, or change the base.

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    "#);
    world.twin.push_as("ann", REPO, "next", &[("x", Some("1"))]).unwrap();
    assert_snapshot!(world.asks("bob", 1, "/protocol resume").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn words_of_people_are_shown_harmlessly() {
    let mut world = World::new().await;
    let words = "/protocol new <img src=x onerror=alert(1)> @ann fixes #1\n\n```\n/protocol cancel\n</details> ]( `\n~~~";
    assert_snapshot!(world.asks("bob", 1, words).await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    let pull = world.twin.pull(REPO, 2).unwrap();
    assert_snapshot!(format!("{}\n{}", host::title(world.twin.host(), &pull), world.clean(&pull.body)), @r#"
    Img src x onerror alert 1 ann fixes 1 (protocol 0001)
    Closes #1.

    This is protocol 0001. The comment below shows how far it is and what it waits for; `.protocols/0001-img-src-x-onerror-alert-1-ann-fixes-1/plan.md` says what is done and why.

    <details><summary>What was asked for</summary>

    ````
    <img src=x onerror=alert(1)> @ann fixes #1

    ```
    /protocol cancel
    </details> ]( `
    ~~~

    Split the importer

    It does too much.
    ````

    </details>

    <sub>Protocol 0001 · branch `0001-img-src-x-onerror-alert-1-ann-fixes-1` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    "#);
    let posted = world.reads(1).join("\n") + &world.reads(2).join("\n");
    assert!(!posted.contains("<img"), "{posted}");
    world.finish().await;
}

#[actix_web::test]
async fn a_branch_of_somebody_else_under_the_same_name_is_left_alone() {
    let mut world = World::new().await;
    let busy = EngineError::ModelUnavailable {
        why: "busy".to_owned(),
        retry: Retry::After(Duration::from_secs(30)),
    };
    world.engine.next(Phase::Plan, Reply::Fail(busy));
    world.asks("bob", 1, "/protocol new").await;
    let plan = format!(".protocols/{BRANCH}/plan.md");
    let theirs = world.twin.push_as("ann", REPO, BRANCH, &[(&plan, Some("# Mine\n"))]).unwrap();
    world.passes(Duration::from_secs(30)).await;
    assert_snapshot!(world.reads(1).join("\n"), @r"
    ✋ **Blocked: the branch belongs to somebody else.** `/protocol resume` goes on once the name is free.

    - **The branch belongs to somebody else**: somebody else has a branch `0001-split-the-importer` (at <sha>); rename or delete it.

    <sub>Protocol 0001 · branch `0001-split-the-importer` · asked for by bob · [timeline and logs](<</protocols/1>>)</sub>
    ");
    assert_eq!(world.twin.branch_head(REPO, BRANCH).unwrap(), Some(theirs));

    world.twin.delete_branch("ann", REPO, BRANCH).unwrap();
    assert_snapshot!(world.asks("bob", 1, "/protocol resume").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    world.finish().await;
}
