//! What a run leaves behind on this machine.

use std::time::{Duration, Instant};

/// A number of seconds that no other process of this machine sleeps for: a `sleep` with it can be found again.
/// Whoever still sleeps for it when this is dropped is killed, so that a failed test leaves nothing either.
pub(crate) struct UniqueSleep(String);

impl UniqueSleep {
    pub(crate) fn new() -> Self {
        let digits = uuid::Uuid::new_v4().as_u128() % 1_000_000_000;
        Self(format!("3600.{digits:09}"))
    }

    /// The `sleep` processes there are now.
    pub(crate) fn sleepers(&self) -> usize {
        processes_with(&format!("sleep\0{}", self.0)).len()
    }

    /// Every process whose command line names the number.
    pub(crate) fn traces(&self) -> Vec<u32> {
        processes_with(&self.0)
    }
}

impl std::fmt::Display for UniqueSleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Drop for UniqueSleep {
    fn drop(&mut self) {
        for pid in self.traces() {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
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
        assert!(Instant::now() < deadline, "after {seconds} s still not so: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The same without holding up the test's runtime.
pub(crate) async fn until_async(seconds: u64, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        assert!(Instant::now() < deadline, "after {seconds} s still not so: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
