//! Whether the bot is well, for probes and for people. Open to everybody, so nothing is told but that.

use super::{STORE_PATIENCE, Web};
use crate::queue::{Link, Pulse, RelayState, RelayWatch};
use crate::store::StoreError;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde_json::{Value, json};
use std::time::Duration;

/// How the store is, for whoever wants to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreState {
    Ok,
    /// It answers, and is read-only, full or held by somebody else.
    TakesNoWrites,
    Silent,
}

impl StoreState {
    fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::TakesNoWrites => "takes no writes",
            Self::Silent => "does not answer",
        }
    }
}

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
    let (status, body) = told(store_state(&web).await, silence, relay.as_ref());
    HttpResponse::build(status).json(body)
}

/// Asks both at once, so that a store that takes no writes is told from one that is away within the same time.
async fn store_state(web: &Web) -> StoreState {
    let store = &web.ctx.store;
    let (answer, write) = tokio::join!(
        tokio::time::timeout(STORE_PATIENCE, store.ping()),
        tokio::time::timeout(STORE_PATIENCE, store.takes_writes()),
    );
    let state = match (answer.is_ok_and(|answer| answer.is_ok()), &write) {
        (false, _) => StoreState::Silent,
        (true, Ok(Ok(()))) => return StoreState::Ok,
        (true, _) => StoreState::TakesNoWrites,
    };
    tracing::error!(error = why(write), "the store {}", state.words());
    state
}

fn why(write: Result<Result<(), StoreError>, tokio::time::error::Elapsed>) -> String {
    match write {
        Ok(Ok(())) => "only reads fail".to_owned(),
        Ok(Err(error)) => format!("{:#}", anyhow::Error::from(error)),
        Err(_) => format!("no end within {} s", STORE_PATIENCE.as_secs()),
    }
}

/// `silence` is of the workers: `None` where there are to be none, else how long they have been silent if that is too long.
/// `relay` is `None` where no Redis is set.
fn told(
    store: StoreState,
    silence: Option<Option<Duration>>,
    relay: Option<&RelayState>,
) -> (StatusCode, Value) {
    let workers = match silence {
        None => "none in this process".to_owned(),
        Some(None) => "ok".to_owned(),
        Some(Some(silence)) => format!("quiet for {} s", silence.as_secs()),
    };
    let (status, code) = match (store, silence) {
        (StoreState::Ok, None | Some(None)) => ("ok", StatusCode::OK),
        _ => ("wrong", StatusCode::SERVICE_UNAVAILABLE),
    };
    let mut body = json!({"status": status, "store": store.words(), "workers": workers});
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
    fn check(store: StoreState, silence: Option<Option<Duration>>, status: u16, workers: &str) {
        let (code, body) = told(store, silence, None);
        assert_eq!((code.as_u16(), body["workers"].as_str()), (status, Some(workers)));
        assert_eq!(body.get("redis"), None);
    }

    #[test]
    fn the_bot_is_ready_when_its_store_takes_writes_and_its_workers_live() {
        let silent = Some(Some(Duration::from_secs(45)));
        check(StoreState::Ok, Some(None), 200, "ok");
        check(StoreState::Ok, None, 200, "none in this process");
        check(StoreState::Ok, silent, 503, "quiet for 45 s");
        check(StoreState::Silent, Some(None), 503, "ok");
        check(StoreState::TakesNoWrites, None, 503, "none in this process");
    }

    #[test]
    fn a_redis_that_does_not_answer_is_told_and_the_bot_is_ready() {
        let since = Moment(0);
        let check = |link, redis: &str| {
            let relay = RelayState { link, processes: 0, sent: 0, heard: 0 };
            let (code, body) = told(StoreState::Ok, Some(None), Some(&relay));
            assert_eq!((code.as_u16(), body["redis"].as_str()), (200, Some(redis)));
        };
        check(Link::Connected { since }, "ok");
        check(Link::Lost { since, why: "refused by 10.0.0.7".to_owned() }, "does not answer");
    }
}
