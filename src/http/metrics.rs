//! `GET /metrics`, for Prometheus.

use super::{STORE_PATIENCE, Web, token};
use crate::meter::{CONTENT_TYPE, ProcessFigures, Readings, Standing, Wakes};
use crate::queue::{Link, RelayState};
use crate::services::figures;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

/// Counts of kinds and states, and no name of a repository or person. All the same they are not for everybody: with an API
/// token they are for who bears it, without one for callers on this machine while only those can reach the bot.
pub(super) async fn metrics(web: Data<Web>, request: HttpRequest) -> HttpResponse {
    if !may_see(&web, &request) {
        let text = "/metrics needs TASKSGODZILLA_API_TOKEN as a bearer token; only while the bot listens on loopback \
                    and has no token it is open to this machine\n";
        return HttpResponse::Forbidden().content_type("text/plain; charset=utf-8").body(text);
    }
    let standing = standing(&web).await;
    let wakes = web.relay.as_ref().map(|relay| wakes(&relay.state()));
    let readings = Readings { standing, wakes, process: ProcessFigures::read() };
    match web.ctx.meters.text(&readings) {
        Ok(text) => HttpResponse::Ok().content_type(CONTENT_TYPE).body(text),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// What stands in the store; `None` when it does not say so in time, for Prometheus does not wait for ever.
async fn standing(web: &Web) -> Option<Standing> {
    let error = match tokio::time::timeout(STORE_PATIENCE, figures::standing(&web.ctx)).await {
        Ok(Ok(standing)) => return Some(standing),
        Ok(Err(error)) => format!("{:#}", anyhow::Error::from(error)),
        Err(_) => format!("no end within {} s", STORE_PATIENCE.as_secs()),
    };
    tracing::error!(error, "the store does not answer");
    None
}

fn wakes(state: &RelayState) -> Wakes {
    let RelayState { link, processes, sent, heard } = state;
    Wakes {
        connected: matches!(link, Link::Connected { .. }),
        processes: *processes,
        sent: *sent,
        heard: *heard,
    }
}

fn may_see(web: &Web, request: &HttpRequest) -> bool {
    match &web.api_token {
        Some(api_token) => token::is_borne(api_token, request),
        None => request.app_config().local_addr().ip().is_loopback() && !came_through_a_proxy(request),
    }
}

/// A proxy on this machine asks for people who are elsewhere.
fn came_through_a_proxy(request: &HttpRequest) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| request.headers().contains_key(*name))
}
