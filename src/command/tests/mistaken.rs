//! What people are told when a line of ours cannot be read.

use super::*;
use insta::assert_snapshot;

#[test]
fn an_unknown_verb_gets_a_suggestion() {
    assert_snapshot!(mistake("/step rum"), @"`/step` has no `rum`; did you mean `/step run`?");
    assert_snapshot!(mistake("/protocol stat"), @"`/protocol` has no `stat`; did you mean `/protocol status`?");
    assert_snapshot!(mistake("/step merge"), @"`/step` has no `merge`; did you mean `/protocol merge`?");
    assert_snapshot!(mistake("/step 2"), @"`/step` has no `2`; choose one of run, qa, retry, show, skip, approve, steer");
    assert_snapshot!(mistake("/engine codex"), @"`/engine` has no `codex`; choose one of use");
    assert_snapshot!(mistake("/protocol --to 3"), @"`/protocol` has no `--to`; choose one of new, run, status, log, show, diff, replan, pause, resume, cancel, pr, review, merge, allow, import");
}

#[test]
fn a_mention_with_nearly_a_command_gets_a_suggestion() {
    assert_snapshot!(mistake("@tasksgodzilla protocl new x"), @"there is no `protocl`; did you mean `/protocol`?");
    assert_snapshot!(mistake("@tasksgodzilla help"), @"there is no `help`; did you mean `/bot help`?");
}

#[test]
fn an_unknown_option_gets_a_suggestion() {
    assert_snapshot!(mistake("/protocol new x --bsae main"), @"`/protocol new` has no option `--bsae`; did you mean `--base`? (usage: `/protocol new [--base BRANCH] [--engine ENGINE] [--model MODEL] [--pack PACK] [--template TEMPLATE] [--dry-run] [slug or text]`)");
    assert_snapshot!(mistake("/protocol new support the --json flag"), @"`/protocol new` has no option `--json`; put `--` before a text with dashes in it (usage: `/protocol new [--base BRANCH] [--engine ENGINE] [--model MODEL] [--pack PACK] [--template TEMPLATE] [--dry-run] [slug or text]`)");
    assert_snapshot!(mistake("/protocol status --dry-run"), @"`/protocol status` has no option `--dry-run`; leave it out (usage: `/protocol status`)");
}

#[test]
fn surplus_words_are_named() {
    assert_snapshot!(mistake("/step run 2 please"), @"`/step run` does not know what to do with `please`; leave it out (usage: `/step run [N|next|all] [--anyway] [--dry-run]`)");
    assert_snapshot!(mistake("/bot ping #0003"), @"`/bot ping` does not know what to do with `#0003`; leave it out (usage: `/bot ping`)");
    assert_snapshot!(mistake("/protocol run 3"), @"`/protocol run` does not know what to do with `3`; leave it out (usage: `/protocol run [--to N] [--dry-run]`)");
}

#[test]
fn what_is_missing_is_named() {
    assert_snapshot!(mistake("/step show"), @"`/step show` needs `<N>` (usage: `/step show <N>`)");
    assert_snapshot!(mistake("/step skip 2"), @"`/step skip` needs `<why>` (usage: `/step skip <N> [--dry-run] <why>`)");
    assert_snapshot!(mistake("/bot why"), @"`/bot why` needs `<command>` (usage: `/bot why <command>`)");
    assert_snapshot!(mistake("/protocol run --to"), @"`--to` needs a value (N) (usage: `/protocol run [--to N] [--dry-run]`)");
    assert_snapshot!(mistake("/protocol run --to --dry-run"), @"`--to` needs a value (N) (usage: `/protocol run [--to N] [--dry-run]`)");
}

#[test]
fn an_option_is_given_once_and_a_switch_without_value() {
    assert_snapshot!(mistake("/protocol run --to 2 --to=3"), @"`--to` was given twice; keep one (usage: `/protocol run [--to N] [--dry-run]`)");
    assert_snapshot!(mistake("/protocol pause --now=yes"), @"`--now` takes no value; leave out everything from the `=` on (usage: `/protocol pause [--now] [--dry-run]`)");
}

#[test]
fn a_value_of_the_wrong_kind_is_shown_with_what_is_wanted() {
    assert_snapshot!(mistake("/step run last"), @"`N|next|all` has to be a step number such as `2`, `next` or `all`, not `last` (usage: `/step run [N|next|all] [--anyway] [--dry-run]`)");
    assert_snapshot!(mistake("/step skip flaky test"), @"`N` has to be a step number such as `2`, not `flaky` (usage: `/step skip <N> [--dry-run] <why>`)");
    assert_snapshot!(mistake("/protocol run --to="), @"`--to` has to be a step number such as `2`, not `(blank)` (usage: `/protocol run [--to N] [--dry-run]`)");
    assert_snapshot!(mistake("/protocol new x --base ../evil"), @"`--base` has to be the name of a branch, not `../evil` (usage: `/protocol new [--base BRANCH] [--engine ENGINE] [--model MODEL] [--pack PACK] [--template TEMPLATE] [--dry-run] [slug or text]`)");
    assert_snapshot!(mistake("/protocol new x --model=-rf"), @"`--model` has to be a name of letters, digits and `. _ : / @ + -`, at most 100 long, not `-rf` (usage: `/protocol new [--base BRANCH] [--engine ENGINE] [--model MODEL] [--pack PACK] [--template TEMPLATE] [--dry-run] [slug or text]`)");
    assert_snapshot!(mistake("/step run #3"), @"the protocol has to be named by its four digits, such as `#0003`, not `#3` (usage: `/step run [N|next|all] [--anyway] [--dry-run]`)");
    assert_snapshot!(mistake("/step run #99999999999"), @"the protocol has to be named by its four digits, such as `#0003`, not `#99999999999` (usage: `/step run [N|next|all] [--anyway] [--dry-run]`)");
    assert_snapshot!(mistake("/protocol allow 12345"), @"`sha` has to be a commit id of 7 or more hexadecimal digits, not `12345` (usage: `/protocol allow <sha> [--dry-run]`)");
    assert_snapshot!(mistake("/protocol import codemachine /etc"), @"`path` has to be a path within the repository, not `/etc` (usage: `/protocol import <codemachine> [path] [--dry-run]`)");
    assert_snapshot!(mistake("/budget set day 3"), @"`step|protocol` has to be `step` or `protocol`, not `day` (usage: `/budget set <step|protocol> <tokens> [--dry-run]`)");
}

#[test]
fn an_open_quote_is_a_mistake_where_a_value_is_wanted() {
    assert_snapshot!(mistake("/protocol new x --base \"main"), @r#"the quote at `"main` is never closed; close it or leave it out (usage: `/protocol new [--base BRANCH] [--engine ENGINE] [--model MODEL] [--pack PACK] [--template TEMPLATE] [--dry-run] [slug or text]`)"#);
    assert_snapshot!(mistake("/step run “2"), @"the quote at `“2` is never closed; close it or leave it out (usage: `/step run [N|next|all] [--anyway] [--dry-run]`)");
}

#[test]
fn what_is_echoed_is_harmless_and_short() {
    assert_snapshot!(mistake("/step run `@everyone\u{202e}<b>"), @"the quote at `'@everyone<b>` is never closed; close it or leave it out (usage: `/step run [N|next|all] [--anyway] [--dry-run]`)");
    let long = mistake(&format!("/step {}", "x".repeat(60_000))).to_string();
    assert!(long.chars().count() < 150, "{long}");
}

#[test]
fn the_place_of_the_trouble_is_counted_in_characters() {
    let column = |body: &str| mistake(body).column;
    assert_eq!(column("/step run “2” please"), Some(14));
    assert_eq!(column("/step rum"), Some(6));
    assert_eq!(column("/protocol run --to x"), Some(19));
    assert_eq!(column("@tasksgodzilla: step show ü"), Some(26));
    assert_eq!(column("/step show"), None);
}
