//! What a command asks for.

use super::*;
use crate::domain::command::{BranchName, BudgetOf, Command, NewProtocol, ShaPrefix, Slug, WhichStep};
use crate::domain::ids::ProtocolNumber;

#[track_caller]
fn check(body: &str, command: Command) {
    assert_eq!(only(body), Asked { command, protocol: None, dry_run: false });
}

#[track_caller]
fn new(body: &str, slug: Option<&str>, text: Option<&str>) {
    let slug = slug.map(|slug| Slug::parse(slug).unwrap());
    check(
        body,
        Command::ProtocolNew(NewProtocol { slug, text: text.map(str::to_owned), ..NewProtocol::default() }),
    );
}

#[test]
fn a_single_word_after_new_is_the_slug() {
    new("/protocol new", None, None);
    new("/protocol new split-importer", Some("split-importer"), None);
    new("/protocol new Refactor", Some("refactor"), None);
    new("/protocol new `split-importer`", Some("split-importer"), None);
    new("/protocol new split-importer\n\nBy format.", Some("split-importer"), Some("By format."));
}

#[test]
fn several_words_after_new_are_text_and_make_the_slug() {
    new("/protocol new Don't crash on start", Some("dont-crash-on-start"), Some("Don't crash on start"));
    new("/protocol new fix_it", Some("fix-it"), Some("fix_it"));
    new("/protocol new 修复", Some("task"), Some("修复"));
    new("/protocol new Fix it\nsoon\n\nplease", Some("fix-it"), Some("Fix it\nsoon\n\nplease"));
}

#[test]
fn the_text_of_the_following_lines_is_kept_as_typed() {
    let text =
        "    code();\n\n- one\n  - two\n\n```sh\n/step run 1\n```\n> quoted  \n\n/deploy it\n<!-- kept -->";
    new(&format!("/protocol new\n\n\n{text}\n\n \n/bot ping").replace("\n/bot ping", ""), None, Some(text));
    let lines = parse(&format!("/protocol new a\n\n{text}\n\n/bot ping\n"), APP);
    assert_eq!(lines.len(), 2);
    let Ok(Asked { command: Command::ProtocolNew(new), .. }) = &lines[0].outcome else { panic!("{lines:?}") };
    assert_eq!(new.text.as_deref(), Some(text));
}

#[test]
fn carriage_returns_do_not_reach_the_text() {
    new("/protocol new a\r\n\r\none\r\ntwo\r\n", Some("a"), Some("one\ntwo"));
}

#[test]
fn html_comments_on_the_line_are_no_words() {
    check("/step run 2 <!-- the second -->", Command::StepRun { which: WhichStep::Number(2), anyway: false });
    check("/step run <!-- a\nb --> 2", Command::StepRun { which: WhichStep::Number(2), anyway: false });
}

#[test]
fn options_may_stand_anywhere_and_take_either_form() {
    let wanted = Command::ProtocolNew(NewProtocol {
        slug: Slug::parse("fix-the-importer"),
        base: BranchName::parse("release/1.2"),
        engine: Some("codex".to_owned()),
        model: Some("gpt-5.1".to_owned()),
        pack: None,
        template: None,
        text: Some("fix the importer".to_owned()),
    });
    check(
        "/protocol new --base release/1.2 fix the importer --engine=codex --model \"gpt-5.1\"",
        wanted.clone(),
    );
    check(
        "/protocol new fix --base=“release/1.2” the --engine codex importer --model=`gpt-5.1`",
        wanted.clone(),
    );
    check("/protocol new fix the importer —base release/1.2 —engine codex –model gpt-5.1", wanted);
}

#[test]
fn two_dashes_end_the_options() {
    new(
        "/protocol new -- Support the --json flag",
        Some("support-the-json-flag"),
        Some("Support the --json flag"),
    );
    new(
        "/protocol new Use dashes -- as in --json",
        Some("use-dashes-as-in-json"),
        Some("Use dashes -- as in --json"),
    );
    new("/protocol new a —nothing we know", Some("a-nothing-we-know"), Some("a —nothing we know"));
    new("/protocol new a — b", Some("a-b"), Some("a — b"));
}

#[test]
fn a_protocol_is_named_by_its_number_first() {
    let run = only("/protocol run #0003 --to 2");
    assert_eq!((run.command, run.protocol), (Command::ProtocolRun { to: Some(2) }, Some(ProtocolNumber(3))));
    let qa = only("/step qa #0003 2");
    assert_eq!((qa.command, qa.protocol), (Command::StepQa { number: Some(2) }, Some(ProtocolNumber(3))));
    let pause = only("/protocol pause --now #12345");
    assert_eq!(
        (pause.command, pause.protocol),
        (Command::ProtocolPause { now: true }, Some(ProtocolNumber(12345)))
    );
    assert_eq!(only("/clarify #0003").command, Command::ClarifyList);
    let answer = only("/clarify #0003 db postgres");
    assert_eq!(
        answer.command,
        Command::ClarifyAnswer { key: "db".to_owned(), answer: "postgres".to_owned() }
    );
}

#[test]
fn an_issue_number_at_the_front_of_a_text_is_text() {
    check(
        "/protocol replan #12 says it all",
        Command::ProtocolReplan { text: Some("#12 says it all".to_owned()) },
    );
    let replan = only("/protocol replan #0012 says it all");
    assert_eq!(replan.protocol, Some(ProtocolNumber(12)));
    new("/protocol new #1234 again", Some("1234-again"), Some("#1234 again"));
}

#[test]
fn a_dry_run_is_marked() {
    let asked = only("/step retry --dry-run 2");
    assert_eq!((asked.command, asked.dry_run), (Command::StepRetry { number: Some(2) }, true));
}

#[test]
fn steps_are_named_by_number_next_or_all() {
    check("/step run", Command::StepRun { which: WhichStep::Next, anyway: false });
    check("/step run next", Command::StepRun { which: WhichStep::Next, anyway: false });
    check("/step run All", Command::StepRun { which: WhichStep::All, anyway: false });
    check("/step run 02 --anyway", Command::StepRun { which: WhichStep::Number(2), anyway: true });
    check("/step show 2", Command::StepShow { number: 2 });
    check("/step qa", Command::StepQa { number: None });
}

#[test]
fn a_reason_may_stand_on_the_line_or_below() {
    check("/step skip 2 it's \"flaky", Command::StepSkip { number: 2, why: "it's \"flaky".to_owned() });
    check(
        "/step approve 2\nIt is\nfine.",
        Command::StepApprove { number: 2, why: "It is\nfine.".to_owned() },
    );
    check(
        "/step steer 2 Try  **this**\n- a",
        Command::StepSteer { number: 2, text: "Try  **this**\n- a".to_owned() },
    );
}

#[test]
fn prose_after_a_command_without_text_is_prose() {
    check("/step run 2\nThanks! --anyway", Command::StepRun { which: WhichStep::Number(2), anyway: false });
}

#[test]
fn the_rest_of_the_line_after_why_is_taken_as_it_stands() {
    check(
        "/bot why /step run 2 --anyway\nprose",
        Command::BotWhy { command: "/step run 2 --anyway".to_owned() },
    );
    check("/bot help", Command::BotHelp { topic: None });
    check("/bot help step run", Command::BotHelp { topic: Some("step run".to_owned()) });
    check("/protocol", Command::BotHelp { topic: Some("protocol".to_owned()) });
    check("/step run --help", Command::BotHelp { topic: Some("step run".to_owned()) });
}

#[test]
fn the_other_families_are_read() {
    check("/protocol allow 0123ABCD", Command::ProtocolAllow { sha: ShaPrefix::parse("0123abcd").unwrap() });
    check("/protocol import CodeMachine", Command::ProtocolImport { path: None });
    check(
        "/protocol import codemachine x/.codemachine",
        Command::ProtocolImport { path: Some("x/.codemachine".to_owned()) },
    );
    check("/protocol cancel --close", Command::ProtocolCancel { close: true });
    check("/policy use strict", Command::PolicyUse { pack: "strict".to_owned() });
    check("/budget set protocol 1_000_000", Command::BudgetSet { of: BudgetOf::Protocol, tokens: 1_000_000 });
    check(
        "/engine use codex --model m",
        Command::EngineUse { engine: "codex".to_owned(), model: Some("m".to_owned()) },
    );
    let branch = BranchName::parse("0003-a").unwrap();
    check("/branch delete 0003-a", Command::BranchDelete { branch: branch.clone(), confirmed: false });
    check("/branch delete 0003-a --confirm", Command::BranchDelete { branch, confirmed: true });
}

#[test]
fn words_outside_a_comment_are_read_with_or_without_slash() {
    let command = Command::StepRun { which: WhichStep::Number(2), anyway: false };
    for words in ["/step run 2", "step run 2", " Step  run 2 "] {
        assert_eq!(parse_words(words).unwrap().unwrap().command, command);
    }
    assert!(parse_words("deploy").is_none());
    assert!(parse_words("").is_none());
    assert!(parse_words("step rum").unwrap().is_err());
}

#[test]
fn the_line_is_kept_as_typed() {
    assert_eq!(parse("a\n  /Step  run “2”  \nb", APP)[0].line, "/Step  run “2”");
}

/// The hash of the first and the ordinal of the last line.
fn identity(body: &str) -> (String, u32) {
    let lines = parse(body, APP);
    (lines[0].identity.hash.clone(), lines[lines.len() - 1].identity.ordinal)
}

#[track_caller]
fn same(a: &str, b: &str) {
    assert_eq!(identity(a), identity(b), "{a:?} {b:?}");
}

#[track_caller]
fn different(a: &str, b: &str) {
    assert_ne!(identity(a), identity(b), "{a:?} {b:?}");
}

#[test]
fn a_command_keeps_its_identity_however_it_is_written() {
    same("/step run 2", "Please:\n\n/STEP\u{a0}\tRun   \"2\"\n\nthanks");
    same("/step run 2", "@tasksgodzilla[bot]: step run 2");
    same("/protocol new a --base x --engine e", "/protocol new --engine=e --base='x' a");
    same("/protocol new fix it\n\nnow", "/protocol new fix\u{a0} it\r\nnow\r\n");
    same("/protocol", "/bot help protocol");
    same("/step rum", "prose\n\n/step   rum");
}

#[test]
fn another_argument_option_target_or_text_is_another_command() {
    let commands = [
        "/step run 1",
        "/step run 2",
        "/step run #0002",
        "/step run 2 --anyway",
        "/step run 2 --dry-run",
        "/step qa 2",
    ];
    for (index, a) in commands.iter().enumerate() {
        for b in &commands[index + 1..] {
            different(a, b);
        }
    }
    different("/protocol new a\nb", "/protocol new a\nc");
    different("/protocol new a b", "/protocol new a\nb");
}

#[test]
fn equal_commands_of_a_comment_are_counted_and_nothing_else_is() {
    let ordinals = |body: &str| parse(body, APP).iter().map(|line| line.identity.ordinal).collect::<Vec<_>>();
    assert_eq!(ordinals("/step run 1\n/bot ping\n/step  run 1\nprose\n/test\n/step run 1"), [0, 0, 1, 2]);
}
