use super::*;
use insta::assert_snapshot;

const COMMANDS: [Changeable; 7] = [
    Changeable { name: "protocol new", least: Permission::Triage },
    Changeable { name: "protocol status", least: Permission::None },
    Changeable { name: "step run", least: Permission::Triage },
    Changeable { name: "step show", least: Permission::None },
    Changeable { name: "step skip", least: Permission::Maintain },
    Changeable { name: "clarify", least: Permission::None },
    Changeable { name: "clarify answer", least: Permission::Triage },
];

fn read(text: &str) -> RepositoryFile {
    RepositoryFile::check(text.as_bytes(), &COMMANDS).unwrap()
}

/// Every fault of a text, one a line.
fn faults(content: impl AsRef<[u8]>) -> String {
    RepositoryFile::check(content.as_ref(), &COMMANDS).unwrap_err().join("\n")
}

/// What every command needs that the file speaks of.
fn permissions(text: &str) -> String {
    let file = read(text);
    let said = file.permissions.iter().map(|(name, permission)| format!("{name}: {permission}"));
    said.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_file_that_says_nothing_changes_nothing() {
    for text in ["", "# later\n", "permissions:\nbots:\nhelp:\n", "{}", "---\n"] {
        assert_eq!(read(text), RepositoryFile::default(), "{text:?}");
    }
}

#[test]
fn a_permission_is_set_by_command_and_by_family() {
    assert_snapshot!(permissions("permissions:\n  protocol new: admin\n  protocol status: none\n"), @"protocol new: admin, protocol status: none");
    assert_snapshot!(permissions("permissions: {step: admin}"), @"step run: admin, step show: admin, step skip: admin");
    assert_eq!(read("permissions: {step: admin}").permission("step run"), Some(Permission::Admin));
    assert_eq!(read("permissions: {step: admin}").permission("protocol new"), None);
}

#[test]
fn one_command_wins_over_its_family_wherever_it_stands() {
    assert_snapshot!(permissions("permissions:\n  step show: read\n  step: admin\n"), @"step run: admin, step show: read, step skip: admin");
    assert_snapshot!(permissions("permissions:\n  clarify: read\n  clarify answer: write\n"), @"clarify: read, clarify answer: write");
}

#[test]
fn a_family_opens_no_command_further_than_it_may_be_opened() {
    assert_snapshot!(permissions("permissions: {step: none}"), @"step run: triage, step show: none, step skip: maintain");
}

#[test]
fn a_bot_is_listed_by_number() {
    let file =
        read("bots:\n  - login: dependabot[bot]\n    account: 49699333\n  - {login: ci, app: 29110}\n");
    assert!(file.lists(49_699_333, None) && file.lists(1, Some(29_110)));
    assert!(
        !file.lists(29_110, None) && !file.lists(1, Some(49_699_333)),
        "accounts and Apps are counted apart"
    );
    assert!(!file.lists(1, None));
    assert!(read("help: true").help && !read("help: false").help);
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_lines() {
    let text = "\
permisions: {}
permissions:
  step rum: read
  step skip: write
  protocol new: wirte
  step run: none
  step: 3
  dance: [a]
bots:
  - login: a
  - {login: b, account: 1, app: 2}
  - {login: '', account: x}
  - {account: 7}
  - {login: c, account: -7, id: 3}
  - text
help: yes
";
    assert_snapshot!(faults(text), @r"
    line 1: there is no key `permisions`; did you mean `permissions`?
    line 3: there is no command `step rum`; did you mean `step run`?
    line 4: `step skip` cannot be opened below maintain
    line 5: `protocol new` must be one of none, read, triage, write, maintain, admin, and not `wirte`
    line 6: `step run` cannot be opened below triage
    line 7: `step` must be one of none, read, triage, write, maintain, admin, and not `3`
    line 8: there is no command `dance`
    line 10: a bot needs its `login`, and either `account` or `app`
    line 11: a bot needs its `login`, and either `account` or `app`
    line 12: `login` must be a name, and not `(blank)`
    line 12: `account` must be the bot's number, and not `x`
    line 13: a bot needs its `login`, and either `account` or `app`
    line 14: `account` must be the bot's number, and not `-7`
    line 14: there is no key `id`
    line 15: a bot must be a map, and not `text`
    line 16: `help` must be true or false, and not `yes`
    ");
}

#[test]
fn a_value_of_the_wrong_kind_is_a_fault() {
    assert_snapshot!(faults("- a\n"), @"line 1: the file must be a map, and not a list");
    assert_snapshot!(faults("just text"), @"line 1: the file must be a map, and not `just text`");
    assert_snapshot!(faults("permissions: [step run]"), @"line 1: `permissions` must be a map, and not a list");
    assert_snapshot!(faults("permissions:\n  step run:\n"), @"line 2: `step run` must be one of none, read, triage, write, maintain, admin, and not empty");
    assert_snapshot!(faults("permissions: {step run: Write}"), @"line 1: `step run` must be one of none, read, triage, write, maintain, admin, and not `Write`");
    assert_snapshot!(faults("bots: {login: a}"), @"line 1: `bots` must be a list, and not a map");
    assert_snapshot!(faults("bots: [{login: a, app: 99999999999999999999}]"), @"line 1: `app` must be the bot's number, and not `100000000000000000000`");
    assert_snapshot!(faults("bots: [{login: a, app: 1.5}]"), @"line 1: `app` must be the bot's number, and not `1.5`");
    assert_snapshot!(faults("help: 1"), @"line 1: `help` must be true or false, and not `1`");
}

#[test]
fn what_is_not_plain_yaml_is_refused_with_its_line() {
    assert_snapshot!(faults("help: true\nhelp: false\n"), @"line 2: `help` stands there twice");
    assert_snapshot!(faults("permissions: {step run: read, step run: admin}"), @"line 1: `step run` stands there twice");
    assert_snapshot!(faults("help: true\n  bots: x: y\n"), @"line 2: it is not the YAML that is taken: mapping values are not allowed in this context");
    assert_snapshot!(faults("help: true\n---\nhelp: false\n"), @"line 2: there is a second document; keep one");
    assert_snapshot!(faults("help: !!python/object true"), @"line 1: it is not the YAML that is taken: unsupported tag '!!python/object'");
    assert_snapshot!(faults("help: !!binary AAAA"), @"line 1: `help` must be true or false, and not `(blank)`");
    assert_snapshot!(faults("<<: {help: true}"), @"line 1: it is not the YAML that is taken: YAML merge keys are not allowed by configured policy");
    assert_snapshot!(faults("? [a]\n: b\n"), @"line 1: it is not the YAML that is taken: expected string scalar");
    assert_snapshot!(faults("help: 'tr"), @"line 1: it is not the YAML that is taken: unclosed quote");
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let refers = vec![format!("*a{}", n - 1); 9].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{refers}]\n"));
    }
    assert_snapshot!(faults(bomb), @"line 1: anchors and aliases are not taken; write it out");
    assert_snapshot!(faults("help: *x"), @"line 1: it is not the YAML that is taken: alias references unknown anchor");
    assert_snapshot!(faults("[".repeat(60_000)), @"line 1: it is not the YAML that is taken: recursion limit exceeded");
    let steps: String = (0..300).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_snapshot!(faults(steps), @"line 9: there is too much in it, or it is nested too deeply");
    assert_snapshot!(faults("- x\n".repeat(16_000)), @"line 5000: there is too much in it, or it is nested too deeply");
}

#[test]
fn a_file_that_is_no_text_or_too_long_is_refused() {
    assert_snapshot!(faults(b"help: \xff\xfe"), @"it is not UTF-8 text");
    assert_snapshot!(faults(b"\x00\x01\x02"), @r"line 1: it is not the YAML that is taken: unexpected character: '\u{0}'");
    assert_snapshot!(faults("#".repeat(RepositoryFile::LIMIT + 1)), @"it is longer than 65536 bytes");
    assert_eq!(read(&"#".repeat(RepositoryFile::LIMIT)), RepositoryFile::default());
}

#[test]
fn words_of_the_file_stay_on_their_line_and_in_their_backticks() {
    assert_snapshot!(faults("\"` @bob\\n# big\\u202e\": 1"), @"line 1: there is no key `' @bob # big`");
    let long = faults(format!("{}: 1", "é".repeat(500)));
    assert!(long.chars().count() < 120, "{long}");
}
