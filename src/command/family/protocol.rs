//! `/protocol`: one stream of work from its issue to its merge.

use crate::command::args::Args;
use crate::command::mistake::Mistake;
use crate::command::registry::{Argument, Choice, Family, Need, Reach, Spec, Verb};
use crate::command::value::{BRANCH, CODEMACHINE, NAME, PATH, SHA, SLUG, STEP};
use crate::domain::actor::Permission::{Maintain, Read, Write};
use crate::domain::command::{Command, NewProtocol, Slug};

pub(in crate::command) const FAMILY: Family = Family {
    word: "protocol",
    commands: &[
        Spec::acts("protocol new", Verb::Word("new"), Write, new)
            .says(
                "Plan a protocol from the issue and the text given; a single word on the line is its slug",
                "/protocol new split-importer --base develop",
            )
            .options(&NEW_OPTIONS)
            .text("slug or text", Need::Optional, Reach::Block),
        Spec::acts("protocol run", Verb::Word("run"), Write, |args| {
            Ok(Command::ProtocolRun { to: args.option("to", &STEP)? })
        })
        .says("Approve the plan shown and execute it step by step", "/protocol run --to 3")
        .options(&[Choice::valued("to", "N", "Stop after this step")])
        .of_a_protocol(),
        Spec::reads("protocol status", Verb::Word("status"), Read, |_| Ok(Command::ProtocolStatus))
            .says("Say where the protocol stands and what to do next", "/protocol status")
            .of_a_protocol(),
        Spec::reads("protocol log", Verb::Word("log"), Read, |_| Ok(Command::ProtocolLog))
            .says("Show the timeline of the protocol", "/protocol log")
            .of_a_protocol()
            .later(),
        Spec::reads("protocol show", Verb::Word("show"), Read, |_| Ok(Command::ProtocolShow))
            .says("Show the plan and the steps", "/protocol show")
            .of_a_protocol()
            .later(),
        Spec::reads("protocol diff", Verb::Word("diff"), Read, |_| Ok(Command::ProtocolDiff))
            .says("Show what the protocol changed so far", "/protocol diff")
            .of_a_protocol()
            .later(),
        Spec::acts("protocol replan", Verb::Word("replan"), Write, |args| {
            Ok(Command::ProtocolReplan { text: args.text() })
        })
        .says(
            "Make a new revision of the plan; completed steps stay",
            "/protocol replan Leave the old endpoint alone",
        )
        .text("text", Need::Optional, Reach::Block)
        .of_a_protocol(),
        Spec::acts("protocol pause", Verb::Word("pause"), Write, |args| {
            Ok(Command::ProtocolPause { now: args.has("now") })
        })
        .says("Start nothing more after the running engine call", "/protocol pause")
        .options(&[Choice::switch("now", "Stop the engine at once; the attempt does not count")])
        .of_a_protocol(),
        Spec::acts("protocol resume", Verb::Word("resume"), Write, |_| Ok(Command::ProtocolResume))
            .says("Go on after a pause or a fault", "/protocol resume")
            .of_a_protocol(),
        Spec::acts("protocol cancel", Verb::Word("cancel"), Write, |args| {
            Ok(Command::ProtocolCancel { close: args.has("close") })
        })
        .says("Stop for good, within seconds; branch and pull request stay", "/protocol cancel --close")
        .options(&[Choice::switch("close", "Close the pull request too")])
        .of_a_protocol(),
        Spec::acts("protocol pr", Verb::Word("pr"), Write, |_| Ok(Command::ProtocolPr))
            .says("Open or push the pull request again after that failed", "/protocol pr")
            .of_a_protocol(),
        Spec::acts("protocol review", Verb::Word("review"), Write, |_| Ok(Command::ProtocolReview))
            .says("Review the pull request as a whole", "/protocol review")
            .of_a_protocol()
            .later(),
        Spec::acts("protocol merge", Verb::Word("merge"), Write, |_| Ok(Command::ProtocolMerge))
            .says("Merge the judged commit when all is green and you may merge", "/protocol merge")
            .never_below(Write)
            .of_a_protocol(),
        Spec::acts("protocol allow", Verb::Word("allow"), Maintain, |args| {
            Ok(Command::ProtocolAllow { sha: args.required(&SHA)? })
        })
        .says("Let commands act on this commit of a fork", "/protocol allow 0123abc")
        .takes(&[Argument::required("sha")])
        .of_a_protocol()
        .later(),
        Spec::acts("protocol import", Verb::Word("import"), Write, import)
            .says("Take the steps from a `.codemachine` folder", "/protocol import codemachine")
            .takes(&[Argument::required("codemachine"), Argument::optional("path")])
            .later(),
    ],
};

const NEW_OPTIONS: [Choice; 5] = [
    Choice::valued("base", "BRANCH", "Branch to start from and to merge into"),
    Choice::valued("engine", "ENGINE", "Agent that plans and works"),
    Choice::valued("model", "MODEL", "Model of that agent"),
    Choice::valued("pack", "PACK", "Policy pack to follow"),
    Choice::valued("template", "TEMPLATE", "Plan template to start from"),
];

/// One word on the line is the slug; several are text, and the slug is made from them.
fn new(args: &mut Args<'_>) -> Result<Command, Mistake> {
    let given = args.lone_word(&SLUG);
    let line = args.text_on_line();
    let made = || (!line.is_empty()).then(|| Slug::from_text(&line));
    Ok(Command::ProtocolNew(NewProtocol {
        slug: given.or_else(made),
        base: args.option("base", &BRANCH)?,
        engine: args.option("engine", &NAME)?,
        model: args.option("model", &NAME)?,
        pack: args.option("pack", &NAME)?,
        template: args.option("template", &NAME)?,
        text: args.text(),
    }))
}

fn import(args: &mut Args<'_>) -> Result<Command, Mistake> {
    args.required(&CODEMACHINE)?;
    Ok(Command::ProtocolImport { path: args.argument(&PATH)? })
}
