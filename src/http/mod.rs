//! Floor 3: webhooks in, pages out.

mod pages;
mod request;
mod token;
mod webhooks;

use crate::services::Ctx;
use actix_web::middleware::from_fn;
use actix_web::dev::Server;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a webhook: GitHub sends nothing larger.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>
pub const BODY_LIMIT: usize = 25 << 20;

/// What the handlers share.
#[derive(Clone)]
pub struct Web {
    pub ctx: Ctx,
    /// The current webhook secret, then the previous one.
    pub secrets: Vec<SecretString>,
    pub api_token: Option<SecretString>,
    pub counters: Arc<Counters>,
}

/// How many deliveries came and what became of them, since the start.
#[derive(Debug, Default)]
pub struct Counters {
    stored: AtomicU64,
    duplicate: AtomicU64,
    foreign: AtomicU64,
    refused: AtomicU64,
    unreadable: AtomicU64,
    failed: AtomicU64,
}

impl Counters {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn as_json(&self) -> Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "stored": read(&self.stored), "duplicate": read(&self.duplicate), "foreign": read(&self.foreign),
            "refused": read(&self.refused), "unreadable": read(&self.unreadable), "failed": read(&self.failed),
        })
    }
}

/// Serves on `listener` until it is told to stop. Signals are the caller's.
pub fn serve(web: Web, listener: TcpListener) -> std::io::Result<Server> {
    let app =
        move || App::new().app_data(Data::new(web.clone())).wrap(from_fn(request::named)).configure(routes);
    Ok(HttpServer::new(app).workers(2).shutdown_timeout(10).disable_signals().listen(listener)?.run())
}

/// Every route of the bot.
pub fn routes(config: &mut web::ServiceConfig) {
    let github = web::resource("/webhooks/github")
        .app_data(web::PayloadConfig::new(BODY_LIMIT))
        .route(web::post().to(webhooks::github));
    config
        .service(github)
        .route("/protocols/{id}", web::get().to(pages::protocol))
        .route("/runs/{id}", web::get().to(pages::run))
        .route("/runs/{id}/log", web::get().to(pages::log))
        .route("/runs/{id}/artifacts/{name}", web::get().to(pages::artifact))
        .route("/style.css", web::get().to(pages::style))
        .route("/health", web::get().to(health))
        .default_service(web::to(pages::nothing));
}

/// Whether the bot can take deliveries: it can when its store answers.
async fn health(web: Data<Web>) -> HttpResponse {
    let deliveries = web.counters.as_json();
    match web.ctx.store.read().await {
        Ok(_) => HttpResponse::Ok().json(json!({"status": "ok", "deliveries": deliveries})),
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            let body = json!({"status": "store unavailable", "deliveries": deliveries});
            HttpResponse::ServiceUnavailable().json(body)
        }
    }
}
