//! `/budget`: how many tokens work may cost.

use crate::command::registry::{Argument, Family, Spec, Verb};
use crate::command::value::{BUDGET_OF, TOKENS};
use crate::domain::actor::Permission::{Admin, Read};
use crate::domain::command::Command;

pub(in crate::command) const FAMILY: Family = Family {
    word: "budget",
    commands: &[
        Spec::reads("budget", Verb::Bare, Read, |_| Ok(Command::BudgetShow))
            .says("Show what was spent and what is left", "/budget")
            .of_a_protocol()
            .later(),
        Spec::acts("budget set", Verb::Word("set"), Admin, |args| {
            Ok(Command::BudgetSet { of: args.required(&BUDGET_OF)?, tokens: args.required(&TOKENS)? })
        })
        .says("Limit the tokens of each step or of the protocol", "/budget set step 200k")
        .takes(&[Argument::required("step|protocol"), Argument::required("tokens")])
        .of_a_protocol()
        .later(),
    ],
};
