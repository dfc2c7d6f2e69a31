//! The intake: deliveries that come in together are stored in one transaction, each with the job that processes it.
//!
//! One task owns the receiving end of a channel. While it commits a batch the next one gathers, so one fsync serves as
//! many deliveries as wait. Callers hear back after the commit, never before.

use super::error::{Database, Result, StoreError};
use super::sql::{Db, Surroundings, Tx, Wire, json, without_nul};
use crate::domain::ids::{DeliveryId, Moment, ProtocolId};
use crate::domain::job::Job;
use crate::domain::project::ForgeKind;
use crate::meter::Meters;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, PgConnection, Row as _, SqliteConnection};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A webhook that was verified and is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    pub forge: ForgeKind,
    /// The forge's own id of the delivery; a second one with the same id is a duplicate.
    pub guid: String,
    pub event: String,
    /// The body as it came. `None` means that it is not ours: only id, event and `reason` are kept and no job is made.
    pub body: Option<Vec<u8>>,
    pub reason: String,
    /// The forge's numeric id of the repository; deliveries of one repository are processed in order.
    pub repo: Option<i64>,
    /// The protocol that its address named.
    pub named_protocol: Option<ProtocolId>,
}

/// What became of a delivery that was handed in. Either way it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    New(DeliveryId),
    Duplicate,
}

/// Most deliveries that one transaction takes.
const BATCH: usize = 256;
/// Most deliveries that wait for the task; more make their callers wait before the door.
const WAITING: usize = 1024;
/// How long a caller waits: GitHub gives up after ten seconds, and it must hear that its delivery is not stored.
/// <https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks#respond-within-10-seconds>
const PATIENCE: Duration = Duration::from_secs(8);

/// The way to the intake's task. The task ends when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Intake {
    database: Database,
    door: mpsc::Sender<Waiting>,
}

struct Waiting {
    new: NewDelivery,
    answer: oneshot::Sender<Result<Accepted>>,
}

impl Intake {
    pub(super) fn start(db: Db, around: Surroundings, meters: Meters) -> Self {
        let (door, waiting) = mpsc::channel(WAITING);
        let database = db.kind();
        tokio::spawn(Desk { db, around, meters }.serve(waiting));
        Self { database, door }
    }

    /// Hands a delivery in and waits. One that is given up here may be stored all the same; then it is a duplicate when it
    /// comes again.
    pub(super) async fn accept(&self, new: NewDelivery) -> Result<Accepted> {
        let stored = tokio::time::timeout(PATIENCE, self.hand_in(new)).await;
        stored.unwrap_or_else(|_| Err(StoreError::silent(self.database)))
    }

    async fn hand_in(&self, new: NewDelivery) -> Result<Accepted> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::from(sqlx::Error::WorkerCrashed).of_waiting(self.database);
        self.door.send(Waiting { new, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

struct Desk {
    db: Db,
    around: Surroundings,
    meters: Meters,
}

impl Desk {
    async fn serve(self, mut waiting: mpsc::Receiver<Waiting>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            let (news, answers): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|waiting| (waiting.new, waiting.answer)).unzip();
            for (answer, outcome) in answers.into_iter().zip(self.take_in(&news).await) {
                // A caller that went away gets the same delivery again from the forge, and then it is a duplicate.
                let _ = answer.send(outcome);
            }
        }
    }

    /// One outcome for each of `news`. A row that the database refuses fails alone: the others are stored one by one.
    async fn take_in(&self, news: &[NewDelivery]) -> Vec<Result<Accepted>> {
        match self.store(news).await {
            Ok(accepted) => accepted.into_iter().map(Ok).collect(),
            Err(StoreError::Unavailable { trouble, source }) => {
                tracing::warn!(error = %source, deliveries = news.len(), "deliveries could not be stored");
                let unavailable = || StoreError::Unavailable { trouble, source: source.clone() };
                news.iter().map(|_| Err(unavailable())).collect()
            }
            Err(error) if news.len() == 1 => vec![Err(error)],
            Err(_) => {
                let mut outcomes = Vec::with_capacity(news.len());
                for new in news {
                    let alone = self.store(std::slice::from_ref(new)).await;
                    outcomes.push(alone.map(|accepted| accepted[0]));
                }
                outcomes
            }
        }
    }

    async fn store(&self, news: &[NewDelivery]) -> Result<Vec<Accepted>> {
        let mut tx = self.db.begin(self.around.clone()).await?;
        let now = tx.now();
        let mut stored = HashMap::with_capacity(news.len());
        match tx.wire() {
            Wire::Sqlite(link) => insert_sqlite(link, news, now, &mut stored).await?,
            Wire::Postgres(link) => insert_postgres(link, news, now, &mut stored).await?,
        }
        let mut accepted = Vec::with_capacity(news.len());
        let mut jobs = NewJobs::default();
        for new in news {
            let outcome = match stored.remove(&key(new.forge.as_str(), &new.guid)) {
                Some(id) => Accepted::New(id),
                None => Accepted::Duplicate,
            };
            if let (Accepted::New(delivery), true) = (outcome, new.body.is_some()) {
                jobs.add(Job::ProcessDelivery { delivery, repo: new.repo });
            }
            accepted.push(outcome);
        }
        jobs.insert(&mut tx, now).await?;
        tx.commit().await?;
        self.meters.batch(news.len());
        Ok(accepted)
    }
}

/// What a stored row is found again by; the same text as the row holds.
type Key = (String, String);

fn key(forge: &str, guid: &str) -> Key {
    (forge.to_owned(), without_nul(guid.to_owned()))
}

fn status(new: &NewDelivery) -> &'static str {
    match new.body {
        Some(_) => "stored",
        None => "ignored",
    }
}

macro_rules! insert_rows {
    ($($row:literal)+) => {
        concat!(
            "INSERT INTO delivery (forge, guid, event, status, reason, body, named_protocol, received_at) VALUES ",
            insert_rows!(@ $($row)+),
            " ON CONFLICT DO NOTHING RETURNING delivery_id, forge, guid"
        )
    };
    (@ $first:literal $($row:literal)*) => { concat!($first, $(", ", $row),*) };
}

/// One statement for sixteen rows costs far less than sixteen statements, and a fixed number keeps it prepared.
const CHUNK: usize = 16;
const INSERT_CHUNK: &str = insert_rows!(
    "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)"
    "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)"
    "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)"
    "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)" "(?, ?, ?, ?, ?, ?, ?, ?)"
);
const INSERT_ONE: &str = insert_rows!("(?, ?, ?, ?, ?, ?, ?, ?)");

async fn insert_sqlite(
    link: &mut SqliteConnection,
    news: &[NewDelivery],
    now: Moment,
    stored: &mut HashMap<Key, DeliveryId>,
) -> Result<()> {
    let (chunks, rest) = news.as_chunks::<CHUNK>();
    let chunks = chunks.iter().map(|chunk| (INSERT_CHUNK, chunk.as_slice()));
    let singles = rest.iter().map(|new| (INSERT_ONE, std::slice::from_ref(new)));
    for (sql, rows) in chunks.chain(singles) {
        let mut args = SqliteArguments::default();
        for new in rows {
            bind_row(&mut args, new, now).map_err(sqlx::Error::Encode)?;
        }
        for row in sqlx::query_with(sql, args).fetch_all(&mut *link).await? {
            let key = (row.try_get("forge")?, row.try_get("guid")?);
            stored.insert(key, DeliveryId(row.try_get("delivery_id")?));
        }
    }
    Ok(())
}

fn bind_row(
    args: &mut SqliteArguments,
    new: &NewDelivery,
    now: Moment,
) -> std::result::Result<(), sqlx::error::BoxDynError> {
    Arguments::add(args, new.forge.as_str())?;
    Arguments::add(args, without_nul(new.guid.clone()))?;
    Arguments::add(args, without_nul(new.event.clone()))?;
    Arguments::add(args, status(new))?;
    Arguments::add(args, without_nul(new.reason.clone()))?;
    Arguments::add(args, new.body.clone())?;
    Arguments::add(args, new.named_protocol.map(|id| id.0))?;
    Arguments::add(args, now.0)
}

async fn insert_postgres(
    link: &mut PgConnection,
    news: &[NewDelivery],
    now: Moment,
    stored: &mut HashMap<Key, DeliveryId>,
) -> Result<()> {
    let sql = "INSERT INTO delivery (forge, guid, event, status, reason, body, named_protocol, received_at) \
               SELECT forge, guid, event, status, reason, body, named_protocol, $8 \
               FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bigint[]) \
                    WITH ORDINALITY AS new (forge, guid, event, status, reason, body, named_protocol, place) \
               ORDER BY place \
               ON CONFLICT DO NOTHING RETURNING delivery_id, forge, guid";
    let texts = |read: fn(&NewDelivery) -> &str| -> Vec<String> {
        news.iter().map(|new| without_nul(read(new).to_owned())).collect()
    };
    let bodies: Vec<Option<&[u8]>> = news.iter().map(|new| new.body.as_deref()).collect();
    let named: Vec<Option<i64>> = news.iter().map(|new| new.named_protocol.map(|id| id.0)).collect();
    let mut args = PgArguments::default();
    let bound = Arguments::add(&mut args, texts(|new| new.forge.as_str()))
        .and_then(|()| Arguments::add(&mut args, texts(|new| &new.guid)))
        .and_then(|()| Arguments::add(&mut args, texts(|new| &new.event)))
        .and_then(|()| Arguments::add(&mut args, texts(status)))
        .and_then(|()| Arguments::add(&mut args, texts(|new| &new.reason)))
        .and_then(|()| Arguments::add(&mut args, bodies))
        .and_then(|()| Arguments::add(&mut args, named))
        .and_then(|()| Arguments::add(&mut args, now.0));
    bound.map_err(sqlx::Error::Encode)?;
    for row in sqlx::query_with(sql, args).fetch_all(link).await? {
        let key = (row.try_get("forge")?, row.try_get("guid")?);
        stored.insert(key, DeliveryId(row.try_get("delivery_id")?));
    }
    Ok(())
}

/// The jobs of one batch, column by column.
#[derive(Default)]
struct NewJobs {
    payloads: Vec<String>,
    keys: Vec<String>,
    lanes: Vec<Option<String>>,
}

impl NewJobs {
    fn add(&mut self, job: Job) {
        self.payloads.push(json(&job));
        self.keys.push(job.key());
        self.lanes.push(job.lane());
    }

    async fn insert(self, tx: &mut Tx, now: Moment) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        tx.will_wake();
        match tx.wire() {
            Wire::Sqlite(link) => self.insert_sqlite(link, now).await,
            Wire::Postgres(link) => self.insert_postgres(link, now).await,
        }
    }

    async fn insert_sqlite(self, link: &mut SqliteConnection, now: Moment) -> Result<()> {
        let sql = "INSERT INTO job (kind, payload, job_key, lane, status, next_run_at, created_at, changed_at) \
                   SELECT 'process_delivery', value ->> 0, value ->> 1, value ->> 2, 'queued', $2, $2, $2 \
                   FROM json_each($1) WHERE true ORDER BY key ON CONFLICT DO NOTHING";
        let rows = self.payloads.into_iter().zip(self.keys).zip(self.lanes);
        let rows: Vec<_> = rows.map(|((payload, key), lane)| (payload, key, lane)).collect();
        sqlx::query(sql).bind(json(&rows)).bind(now.0).execute(link).await?;
        Ok(())
    }

    async fn insert_postgres(self, link: &mut PgConnection, now: Moment) -> Result<()> {
        let sql = "INSERT INTO job (kind, payload, job_key, lane, status, next_run_at, created_at, changed_at) \
                   SELECT 'process_delivery', payload, job_key, lane, 'queued', $4, $4, $4 \
                   FROM UNNEST($1::text[], $2::text[], $3::text[]) WITH ORDINALITY \
                        AS new (payload, job_key, lane, place) \
                   ORDER BY place ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(self.payloads).bind(self.keys).bind(self.lanes).bind(now.0);
        query.execute(link).await?;
        Ok(())
    }
}
