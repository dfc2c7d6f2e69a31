//! `/engine`: the agent that does the work.

use crate::command::registry::{Argument, Choice, Family, Spec, Verb};
use crate::command::value::NAME;
use crate::domain::actor::Permission::{Admin, Read};
use crate::domain::command::Command;

pub(in crate::command) const FAMILY: Family = Family {
    word: "engine",
    commands: &[
        Spec::reads("engine", Verb::Bare, Read, |_| Ok(Command::EngineShow))
            .says("Show the engines and the one in use", "/engine")
            .later(),
        Spec::acts("engine use", Verb::Word("use"), Admin, |args| {
            Ok(Command::EngineUse { engine: args.required(&NAME)?, model: args.option("model", &NAME)? })
        })
        .says("Work with another engine", "/engine use codex --model gpt-5.1-codex")
        .takes(&[Argument::required("engine")])
        .options(&[Choice::valued("model", "MODEL", "Model of that engine")])
        .later(),
    ],
};
