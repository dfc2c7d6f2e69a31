//! Whether the bot is well, for probes and for people. Open to everybody, so nothing is told but that.

use super::Web;
use crate::queue::{Link, Pulse, RelayState, RelayWatch};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The process answers; whether it can work is another question.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// 200 while deliveries can be taken and, if this process is to work, its workers show signs of life; else 503 with what
/// is wrong. Work goes on without Redis, so its state is told and counts for nothing.
pub(super) async fn ready(web: Data<Web>) -> HttpResponse {
    let silence = web.workers.as_ref().map(Pulse::silence);
    if let Some(Some(silence)) = silence {
        tracing::error!(seconds = silence.as_secs(), "the workers show no sign of life");
    }
    let relay = web.relay.as_ref().map(RelayWatch::state);
    let (status, body) = told(store_answers(&web).await, silence, relay.as_ref());
    HttpResponse::build(status).json(body)
}

async fn store_answers(web: &Web) -> bool {
    match tokio::time::timeout(PATIENCE, web.ctx.store.ping()).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => {
            tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "the store does not answer");
        }
        Err(_) => tracing::error!(seconds = PATIENCE.as_secs(), "the store does not answer in time"),
    }
    false
}

/// `silence` is of the workers: `None` where there are to be none, else how long they have been silent if that is too long.
/// `relay` is `None` where no Redis is set.
fn told(
    store_answers: bool,
    silence: Option<Option<Duration>>,
    relay: Option<&RelayState>,
) -> (StatusCode, Value) {
    let store = if store_answers { "ok" } else { "does not answer" };
    let workers = match silence {
        None => "none in this process".to_owned(),
        Some(None) => "ok".to_owned(),
        Some(Some(silence)) => format!("quiet for {} s", silence.as_secs()),
    };
    let (status, code) = match (store_answers, silence) {
        (true, None | Some(None)) => ("ok", StatusCode::OK),
        _ => ("wrong", StatusCode::SERVICE_UNAVAILABLE),
    };
    let mut body = json!({"status": status, "store": store, "workers": workers});
    if let Some(relay) = relay {
        let connected = matches!(relay.link, Link::Connected { .. });
        body["redis"] = if connected { "ok" } else { "does not answer" }.into();
    }
    (code, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Moment;

    #[track_caller]
    fn check(store_answers: bool, silence: Option<Option<Duration>>, status: u16, workers: &str) {
        let (code, body) = told(store_answers, silence, None);
        assert_eq!((code.as_u16(), body["workers"].as_str()), (status, Some(workers)));
        assert_eq!(body.get("redis"), None);
    }

    #[test]
    fn the_bot_is_ready_when_its_store_answers_and_its_workers_live() {
        let silent = Some(Some(Duration::from_secs(45)));
        check(true, Some(None), 200, "ok");
        check(true, None, 200, "none in this process");
        check(true, silent, 503, "quiet for 45 s");
        check(false, Some(None), 503, "ok");
        check(false, None, 503, "none in this process");
    }

    #[test]
    fn a_redis_that_does_not_answer_is_told_and_the_bot_is_ready() {
        let since = Moment(0);
        let check = |link, redis: &str| {
            let relay = RelayState { link, processes: 0, sent: 0, heard: 0 };
            let (code, body) = told(true, Some(None), Some(&relay));
            assert_eq!((code.as_u16(), body["redis"].as_str()), (200, Some(redis)));
        };
        check(Link::Connected { since }, "ok");
        check(Link::Lost { since, why: "refused by 10.0.0.7".to_owned() }, "does not answer");
    }
}
