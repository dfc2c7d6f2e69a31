//! `/project`: getting a repository ready.

use crate::command::registry::{Family, Spec, Verb};
use crate::domain::actor::Permission::Maintain;
use crate::domain::command::Command;

pub(in crate::command) const FAMILY: Family = Family {
    word: "project",
    commands: &[
        Spec::acts("project setup", Verb::Word("setup"), Maintain, |_| Ok(Command::ProjectSetup))
            .says("Prepare the repository for protocols", "/project setup")
            .later(),
        Spec::acts("project discover", Verb::Word("discover"), Maintain, |_| Ok(Command::ProjectDiscover))
            .says("Let the engine describe how the repository is built and tested", "/project discover")
            .later(),
        Spec::reads("project status", Verb::Word("status"), Maintain, |_| Ok(Command::ProjectStatus))
            .says("Show how far the repository is prepared", "/project status")
            .later(),
    ],
};
