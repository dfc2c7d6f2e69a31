//! A run's log file: one line per thing that happened, redacted, capped.

use crate::config::Redactor;
use crate::store::Clock;
use std::path::Path;
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// Bytes of one log; later lines are dropped, and the log says so.
const LIMIT: u64 = 8 << 20;

pub(super) struct Log {
    file: File,
    bytes: u64,
    clock: Clock,
    redactor: Arc<Redactor>,
}

impl Log {
    pub(super) async fn create(
        folder: &Path,
        clock: Clock,
        redactor: Arc<Redactor>,
    ) -> std::io::Result<Self> {
        tokio::fs::create_dir_all(folder).await?;
        let file = File::create(folder.join("log.txt")).await?;
        Ok(Self { file, bytes: 0, clock, redactor })
    }

    pub(super) async fn line(&mut self, text: &str) {
        if self.bytes >= LIMIT {
            return;
        }
        let at = (self.clock)().time_of_day();
        let mut line = format!("{at} {}\n", self.redactor.redact(text));
        self.bytes = self.bytes.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        if self.bytes >= LIMIT {
            line.push_str("the log is full; what follows is not kept\n");
        }
        let written = async {
            self.file.write_all(line.as_bytes()).await?;
            self.file.flush().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "a run's log could not be written");
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
