//! `/branch`: the branches that protocols left behind.

use crate::command::registry::{Argument, Choice, Family, Spec, Verb};
use crate::command::value::BRANCH;
use crate::domain::actor::Permission::Maintain;
use crate::domain::command::Command;

pub(in crate::command) const FAMILY: Family = Family {
    word: "branch",
    commands: &[
        Spec::reads("branch list", Verb::Word("list"), Maintain, |_| Ok(Command::BranchList))
            .says("List the branches of protocols and what became of them", "/branch list")
            .later(),
        Spec::acts("branch delete", Verb::Word("delete"), Maintain, |args| {
            Ok(Command::BranchDelete { branch: args.required(&BRANCH)?, confirmed: args.has("confirm") })
        })
        .says("Delete a branch of a finished protocol", "/branch delete 0003-split-importer --confirm")
        .takes(&[Argument::required("branch")])
        .options(&[Choice::switch("confirm", "Really delete it")])
        .later(),
    ],
};
