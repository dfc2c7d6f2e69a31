//! The pages behind "Details": opened by a signed link or the API token, and by nothing else.

use super::Web;
use crate::domain::ids::{ProtocolId, RunId};
use crate::report::page;
use crate::services::pages;
use actix_web::http::header;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// What a signed link carries.
#[derive(Debug, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    expires: i64,
    #[serde(default)]
    signature: String,
}

pub(super) async fn protocol(
    web: Data<Web>,
    request: HttpRequest,
    id: Path<i64>,
    signed: Query<Signed>,
) -> HttpResponse {
    if !opens(&web, &request, "protocols", *id, &signed) {
        return closed();
    }
    shown(pages::protocol(&web.ctx, ProtocolId(*id)).await)
}

pub(super) async fn run(
    web: Data<Web>,
    request: HttpRequest,
    id: Path<i64>,
    signed: Query<Signed>,
) -> HttpResponse {
    if !opens(&web, &request, "runs", *id, &signed) {
        return closed();
    }
    shown(pages::run(&web.ctx, RunId(*id)).await)
}

/// The whole log as plain text.
pub(super) async fn log(
    web: Data<Web>,
    request: HttpRequest,
    id: Path<i64>,
    signed: Query<Signed>,
) -> HttpResponse {
    if !opens(&web, &request, "runs", *id, &signed) {
        return closed();
    }
    plain(pages::log(&web.ctx, RunId(*id)).await)
}

/// A file that a run left, as plain text.
pub(super) async fn artifact(
    web: Data<Web>,
    request: HttpRequest,
    path: Path<(i64, String)>,
    signed: Query<Signed>,
) -> HttpResponse {
    let (id, name) = path.into_inner();
    if !opens(&web, &request, "runs", id, &signed) {
        return closed();
    }
    plain(pages::artifact(&web.ctx, RunId(id), &name).await)
}

fn plain(text: anyhow::Result<Option<String>>) -> HttpResponse {
    match text {
        Ok(Some(text)) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(text),
        Ok(None) => absent(),
        Err(error) => broken(&error),
    }
}

pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/css; charset=utf-8")).body(page::STYLE)
}

pub(super) async fn nothing() -> HttpResponse {
    absent()
}

/// A signed link that has not expired, or the API token as a bearer.
fn opens(web: &Web, request: &HttpRequest, kind: &str, id: i64, signed: &Signed) -> bool {
    let now = web.ctx.now();
    web.ctx.rules.links.opens(kind, id, signed.expires, &signed.signature, now) || bears_token(web, request)
}

/// Compares digests, so that the time it takes says nothing about the token.
fn bears_token(web: &Web, request: &HttpRequest) -> bool {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|text| text.to_str().ok());
    let given = given.and_then(|text| text.strip_prefix("Bearer "));
    match (&web.api_token, given) {
        (Some(token), Some(given)) => Sha256::digest(token.expose_secret()) == Sha256::digest(given),
        _ => false,
    }
}

fn shown(page: anyhow::Result<Option<String>>) -> HttpResponse {
    match page {
        Ok(Some(html)) => html_page(HttpResponse::Ok(), html),
        Ok(None) => absent(),
        Err(error) => broken(&error),
    }
}

fn closed() -> HttpResponse {
    let text = "This link is not signed or has expired. Follow a fresh one from the pull request, or send the API token.";
    html_page(HttpResponse::Forbidden(), page::message("Not open", text))
}

fn absent() -> HttpResponse {
    html_page(HttpResponse::NotFound(), page::message("Not here", "There is no such page."))
}

fn broken(error: &anyhow::Error) -> HttpResponse {
    tracing::error!(error = format!("{error:#}"), "a page could not be made");
    let text = "The page could not be made; the log of the bot says why.";
    html_page(HttpResponse::InternalServerError(), page::message("Our fault", text))
}

fn html_page(mut response: HttpResponseBuilder, html: String) -> HttpResponse {
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .content_type("text/html; charset=utf-8")
        .body(html)
}
