//! What stands in the store, for whoever watches the bot: a few counts, each read by an index.

use super::Ctx;
use crate::meter::{OpenJobs, OpenProtocols, Standing};
use crate::store::{self, StoreError};

/// Reads what stands now.
pub async fn standing(ctx: &Ctx) -> Result<Standing, StoreError> {
    let mut db = ctx.store.read().await?;
    let jobs = store::job::count_open(&mut db).await?;
    let oldest = store::job::oldest_due(&mut db).await?;
    let protocols = store::protocol::count_open(&mut db).await?;
    Ok(Standing {
        jobs: jobs
            .into_iter()
            .map(|count| OpenJobs { kind: count.kind, state: count.status.as_str(), jobs: count.count })
            .collect(),
        oldest_due: oldest.map(|since| ctx.now().since(since)).unwrap_or_default(),
        protocols: protocols
            .into_iter()
            .map(|(status, protocols)| OpenProtocols { status: status.as_str(), protocols })
            .collect(),
    })
}
