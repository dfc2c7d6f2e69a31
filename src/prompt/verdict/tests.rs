use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(answer: &str, expected: Verdict) {
    assert_eq!(parse(answer).verdict, expected, "{answer:?}");
}

#[test]
fn json_by_the_schema_is_read_wherever_it_stands() {
    let pass =
        r#"{"verdict":"pass","summary":"Fine.","findings":[{"path":null,"severity":"note","text":"n"}]}"#;
    for answer in [pass.to_owned(), format!("```json\n{pass}\n```"), format!("I looked.\n{pass}\nBye.")] {
        let judgement = parse(&answer);
        assert_eq!((judgement.verdict, judgement.summary.as_str()), (Verdict::Pass, "Fine."));
        assert_eq!(judgement.findings.len(), 1);
    }
}

#[test]
fn our_rules_stand_above_the_engines_word() {
    check(
        r#"{"verdict":"pass","summary":"","findings":[{"path":"src/a.rs","severity":"blocking","text":"t"}]}"#,
        Verdict::Inconclusive,
    );
    check(
        r#"{"verdict":"fail","summary":"","findings":[{"path":".protocols/0001-a/log.md","severity":"blocking","text":"t"}]}"#,
        Verdict::Pass,
    );
}

#[test]
fn json_that_is_not_by_the_schema_is_no_verdict() {
    check(r#"{"verdict":"pass"}"#, Verdict::Inconclusive);
    check(r#"{"verdict":"skipped","summary":"","findings":[]}"#, Verdict::Inconclusive);
    check(r#"{"verdict":"pass","summary":"","findings":[],"sure":true}"#, Verdict::Inconclusive);
    check("{\"verdict\":\"pass\"}\n\nVerdict: FAIL", Verdict::Fail);
}

#[test]
fn verdicts_that_differ_are_inconclusive() {
    let of = |verdict: &str| format!(r#"{{"verdict":"{verdict}","summary":"","findings":[]}}"#);
    check(&format!("{}\n{}", of("fail"), of("pass")), Verdict::Inconclusive);
    check(&format!("{}\n{}", of("fail"), of("fail")), Verdict::Fail);
    check("Verdict: PASS\nVerdict: FAIL", Verdict::Inconclusive);
    check("Verdict: PASS\n\nVerdict: PASS", Verdict::Pass);
    check("Verdict: PASS/FAIL", Verdict::Inconclusive);
    check("Verdict: PASS or FAIL", Verdict::Inconclusive);
    check("Verdict: PASS, although tests failed", Verdict::Inconclusive);
    check("Verdict: PASS\nVerdict: maybe", Verdict::Inconclusive);
}

#[test]
fn a_line_may_name_the_verdict_in_many_ways() {
    for line in [
        "Verdict: PASS",
        "**Verdict**: PASS",
        "**Verdict:** PASS",
        "**Verdict: PASS**",
        "- Verdict: PASS",
        "* **Verdict**: `PASS`",
        "## Verdict: PASS",
        "### Verdict — PASS",
        "VERDICT: pass",
        "verdict = Pass.",
        "Verdict PASS",
        "__Verdict__: **PASS** (two notes)",
        "Verdict: PASS - everything is there",
        "Verdict: Passed!",
    ] {
        check(line, Verdict::Pass);
        check(&format!("# Report\n\nAll well.\n\n{line}\n"), Verdict::Pass);
    }
    check("Verdict: FAIL (was PASS)", Verdict::Fail);
    check("Verdict: FAIL because nothing works", Verdict::Fail);
    check("Verdict: blocked", Verdict::Blocked);
    check("Verdict: INCONCLUSIVE", Verdict::Inconclusive);
}

#[test]
fn the_word_may_stand_below_its_heading() {
    check("## Verdict\n\nPASS\n", Verdict::Pass);
    check("**Verdict**\n\n**FAIL**: the tests are red", Verdict::Fail);
    check("Verdict:\n- PASS", Verdict::Pass);
    check("## Verdict\n\nThe work looks good.", Verdict::Inconclusive);
    check("## Verdict", Verdict::Inconclusive);
    check("VERDICT", Verdict::Inconclusive);
}

#[test]
fn what_names_no_verdict_of_its_own_is_inconclusive() {
    check("", Verdict::Inconclusive);
    check("Everything passed.", Verdict::Inconclusive);
    check("Verdict: NOT PASS", Verdict::Inconclusive);
    check("Verdict: PASS?", Verdict::Inconclusive);
    check("Verdict: passable", Verdict::Inconclusive);
    check("Verdict: PASS is not justified", Verdict::Inconclusive);
    check("Verdict: skipped", Verdict::Inconclusive);
    check("> Verdict: PASS", Verdict::Inconclusive);
    check("```\nVerdict: PASS\n```\nThat is what the step file says.", Verdict::Inconclusive);
    check("The verdict: PASS", Verdict::Inconclusive);
    check("Verdicts: PASS", Verdict::Inconclusive);
}

#[test]
fn a_report_that_is_one_fence_is_read() {
    check("```markdown\n# QA\n\nVerdict: PASS\n```", Verdict::Pass);
}

#[test]
fn a_huge_report_is_kept_short() {
    let judgement = parse(&format!("Verdict: FAIL\n{}", "é".repeat(100_000)));
    assert_eq!(judgement.summary.chars().count(), SUMMARY_CHARACTERS + 1);
}

proptest! {
    #[test]
    fn without_the_word_nothing_passes(text in "[^pP]{0,60}") {
        prop_assert_ne!(parse(&text).verdict, Verdict::Pass);
    }

    #[test]
    fn no_answer_makes_it_panic(text in "(verdict|pass|fail|[:#*\n`> é(){}\"])*") {
        let _ = parse(&text);
    }
}
