//! How long things are kept, and how full a disk may get.

use super::reader::Reader;
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// Ages after which something is deleted, and the room that must stay free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Bodies of deliveries that were processed.
    pub bodies: Duration,
    /// What else is known of deliveries. Longer than any forge's log of them, else one could be taken in twice.
    pub deliveries: Duration,
    /// Jobs that are done.
    pub jobs: Duration,
    /// Runs of ended protocols, with their logs and artifacts.
    pub runs: Duration,
    /// Mirrors of projects without an open protocol.
    pub mirrors: Duration,
    /// Bytes; under it no new work begins. Zero is no limit.
    pub disk_floor: u64,
}

impl Keep {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            bodies: days(reader, "KEEP_BODIES_DAYS", 1),
            deliveries: days(reader, "KEEP_DELIVERIES_DAYS", 8),
            jobs: days(reader, "KEEP_JOBS_DAYS", 1),
            runs: days(reader, "KEEP_RUNS_DAYS", 1),
            mirrors: days(reader, "KEEP_MIRRORS_DAYS", 1),
            disk_floor: reader.number::<u64>("DISK_FLOOR_MIB", 0..=1 << 30) << 20,
        }
    }
}

fn days(reader: &mut Reader<'_>, name: &str, least: u64) -> Duration {
    Duration::from_secs(reader.number(name, least..=36_500) * DAY)
}
