//! What the kernel says of this process, under the names that Prometheus' own libraries use.

use super::standing::signed;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fs;

/// Memory and open files of this process. `None`: the kernel does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessFigures {
    /// Bytes in memory.
    pub resident: Option<u64>,
    pub open_files: Option<u64>,
}

impl ProcessFigures {
    /// Reads them now, from proc(5).
    pub fn read() -> Self {
        let status = fs::read_to_string("/proc/self/status").ok();
        let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64);
        // Reading the folder takes one for itself.
        Self { resident: status.as_deref().and_then(resident), open_files: files.map(|count| count - 1) }
    }

    pub(super) fn register(self, registry: &mut Registry) {
        let figures = [
            ("process_resident_memory_bytes", "Resident memory size in bytes", self.resident),
            ("process_open_fds", "Number of open file descriptors", self.open_files),
        ];
        for (name, help, figure) in figures {
            if let Some(figure) = figure {
                let gauge = Gauge::<i64>::default();
                gauge.set(signed(figure));
                registry.register(name, help, gauge);
            }
        }
    }
}

/// The line is in kB, which are 1024 bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(resident("VmPeak:\t  9 kB\nVmRSS:\t   36800 kB\n"), Some(36_800 * 1024));
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let figures = ProcessFigures::read();
        assert!(figures.resident.is_some_and(|bytes| bytes > 1 << 20), "{figures:?}");
        assert!(figures.open_files.is_some_and(|files| files >= 3), "{figures:?}");
    }
}
