//! Floor 3: webhooks in, pages out, and how the bot is.

mod health;
mod metrics;
mod pages;
mod request;
mod token;
mod webhooks;

use crate::forge::signature::GitlabSecrets;
use crate::queue::{Pulse, RelayWatch};
use crate::services::Ctx;
use actix_web::dev::Server;
use actix_web::http::header::ALLOW;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer, Resource, Route};
use secrecy::SecretString;
use std::net::TcpListener;
use std::time::Duration;

/// Bytes of a webhook: GitHub and GitLab send nothing larger.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>
pub const BODY_LIMIT: usize = 25 << 20;

/// What is left out of the log: how the server's threads begin and end.
pub const QUIET: &str = "actix_server=warn";

/// How long whoever watches the bot waits for its store: probes of ours wait for six seconds, Prometheus for ten.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// What the handlers share.
#[derive(Clone)]
pub struct Web {
    pub ctx: Ctx,
    /// GitHub's current webhook secret, then the previous one; none when GitHub is not served.
    pub secrets: Vec<SecretString>,
    /// The same of GitLab.
    pub gitlab: GitlabSecrets,
    /// What proves a script of CI, on either forge: the current token, then the previous one. It opens nothing else.
    pub ci_tokens: Vec<SecretString>,
    pub api_token: Option<SecretString>,
    /// The sign of life of this process' workers, if it is to have some.
    pub workers: Option<Pulse>,
    /// The way to other processes, if there is one.
    pub relay: Option<RelayWatch>,
}

/// Serves on `listener` until it is told to stop. Signals are the caller's.
pub fn serve(web: Web, listener: TcpListener) -> std::io::Result<Server> {
    serve_routes(web, listener, routes)
}

/// Serves health and metrics only, for a process that takes no deliveries and shows no pages.
pub fn serve_watchers(web: Web, listener: TcpListener) -> std::io::Result<Server> {
    serve_routes(web, listener, watching)
}

type Routes = fn(&mut web::ServiceConfig);

fn serve_routes(web: Web, listener: TcpListener, routes: Routes) -> std::io::Result<Server> {
    let app =
        move || App::new().app_data(Data::new(web.clone())).wrap(from_fn(request::named)).configure(routes);
    Ok(HttpServer::new(app).workers(2).shutdown_timeout(10).disable_signals().listen(listener)?.run())
}

fn watching(config: &mut web::ServiceConfig) {
    config
        .service(seen("/health", web::get().to(health::ready), web::head().to(health::ready)))
        .service(seen("/health/ready", web::get().to(health::ready), web::head().to(health::ready)))
        .service(seen("/health/live", web::get().to(health::live), web::head().to(health::live)))
        .service(seen("/metrics", web::get().to(metrics::metrics), web::head().to(metrics::metrics)))
        .default_service(web::to(pages::nothing));
}

/// What is looked at and nothing else: some who watch ask for the head only.
fn seen(path: &str, get: Route, head: Route) -> Resource {
    web::resource(path).route(get).route(head).default_service(web::to(only_looked_at))
}

async fn only_looked_at() -> HttpResponse {
    HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET, HEAD")).finish()
}

/// Every route of the bot.
pub fn routes(config: &mut web::ServiceConfig) {
    let hook = |path| web::resource(path).app_data(web::PayloadConfig::new(BODY_LIMIT));
    config
        .service(hook("/webhooks/github").route(web::post().to(webhooks::github)))
        .service(hook("/webhooks/gitlab").route(web::post().to(webhooks::gitlab)))
        .route("/protocols/{id}", web::get().to(pages::protocol))
        .route("/runs/{id}", web::get().to(pages::run))
        .route("/runs/{id}/log", web::get().to(pages::log))
        .route("/runs/{id}/artifacts/{name}", web::get().to(pages::artifact))
        .route("/style.css", web::get().to(pages::style))
        .configure(watching);
}
