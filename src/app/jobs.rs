//! The store as the queue's source of jobs.

use crate::domain::claim::{Claimed, Hold};
use crate::domain::ids::Moment;
use crate::domain::retry::JobEnd;
use crate::queue::{JobSource, SourceError, Wake};
use crate::store::{Store, job};
use async_trait::async_trait;
use std::time::Duration;

/// Jobs of a store.
pub struct StoredJobs(pub Store);

#[async_trait]
impl JobSource for StoredJobs {
    fn now(&self) -> Moment {
        self.0.now()
    }

    fn wake(&self) -> Box<dyn Wake> {
        Box::new(self.0.wakes())
    }

    async fn claim(&self, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Claimed>, SourceError> {
        Ok(job::claim(&self.0, worker, limit, lease).await?)
    }

    async fn renew(&self, hold: Hold, lease: Duration) -> Result<bool, SourceError> {
        Ok(job::renew(&self.0, hold, lease).await?)
    }

    async fn finish(&self, hold: Hold, end: &JobEnd) -> Result<bool, SourceError> {
        Ok(job::finish(&self.0, hold, end).await?)
    }

    async fn release_all(&self, worker: &str) -> Result<u64, SourceError> {
        Ok(job::release_all(&self.0, worker).await?)
    }

    async fn next_due(&self, since: Moment) -> Result<Option<Moment>, SourceError> {
        Ok(job::next_due(&mut self.0.read().await?, since).await?)
    }
}
