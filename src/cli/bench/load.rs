//! What intake is loaded with: deliveries over kept connections, in a process of its own, so that its CPU is not the server's.
//!
//! Each delivery has an id of its own and the same signed body, so that the load costs as little as it can.

use super::process;
use crate::cli::output;
use crate::forge::signature::sign_github;
use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long the load may take in all.
const LIMIT: Duration = Duration::from_secs(240);
/// Bytes of a delivery, as of a usual `issue_comment`.
const BODY: usize = 10_544;

/// What to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) address: SocketAddr,
    pub(super) secret: String,
    /// Begins the ids of the deliveries; what was used before is a duplicate.
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) connections: u64,
    /// Deliveries a second, or as many as go.
    pub(super) per_second: Option<f64>,
}

/// How it went.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) seconds: f64,
    /// Microseconds from the moment at which a delivery was due to its answer.
    pub(super) p50: u64,
    pub(super) p99: u64,
    pub(super) max: u64,
}

/// Sends an order's deliveries from a child and waits for the end. Errors: also when one of them was not stored.
pub(super) async fn send(order: &Order) -> anyhow::Result<Outcome> {
    process::outcome(process::ordered("load", order).await?).await
}

/// Sends one delivery from this process. Errors: also when it was not stored.
pub(super) async fn send_one(address: SocketAddr, secret: &str, name: &str) -> anyhow::Result<()> {
    let (secret, name) = (secret.to_owned(), name.to_owned());
    let order = Order { address, secret, name, count: 1, connections: 1, per_second: None };
    play(order).await.map(drop)
}

pub(super) async fn run() -> anyhow::Result<()> {
    let order: Order = process::order()?;
    let outcome = tokio::time::timeout(LIMIT, play(order)).await.context("the load takes too long")??;
    output::data(serde_json::to_string(&outcome)?)
}

async fn play(order: Order) -> anyhow::Result<Outcome> {
    let body = body();
    let signature = sign_github(&SecretString::from(order.secret.clone()), body.as_bytes());
    let play = Arc::new(Play { order, body, signature, next: AtomicU64::new(0), began: Instant::now() });
    let connections: Vec<_> =
        (0..play.order.connections).map(|_| tokio::spawn(play.clone().connection())).collect();
    let mut times = Histogram::<u64>::new(3)?;
    for connection in connections {
        times.add(connection.await??)?;
    }
    let seconds = play.began.elapsed().as_secs_f64();
    let at = |quantile| times.value_at_quantile(quantile);
    Ok(Outcome { seconds, p50: at(0.5), p99: at(0.99), max: times.max() })
}

/// A comment without a command, on an issue of a repository that the bot has never seen.
fn body() -> String {
    let with = |words: &str| {
        let sender = serde_json::json!({"id": 3, "login": "mia", "type": "User"});
        let owner = serde_json::json!({"id": 2, "login": "acme", "type": "Organization"});
        serde_json::json!({
            "action": "created",
            "issue": {"number": 1, "title": "Split the importer", "state": "open", "user": sender, "body": ""},
            "comment": {"id": 9, "user": sender, "author_association": "MEMBER", "body": words},
            "repository": {"id": 42, "name": "api", "full_name": "acme/api", "private": true, "archived": false,
                "default_branch": "main", "owner": owner},
            "sender": sender,
            "installation": {"id": 7},
        })
        .to_string()
    };
    with(&"x".repeat(BODY.saturating_sub(with("").len())))
}

struct Play {
    order: Order,
    body: String,
    signature: String,
    next: AtomicU64,
    began: Instant,
}

impl Play {
    /// Sends what is next until all is sent.
    async fn connection(self: Arc<Self>) -> anyhow::Result<Histogram<u64>> {
        let mut times = Histogram::new(3)?;
        let mut stream = TcpStream::connect(self.order.address).await?;
        stream.set_nodelay(true)?;
        let mut answer = Vec::with_capacity(1024);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.order.count {
                return Ok(times);
            }
            let due = self.due(number).await;
            stream.write_all(self.request(number).as_bytes()).await?;
            read(&mut stream, &mut answer).await?;
            if !answer.starts_with(b"HTTP/1.1 202") || !answer.ends_with(b"\"stored\"}") {
                bail!("a delivery was not stored: {}", String::from_utf8_lossy(&answer));
            }
            times.record(u64::try_from(due.elapsed().as_micros())?)?;
        }
    }

    /// Waits until a delivery is to be sent. One that is sent late because others took long has waited since it was due.
    async fn due(&self, number: u64) -> Instant {
        let Some(rate) = self.order.per_second else {
            return Instant::now();
        };
        let due = self.began + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        due
    }

    fn request(&self, number: u64) -> String {
        format!(
            "POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             X-GitHub-Event: issue_comment\r\nX-GitHub-Delivery: {}-{number}\r\nX-Hub-Signature-256: {}\r\n\
             Content-Length: {}\r\n\r\n{}",
            self.order.name,
            self.signature,
            self.body.len(),
            self.body
        )
    }
}

/// Reads one answer, headers and body, into `answer`.
async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<()> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            bail!("the server closed the connection");
        }
        if length(answer).is_some_and(|length| answer.len() >= length) {
            return Ok(());
        }
    }
}

/// Bytes of the whole answer, once its headers are there.
fn length(answer: &[u8]) -> Option<usize> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let headers = std::str::from_utf8(&answer[..end]).ok()?;
    let header = headers.lines().find_map(|line| {
        let (name, text) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| text.trim().parse::<usize>().ok())?
    });
    Some(end + header?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_as_long_as_it_says_and_the_bot_reads_it() {
        assert_eq!(body().len(), BODY);
        let peek =
            crate::forge::peek(crate::domain::project::ForgeKind::Github, "issue_comment", body().as_bytes());
        assert!(peek.ours && peek.unreadable.is_none(), "{peek:?}");
    }

    #[test]
    fn an_answer_ends_where_its_headers_say() {
        assert_eq!(length(b"HTTP/1.1 202 Accepted\r\ncontent-length: 3\r\n\r\nabc"), Some(47));
        assert_eq!(length(b"HTTP/1.1 202 Accepted\r\ncontent-le"), None);
    }
}
