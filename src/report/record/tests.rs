use super::*;
use crate::domain::verdict::{Finding, Verdict};
use crate::report::sample::{NOON, sha};
use proptest::prelude::*;

fn facts(sha: &Sha) -> ContextFacts<'_> {
    ContextFacts {
        current_step: Some("02-writer"),
        status: "running",
        last_action: "step 01-parser was done\nand judged",
        next_action: "do 02-writer",
        branch: "0007-split-importer",
        head: Some(sha),
        at: NOON,
    }
}

#[test]
fn a_log_entry_is_one_line() {
    insta::assert_snapshot!(log_entry(NOON, "Step 2 was done:\n- not a second entry"), @"- 2026-03-01 12:00:00 UTC - Step 2 was done: - not a second entry");
}

#[test]
fn the_head_of_the_context_is_kept_and_the_rest_is_not_touched() {
    let once = context("# Context\n\nUse nom.\n", &facts(&sha()));
    insta::assert_snapshot!(once, @r"
    <!-- kept by the worker: begin -->
    - Current step: 02-writer
    - Status: running
    - Last action: step 01-parser was done and judged
    - Next action: do 02-writer
    - Branch: 0007-split-importer
    - Commit: 0123456789abcdef0123456789abcdef01234567
    - Written: 2026-03-01 12:00:00 UTC
    <!-- kept by the worker: end -->

    # Context

    Use nom.
    ");
    let sha = sha();
    let later = ContextFacts { status: "done", current_step: None, ..facts(&sha) };
    let twice = context(&once, &later);
    assert!(twice.ends_with("\n\n# Context\n\nUse nom.\n"));
    assert_eq!(twice.matches(CONTEXT_BEGIN).count(), 1);
    assert!(twice.contains("- Status: done\n") && !twice.contains("running"));
    assert_eq!(context(&twice, &later), twice);
}

#[test]
fn a_report_shows_findings_by_weight() {
    let finding =
        |severity, text: &str| Finding { path: Some("src/a.rs".to_owned()), severity, text: text.to_owned() };
    let judgement = Judgement {
        verdict: Verdict::Fail,
        summary: "It panics.\n# Not a heading".to_owned(),
        findings: vec![finding(Severity::Note, "long"), finding(Severity::Blocking, "panics, @bob")],
        amended: None,
    };
    let sha = sha();
    let report = QualityReportFacts { step_id: "01-parser", sha: &sha, at: NOON, judgement: &judgement };
    insta::assert_snapshot!(quality_report(&report).replace('\u{200b}', "¦"), @r"
    # Quality of step 01-parser

    Verdict: FAIL

    Judged: 0123456789abcdef0123456789abcdef01234567, 2026-03-01 12:00:00 UTC

    ## Summary

    ```
    It panics.
    # Not a heading
    ```

    ## Blocking

    - `src/a.rs`: panics, \@¦bob

    ## Notes

    - `src/a.rs`: long
    ");
}

#[test]
fn a_commits_line_is_quiet() {
    let number = ProtocolNumber(7);
    let step = |subject: &str| commit_message(CommitKind::Step, subject, number, Some(2));
    insta::assert_snapshot!(step("Write the parser"), @"feat(step): Write the parser [protocol-0007/02]");
    insta::assert_snapshot!(step("[skip ci] fixes #12, GH-13 @bob https://x.example"), @"feat(step): skip ci fixes 12, GH 13 bob https //x.ex… [protocol-0007/02]");
    insta::assert_snapshot!(step(&"long words ".repeat(30)), @"feat(step): long words long words long words long wo… [protocol-0007/02]");
    insta::assert_snapshot!(step("\n\u{202e}"), @"feat(step): work [protocol-0007/02]");
    insta::assert_snapshot!(commit_message(CommitKind::Plan, "Split importer", number, None), @"docs(plan): Split importer [protocol-0007/plan]");
    insta::assert_snapshot!(commit_message(CommitKind::Records, "Record QA", number, Some(12)), @"chore(protocol): Record QA [protocol-0007/12]");
}

proptest! {
    #[test]
    fn whatever_its_subject_a_commits_line_is_short_and_calls_nobody(subject in "([\\[\\]@#:!*\n a-c1]|GH-|skip ci|é){0,60}") {
        let line = commit_message(CommitKind::Step, &subject, ProtocolNumber(7), Some(2));
        prop_assert!(line.chars().count() <= 72, "{}", line);
        prop_assert!(!line.contains(['@', '#', '\n', '*']));
        prop_assert_eq!(line.matches('[').count(), 1);
        prop_assert!(!line.contains("GH-"));
        prop_assert!(line.starts_with("feat(step): ") && line.ends_with(" [protocol-0007/02]"));
    }

    #[test]
    fn no_context_makes_it_panic(text in "(<!-- kept by the worker: (begin|end) -->|é|\n){0,6}") {
        let _ = context(&text, &facts(&sha()));
    }
}
