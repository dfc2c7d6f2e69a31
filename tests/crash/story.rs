//! What happens in every world, told to its end.

use super::world::World;
use std::time::Duration;
use tasksgodzilla::domain::protocol::ProtocolStatus;

/// The branch of the one protocol, and its pull request.
pub const BRANCH: &str = "0001-split-the-importer";
pub const PULL: u64 = 2;

/// Longer than the bot waits between two looks for lost things.
const A_WHILE: Duration = Duration::from_secs(40);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// From a comment to a merged pull request, with a refusal and two looks in between.
    Merged,
    /// A plan that nobody wants.
    Cancelled,
}

impl Story {
    pub const ALL: [Self; 2] = [Self::Merged, Self::Cancelled];

    pub async fn happens(self, world: &mut World) {
        world.says("bob", 1, "/protocol new").await;
        match self {
            Self::Merged => merged(world).await,
            Self::Cancelled => {
                world.ci_finishes().await;
                world.says("bob", PULL, "/protocol cancel --close").await;
            }
        }
        world.passes(A_WHILE).await;
    }

    /// How the protocol ends.
    pub fn end(self) -> ProtocolStatus {
        match self {
            Self::Merged => ProtocolStatus::Completed,
            Self::Cancelled => ProtocolStatus::Cancelled,
        }
    }
}

async fn merged(world: &mut World) {
    world.passes(A_WHILE).await;
    world.says("vera", PULL, "/protocol run").await;
    world.says("ann", PULL, "/protocol status").await;
    world.says("bob", PULL, "/protocol run").await;
    world.ci_finishes().await;
    world.says("ann", PULL, "/protocol status").await;
    world.passes(A_WHILE).await;
    world.says("bob", PULL, "/protocol merge").await;
}
