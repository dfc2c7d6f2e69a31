//! `POST /webhooks/github` and its like: verify, record, answer. They do no work.

mod gitlab;
mod stages;

pub(super) use gitlab::gitlab;

use super::Web;
use crate::domain::project::ForgeKind;
use crate::forge;
use crate::forge::signature::verify_github;
use crate::meter::{DeliveryOutcome, Meters};
use crate::services::intake::{self, Delivery, Received};
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use tracing::Span;

/// Characters of a delivery id or event name that are taken.
const HEADER: usize = 200;
const NAMELESS: &str = "X-GitHub-Delivery or X-GitHub-Event is missing";

/// 202 once it is stored, known already, or not ours; 401 for a bad signature; 400 for what is signed but unreadable; 413
/// for more than 25 MiB; 503 when it could not be stored, so that GitHub knows.
pub(super) async fn github(
    web: Data<Web>,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    let body = match body {
        Ok(body) => body,
        Err(error) => return unheard(&error),
    };
    let header = |name: &str| request.headers().get(name).and_then(|text| text.to_str().ok());
    let named = |name| header(name).filter(|text| !text.is_empty() && text.len() <= HEADER);
    let signed = |secrets| verify_github(secrets, header("x-hub-signature-256"), &body);
    let event = named("x-github-event");
    let posted = Posted {
        forge: ForgeKind::Github,
        by_forge: signed(&web.secrets),
        by_ci: signed(&web.ci_tokens),
        event: event.unwrap_or_default(),
        guid: event.and(named("x-github-delivery")).map(str::to_owned).ok_or(NAMELESS),
        body: &body,
        query: request.query_string(),
    };
    take(&web, posted, "the signature is missing or wrong; check the webhook secret", Unread::IsAnError).await
}

/// What came to a forge's address: as whose, by which name, and what.
struct Posted<'a> {
    forge: ForgeKind,
    /// Proved with a secret of the webhook.
    by_forge: bool,
    /// Proved with a token of CI, which opens stages only.
    by_ci: bool,
    event: &'a str,
    /// The forge's name for it, or what to say where it has none.
    guid: Result<String, &'static str>,
    body: &'a [u8],
    query: &'a str,
}

/// Stores it. `unproved` is said to whoever may not tell it.
async fn take(web: &Web, posted: Posted<'_>, unproved: &str, unread: Unread) -> HttpResponse {
    let Posted { forge, by_forge, by_ci, event, body, .. } = posted;
    let told = (by_forge || by_ci).then(|| forge::stage(forge, event, body)).flatten();
    if !by_forge && told.is_none() {
        return refused(&web.ctx.meters, unproved);
    }
    if web.ctx.forge(forge).is_err() {
        web.ctx.meters.delivery(DeliveryOutcome::Foreign);
        let words =
            format!("{} is not served here; post to the forge that has the repository", forge.as_str());
        return answer(StatusCode::NOT_FOUND, "error", &words);
    }
    let named_protocol = stages::named_protocol(posted.query);
    let stage = told.map(|told| stages::key(&told, body, named_protocol, web.ctx.now()));
    let guid = match stage.map_or(posted.guid, Ok) {
        Ok(guid) => guid,
        Err(nameless) => {
            web.ctx.meters.delivery(DeliveryOutcome::Unreadable);
            tracing::warn!(forge = forge.as_str(), reason = nameless, "a delivery cannot be taken");
            return answer(StatusCode::BAD_REQUEST, "error", nameless);
        }
    };
    Span::current().record("delivery.guid", &guid);
    let delivery = Delivery { forge, guid: &guid, event, body, named_protocol };
    reply(&web.ctx.meters, intake::receive(&web.ctx, &delivery).await, unread)
}

/// How a host is told that what it proved to have sent cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    IsAnError,
    /// For a host that takes errors for a hook that is broken.
    IsAccepted,
}

fn unheard(error: &actix_web::Error) -> HttpResponse {
    let status = error.as_response_error().status_code();
    answer(status, "error", "the body cannot be read or is too large")
}

/// Anybody may cause it as often as they like, so the log has it only when it is asked for more than the usual.
fn refused(meters: &Meters, words: &str) -> HttpResponse {
    tracing::debug!(reason = words, "a delivery was refused");
    meters.delivery(DeliveryOutcome::Refused);
    answer(StatusCode::UNAUTHORIZED, "error", words)
}

fn reply(meters: &Meters, received: anyhow::Result<Received>, unread: Unread) -> HttpResponse {
    let (outcome, response) = match received {
        Ok(Received::Stored) => (DeliveryOutcome::Stored, answer(StatusCode::ACCEPTED, "status", "stored")),
        Ok(Received::Duplicate) => {
            (DeliveryOutcome::Duplicate, answer(StatusCode::ACCEPTED, "status", "known already"))
        }
        Ok(Received::Foreign) => {
            (DeliveryOutcome::Foreign, answer(StatusCode::ACCEPTED, "status", "nothing to do"))
        }
        Ok(Received::Unreadable(why)) => {
            tracing::warn!(reason = why, "the body of a delivery cannot be read");
            let status = match unread {
                Unread::IsAnError => StatusCode::BAD_REQUEST,
                Unread::IsAccepted => StatusCode::ACCEPTED,
            };
            (DeliveryOutcome::Unreadable, answer(status, "error", &format!("the body cannot be read: {why}")))
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "a delivery could not be stored");
            let words = "the delivery could not be stored; send it again";
            (DeliveryOutcome::Failed, answer(StatusCode::SERVICE_UNAVAILABLE, "error", words))
        }
    };
    meters.delivery(outcome);
    response
}

fn answer(status: StatusCode, key: &str, words: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ key: words }))
}
