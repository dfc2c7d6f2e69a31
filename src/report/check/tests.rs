use super::*;
use crate::domain::ci::CiLog;
use crate::domain::ids::Moment;
use crate::domain::protocol::{CancelKind, End, ReasonKey};
use crate::domain::verdict::Verdict;
use crate::report::sample::{all_done, blocked, finish, planned, planning, reason, running};

fn shown(check: &CheckText) -> String {
    let buttons: Vec<&str> = check.buttons.iter().map(|button| button.identifier.as_str()).collect();
    format!(
        "{} = {}\n{}\n{}\n{}\n{}",
        check.name,
        check.colour.as_str(),
        check.title,
        check.summary,
        check.text.as_deref().unwrap_or("(no text)"),
        buttons.join(" ")
    )
    .replace('\u{200b}', "¦")
}

fn judgement() -> Judgement {
    let finding = |path: Option<&str>, severity, text: &str| Finding {
        path: path.map(str::to_owned),
        severity,
        text: text.to_owned(),
    };
    Judgement {
        verdict: Verdict::Fail,
        summary: "Two tests fail; @bob knows why.".to_owned(),
        findings: vec![
            finding(None, Severity::Note, "closes #3"),
            finding(Some("src/a`b.rs"), Severity::Blocking, "`parse` panics on\nempty input"),
        ],
        amended: None,
    }
}

#[test]
fn the_protocol_check_says_what_the_comment_says() {
    insta::assert_snapshot!(shown(&protocol(&blocked())), @r"
    TasksGodzilla / protocol = failure
    Blocked: QA of step 2 failed
    2 of 4 steps done. `/step retry 2` does the step again.

    - **QA of step 2 failed**: 2 tests fail, \@¦bob please look; closes \#¦3.
    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 setup](<https://bot.example/r/0>) | ✅ done | not needed | passed | 3 m 12 s | 12.3 k |
    | [01 parser](<https://bot.example/r/1>) | ✅ done | passed | passed | 3 m 12 s | 12.3 k |
    | 02 writer | ❌ failed | failed | passed | 3 m 12 s | 12.3 k |
    | 03 docs | ▫️ to do | – | – | – | – |
    retry-2 replan
    ");
}

#[test]
fn a_step_whose_ci_failed_shows_what_failed_before_what_the_agent_said() {
    let mut view = blocked();
    view.steps[1].summary = "Done: the parser.".to_owned();
    view.ci_logs.insert(1, vec![CiLog { name: "build".to_owned(), text: "expected 4, got 5".to_owned() }]);
    let said = "build printed last:\n\n```\nexpected 4, got 5\n```\n\n```\nDone: the parser.\n```";
    assert_eq!(step(&view, &view.steps[1]).text.unwrap(), said);
    assert!(!step(&view, &view.steps[2]).text.unwrap_or_default().contains("expected 4"));
}

#[test]
fn buttons_are_the_likely_next_acts() {
    let identifiers = |view: &ProtocolView| {
        protocol(view).buttons.into_iter().map(|button| button.identifier).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(identifiers(&planning()), "");
    assert_eq!(identifiers(&planned()), "run-all run-next replan");
    assert_eq!(identifiers(&running(1)), "");
    assert_eq!(identifiers(&all_done()), "merge");
    assert_eq!(identifiers(&blocked()), "retry-2 replan");
    let mut many = blocked();
    for number in 3..9 {
        many.protocol.state.reasons.push(reason(ReasonKey::StepFailed, Some(number), ""));
    }
    assert_eq!(identifiers(&many), "retry-2 retry-3 retry-4");
    many.protocol.state.end = Some(End::Cancelled(CancelKind::Command));
    assert_eq!(identifiers(&many), "");
}

#[test]
fn the_plans_check_lists_the_steps() {
    insta::assert_snapshot!(shown(&plan(&planned())), @r"
    TasksGodzilla / plan = success
    4 steps, plan 1
    - 00 setup
    - 01 parser
    - 02 writer
    - 03 docs
    ```markdown
    # Split the importer

    - [parser](01-parser.md)
    ```
    replan
    ");
    assert_eq!(plan(&planning()).colour, Colour::Running);
}

#[test]
fn a_steps_check_says_what_it_took_and_what_was_done() {
    let view = running(2);
    insta::assert_snapshot!(shown(&step(&view, &view.steps[1])), @r"
    TasksGodzilla / 01 parser = success
    Done, 3 m 12 s, 12.3 k tokens
    parser

    QA: passed.
    ```
    Done: the parser.
    Checks: cargo test, 12 passed.
    ```
    ");
    let mut failed = running(2);
    finish(&mut failed.steps[2], StepStatus::Failed, Verdict::Fail);
    failed.steps[2].judged = None;
    assert_eq!(step(&failed, &failed.steps[2]).buttons, [button::RETRY.for_step(2)]);
}

#[test]
fn the_quality_check_lists_findings_heaviest_first() {
    let view = blocked();
    insta::assert_snapshot!(shown(&quality(&view, &view.steps[2], Some(&judgement())).unwrap()), @r"
    TasksGodzilla / 02 writer QA = failure
    Failed, 1 blocking, 1 note
    QA of commit 0123456: failed.

    Two tests fail; \@¦bob knows why.
    - **Blocks:** ``src/a`b.rs``: \`parse\` panics on empty input
    - **Note:** closes \#¦3
    qa-2 retry-2
    ");
    assert_eq!(quality(&view, &view.steps[3], None), None);
}

#[test]
fn an_amended_verdict_says_so() {
    let view = running(2);
    let amended = Judgement {
        verdict: Verdict::Pass,
        amended: Some(
            "every blocking finding lies under `.protocols/`, so the fail counts as a pass".to_owned(),
        ),
        ..judgement()
    };
    let check = quality(&view, &view.steps[1], Some(&amended)).unwrap();
    assert!(check.summary.contains("Every blocking finding lies under `.protocols/`"), "{}", check.summary);
}

#[test]
fn whatever_is_in_it_a_check_fits() {
    let mut view = blocked();
    view.protocol.plan = "é".repeat(100_000);
    view.steps[2].summary = "```é\n".repeat(50_000);
    view.steps[2].spec.name = "é|".repeat(5_000);
    view.steps[2].judged.as_mut().unwrap().outdated = true;
    view.protocol.changed_at = Moment(0);
    let huge = Judgement {
        summary: "@é".repeat(50_000),
        findings: vec![
            Finding {
                path: Some("é".repeat(9_000)),
                severity: Severity::Note,
                text: "`é".repeat(9_000)
            };
            100
        ],
        ..judgement()
    };
    let step_check = step(&view, &view.steps[2]);
    let qa_check = quality(&view, &view.steps[2], Some(&huge)).unwrap();
    for check in [protocol(&view), plan(&view), step_check, qa_check] {
        assert!(check.title.chars().count() <= 255);
        assert!(
            check.summary.len() <= FORGE_BYTES
                && check.text.as_ref().is_none_or(|text| text.len() <= FORGE_BYTES)
        );
        assert!(check.buttons.len() <= 3);
    }
}

#[test]
fn a_rerun_of_any_check_is_a_command() {
    let meant = |name| rerun_command(name).unwrap_or_default();
    assert_eq!(meant("TasksGodzilla / protocol"), "/protocol run");
    assert_eq!(meant("TasksGodzilla / plan"), "/protocol replan");
    assert_eq!(meant("TasksGodzilla / 02 writer"), "/step retry 2");
    assert_eq!(meant("TasksGodzilla / 02 writer QA"), "/step qa 2");
    assert_eq!(meant("build"), "");
    assert_eq!(meant("TasksGodzilla / xx writer"), "");
}
