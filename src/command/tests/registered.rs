//! The list of commands, and what is made from it.

use super::registry::{Effect, Status, Verb, commands, families, needs, spec_of};
use super::*;
use crate::domain::actor::Permission;
use crate::domain::command::Command;
use std::collections::HashSet;

#[test]
fn every_example_is_read_as_its_own_command() {
    for spec in commands() {
        let asked = only(spec.example);
        assert_eq!(spec_of(&asked.command).name, spec.name, "{}", spec.example);
    }
}

#[test]
fn every_option_is_taken_with_its_example() {
    for spec in commands() {
        for option in spec.all_options() {
            if spec.example.contains(&format!("--{}", option.name)) {
                continue;
            }
            let value = if option.value == Some("N") { "2" } else { option.value.unwrap_or_default() };
            let words =
                spec.example.replacen(&spec.call(), &format!("{} --{} {value}", spec.call(), option.name), 1);
            let plain = only(spec.example);
            assert_ne!(only(&words), plain, "{words}: the option changes nothing");
        }
    }
}

#[test]
fn names_are_unique_and_begin_with_their_family() {
    let names: HashSet<&str> = commands().map(|spec| spec.name).collect();
    assert_eq!(names.len(), commands().count());
    for family in families() {
        for spec in family.commands {
            assert_eq!(spec.name.split(' ').next(), Some(family.word));
            if let Verb::Word(verb) = spec.verb {
                assert_eq!(spec.name, format!("{} {verb}", family.word));
            }
        }
    }
}

#[test]
fn every_command_says_what_it_does_in_one_line() {
    for spec in commands() {
        let help = spec.help;
        assert!(
            help.starts_with(char::is_uppercase) && !help.ends_with('.') && help.len() <= 100,
            "{}: {help}",
            spec.name
        );
        assert!(!help.contains(['|', '\n']), "{}: {help}", spec.name);
    }
}

#[test]
fn required_arguments_come_before_optional_ones_and_text() {
    for spec in commands() {
        let optional = spec.arguments.iter().position(|argument| argument.need == registry::Need::Optional);
        let after = optional.map_or(0, |at| spec.arguments.len() - at);
        assert!(after <= 1 && (after == 0 || spec.text.is_none()), "{}", spec.name);
    }
}

#[test]
fn an_option_may_need_more_than_its_command() {
    let asked = only("/step run 2 --anyway").command;
    assert_eq!(needs(&only("/step run 2").command, None), Permission::Write);
    assert_eq!(needs(&asked, None), Permission::Maintain);
    assert_eq!(needs(&asked, Some(Permission::Triage)), Permission::Maintain);
    assert_eq!(needs(&asked, Some(Permission::Admin)), Permission::Admin);
    assert_eq!(needs(&Command::BotPing, None), Permission::Read);
    assert_eq!(needs(&Command::BotPing, Some(Permission::None)), Permission::None);
}

#[test]
fn a_repository_opens_no_command_too_far() {
    for spec in commands() {
        let least = match (spec.effect, spec.needs) {
            (Effect::Acting, Permission::Maintain | Permission::Admin) => spec.needs,
            (Effect::Acting, _) if spec.name == "protocol merge" => Permission::Write,
            (Effect::Acting, _) => Permission::Triage,
            (Effect::Reading, _) => Permission::None,
        };
        assert_eq!(spec.least, least, "{}", spec.name);
        assert!(spec.least <= spec.needs, "{}", spec.name);
    }
}

#[test]
fn what_the_bot_does_already_is_listed() {
    let now: Vec<&str> = commands().filter(|spec| spec.status == Status::Now).map(|spec| spec.name).collect();
    insta::assert_snapshot!(now.join(", "), @"protocol new, protocol run, protocol status, protocol replan, protocol pause, protocol resume, protocol cancel, protocol pr, protocol merge, step run, step qa, step retry, step show, step skip, step approve, bot help, bot why, bot ping");
}

#[test]
fn help_lists_the_commands() {
    insta::assert_snapshot!(help(None), @r#"
**/protocol**

| command | needs | does |
|---|---|---|
| `/protocol new [--base BRANCH] [--engine ENGINE] [--model MODEL] [--pack PACK] [--template TEMPLATE] [slug or text]` | write | Plan a protocol from the issue and the text given; a single word on the line is its slug |
| `/protocol run [--to N]` | write | Approve the plan shown and execute it step by step |
| `/protocol status` | read | Say where the protocol stands and what to do next |
| `/protocol replan [text]` | write | Make a new revision of the plan; completed steps stay |
| `/protocol pause [--now]` | write | Start nothing more after the running engine call |
| `/protocol resume` | write | Go on after a pause or a fault |
| `/protocol cancel [--close]` | write | Stop for good, within seconds; branch and pull request stay |
| `/protocol pr` | write | Open or push the pull request again after that failed |
| `/protocol merge` | write | Merge the judged commit when all is green and you may merge |

**/step**

| command | needs | does |
|---|---|---|
| `/step run [N\|next\|all] [--anyway]` | write | Execute one step, the next one unless told otherwise, or all |
| `/step qa [N]` | write | Judge a step again |
| `/step retry [N]` | write | Execute a failed or blocked step again on the present head |
| `/step show <N>` | read | Show a step: its task, attempts and verdict |
| `/step skip <N> <why>` | maintain | Leave a step out, in your name |
| `/step approve <N> <why>` | maintain | Accept a step whatever its verdict, in your name |

**/bot**

| command | needs | does |
|---|---|---|
| `/bot help [command]` | read | List the commands, or explain one |
| `/bot why <command>` | read | Explain what permits or blocks a command |
| `/bot ping` | read | Say that the bot is listening |

`/bot help <command>` explains one.

Understood, but not done yet: `/protocol log`, `/protocol show`, `/protocol diff`, `/protocol review`, `/protocol allow`, `/protocol import`, `/step steer`, `/clarify`, `/clarify <key>`, `/policy`, `/policy use`, `/policy check`, `/budget`, `/budget set`, `/engine`, `/engine use`, `/project setup`, `/project discover`, `/project status`, `/branch list`, `/branch delete`.
"#);
}

#[test]
fn help_explains_a_family_or_a_command() {
    insta::assert_snapshot!(help(Some("/branch")), @r#"
| command | needs | does |
|---|---|---|
| `/branch list` | maintain | List the branches of protocols and what became of them (not done yet) |
| `/branch delete <branch> [--confirm]` | maintain | Delete a branch of a finished protocol (not done yet) |

`/bot help <command>` explains one.
"#);
    insta::assert_snapshot!(help(Some("Step RUN 2")), @r#"
Execute one step, the next one unless told otherwise, or all.

```
/step run [N|next|all] [--anyway] [--dry-run]
```

- Needs: write
- `--anyway`: Even if an earlier step is open (needs maintain)
- `--dry-run`: Say what would happen, change nothing
- With several open protocols: name the one you mean, as in `/step run #0003`
- Example: `/step run 2`
"#);
}

#[test]
fn help_about_nonsense_is_the_list() {
    let answer = help(Some("`@all` nonsense"));
    assert!(answer.starts_with("There is no command `'@all' nonsense`.\n\n**/protocol**"), "{answer}");
    assert_eq!(help(Some("  ")), help(None));
    assert_eq!(help(Some("step rum")), help(Some("step")));
}

#[test]
fn help_holds_no_live_command() {
    for text in [help(None), help(Some("protocol")), help(Some("step run")), docs_markdown()] {
        assert_eq!(parse(&text, APP), [], "{text}");
    }
}
