//! `/policy`: the pack of rules a project follows.

use crate::command::registry::{Argument, Family, Spec, Verb};
use crate::command::value::NAME;
use crate::domain::actor::Permission::{Admin, Read};
use crate::domain::command::Command;

pub(in crate::command) const FAMILY: Family = Family {
    word: "policy",
    commands: &[
        Spec::reads("policy", Verb::Bare, Read, |_| Ok(Command::PolicyShow))
            .says("Show the policy in force", "/policy")
            .later(),
        Spec::acts("policy use", Verb::Word("use"), Admin, |args| {
            Ok(Command::PolicyUse { pack: args.required(&NAME)? })
        })
        .says("Follow another policy pack", "/policy use strict")
        .takes(&[Argument::required("pack")])
        .later(),
        Spec::reads("policy check", Verb::Word("check"), Read, |_| Ok(Command::PolicyCheck))
            .says("Hold the repository against its policy", "/policy check")
            .later(),
    ],
};
