//! `/clarify`: the open questions of a protocol.

use crate::command::registry::{Argument, Family, Need, Reach, Spec, Verb};
use crate::command::value::NAME;
use crate::domain::actor::Permission::{Read, Write};
use crate::domain::command::Command;

pub(in crate::command) const FAMILY: Family = Family {
    word: "clarify",
    commands: &[
        Spec::reads("clarify", Verb::Bare, Read, |_| Ok(Command::ClarifyList))
            .says("List the open questions", "/clarify")
            .of_a_protocol()
            .later(),
        Spec::acts("clarify answer", Verb::Open, Write, |args| {
            Ok(Command::ClarifyAnswer { key: args.required(&NAME)?, answer: args.required_text()? })
        })
        .says("Answer a question; what waited for it goes on by itself", "/clarify database postgres")
        .takes(&[Argument::required("key")])
        .text("answer", Need::Required, Reach::Block)
        .of_a_protocol()
        .later(),
    ],
};
