//! Running jobs by hand, without workers.

use super::{Handler, JobSource, SourceError, after_panic, panic_message};
use crate::domain::claim::Claimed;
use crate::domain::retry::JobEnd;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// The lease of a job that is run by hand. Nothing renews it.
const LEASE: Duration = Duration::from_secs(3600);
/// So many jobs in a row are no work but a job that is always due again.
const MOST: usize = 1_000;

/// Runs due jobs one after the other, also those that come of them, until none is due. Returns how many ran.
///
/// Never waits for a later moment: with a clock that stands still, what is due later stays. Errors: the source's, and when
/// `MOST` jobs ran and others are still due.
pub async fn drain(source: &dyn JobSource, handler: &dyn Handler) -> Result<usize, SourceError> {
    let mut ran = 0;
    while ran < MOST {
        let claimed = source.claim("drain", 1, LEASE).await?;
        if claimed.is_empty() {
            return Ok(ran);
        }
        for work in claimed {
            let hold = work.hold();
            let end = run(source, handler, work).await;
            source.finish(hold, &end).await?;
            ran += 1;
        }
    }
    Err(format!("{MOST} jobs ran and the queue does not come to rest").into())
}

async fn run(source: &dyn JobSource, handler: &dyn Handler, work: Claimed) -> JobEnd {
    let attempt = AssertUnwindSafe(handler.handle(work.clone())).catch_unwind();
    match attempt.await {
        Ok(end) => end,
        Err(payload) => after_panic(&work, panic_message(payload.as_ref()), source.now()),
    }
}
