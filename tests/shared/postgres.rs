//! A place on the Postgres that `scripts/with-postgres` started.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// The address of a schema of its own, on a server whose data is worth nothing. Whoever connects there bears its name.
pub(crate) async fn schema() -> String {
    let server = std::env::var("TASKSGODZILLA_TEST_POSTGRES_URL").expect(
        "these tests need a Postgres: run them as `scripts/with-postgres cargo test`, \
         or set TASKSGODZILLA_TEST_POSTGRES_URL to a server whose data is worth nothing",
    );
    let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    let create = AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
    sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    format!("{server}?options=-c%20search_path%3D{schema}&application_name={schema}")
}
