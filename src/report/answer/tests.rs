use super::*;
use crate::domain::protocol::{ProtocolStatus, ReasonKey};
use crate::report::sample::{blocked, planned, reason, running};

/// An answer; what breaks mentions is shown as `¦`.
fn seen(body: &str) -> String {
    body.replace('\u{200b}', "¦")
}

/// Logins that a forge would notify of `body`.
fn called(body: &str) -> Vec<String> {
    let outside_code: String = body.split('`').step_by(2).collect();
    let parts: Vec<&str> = outside_code.split('@').skip(1).collect();
    parts
        .iter()
        .map(|part| part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>())
        .filter(|login| !login.is_empty())
        .collect()
}

#[track_caller]
fn check(refused: &Refusal, expected: &str) {
    let body = refusal("vera", refused, None);
    assert_eq!(body, expected);
    assert_eq!(called(&body), ["vera"]);
}

#[test]
fn a_refusal_says_what_is_so_and_what_to_do() {
    check(
        &Refusal::Ended { status: ProtocolStatus::Completed },
        "@vera: this protocol is completed; comment `/protocol new` to start another.",
    );
    check(
        &Refusal::NotAllowed {
            command: "/protocol new".to_owned(),
            needed: Permission::Write,
            asked_on: None,
            held: Permission::Read,
            holders: vec!["bob".to_owned(), "@eve".to_owned()],
        },
        "@vera: `/protocol new` needs write access to this repository; you have read. bob and \\@\u{200b}eve can do it.",
    );
    check(
        &Refusal::NotAllowed {
            command: "/protocol new".to_owned(),
            needed: Permission::Admin,
            asked_on: Some("main".to_owned()),
            held: Permission::Write,
            holders: Vec::new(),
        },
        "@vera: `/protocol new` needs admin access to this repository (`.tasksgodzilla.yml` on `main` says so); \
         you have write; ask somebody who has it.",
    );
}

#[test]
fn words_of_others_in_a_refusal_call_nobody() {
    check(
        &Refusal::NoSuchBranch { branch: "x` @bob `y".to_owned() },
        "@vera: there is no branch `x` \\@\u{200b}bob `y` in this repository.",
    );
    check(
        &Refusal::NotGreen { why: "@mallory pushed; closes #3".to_owned() },
        "@vera: `TasksGodzilla / protocol` is not green on the head: \\@\u{200b}mallory pushed; closes \\#\u{200b}3.",
    );
}

#[test]
fn a_block_is_refused_with_each_command_that_clears_it() {
    let mut view = blocked();
    view.protocol.state.reasons.push(reason(ReasonKey::BranchGone, None, "@bob deleted it"));
    let refused = Refusal::Blocked { reasons: view.protocol.state.reasons.clone() };
    insta::assert_snapshot!(seen(&refusal("vera", &refused, Some(&view))), @r"
    @vera: this protocol is blocked.

    - QA of step 2 failed; clear it with `/step retry 2`
    - The branch is gone; clear it with `/protocol resume`
    ");
}

#[test]
fn a_login_that_is_none_calls_nobody() {
    assert_eq!(called(&told("dependabot[bot] @bob", "no")), Vec::<String>::new());
}

#[test]
fn a_mistake_and_a_pong_have_the_form_of_every_answer() {
    insta::assert_snapshot!(seen(&mistake("vera", "`/step` has no `rnu`; did you mean `/step run`?")), @"@vera: `/step` has no `rnu`; did you mean `/step run`?");
    insta::assert_snapshot!(seen(&pong("vera", "0.1.0", 420)), @"@vera: pong. TasksGodzilla 0.1.0 is here; your comment took under 1 s to reach it.");
}

#[test]
fn a_status_shows_every_protocol_of_the_thread() {
    insta::assert_snapshot!(seen(&status(&[running(1), planned()])), @r"
    ⏳ **0007: Starting step 1 of 3: parser.** Nothing for you to do; `/protocol pause` stops after this.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 setup](<https://bot.example/r/0>) | ✅ done | not needed | passed | 3 m 12 s | 12.3 k |
    | 01 parser | ▫️ to do | – | – | – | – |
    | 02 writer | ▫️ to do | – | – | – | – |
    | 03 docs | ▫️ to do | – | – | – | – |

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>

    ---

    ✋ **0007: Planned: 4 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | 00 setup | ▫️ to do | not needed | – | – | – |
    | 01 parser | ▫️ to do | – | – | – | – |
    | 02 writer | ▫️ to do | – | – | – | – |
    | 03 docs | ▫️ to do | – | – | – | – |

    <sub>Protocol 0007 · branch `0007-split-importer` · asked for by vera · [timeline and logs](<https://bot.example/p/12?t=x>)</sub>
    ");
}

#[test]
fn a_step_is_shown_with_its_file() {
    let view = running(2);
    insta::assert_snapshot!(seen(&show_step(&view, &view.steps[1], "# Parser\n\n```\nx\n```\n")), @r"
    **Step 1: parser** (done; QA: passed; CI: passed)

    ```
    Done: the parser.
    Checks: cargo test, 12 passed.
    ```

    <details><summary>Step file</summary>

    ````markdown
    # Parser

    ```
    x
    ```
    ````

    </details>
    ");
}

#[test]
fn a_changed_permission_says_where_it_comes_from() {
    let note = changed_permission("/protocol run", (Permission::Triage, Permission::Write), "main` @bob");
    assert_eq!(called(&note), Vec::<String>::new());
    insta::assert_snapshot!(seen(&note), @r"`/protocol run` needs triage access here, because `.tasksgodzilla.yml` on `main` \@¦bob`says so; by itself it needs write.`");
}

#[test]
fn a_faulty_file_is_told_with_its_first_faults() {
    let faults: Vec<String> = (1..=5).map(|line| format!("line {line}: `x` is no key")).collect();
    let refused = Refusal::FaultyFile { branch: "main".to_owned(), faults };
    insta::assert_snapshot!(seen(&refusal("vera", &refused, None)), @"@vera: `.tasksgodzilla.yml` on `main` cannot be followed, so no command that acts is done until it is mended: line 1: `x` is no key; line 2: `x` is no key; line 3: `x` is no key; and 2 more.");
}

#[test]
fn whatever_is_in_it_an_answer_fits() {
    let mut view = blocked();
    for step in &mut view.steps {
        step.spec.name = "@|é".repeat(2_000);
        step.summary = "é".repeat(200_000);
    }
    let shown = show_step(&view, &view.steps[2], &"```é\n".repeat(60_000));
    let views = vec![view; 40];
    for body in [shown, status(&views), told("vera", &"@`é".repeat(100_000))] {
        assert!(body.len() <= BODY, "{}", body.len());
    }
}
