//! What the ring's bots run on.

use super::postgres;
use super::server::Server;
use super::until::until;
use sqlx::{Connection as _, PgConnection};
use std::path::Path;
use tasksgodzilla::store::StoreUrl;

/// What a world's bots share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    PostgresAndRedis,
}

impl Backend {
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::PostgresAndRedis];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::PostgresAndRedis => "postgres_and_redis",
        }
    }

    /// A world's own.
    pub async fn ground(self, folder: &Path) -> Ground {
        match self {
            Self::Sqlite => Ground::Sqlite(folder.join("bot.sqlite").to_string_lossy().into_owned()),
            Self::PostgresAndRedis => {
                Ground::PostgresAndRedis(postgres::schema().await, Server::redis().await)
            }
        }
    }
}

/// A store, and what wakes those who work on it.
pub enum Ground {
    Sqlite(String),
    PostgresAndRedis(String, Server),
}

impl Ground {
    /// The settings that name it, without the prefix.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Sqlite(path) => vec![("DB_PATH", path.clone())],
            Self::PostgresAndRedis(url, redis) => {
                vec![("DB_URL", url.clone()), ("REDIS_URL", redis.redis_url())]
            }
        }
    }

    /// Waits until the transactions of a dead bot are over: Postgres only learns of its death by and by, and until then nobody
    /// is given the jobs that they hold.
    pub async fn forgets_the_dead(&self) {
        if let Self::PostgresAndRedis(url, _) = self {
            let mut db = PgConnection::connect(url).await.unwrap();
            let others = "SELECT COUNT(*) FROM pg_stat_activity \
                          WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()";
            until(30, "Postgres knows that the bot is dead", async || {
                sqlx::query_scalar::<_, i64>(others).fetch_one(&mut db).await.unwrap() == 0
            })
            .await;
            db.close().await.unwrap();
        }
    }

    pub fn store(&self) -> StoreUrl {
        match self {
            Self::Sqlite(path) => StoreUrl::Sqlite(path.into()),
            Self::PostgresAndRedis(url, _) => StoreUrl::Postgres(url.clone().into()),
        }
    }
}
