//! Telling this process' tasks that jobs may have come.

use tokio::sync::watch;

/// Two counters that only rise: one for whoever looks for jobs, one for whoever tells other processes.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    looks: watch::Sender<u64>,
    commits: watch::Sender<u64>,
}

impl Wakes {
    /// This process committed jobs.
    pub(super) fn committed(&self) {
        self.look();
        self.commits.send_modify(|count| *count += 1);
    }

    /// There may be jobs, wherever they came from.
    pub(super) fn look(&self) {
        self.looks.send_modify(|count| *count += 1);
    }

    pub(super) fn looks(&self) -> watch::Receiver<u64> {
        self.looks.subscribe()
    }

    pub(super) fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }
}
