use super::*;
use crate::domain::ci::{CiLog, CiStatus};
use crate::domain::ids::ProtocolNumber;
use crate::domain::names::Names;
use crate::domain::project::PullState;
use crate::domain::protocol::{CancelKind, End, Pause};
use crate::domain::step::{StepEnd, StepStatus};
use crate::domain::verdict::Verdict;
use crate::report::sample::{NOON, all_done, blocked, finish, planned, planning, reason, running};
use crate::report::view::Delay;

/// A comment without its marker; what breaks mentions is shown as `¦`.
fn text(comment: &Comment) -> String {
    let body = comment.body.strip_suffix(&comment.marker).unwrap();
    body.trim_end().replace('\u{200b}', "¦")
}

/// The first line of the sticky comment: what is going on and what to do next.
fn first_line(view: &ProtocolView) -> String {
    text(&sticky(view)).lines().next().unwrap().to_owned()
}

#[test]
fn the_marker_does_not_change_with_the_state() {
    assert_eq!(sticky(&planned()).marker, "<!-- tasksgodzilla:protocol=12:sticky -->");
    assert_eq!(sticky(&planned()).marker, sticky(&blocked()).marker);
    assert_ne!(sticky(&planned()).marker, on_issue(&planned()).marker);
    assert_eq!(answer_marker("answer:4 --><b>"), "<!-- tasksgodzilla:answer=answer:4b -->");
}

#[test]
fn a_planned_protocol_shows_its_plan_and_asks_to_be_run() {
    insta::assert_snapshot!(text(&sticky(&planned())), @r"
    ✋ **Planned: 4 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 setup | ▫️ to do | not needed | – | – | – |
    | 01 parser | ▫️ to do | – | – | – | – |
    | 02 writer | ▫️ to do | – | – | – | – |
    | 03 docs | ▫️ to do | – | – | – | – |

    <details><summary>Plan 1</summary>

    ```markdown
    # Split the importer

    - [parser](01-parser.md)
    ```

    </details>

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
}

#[test]
fn a_running_protocol_says_which_step() {
    let mut view = running(2);
    view.steps[2].status = StepStatus::Running;
    view.steps[2].attempts = 2;
    view.protocol.plan.clear();
    insta::assert_snapshot!(text(&sticky(&view)), @r"
    ⏳ **Running step 2 of 3: writer.** Nothing for you to do; `/protocol pause` stops after this.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 setup](<https://bot.example/r/0>) | ✅ done | not needed | passed | 3 m 12 s | 12.3 k |
    | [01 parser](<https://bot.example/r/1>) | ✅ done | passed | passed | 3 m 12 s | 12.3 k |
    | 02 writer | ⏳ running, attempt 2 | – | – | – | – |
    | 03 docs | ▫️ to do | – | – | – | – |

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
}

#[test]
fn a_failed_judgement_says_how_to_clear_it() {
    let mut view = blocked();
    view.protocol.base_moved = true;
    view.protocol.plan.clear();
    insta::assert_snapshot!(text(&sticky(&view)), @r"
    ❌ **Blocked: QA of step 2 failed.** `/step retry 2` does the step again.

    **What it waits for**

    - **QA of step 2 failed**: 2 tests fail, \@¦bob please look; closes \#¦3.

    Or instead: `/step approve 2 <why>` takes the responsibility, `/step skip 2 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    - `main` has moved on since the plan was made.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 setup](<https://bot.example/r/0>) | ✅ done | not needed | passed | 3 m 12 s | 12.3 k |
    | [01 parser](<https://bot.example/r/1>) | ✅ done | passed | passed | 3 m 12 s | 12.3 k |
    | 02 writer | ❌ failed | failed | passed | 3 m 12 s | 12.3 k |
    | 03 docs | ▫️ to do | – | – | – | – |

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
}

fn log(name: &str, text: &str) -> CiLog {
    CiLog { name: name.to_owned(), text: text.to_owned() }
}

#[test]
fn several_reasons_are_each_listed_with_their_command() {
    let mut view = blocked();
    view.protocol.plan.clear();
    view.protocol.adopted_from = Some("mallory".to_owned());
    view.protocol.state.reasons.push(reason(ReasonKey::CiFailed, Some(1), ""));
    view.protocol.state.reasons.push(reason(ReasonKey::HeadRewritten, None, "rewritten by @mallory"));
    view.steps[1].ci = CiStatus::Failed;
    view.ci_logs.insert(1, vec![log("build | @x", "make: *** [test] Error 2\n```\n</details> closes #3")]);
    insta::assert_snapshot!(text(&sticky(&view)), @r"
    ❌ **Blocked by 3 things.** Clear each of them as the list says; the work then goes on by itself.

    **What it waits for**

    - **QA of step 2 failed**: 2 tests fail, \@¦bob please look; closes \#¦3. `/step retry 2` does the step again.
    - **CI of step 1 failed**. `/step retry 1` does the step again.
    - **Somebody rewrote the branch**: rewritten by \@¦mallory. `/protocol resume` goes on from what is there now.

    Or instead: `/step approve 2 <why>` takes the responsibility, `/step skip 2 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    <details><summary>What failed</summary>

    build &#124; \@¦x printed last:

    ````
    make: *** [test] Error 2
    ```
    </details> closes #3
    ````

    </details>

    - mallory pushed to the branch; the work goes on from there.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 setup](<https://bot.example/r/0>) | ✅ done | not needed | passed | 3 m 12 s | 12.3 k |
    | [01 parser](<https://bot.example/r/1>) | ✅ done | passed | failed | 3 m 12 s | 12.3 k |
    | 02 writer | ❌ failed | failed | passed | 3 m 12 s | 12.3 k |
    | 03 docs | ▫️ to do | – | – | – | – |

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
}

#[test]
fn a_step_keeps_its_name_on_every_forge() {
    let mut view = running(2);
    for step in &mut view.steps {
        step.spec.name = "List each pull request".to_owned();
    }
    let told =
        crate::report::tongue::spoken(Names { pull: "merge request", ..Names::WRITTEN }, &sticky(&view).body)
            .replace('\u{a0}', " ");
    assert!(
        told.contains("02 List each pull request") && told.contains(": List each pull request"),
        "{told}"
    );
}

#[test]
fn every_state_has_a_first_line_of_its_own() {
    let mut lines = vec![first_line(&planning())];
    let mut replanning = planning();
    replanning.protocol.plan_revision = 1;
    lines.push(first_line(&replanning));
    let mut resting = running(2);
    resting.protocol.state.work = crate::domain::protocol::Work::Planned;
    lines.push(first_line(&resting));
    lines.push(first_line(&running(1)));
    let mut judging = running(2);
    judging.steps[2].status = StepStatus::NeedsQa;
    lines.push(first_line(&judging));
    let mut waiting = running(2);
    waiting.steps[1].ci = CiStatus::Waiting;
    lines.push(first_line(&waiting));
    let mut limited = running(1);
    limited.delay = Some(Delay { until: NOON, why: "the engine's limit was met".to_owned() });
    lines.push(first_line(&limited));
    let mut paused = running(2);
    paused.protocol.state.pause = Some(Pause::AfterThis);
    lines.push(first_line(&paused));
    paused.steps[2].status = StepStatus::Running;
    lines.push(first_line(&paused));
    let mut over = blocked();
    over.protocol.state.pause = Some(Pause::Now);
    lines.push(first_line(&over));
    let mut faulted = running(1);
    faulted.protocol.state.faulted = true;
    lines.push(first_line(&faulted));
    insta::assert_snapshot!(lines.join("\n"), @r"
    ⏳ **Planning.** The plan appears here as soon as it is made.
    ⏳ **Planning again (plan 1 is being replaced).** The plan appears here as soon as it is made.
    ✋ **Resting: 2 of 4 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ⏳ **Starting step 1 of 3: parser.** Nothing for you to do; `/protocol pause` stops after this.
    ⏳ **Checking the quality of step 2 of 3: writer.** Nothing for you to do; `/protocol pause` stops after this.
    ⏳ **Waiting for CI of step 1 of 3: parser.** Nothing for you to do; `/protocol pause` stops after this.
    ⏳ **Waiting until 2026-03-01 12:00:00 UTC: the engine's limit was met.** It goes on by itself then.
    ✋ **Paused.** `/protocol resume` goes on.
    ✋ **Pausing after step 2 of 3: writer.** `/protocol resume` goes on, `/protocol pause --now` stops it at once.
    ✋ **Paused, and 1 thing below is to be cleared.** `/protocol resume` ends the pause.
    ❌ **Stopped by a fault of the bot.** `/protocol resume` tries again.
    ");
}

#[test]
fn the_end_says_how_it_ended() {
    let mut lines = vec![first_line(&all_done())];
    let mut outdated = all_done();
    outdated.steps[2].judged.as_mut().unwrap().outdated = true;
    lines.push(first_line(&outdated));
    let mut homeless = all_done();
    homeless.protocol.pull = None;
    lines.push(first_line(&homeless));
    let mut merged = all_done();
    merged.protocol.state.end = Some(End::Completed);
    merged.protocol.pull.as_mut().unwrap().state = PullState::Merged;
    lines.push(first_line(&merged));
    merged.steps[3].status = StepStatus::Cancelled;
    merged.steps[3].end = Some(StepEnd::MergedEarly);
    lines.push(first_line(&merged));
    for kind in
        [CancelKind::Command, CancelKind::PrClosed, CancelKind::IssueClosed, CancelKind::ProjectDeleted]
    {
        let mut cancelled = blocked();
        cancelled.protocol.state.end = Some(End::Cancelled(kind));
        lines.push(first_line(&cancelled));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    ✅ **All 4 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ✋ **All 4 steps are done, but it is not green.** Step 2 has no verdict that holds on this head; `/step qa 2`.
    ✅ **All 4 steps are done.** There is no pull request; `/protocol pr` opens it.
    ✅ **Merged.** Nothing for you to do.
    ✅ **Merged before 1 step was done.** `/protocol new` starts another.
    🚫 **Cancelled by command.** `/protocol new` starts another.
    🚫 **Cancelled: its pull request was closed.** Reopen it to go on; `/protocol new` starts another.
    🚫 **Cancelled: its issue was closed.** `/protocol new` starts another.
    🚫 **Cancelled: the repository was deleted.** `/protocol new` starts another.
    ");
}

#[test]
fn a_merged_protocol_asks_for_nothing() {
    let mut view = all_done();
    view.protocol.state.end = Some(End::Completed);
    view.protocol.pull.as_mut().unwrap().state = PullState::Merged;
    view.protocol.plan.clear();
    view.steps[3].status = StepStatus::Cancelled;
    view.steps[3].end = Some(StepEnd::Skipped { by: "vera".to_owned(), why: String::new() });
    insta::assert_snapshot!(text(&sticky(&view)), @r"
    ✅ **Merged.** Nothing for you to do.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 setup](<https://bot.example/r/0>) | ✅ done | not needed | passed | 3 m 12 s | 12.3 k |
    | [01 parser](<https://bot.example/r/1>) | ✅ done | passed | passed | 3 m 12 s | 12.3 k |
    | [02 writer](<https://bot.example/r/2>) | ✅ done | passed | passed | 3 m 12 s | 12.3 k |
    | [03 docs](<https://bot.example/r/3>) | 🚫 skipped by vera | passed | passed | 3 m 12 s | 12.3 k |

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
}

#[test]
fn the_issue_is_told_where_the_work_is() {
    insta::assert_snapshot!(text(&on_issue(&planned())), @r"
    ✋ **Planned: 4 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.

    The work is in #42: its steps, its plan and what it waits for are shown there.

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
    let mut invalid = planning();
    invalid.protocol.state.reasons.push(reason(
        ReasonKey::PlanInvalid,
        None,
        "the file name `../x` is not one plain name",
    ));
    insta::assert_snapshot!(text(&on_issue(&invalid)), @r"
    ✋ **Blocked: the plan could not be taken.** `/protocol replan` plans again.

    - **The plan could not be taken**: the file name `../x` is not one plain name.

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
}

#[test]
fn the_issue_is_told_once_that_the_work_goes_on() {
    let mut view = running(2);
    view.steps[2].status = StepStatus::Running;
    let first = text(&on_issue(&view));
    insta::assert_snapshot!(first, @r"
    ⏳ **Running.** Nothing for you to do; `/protocol pause` stops after this step.

    The work is in #42: its steps, its plan and what it waits for are shown there.

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
    view.steps[2].status = StepStatus::NeedsQa;
    assert_eq!(text(&on_issue(&view)), first);
    view.protocol.pull = None;
    assert_ne!(text(&on_issue(&view)), first);
}

#[test]
fn commands_name_their_protocol_where_several_are_open() {
    let mut view = blocked();
    view.also_open = vec![ProtocolNumber(3)];
    assert!(first_line(&view).contains("`/step retry #0007 2`"));
    assert!(text(&sticky(&view)).contains("`/step approve #0007 2 <why>`"));
}

#[test]
fn the_pull_request_closes_its_issue_unless_more_works_on_it() {
    let mut view = planned();
    assert_eq!(pull_title(&view), "Split importer (protocol 0007)");
    insta::assert_snapshot!(text(&pull_body(&view)), @r"
    Closes #41.

    This is protocol 0007. The comment below shows how far it is and what it waits for; `.protocols/0007-split-importer/plan.md` says what is done and why.

    <details><summary>What was asked for</summary>

    ````
    Split the importer, @¦bob.
    ```
    fixes #¦3
    ```
    ````

    </details>

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
    view.also_open = vec![ProtocolNumber(3)];
    assert!(pull_body(&view).body.starts_with("Part of #41."));
}

#[test]
fn a_hostile_name_stays_in_its_cell() {
    let mut view = running(2);
    finish(&mut view.steps[1], StepStatus::Completed, Verdict::Pass);
    view.steps[1].spec.name = "a | b | @bob closes #3 </details> <!-- x -->".to_owned();
    let body = sticky(&view).body;
    let row = body.lines().find(|line| line.contains("closes")).unwrap();
    insta::assert_snapshot!(row.replace('\u{200b}', "¦"), @r"| [01 a &#124; b &#124; \@¦bob closes \#¦3 &lt;/details&gt; &lt;\!-- x --&gt;](<https://bot.example/r/1>) | ✅ done | passed | passed | 3 m 12 s | 12.3 k |");
}

#[test]
fn whatever_is_in_it_a_comment_fits() {
    let mut view = blocked();
    view.protocol.plan = "é```\n</details>\n".repeat(20_000);
    view.protocol.request = "`".repeat(100_000);
    view.protocol.requester.login = "x".repeat(100);
    for step in &mut view.steps {
        step.spec.name = "@|é".repeat(1_000);
    }
    for number in 0..200 {
        view.protocol.state.reasons.push(reason(ReasonKey::StepFailed, Some(number), &"`@é|".repeat(2_000)));
    }
    for comment in [sticky(&view), on_issue(&view), pull_body(&view)] {
        assert!(comment.body.len() <= FORGE_BYTES, "{}", comment.body.len());
        assert!(comment.body.ends_with(&comment.marker));
    }
    assert!(sticky(&view).body.contains("Too long for here"));
}
