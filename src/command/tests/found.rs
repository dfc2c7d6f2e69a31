//! Which lines are commands.

use super::*;

#[track_caller]
fn check(body: &str, expected: &[&str]) {
    assert_eq!(outcomes(body), expected, "{body:?}");
}

#[test]
fn a_command_starts_a_line_of_a_paragraph() {
    check("/step run 1", &["step run"]);
    check("Fine by me.\n/step run 1\n/step qa 1\nThanks!", &["step run", "step qa"]);
    check("Fine.\n\n   /step run 1  \n\nThanks!", &["step run"]);
    check("Please /step run 1", &[]);
    check("a hard break  \n/step run\\\n/step qa", &["step run", "step qa"]);
}

#[test]
fn windows_and_old_mac_line_ends_are_line_ends() {
    check("Fine.\r\n/step run 1\r\n/step qa\r\n", &["step run", "step qa"]);
    check("Fine.\r/step run 1\r/step qa", &["step run", "step qa"]);
}

#[test]
fn commands_inside_code_are_not_commands() {
    check("```\n/step run 1\n```", &[]);
    check("~~~~sh\n/step run 1\n~~~\n/step qa\n~~~~", &[]);
    check("    /step run 1", &[]);
    check("\t/step run 1", &[]);
    check("`/step run 1`", &[]);
    check("`a\n/step run 1\nb`", &[]);
    check("```\n/step run 1", &[]);
}

#[test]
fn a_line_indented_like_code_is_no_command_even_within_a_paragraph() {
    check("see\n    /step run 1", &[]);
    check("see\n\t/step run 1", &[]);
    check("see\n   /step run 1", &["step run"]);
}

#[test]
fn commands_inside_quotes_lists_headings_and_tables_are_not_commands() {
    check("> /step run 1", &[]);
    check("> quoted\n/step run 1", &[]);
    check("> /step run 1\n> /step qa\n>\n> /bot ping", &[]);
    check("- /step run 1\n  /step qa\n\n  /bot ping", &[]);
    check("> quoted\n\n/step run 1", &["step run"]);
    check("> [!NOTE]\n> /step run 1", &[]);
    check("- /step run 1\n- x\n\n  /step qa", &[]);
    check("1. /step run 1", &[]);
    check("- [ ] /step run 1", &[]);
    check("# /step run 1", &[]);
    check("/step run 1\n===", &[]);
    check("/step run 1 | x\n---|---\n/step qa | y", &[]);
    check("x[^1]\n\n[^1]: a note\n/step run 1", &[]);
}

#[test]
fn commands_inside_links_and_images_are_not_commands() {
    check("[/step run 1](https://example.org)", &[]);
    check("[a\n/step run 1](https://example.org)", &[]);
    check("![a\n/step run 1](https://example.org/x.png)", &[]);
    check("[x]\n\n[x]: /step 'run 1'", &[]);
}

#[test]
fn commands_inside_html_are_not_commands() {
    check("<!-- /step run 1 -->", &[]);
    check("<!--\n\n/step run 1\n\n-->", &[]);
    check("a <!--\n/step run 1\n--> b", &[]);
    check("<div>\n/step run 1\n</div>", &[]);
    check("<pre>\n\n/step run 1\n\n</pre>\n\n/step qa", &["step qa"]);
    check("<blockquote>\n\n/step run 1\n\n</blockquote>", &[]);
}

#[test]
fn commands_inside_folded_details_are_not_commands() {
    check("<details><summary>x</summary>\n\n/step run 1\n\n</details>\n\n/step qa", &["step qa"]);
    check("<details>\n\n/step run 1", &[]);
    check("text <details>\n/step run 1\n</details>\n\n/step qa", &["step qa"]);
}

#[test]
fn angle_brackets_in_prose_hide_only_the_rest_of_their_paragraph() {
    check("A List<A> it is.\n/step qa\n\n/step run 1", &["step run"]);
    check("<code>\n\n/step run 1\n\n/step qa\n\n</code>\n\n/bot ping", &["bot ping"]);
}

#[test]
fn an_unclosed_fold_inside_a_quote_ends_with_the_quote() {
    check("> <details>\n> x\n\n/step run 1", &["step run"]);
}

#[test]
fn emphasis_around_a_line_does_not_hide_it() {
    check("*a\n/step run 1\nb*", &["step run"]);
    check("**/step run 1**", &[]);
}

#[test]
fn an_escaped_slash_is_no_command() {
    check("\\/step run 1", &[]);
    check("&#47;step run 1", &[]);
}

#[test]
fn other_slash_words_are_somebody_elses() {
    for line in [
        "/help",
        "/test all",
        "/steps run",
        "/protocol: new",
        "/protocolnew",
        "//step run",
        "/ step run",
        "/",
        "/usr/bin",
    ] {
        check(line, &[]);
    }
}

#[test]
fn letter_case_does_not_matter() {
    check("/Protocol NEW a", &["protocol new"]);
    check("/STEP Run ALL --AnyWay", &["step run"]);
}

#[test]
fn a_mention_may_stand_for_the_slash() {
    for mention in
        ["@tasksgodzilla", "@TASKSGODZILLA", "@TasksGodzilla[bot]", "@tasksgodzilla:", "@tasksgodzilla[bot],"]
    {
        check(&format!("{mention} step run 2"), &["step run"]);
        check(&format!("{mention} /Step run 2"), &["step run"]);
    }
}

#[test]
fn talk_that_mentions_us_is_no_command() {
    for talk in [
        "@tasksgodzilla",
        "@tasksgodzilla thanks a lot!",
        "@tasksgodzilla2 step run",
        "@tasksgodzillas step run",
        "@vera step run",
    ] {
        check(talk, &[]);
    }
    assert!(parse("@ step run", "").is_empty(), "an unknown own name matches nothing");
}

#[test]
fn invisible_characters_do_not_hide_a_command() {
    check("\u{feff}/step run 2", &["step run"]);
    check("\u{200b}/st\u{200b}ep\u{a0}run\u{a0}2", &["step run"]);
    check("\u{a0}/step run", &["step run"]);
    check("@tasks\u{200b}godzilla step run", &["step run"]);
}

#[test]
fn the_family_alone_shows_help_or_its_list() {
    for family in ["protocol", "step", "bot", "project", "branch"] {
        check(&format!("/{family}"), &["bot help"]);
        check(&format!("/{family} help"), &["bot help"]);
    }
    check("/clarify\n/policy\n/budget\n/engine", &["clarify", "policy", "budget", "engine"]);
    check("/engine --help\n/step run --help\n/protocol -h", &["bot help", "bot help", "bot help"]);
}

#[test]
fn plain_help_is_ours_where_the_repository_says_so() {
    let ours = |body: &str| super::super::parse(body, APP, PlainHelp::Ours);
    let asked = |body: &str| ours(body)[0].outcome.clone().unwrap();
    for body in ["/help", "/HELP", "Hello\n\n /help \n"] {
        check(body, &[]);
        assert_eq!(asked(body), only("/bot help"), "{body:?}");
        assert!(says_plain_help(body));
    }
    assert_eq!(asked("/help step run"), only("/bot help step run"));
    assert_eq!(ours("/help")[0].identity, ours("/bot help")[0].identity);
    for body in ["`/help`", "> /help", "please /help", "/helpme", "/bot help", "help", ""] {
        assert!(!says_plain_help(body), "{body:?}");
    }
    let text = ours("/protocol replan less\n/help\n");
    assert_eq!(text.len(), 2, "a command ends the text of the one before it");
    assert_eq!(parse("/protocol replan less\n/help\n", APP).len(), 1);
}

#[test]
fn a_comment_may_hold_twenty_commands_and_one_answer_for_the_rest() {
    let body = "/bot ping\n".repeat(500);
    let lines = parse(&body, APP);
    assert_eq!(lines.len(), COMMANDS_PER_COMMENT + 1);
    assert!(lines[..COMMANDS_PER_COMMENT].iter().all(|line| line.outcome.is_ok()));
    let last = lines[COMMANDS_PER_COMMENT].outcome.clone().unwrap_err();
    insta::assert_snapshot!(last, @"only the first 20 commands of a comment are read; put this one and the rest into another comment");
}

#[test]
fn a_comment_beyond_every_forges_limit_is_answered_once() {
    let long = "x".repeat(1_100_000);
    check(&format!("{long}\n\n/etc/passwd"), &[]);
    check(
        &format!("{long}\n\n/step run\n/step qa"),
        &[
            "? this comment is longer than 1048576 bytes, so nothing in it was read; put the command into a shorter one",
        ],
    );
}
