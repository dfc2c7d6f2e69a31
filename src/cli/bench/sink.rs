//! The bare store: the body of a delivery under its id, durably, in groups, and nothing else. What intake can hope for.

use anyhow::Context as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot};

/// As many as one commit of the bot takes.
const GROUP: usize = 256;

type Waiting = (String, Vec<u8>, oneshot::Sender<()>);

/// The way in. The task behind it ends with the last clone.
#[derive(Clone)]
pub(super) struct Sink {
    door: mpsc::Sender<Waiting>,
}

enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Sink {
    pub(super) async fn sqlite(file: PathBuf) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut link = options.connect().await?;
        sqlx::raw_sql("CREATE TABLE sink (guid TEXT PRIMARY KEY, body BLOB NOT NULL)")
            .execute(&mut link)
            .await?;
        Ok(Self::start(Link::Sqlite(link)))
    }

    pub(super) async fn postgres(url: &str) -> anyhow::Result<Self> {
        let mut link = PgConnection::connect(url).await?;
        let table =
            "DROP TABLE IF EXISTS sink; CREATE TABLE sink (guid TEXT PRIMARY KEY, body BYTEA NOT NULL)";
        sqlx::raw_sql(table).execute(&mut link).await?;
        Ok(Self::start(Link::Postgres(link)))
    }

    fn start(link: Link) -> Self {
        let (door, waiting) = mpsc::channel(1024);
        tokio::spawn(serve(link, waiting));
        Self { door }
    }

    /// Returns when it is stored.
    pub(super) async fn store(&self, guid: String, body: Vec<u8>) -> anyhow::Result<()> {
        let (answer, stored) = oneshot::channel();
        self.door.send((guid, body, answer)).await.ok().context("the sink has ended")?;
        stored.await.context("the sink did not store it")
    }
}

/// Ends at the first fault, and with it every request.
async fn serve(mut link: Link, mut waiting: mpsc::Receiver<Waiting>) -> anyhow::Result<()> {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        match &mut link {
            Link::Sqlite(link) => sqlite(link, &group).await?,
            Link::Postgres(link) => postgres(link, &group).await?,
        }
        for (_, _, answer) in group.drain(..) {
            // Who went away needs no answer.
            let _ = answer.send(());
        }
    }
    Ok(())
}

async fn sqlite(link: &mut SqliteConnection, group: &[Waiting]) -> anyhow::Result<()> {
    let mut tx = link.begin_with("BEGIN IMMEDIATE").await?;
    for (guid, body, _) in group {
        let insert = sqlx::query("INSERT INTO sink (guid, body) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        insert.bind(guid).bind(body).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

async fn postgres(link: &mut PgConnection, group: &[Waiting]) -> anyhow::Result<()> {
    let guids: Vec<&str> = group.iter().map(|(guid, _, _)| guid.as_str()).collect();
    let bodies: Vec<&[u8]> = group.iter().map(|(_, body, _)| body.as_slice()).collect();
    let insert = "INSERT INTO sink SELECT * FROM UNNEST($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING";
    sqlx::query(insert).bind(guids).bind(bodies).execute(link).await?;
    Ok(())
}
