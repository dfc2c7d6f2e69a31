//! The whole as Prometheus reads it.

use super::standing::{self, Standing, signed};
use super::{Meters, ProcessFigures};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;

/// The media type of [`Meters::text`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// What was read for one answer to Prometheus.
#[derive(Debug, Clone, Default)]
pub struct Readings {
    /// `None`: the store did not answer.
    pub standing: Option<Standing>,
    /// `None` where no Redis is set.
    pub wakes: Option<Wakes>,
    pub process: ProcessFigures,
}

/// Wake-ups between processes, over Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wakes {
    pub connected: bool,
    /// Processes with workers that show themselves.
    pub processes: usize,
    pub sent: u64,
    pub heard: u64,
}

impl Meters {
    /// What was counted and what was read, in Prometheus' text format, version 0.0.4.
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
    pub fn text(&self, readings: &Readings) -> Result<String, fmt::Error> {
        let mut now = Registry::default();
        let ours = now.sub_registry_with_prefix("tasksgodzilla");
        ours.register("build", "This version", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        standing::register(ours, readings.standing.as_ref());
        if let Some(wakes) = readings.wakes {
            wakes.register(ours);
        }
        readings.process.register(&mut now);
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        prometheus_text::encode(&mut text, &now)?;
        Ok(text)
    }
}

impl Wakes {
    fn register(self, registry: &mut Registry) {
        let gauges = [
            ("redis_up", "Whether Redis answers", i64::from(self.connected)),
            ("redis_processes", "Processes with workers on this Redis", signed(self.processes as u64)),
        ];
        for (name, help, value) in gauges {
            let gauge = Gauge::<i64>::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        }
        let counts = [
            ("wakes_sent", "Wake-ups sent to other processes", self.sent),
            ("wakes_heard", "Wake-ups that came from other processes", self.heard),
        ];
        for (name, help, count) in counts {
            let counter = Counter::<u64>::default();
            counter.inc_by(count);
            registry.register(name, help, counter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Call, DeliveryOutcome, OpenJobs, OpenProtocols};
    use super::*;
    use std::time::Duration;

    fn busy() -> (Meters, Standing) {
        let meters = Meters::default();
        meters.delivery(DeliveryOutcome::Stored);
        meters.batch(3);
        meters.job_ended("publish", "done", Duration::from_millis(20));
        meters.tokens("execute", "codex", [1200, 800, 90]);
        meters.rate_remaining("github", 7, "core", 4999);
        meters.credential_expires("gitlab", 1_798_675_200);
        let call =
            Call { forge: "github", method: "GET", route: "/repos/{owner}/{repo}".to_owned(), status: "2xx" };
        meters.call(&call, Duration::from_millis(30));
        meters.git("fetch", Duration::from_millis(40));
        let standing = Standing {
            jobs: vec![OpenJobs { kind: "publish".to_owned(), state: "dead", jobs: 2 }],
            oldest_due: Duration::from_millis(1500),
            protocols: vec![OpenProtocols { status: "planned", protocols: 4 }],
        };
        (meters, standing)
    }

    /// Lines with a value, without the buckets of histograms.
    fn samples(text: &str) -> Vec<&str> {
        let shown = |line: &&str| !line.starts_with('#') && !line.contains("_bucket{");
        let mut samples: Vec<&str> = text.lines().filter(shown).collect();
        samples.sort_unstable();
        samples
    }

    #[test]
    fn what_was_counted_and_what_stands_is_told() {
        let (meters, standing) = busy();
        let process = ProcessFigures { resident: Some(4096), open_files: Some(9) };
        let wakes = Some(Wakes { connected: true, processes: 3, sent: 20, heard: 8 });
        let text = meters.text(&Readings { standing: Some(standing), wakes, process }).expect("text");
        let told = samples(&text).join("\n").replace(env!("CARGO_PKG_VERSION"), "<version>");
        insta::assert_snapshot!(told, @r#"
        process_open_fds 9
        process_resident_memory_bytes 4096
        tasksgodzilla_build_info{version="<version>"} 1
        tasksgodzilla_deliveries_total{outcome="duplicate"} 0
        tasksgodzilla_deliveries_total{outcome="failed"} 0
        tasksgodzilla_deliveries_total{outcome="foreign"} 0
        tasksgodzilla_deliveries_total{outcome="refused"} 0
        tasksgodzilla_deliveries_total{outcome="stored"} 1
        tasksgodzilla_deliveries_total{outcome="unmatched"} 0
        tasksgodzilla_deliveries_total{outcome="unreadable"} 0
        tasksgodzilla_delivery_batch_size_count 1
        tasksgodzilla_delivery_batch_size_sum 3.0
        tasksgodzilla_forge_call_seconds_count{forge="github",method="GET",route="/repos/{owner}/{repo}",status="2xx"} 1
        tasksgodzilla_forge_call_seconds_sum{forge="github",method="GET",route="/repos/{owner}/{repo}",status="2xx"} 0.03
        tasksgodzilla_forge_credential_expires_timestamp_seconds{forge="gitlab"} 1798675200
        tasksgodzilla_forge_rate_remaining{forge="github",installation="7",resource="core"} 4999
        tasksgodzilla_git_seconds_count{command="fetch"} 1
        tasksgodzilla_git_seconds_sum{command="fetch"} 0.04
        tasksgodzilla_job_seconds_count{kind="publish",end="done"} 1
        tasksgodzilla_job_seconds_sum{kind="publish",end="done"} 0.02
        tasksgodzilla_jobs{kind="publish",state="dead"} 2
        tasksgodzilla_leases_expired_total 0
        tasksgodzilla_leases_held 0
        tasksgodzilla_leases_lost_total 0
        tasksgodzilla_oldest_due_job_seconds 1.5
        tasksgodzilla_protocols{status="planned"} 4
        tasksgodzilla_redis_processes 3
        tasksgodzilla_redis_up 1
        tasksgodzilla_store_up 1
        tasksgodzilla_tokens_total{phase="execute",engine="codex",direction="cached"} 800
        tasksgodzilla_tokens_total{phase="execute",engine="codex",direction="in"} 1200
        tasksgodzilla_tokens_total{phase="execute",engine="codex",direction="out"} 90
        tasksgodzilla_wakes_heard_total 8
        tasksgodzilla_wakes_sent_total 20
        "#);
    }

    #[test]
    fn a_store_that_is_down_is_told_and_the_rest_stays() {
        let (meters, _) = busy();
        let text = meters.text(&Readings::default()).expect("text");
        assert!(text.contains("tasksgodzilla_store_up 0\n"), "{text}");
        assert!(!text.contains("tasksgodzilla_jobs{"), "{text}");
        assert!(!text.contains("redis"), "{text}");
        assert!(text.contains("tasksgodzilla_delivery_batch_size_count 1\n"), "{text}");
    }

    #[test]
    fn a_lease_is_held_until_it_is_dropped() {
        let meters = Meters::default();
        let held = |meters: &Meters| {
            let text = meters.text(&Readings::default()).expect("text");
            text.lines().find_map(|line| line.strip_prefix("tasksgodzilla_leases_held ")).map(str::to_owned)
        };
        let lease = meters.lease();
        assert_eq!(held(&meters).as_deref(), Some("1"));
        drop(lease);
        assert_eq!(held(&meters).as_deref(), Some("0"));
    }
}
