//! What this process counts while it works; lost with it, which Prometheus expects of counters.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// Seconds of work that takes anything from an instant to half an hour.
const LONG: [f64; 12] = [0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 180.0, 420.0, 900.0, 1800.0, 3600.0];
/// Seconds of a request to a forge, or of a git.
const SHORT: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
/// Deliveries that one commit takes.
const BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The counters of one process. Clones share them.
#[derive(Clone)]
pub struct Meters {
    pub(super) registry: Arc<Registry>,
    deliveries: Family<DeliveryLabels, Counter>,
    batches: Histogram,
    jobs: Timed<JobLabels>,
    leases_held: Gauge,
    leases_expired: Counter,
    leases_lost: Counter,
    runs: Timed<RunLabels>,
    tokens: Family<TokenLabels, Counter>,
    verdicts: Family<VerdictLabels, Counter>,
    protocols_ended: Family<StatusLabels, Counter>,
    calls: Timed<Call>,
    git: Timed<GitLabels>,
    rate_remaining: Family<RateLabels, Gauge>,
    credential_expires: Family<ForgeLabels, Gauge>,
}

/// A histogram for each set of labels; the count of each is how often that happened.
type Timed<Labels> = Family<Labels, Histogram, fn() -> Histogram>;

/// What became of a webhook at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Stored,
    Duplicate,
    /// Nothing we act on.
    Foreign,
    /// Its signature was missing or wrong.
    Refused,
    Unreadable,
    /// It could not be stored, and the forge was told so.
    Failed,
    /// One of those stored: no open protocol was found for a stage of CI.
    Unmatched,
}

/// One request to a forge.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Call {
    pub forge: &'static str,
    pub method: &'static str,
    /// The path without its query, with everything that names one thing put in braces.
    pub route: String,
    /// `2xx` to `5xx`, or `none` when there was no answer.
    pub status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GitLabels {
    command: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: &'static str,
    end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RunLabels {
    kind: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    phase: &'static str,
    engine: &'static str,
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RateLabels {
    forge: &'static str,
    installation: i64,
    resource: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ForgeLabels {
    forge: &'static str,
}

impl DeliveryOutcome {
    const ALL: [Self; 7] = [
        Self::Stored,
        Self::Duplicate,
        Self::Foreign,
        Self::Refused,
        Self::Unreadable,
        Self::Failed,
        Self::Unmatched,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Foreign => "foreign",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Failed => "failed",
            Self::Unmatched => "unmatched",
        }
    }
}

impl Default for Meters {
    fn default() -> Self {
        let mut book = Book(Registry::with_prefix("tasksgodzilla"));
        let meters = Self {
            deliveries: book.enter("deliveries", "Webhooks by what became of them"),
            batches: book.put(
                "delivery_batch_size",
                "Deliveries that one commit stored",
                Histogram::new(BATCHES),
            ),
            jobs: book.time("job", "Attempts of jobs by kind and end, and how long they took", long),
            leases_held: book.enter("leases_held", "Jobs that this process holds now"),
            leases_expired: book.enter("leases_expired", "Jobs taken back from workers that were lost"),
            leases_lost: book.enter("leases_lost", "Jobs stopped here because another worker has them"),
            runs: book.time("run", "Runs by kind and status, and how long they took", long),
            tokens: book.enter("tokens", "Tokens that engines used; cached ones are among those in"),
            verdicts: book.enter("verdicts", "Verdicts of QA"),
            protocols_ended: book.enter("protocols_ended", "Protocols that ended"),
            calls: book.time("forge_call", "Requests to forges, and how long they took", short),
            git: book.time("git", "Calls of git by command, and how long they took", short),
            rate_remaining: book.enter("forge_rate_remaining", "Requests that a forge still takes"),
            credential_expires: book.enter(
                "forge_credential_expires_timestamp_seconds",
                "When a forge no more accepts the bot's credential, where it ends",
            ),
            registry: Arc::default(),
        };
        for outcome in DeliveryOutcome::ALL {
            drop(meters.deliveries.get_or_create(&DeliveryLabels { outcome: outcome.as_str() }));
        }
        Self { registry: Arc::new(book.0), ..meters }
    }
}

/// Enters metrics into a registry and hands them out.
struct Book(Registry);

impl Book {
    fn enter<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        self.put(name, help, M::default())
    }

    fn put<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }

    fn time<Labels>(&mut self, name: &str, help: &str, make: fn() -> Histogram) -> Timed<Labels>
    where
        Labels: EncodeLabelSet + Clone + fmt::Debug + Hash + Eq + Send + Sync + 'static,
    {
        let family = Family::new_with_constructor(make);
        self.0.register_with_unit(name, help, Unit::Seconds, family.clone());
        family
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meters")
    }
}

impl Meters {
    pub fn delivery(&self, outcome: DeliveryOutcome) {
        self.deliveries.get_or_create(&DeliveryLabels { outcome: outcome.as_str() }).inc();
    }

    /// So many deliveries were stored by one commit.
    pub fn batch(&self, deliveries: usize) {
        self.batches.observe(small(deliveries));
    }

    /// An attempt of a job ended: `done`, `later`, `away`, `retry` or `dead`.
    pub fn job_ended(&self, kind: &'static str, end: &'static str, took: Duration) {
        self.jobs.get_or_create(&JobLabels { kind, end }).observe(took.as_secs_f64());
    }

    /// This process holds a job until the guard is dropped.
    #[must_use]
    pub fn lease(&self) -> LeaseHeld {
        self.leases_held.inc();
        LeaseHeld(self.leases_held.clone())
    }

    pub fn leases_expired(&self, jobs: u64) {
        self.leases_expired.inc_by(jobs);
    }

    pub fn lease_lost(&self) {
        self.leases_lost.inc();
    }

    pub fn run_ended(&self, kind: &'static str, status: &'static str, took: Duration) {
        self.runs.get_or_create(&RunLabels { kind, status }).observe(took.as_secs_f64());
    }

    /// What one engine call used: tokens that went in, those of them that were cached, and those that came out.
    pub fn tokens(&self, phase: &'static str, engine: &'static str, [input, cached, output]: [u64; 3]) {
        for (direction, tokens) in [("in", input), ("cached", cached), ("out", output)] {
            self.tokens.get_or_create(&TokenLabels { phase, engine, direction }).inc_by(tokens);
        }
    }

    pub fn verdict(&self, verdict: &'static str) {
        self.verdicts.get_or_create(&VerdictLabels { verdict }).inc();
    }

    pub fn protocol_ended(&self, status: &'static str) {
        self.protocols_ended.get_or_create(&StatusLabels { status }).inc();
    }

    pub fn call(&self, call: &Call, took: Duration) {
        self.calls.get_or_create(call).observe(took.as_secs_f64());
    }

    /// A call of git ended, well or not; `command` is `fetch` and the like.
    pub fn git(&self, command: &str, took: Duration) {
        let labels = GitLabels { command: command.to_owned() };
        self.git.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// What a forge said last of the limit of one installation; `resource` is one of the limits it has.
    pub fn rate_remaining(
        &self,
        forge: &'static str,
        installation: i64,
        resource: &'static str,
        remaining: i64,
    ) {
        self.rate_remaining.get_or_create(&RateLabels { forge, installation, resource }).set(remaining);
    }

    /// When a forge's credential ends, in seconds since 1970.
    pub fn credential_expires(&self, forge: &'static str, at: i64) {
        self.credential_expires.get_or_create(&ForgeLabels { forge }).set(at);
    }
}

/// A lease that is counted as held.
#[derive(Debug)]
pub struct LeaseHeld(Gauge);

impl Drop for LeaseHeld {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn long() -> Histogram {
    Histogram::new(LONG)
}

fn short() -> Histogram {
    Histogram::new(SHORT)
}

/// A number that is small enough for a float to hold.
fn small(number: usize) -> f64 {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}
