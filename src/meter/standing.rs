//! What stands in the store, as it was read for one look.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// What stands now. What passed by is counted where it passes, for no table can be asked for that at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub jobs: Vec<OpenJobs>,
    /// How long the oldest job that a worker could take has been due.
    pub oldest_due: Duration,
    pub protocols: Vec<OpenProtocols>,
}

/// How many jobs of one kind are queued, running or dead; there may be millions that are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenJobs {
    pub kind: String,
    pub state: &'static str,
    pub jobs: u64,
}

/// How many protocols have one status that is no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenProtocols {
    pub status: &'static str,
    pub protocols: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProtocolLabels {
    status: &'static str,
}

/// Writes what stands into `registry`; only that the store is down when it is.
pub(super) fn register(registry: &mut Registry, standing: Option<&Standing>) {
    let up = Gauge::<i64>::default();
    up.set(standing.is_some().into());
    registry.register("store_up", "Whether the store answered when this was asked for", up);
    let Some(standing) = standing else { return };
    let jobs = Family::<JobLabels, Gauge>::default();
    for open in &standing.jobs {
        let labels = JobLabels { kind: open.kind.clone(), state: open.state };
        jobs.get_or_create(&labels).set(signed(open.jobs));
    }
    registry.register("jobs", "Jobs that are queued, running or dead", jobs);
    let oldest = Gauge::<f64, AtomicU64>::default();
    oldest.set(standing.oldest_due.as_secs_f64());
    let help = "How long the oldest job that a worker could take has been due";
    registry.register("oldest_due_job_seconds", help, oldest);
    let protocols = Family::<ProtocolLabels, Gauge>::default();
    for open in &standing.protocols {
        protocols.get_or_create(&ProtocolLabels { status: open.status }).set(signed(open.protocols));
    }
    registry.register("protocols", "Protocols that are not over", protocols);
}

pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
