//! What the processes on one Redis know of each other, and their inboxes.

use super::Counts;
use apalis_core::backend::TaskSink as _;
use apalis_redis::{Config, RedisStorage};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, RedisError, Script};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

/// The live processes with workers, scored by Redis' own time of their last pulse.
const PROCESSES: &str = "tasksgodzilla:processes";
/// Where apalis-redis lists every queue that ever had a worker.
const QUEUES: &str = "core:apalis:queues:list";
/// Seconds without a pulse after which nobody writes to a process.
const SILENT: u64 = 10;
/// Seconds without a pulse after which the inbox of a process is cleared away.
const GONE: u64 = 60;

/// The whole of what one process tells another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Look;

pub(super) type Inbox = RedisStorage<Look>;
pub(super) type InboxError = Box<dyn std::error::Error + Send + Sync>;

/// Who is there.
pub(super) struct Processes {
    pub(super) live: Vec<String>,
    pub(super) gone: Vec<String>,
}

/// This process among the others.
#[derive(Clone)]
pub(super) struct Registry {
    me: String,
    listens: bool,
    redis: ConnectionManager,
}

/// Redis' clock decides, so that those of the processes need not agree.
static PULSE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local now = tonumber(redis.call('TIME')[1]) \
         if ARGV[1] ~= '' then redis.call('ZADD', KEYS[1], now, ARGV[1]) end \
         return { redis.call('ZRANGEBYSCORE', KEYS[1], now - tonumber(ARGV[2]), '+inf'), \
                  redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3])) }",
    )
});

impl Registry {
    pub(super) fn new(redis: ConnectionManager, listens: bool) -> Self {
        Self { me: uuid::Uuid::new_v4().simple().to_string(), listens, redis }
    }

    /// The name of this process' inbox.
    pub(super) fn me(&self) -> &str {
        &self.me
    }

    /// Says that this process lives, if it listens, and asks who else does.
    pub(super) async fn pulse(&self) -> Result<Processes, RedisError> {
        let me = if self.listens { self.me.as_str() } else { "" };
        let mut call = PULSE.key(PROCESSES);
        let (live, gone) = call.arg(me).arg(SILENT).arg(GONE).invoke_async(&mut self.redis.clone()).await?;
        Ok(Processes { live, gone })
    }

    /// Writes to each of the inboxes that has no wake-up waiting: one that waits is read after this moment, and so serves
    /// for what happened before it. This bounds every inbox by the number of processes that write at the same time.
    pub(super) async fn tell(&self, processes: &[String], counts: &Counts) -> Result<(), InboxError> {
        let others: Vec<&String> = processes.iter().filter(|name| **name != self.me).collect();
        for (name, waiting) in others.iter().zip(self.waiting(&others).await?) {
            if waiting == 0 {
                self.inbox(name).push(Look).await?;
                counts.sent.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// How many wake-ups wait in each inbox.
    async fn waiting(&self, inboxes: &[&String]) -> Result<Vec<u64>, RedisError> {
        if inboxes.is_empty() {
            return Ok(Vec::new());
        }
        let mut asking = redis::pipe();
        for name in inboxes {
            let keys = config(name);
            asking.llen(keys.active_jobs_list()).zcard(keys.scheduled_jobs_set());
        }
        let counts: Vec<u64> = asking.query_async(&mut self.redis.clone()).await?;
        Ok(counts.as_chunks::<2>().0.iter().map(|[active, scheduled]| active + scheduled).collect())
    }

    /// An inbox as apalis knows it.
    pub(super) fn inbox(&self, name: &str) -> Inbox {
        RedisStorage::new(self.redis.clone()).with_config(config(name))
    }

    /// Takes a process out of the list, with all that its inbox holds.
    pub(super) async fn forget(&self, name: &str) -> Result<(), RedisError> {
        let mut redis = self.redis.clone();
        let () = redis.zrem(PROCESSES, name).await?;
        let () = redis.zrem(QUEUES, config(name).workers_set()).await?;
        self.clear(name).await
    }

    /// Empties an inbox. apalis-redis writes some of its keys by names that only it knows, so they are searched for.
    pub(super) async fn clear(&self, name: &str) -> Result<(), RedisError> {
        let mut redis = self.redis.clone();
        let pattern = format!("{}:*", queue(name));
        let mut cursor = 0;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
            let (next, keys): (u64, Vec<String>) = scan.query_async(&mut redis).await?;
            if !keys.is_empty() {
                let () = redis.unlink(keys).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Removes what apalis-redis keeps of wake-ups that were heard.
    pub(super) async fn tidy(&self) -> Result<(), InboxError> {
        use apalis_core::backend::Vacuum as _;
        self.inbox(&self.me).vacuum().await?;
        let () = self.redis.clone().unlink(config(&self.me).done_jobs_set()).await?;
        Ok(())
    }
}

fn queue(name: &str) -> String {
    format!("tasksgodzilla:inbox:{name}")
}

/// A look lasts no time, so it is not locked; nobody asks what became of it.
fn config(name: &str) -> Config {
    Config::default().queue(queue(name)).lock_tasks(false).emit_events(false)
}
