//! The twins: both databases have the same tables, columns and unique keys.

use crate::store_bench::Bench;
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection, Row, SqliteConnection};
use std::collections::BTreeSet;
use std::path::Path;
use tasksgodzilla::store::StoreUrl;

/// One line for each column (`table.column type null?`) and each unique key (`table unique (a, b)`).
type Catalogue = BTreeSet<String>;

#[tokio::test]
async fn both_databases_have_the_same_tables() {
    let sqlite = sqlite_catalogue(&Bench::sqlite().await).await;
    let postgres = postgres_catalogue(&Bench::postgres().await).await;
    let only_sqlite: Vec<_> = sqlite.difference(&postgres).collect();
    let only_postgres: Vec<_> = postgres.difference(&sqlite).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "only SQLite: {only_sqlite:#?}\nonly Postgres: {only_postgres:#?}"
    );
    assert!(sqlite.contains("protocol.merge text null"), "{sqlite:#?}");
    assert!(sqlite.contains("protocol unique (number, project_id)"), "{sqlite:#?}");
}

#[test]
fn every_migration_has_a_twin() {
    let names = |folder: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    for bench in [Bench::sqlite().await, Bench::postgres().await] {
        bench.protocol().await;
        bench.another_process().await.migrate().await.unwrap();
        let mut db = bench.store.read().await.unwrap();
        assert_eq!(tasksgodzilla::store::protocol::count(&mut db).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_said_to_be_so() {
    let bench = Bench::postgres().await;
    let StoreUrl::Postgres(url) = &bench.settings().url else {
        unreachable!("a Postgres bench has an address")
    };
    let elsewhere = url.expose_secret().replace("/postgres?", "/nowhere?");
    let refusals = [
        bench.refusal(StoreUrl::Postgres(elsewhere.into())).await,
        bench.refusal(StoreUrl::Postgres("postgres://:secret@::bad".into())).await,
        bench.refusal(StoreUrl::Sqlite("/nowhere/at/all.db".into())).await,
    ];
    let said: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    the database lets nobody in this way; check the user, password and name in TASKSGODZILLA_DB_URL
    the database lets nobody in this way; check the user, password and name in TASKSGODZILLA_DB_URL
    the database's file cannot be used; check TASKSGODZILLA_DB_PATH, its folder and its disk
    ");
}

async fn sqlite_catalogue(bench: &Bench) -> Catalogue {
    let StoreUrl::Sqlite(path) = &bench.settings().url else { unreachable!("a SQLite bench has a file") };
    let mut link = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let columns = "SELECT m.name || '.' || c.name || ' ' || \
                       CASE c.type WHEN 'TEXT' THEN 'text' WHEN 'BLOB' THEN 'bytes' ELSE 'int' END || \
                       CASE WHEN c.\"notnull\" OR c.pk THEN '' ELSE ' null' END AS line \
                   FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c \
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '_sqlx%'";
    let keys = "SELECT table_name || ' unique (' || group_concat(name, ', ') || ')' AS line FROM ( \
                    SELECT m.name AS table_name, i.name AS key_name, c.name AS name \
                    FROM sqlite_schema AS m JOIN pragma_index_list(m.name) AS i JOIN pragma_index_info(i.name) AS c \
                    WHERE m.type = 'table' AND i.\"unique\" AND m.name NOT LIKE '_sqlx%' \
                    ORDER BY m.name, i.name, c.name) \
                GROUP BY table_name, key_name";
    let mut catalogue = Catalogue::new();
    for sql in [columns, keys] {
        let rows = sqlx::query(sql).fetch_all(&mut link).await.unwrap();
        catalogue.extend(rows.iter().map(|row| row.get::<String, _>("line")));
    }
    catalogue
}

async fn postgres_catalogue(bench: &Bench) -> Catalogue {
    let StoreUrl::Postgres(url) = &bench.settings().url else {
        unreachable!("a Postgres bench has an address")
    };
    let mut link = PgConnection::connect(url.expose_secret()).await.unwrap();
    let columns = "SELECT table_name || '.' || column_name || ' ' || \
                       CASE data_type WHEN 'text' THEN 'text' WHEN 'bytea' THEN 'bytes' WHEN 'bigint' THEN 'int' \
                                      ELSE data_type END || \
                       CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END AS line \
                   FROM information_schema.columns \
                   WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%'";
    let keys = "SELECT t.relname || ' unique (' || string_agg(a.attname, ', ' ORDER BY a.attname) || ')' AS line \
                FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid \
                     JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = ANY (i.indkey) \
                WHERE i.indisunique AND NOT i.indisprimary AND t.relnamespace = current_schema()::regnamespace \
                      AND t.relname NOT LIKE '\\_sqlx%' \
                GROUP BY t.relname, i.indexrelid";
    let mut catalogue = Catalogue::new();
    for sql in [columns, keys] {
        let rows = sqlx::query(sql).fetch_all(&mut link).await.unwrap();
        catalogue.extend(rows.iter().map(|row| row.get::<String, _>("line")));
    }
    catalogue
}
