//! `/bot`: the bot itself.

use crate::command::registry::{Family, Need, Reach, Spec, Verb};
use crate::domain::actor::Permission::Read;
use crate::domain::command::Command;

pub(in crate::command) const FAMILY: Family = Family {
    word: "bot",
    commands: &[
        Spec::reads("bot help", Verb::Word("help"), Read, |args| Ok(Command::BotHelp { topic: args.text() }))
            .says("List the commands, or explain one", "/bot help step run")
            .text("command", Need::Optional, Reach::Line),
        Spec::reads("bot why", Verb::Word("why"), Read, |args| {
            Ok(Command::BotWhy { command: args.required_text()? })
        })
        .says("Explain what permits or blocks a command", "/bot why /step run 2")
        .text("command", Need::Required, Reach::Line),
        Spec::reads("bot ping", Verb::Word("ping"), Read, |_| Ok(Command::BotPing))
            .says("Say that the bot is listening", "/bot ping"),
    ],
};
