//! What probes of the running program are told while its database is away, or takes no writes.

use super::health::{get, health};
use super::place::{API_TOKEN, Place};
use crate::server::Server;
use crate::until::until;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};

/// Has every transaction of the server refuse writes, or take them again.
async fn read_only(server: &Server, is_on: &str) {
    let mut operator = PgConnection::connect(&server.postgres_url()).await.unwrap();
    let sql = format!("ALTER SYSTEM SET default_transaction_read_only = {is_on}");
    operator.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    operator.execute("SELECT pg_reload_conf()").await.unwrap();
}

async fn until_told(place: &Place, status: u16) {
    until(30, &format!("/health answers {status}"), async || health(place, "/health").await.0 == status)
        .await;
}

#[tokio::test]
async fn a_postgres_that_is_read_only_makes_the_bot_unready() {
    let server = Server::postgres().await;
    let mut place = Place::new().await;
    place.set("DB_URL", server.postgres_url());
    let serving = place.start(&["serve", "--no-worker"]).await;
    until_told(&place, 200).await;
    read_only(&server, "on").await;
    until_told(&place, 503).await;
    let wrong = json!({"status": "wrong", "store": "takes no writes", "workers": "none in this process"});
    assert_eq!(health(&place, "/health").await, (503, wrong));
    read_only(&server, "off").await;
    until_told(&place, 200).await;
    serving.stop().await;
}

#[tokio::test]
async fn an_sqlite_that_somebody_else_locked_makes_the_bot_unready() {
    let place = Place::new().await;
    let serving = place.start(&["serve", "--no-worker"]).await;
    let mut other = SqliteConnection::connect(&place.path("bot.sqlite")).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let wrong = json!({"status": "wrong", "store": "takes no writes", "workers": "none in this process"});
    assert_eq!(health(&place, "/health").await, (503, wrong));
    other.execute("ROLLBACK").await.unwrap();
    until_told(&place, 200).await;
    serving.stop().await;
}

#[tokio::test]
async fn the_log_says_why_nothing_can_be_written() {
    let server = Server::postgres().await;
    let mut place = Place::new().await;
    place.set("DB_URL", server.postgres_url());
    let mut serving = place.serve().await;
    read_only(&server, "on").await;
    let line = serving.says("jobs cannot be claimed").await;
    assert!(line.contains("read-only transaction") && line.contains("TASKSGODZILLA_DB_URL"), "{line}");
    assert!(!line.contains("does not answer"), "{line}");
    read_only(&server, "off").await;
    serving.stop().await;
}

/// A Redis that comes, goes and comes again: what the log says of it is ours, and said once.
#[tokio::test]
async fn a_redis_that_is_lost_is_told_once() {
    let mut redis = Server::redis().await;
    let mut place = Place::new().await;
    place.set("REDIS_URL", redis.redis_url());
    let mut serving = place.serve().await;
    serving.says("Redis answers").await;
    redis.stop();
    serving.says("Redis does not answer").await;
    redis.start().await;
    serving.says("Redis answers").await;
    let lines = serving.stop().await;
    let alarms = lines.iter().filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
    let alarms: Vec<&String> = alarms.filter(|line| !line.contains("could not be tidied")).collect();
    assert_eq!(alarms.len(), 1, "{alarms:#?}");
    assert!(!lines.iter().any(|line| line.contains("apalis") || line.contains("actix_server")), "{lines:#?}");
}

/// Prometheus waits for ten seconds unless told otherwise.
#[tokio::test]
async fn metrics_are_told_while_the_database_is_away() {
    let mut server = Server::postgres().await;
    let mut place = Place::new().await;
    place.set("DB_URL", server.postgres_url());
    let serving = place.start(&["serve", "--no-worker"]).await;
    server.stop();
    let bearer = format!("Bearer {API_TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    let asked = tokio::time::timeout(std::time::Duration::from_secs(10), get(&place, "/metrics", &headers));
    let (status, text) = asked.await.expect("an answer in time");
    assert_eq!(status, 200);
    assert!(text.contains("\ntasksgodzilla_store_up 0\n"), "{text}");
    assert!(text.contains("\ntasksgodzilla_deliveries_total{"), "{text}");
    server.start().await;
    serving.stop().await;
}
