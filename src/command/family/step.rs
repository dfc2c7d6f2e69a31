//! `/step`: one unit of a protocol.

use crate::command::registry::{Argument, Choice, Family, Need, Reach, Spec, Verb};
use crate::command::value::{STEP, WHICH_STEP};
use crate::domain::actor::Permission::{Maintain, Read, Write};
use crate::domain::command::{Command, WhichStep};

pub(in crate::command) const FAMILY: Family = Family {
    word: "step",
    commands: &[
        Spec::acts("step run", Verb::Word("run"), Write, |args| {
            let which = args.argument(&WHICH_STEP)?.unwrap_or(WhichStep::Next);
            Ok(Command::StepRun { which, anyway: args.has("anyway") })
        })
        .says("Execute one step, the next one unless told otherwise, or all", "/step run 2")
        .takes(&[Argument::optional("N|next|all")])
        .options(&[Choice::switch("anyway", "Even if an earlier step is open").needing(Maintain)])
        .of_a_protocol(),
        Spec::acts("step qa", Verb::Word("qa"), Write, |args| {
            Ok(Command::StepQa { number: args.argument(&STEP)? })
        })
        .says("Judge a step again", "/step qa 2")
        .takes(&[Argument::optional("N")])
        .of_a_protocol(),
        Spec::acts("step retry", Verb::Word("retry"), Write, |args| {
            Ok(Command::StepRetry { number: args.argument(&STEP)? })
        })
        .says("Execute a failed or blocked step again on the present head", "/step retry 2")
        .takes(&[Argument::optional("N")])
        .of_a_protocol(),
        Spec::reads("step show", Verb::Word("show"), Read, |args| {
            Ok(Command::StepShow { number: args.required(&STEP)? })
        })
        .says("Show a step: its task, attempts and verdict", "/step show 2")
        .takes(&[Argument::required("N")])
        .of_a_protocol(),
        Spec::acts("step skip", Verb::Word("skip"), Maintain, |args| {
            Ok(Command::StepSkip { number: args.required(&STEP)?, why: args.required_text()? })
        })
        .says("Leave a step out, in your name", "/step skip 2 Done by hand in an earlier commit")
        .takes(&[Argument::required("N")])
        .text("why", Need::Required, Reach::Block)
        .of_a_protocol(),
        Spec::acts("step approve", Verb::Word("approve"), Maintain, |args| {
            Ok(Command::StepApprove { number: args.required(&STEP)?, why: args.required_text()? })
        })
        .says(
            "Accept a step whatever its verdict, in your name",
            "/step approve 2 The failing check is a known flake",
        )
        .takes(&[Argument::required("N")])
        .text("why", Need::Required, Reach::Block)
        .of_a_protocol(),
        Spec::acts("step steer", Verb::Word("steer"), Write, |args| {
            Ok(Command::StepSteer { number: args.required(&STEP)?, text: args.required_text()? })
        })
        .says(
            "Leave a note for the engine's next turn or attempt",
            "/step steer 2 Use the parser that is there",
        )
        .takes(&[Argument::required("N")])
        .text("text", Need::Required, Reach::Block)
        .of_a_protocol()
        .later(),
    ],
};
