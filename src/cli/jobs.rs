//! `jobs`: what is queued, running or dead, and trying dead ones again.

use super::{Failure, output};
use crate::app;
use crate::config::{Needs, Raw, Redactor, Settings};
use crate::domain::ids::{JobId, Moment};
use crate::domain::job::Job;
use crate::store::job::{JobCount, JobStatus, ListedJob};
use crate::store::{Session, Store, StoreError, job};
use serde_json::{Value, json};

/// Look at the queue, and try again what failed for good
///
/// Reads and writes the database only, so it works beside a running bot and without one. Exits with 1 when a job that was to be
/// tried again is not dead.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Option<Act>,
    /// Jobs of this state only
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Jobs of each state that are shown at most
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// One JSON document, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Queue dead jobs again, due at once and with all their attempts
    Retry {
        /// Ids of jobs, as `tasksgodzilla jobs` shows them
        #[arg(required_unless_present = "all")]
        ids: Vec<i64>,
        /// Every dead job. Look at them first: a command that somebody gave long ago is done now
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum State {
    Queued,
    Running,
    Dead,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let settings = Settings::check(&Raw::from_environment(), Needs::Store).map_err(Failure::settings)?;
    let store = app::existing_store(&settings, app::system_clock()).await?;
    let redactor = Redactor::new(&settings.secrets());
    let done = match &args.act {
        Some(Act::Retry { ids, all }) => retry(&store, ids, *all).await,
        None => show(&store, &args, &redactor).await,
    };
    store.close().await;
    done
}

async fn show(store: &Store, args: &Args, redactor: &Redactor) -> Result<(), Failure> {
    let queue = Queue::read(&mut store.read().await?, args).await?;
    let text = if args.json { queue.json().to_string() } else { queue.text() };
    Ok(output::data(redactor.redact(&text))?)
}

async fn retry(store: &Store, ids: &[i64], all: bool) -> Result<(), Failure> {
    let ids: Vec<JobId> = if all {
        let dead = job::list(&mut store.read().await?, JobStatus::Dead, u32::MAX).await?;
        dead.into_iter().map(|job| job.id).collect()
    } else {
        ids.iter().copied().map(JobId).collect()
    };
    let mut alive = Vec::new();
    let mut queued = 0;
    for id in ids {
        let mut tx = store.begin().await?;
        match job::revive(&mut tx, id).await? {
            true => queued += 1,
            false => alive.push(id.to_string()),
        }
        tx.commit().await?;
    }
    output::data(format!("{queued} queued again"))?;
    if alive.is_empty() {
        return Ok(());
    }
    Err(Failure::no(format!("no dead job has the id {}", alive.join(", ")))
        .hint("`tasksgodzilla jobs --state dead` lists them"))
}

/// The queue as it stands.
struct Queue {
    now: Moment,
    counts: Vec<JobCount>,
    oldest_due: Option<Moment>,
    listed: Vec<(JobStatus, Vec<ListedJob>)>,
}

impl Queue {
    async fn read(db: &mut Session, args: &Args) -> Result<Self, StoreError> {
        let states = match args.state {
            Some(State::Queued) => vec![JobStatus::Queued],
            Some(State::Running) => vec![JobStatus::Running],
            Some(State::Dead) => vec![JobStatus::Dead],
            None => vec![JobStatus::Dead, JobStatus::Running, JobStatus::Queued],
        };
        let mut listed = Vec::new();
        for state in states {
            listed.push((state, job::list(db, state, args.limit).await?));
        }
        let counts = job::count_open(db).await?;
        Ok(Self { now: db.now(), counts, oldest_due: job::oldest_due(db).await?, listed })
    }

    fn count(&self, status: JobStatus) -> u64 {
        self.counts.iter().filter(|count| count.status == status).map(|count| count.count).sum()
    }

    fn text(&self) -> String {
        let [queued, running, dead] =
            [JobStatus::Queued, JobStatus::Running, JobStatus::Dead].map(|status| self.count(status));
        let waits = match self.oldest_due {
            None => "nothing waits for a worker".to_owned(),
            Some(due) => format!("the oldest due job waits for {} s", self.now.since(due).as_secs()),
        };
        let mut lines = vec![format!("{queued} queued, {running} running, {dead} dead; {waits}")];
        for (status, jobs) in self.listed.iter().filter(|(_, jobs)| !jobs.is_empty()) {
            lines.push(format!("\n{}", status.as_str()));
            lines.extend(jobs.iter().map(|job| line(*status, job)));
        }
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let jobs = self.listed.iter().flat_map(|(status, jobs)| jobs.iter().map(|job| object(*status, job)));
        json!({
            "queued": self.count(JobStatus::Queued),
            "running": self.count(JobStatus::Running),
            "dead": self.count(JobStatus::Dead),
            "oldest_due_seconds": self.oldest_due.map(|due| self.now.since(due).as_secs()),
            "jobs": jobs.collect::<Vec<_>>(),
        })
    }
}

fn line(status: JobStatus, job: &ListedJob) -> String {
    let when = match status {
        JobStatus::Queued => format!("due {}", job.next_run_at.date_time()),
        JobStatus::Running => format!("held by {}", job.worker.as_deref().unwrap_or("nobody")),
        JobStatus::Done | JobStatus::Dead => format!("since {}", job.changed_at.date_time()),
    };
    let of = job.job.and_then(about).unwrap_or_default();
    let head = format!("{:>8}  {:<16}  {of:<16}  attempt {}, {when}", job.id, job.kind, job.attempt);
    let error = job.error.lines().map(|line| format!("\n          {line}"));
    format!("{}{}", head, error.collect::<String>())
}

fn about(job: Job) -> Option<String> {
    match job {
        Job::ProcessDelivery { delivery, .. } => Some(format!("delivery {delivery}")),
        Job::SendAnswers { project } => Some(format!("project {project}")),
        job => job.protocol().map(|protocol| format!("protocol {protocol}")),
    }
}

fn object(status: JobStatus, job: &ListedJob) -> Value {
    json!({
        "id": job.id, "state": status.as_str(), "kind": job.kind, "payload": job.job, "attempt": job.attempt,
        "due_at": job.next_run_at, "worker": job.worker, "error": job.error,
        "created_at": job.created_at, "changed_at": job.changed_at,
    })
}
