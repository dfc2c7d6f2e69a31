//! A fresh store for one test, on either database, with a clock that the test sets.

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tasksgodzilla::domain::claim::Claimed;
use tasksgodzilla::domain::forge_event::RepoFacts;
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::domain::project::{ForgeKind, Project, Protocol, RepoRef, Requester};
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::store::protocol::NewProtocol;
use tasksgodzilla::store::{Accepted, Clock, NewDelivery, Store, StoreError, StoreSettings, StoreUrl};
use tempfile::TempDir;

/// Makes two tests of each function, one per database.
macro_rules! on_both {
    ($($fact:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(crate::store_bench::Bench::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(crate::store_bench::Bench::postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_both;

pub(crate) const LEASE: Duration = Duration::from_secs(10);

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) clock: TestClock,
    settings: StoreSettings,
    _folder: TempDir,
}

/// A clock that stands still until it is told otherwise.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn as_clock(&self) -> Clock {
        let now = self.0.clone();
        Arc::new(move || Moment(now.load(Ordering::SeqCst)))
    }
}

impl Bench {
    pub(crate) async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        Self::open(sqlite_in(&folder), folder).await
    }

    /// A database that stood before `migration`, held the rows of `tests/data/migrations`, and was then migrated.
    pub(crate) async fn sqlite_before(migration: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let url = sqlite_in(&folder);
        let options = SqliteConnectOptions::new().filename(folder.path().join("store.db"));
        let mut link = options.create_if_missing(true).connect().await.unwrap();
        earlier("sqlite", migration).await.run(&mut link).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(rows_before(migration))).execute(&mut link).await.unwrap();
        link.close().await.unwrap();
        Self::open(url, folder).await
    }

    /// A schema of its own on a real server.
    pub(crate) async fn postgres() -> Self {
        let url = crate::postgres::schema().await;
        Self::open(StoreUrl::Postgres(url.into()), TempDir::new().unwrap()).await
    }

    /// The same as [`Bench::sqlite_before`].
    pub(crate) async fn postgres_before(migration: &str) -> Self {
        let url = crate::postgres::schema().await;
        let mut link = PgConnection::connect(&url).await.unwrap();
        earlier("postgres", migration).await.run(&mut link).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(rows_before(migration))).execute(&mut link).await.unwrap();
        link.close().await.unwrap();
        Self::open(StoreUrl::Postgres(url.into()), TempDir::new().unwrap()).await
    }

    async fn open(url: StoreUrl, folder: TempDir) -> Self {
        let settings = StoreSettings::new(url, 8);
        let clock = TestClock(Arc::new(AtomicI64::new(1_000_000)));
        let store = Store::open(&settings, clock.as_clock()).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, clock, settings, _folder: folder }
    }

    /// The same database, opened as another process would.
    pub(crate) async fn another_process(&self) -> Store {
        Store::open(&self.settings, self.clock.as_clock()).await.unwrap()
    }

    /// Runs SQL past the store: what an operator, or a newer version, might have done to the database.
    pub(crate) async fn tamper(&self, sqlite: &'static str, postgres: &'static str) {
        use secrecy::ExposeSecret;
        match &self.settings.url {
            StoreUrl::Sqlite(path) => {
                let url = format!("sqlite://{}", path.display());
                let mut link = SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(sqlite).execute(&mut link).await.unwrap();
                link.close().await.unwrap();
            }
            StoreUrl::Postgres(url) => {
                let mut link = PgConnection::connect(url.expose_secret()).await.unwrap();
                sqlx::raw_sql(postgres).execute(&mut link).await.unwrap();
                link.close().await.unwrap();
            }
        }
    }

    /// What opening another database says.
    pub(crate) async fn refusal(&self, url: StoreUrl) -> StoreError {
        let settings = StoreSettings::new(url, 1);
        let opened = Store::open(&settings, self.clock.as_clock()).await;
        opened.err().expect("there is no such database")
    }

    pub(crate) fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    pub(crate) async fn project(&self) -> Project {
        let mut tx = self.store.begin().await.unwrap();
        let project =
            tasksgodzilla::store::project::upsert(&mut tx, ForgeKind::Github, &facts(42)).await.unwrap();
        tx.commit().await.unwrap();
        project
    }

    /// A protocol on issue 1 of the one project.
    pub(crate) async fn protocol(&self) -> Protocol {
        let project = self.project().await;
        let mut tx = self.store.begin().await.unwrap();
        let protocol = tasksgodzilla::store::protocol::create(&mut tx, new_protocol(&project)).await.unwrap();
        tx.commit().await.unwrap();
        protocol
    }

    /// Claims for the worker `w`, with a lease of ten seconds.
    pub(crate) async fn claim(&self, limit: u32) -> Vec<Claimed> {
        tasksgodzilla::store::job::claim(&self.store, "w", limit, LEASE).await.unwrap()
    }

    pub(crate) async fn deliver(&self, guid: &str) -> Result<Accepted, StoreError> {
        self.store.accept(delivery(guid)).await
    }
}

fn sqlite_in(folder: &TempDir) -> StoreUrl {
    StoreUrl::Sqlite(folder.path().join("store.db"))
}

/// The migrations before the one that begins with `number`.
async fn earlier(database: &str, number: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let number: i64 = number.parse().unwrap();
    let all = Migrator::new(folder).await.unwrap();
    Migrator::with_migrations(all.iter().filter(|migration| migration.version < number).cloned().collect())
}

/// Rows that were legal before that migration.
fn rows_before(migration: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/migrations");
    std::fs::read_to_string(folder.join(format!("{migration}.sql"))).unwrap()
}

pub(crate) fn facts(repo: i64) -> RepoFacts {
    RepoFacts {
        repo: RepoRef { id: repo, owner: "acme".to_owned(), name: "api".to_owned(), installation: 7 },
        default_branch: Some("main".to_owned()),
        private: Some(true),
        archived: false,
    }
}

pub(crate) fn new_protocol(project: &Project) -> NewProtocol {
    NewProtocol {
        project: project.id,
        slug: "split-importer".to_owned(),
        asked_in: Thread::issue(1),
        base: "main".to_owned(),
        request: "split the importer".to_owned(),
        requester: Requester { login: "mia".to_owned(), id: 3 },
        engine: None,
        model: None,
        number_floor: 0,
    }
}

pub(crate) fn delivery(guid: &str) -> NewDelivery {
    NewDelivery {
        forge: ForgeKind::Github,
        guid: guid.to_owned(),
        event: "issue_comment".to_owned(),
        body: Some(b"{}".to_vec()),
        reason: String::new(),
        repo: Some(42),
        named_protocol: None,
    }
}
