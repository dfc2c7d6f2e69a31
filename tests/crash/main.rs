//! The crash ring: the bot is a process of its own, killed right before and right after every outward act.
//!
//! This program is the test and, called by itself with a word, the bot (`bot`) or the agent that the bot starts (`agent`).
//! The test owns the twin, plays the people, starts the bot again whenever it died, and in the end looks at what people see
//! and at what is left behind. Everything between the processes is real: HTTP, git, files, SQLite, Postgres, Redis.
//!
//! - `point.rs`: where one can die · `place.rs`: which work that belongs to · `wire.rs`: what test and bot tell each other
//! - `bot.rs`, `killer.rs`, `agent.rs`: the bot's side · `world.rs`, `story.rs`, `seen.rs`, `left.rs`, `campaign.rs`,
//!   `recovery.rs`: the test's
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(unreachable_pub, reason = "a test binary exports nothing; its modules are each other's only users")]

mod agent;
mod backend;
mod bot;
mod campaign;
mod killer;
mod left;
mod place;
mod point;
#[path = "../shared/postgres.rs"]
mod postgres;
mod recovery;
mod seen;
#[path = "../shared/server.rs"]
mod server;
mod story;
#[path = "../shared/until.rs"]
mod until;
mod wire;
mod world;

use backend::Backend;
use libtest_mimic::{Arguments, Trial};
use tasksgodzilla::sandbox::Host;

fn main() {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("bot") => bot::main(args),
        Some("agent") => agent::main(),
        _ => {
            let trials = Backend::ALL
                .into_iter()
                .flat_map(|backend| [Host::Github, Host::Gitlab].map(|forge| trial(forge, backend)));
            libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
        }
    }
}

fn trial(forge: Host, backend: Backend) -> Trial {
    let name = format!("a_bot_on_{forge:?}_and_{}_may_die_at_every_outward_act", backend.name());
    Trial::test(name.to_lowercase(), move || campaign::run(forge, backend))
}
