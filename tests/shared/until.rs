//! Waiting for what another process does, which nobody tells us.

use std::time::{Duration, Instant};

/// Looks again and again until `is_so`; fails after `seconds`.
pub(crate) async fn until(seconds: u64, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !is_so().await {
        assert!(Instant::now() < deadline, "after {seconds} s still not so: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
