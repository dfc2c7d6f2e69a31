//! What a run leaves behind on this machine.

use std::time::{Duration, Instant};

/// A number of seconds that no other process of this machine sleeps for: a `sleep` with it can be found again.
pub(crate) fn unique_sleep() -> String {
    let digits = uuid::Uuid::new_v4().as_u128() % 1_000_000_000;
    format!("3600.{digits:09}")
}

/// The processes whose command line holds `token`.
pub(crate) fn processes_with(token: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(token)
    })
    .collect()
}

/// Waits until `what` is true; fails after `seconds`.
#[track_caller]
pub(crate) fn until(seconds: u64, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        assert!(
            Instant::now() < deadline,
            "after {seconds} s still not so: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits without holding up the test's runtime.
pub(crate) async fn until_async(
    seconds: u64,
    what: &'static str,
    is_so: impl FnMut() -> bool + Send + 'static,
) {
    tokio::task::spawn_blocking(move || until(seconds, what, is_so))
        .await
        .unwrap();
}
