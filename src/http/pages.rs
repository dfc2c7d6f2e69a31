//! The pages behind "Details": opened by a signed link or the API token, and by nothing else.

use super::{Web, request, token};
use crate::domain::ids::{ProtocolId, RunId};
use crate::report::page;
use crate::services::pages;
use actix_web::http::header;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Deserialize;

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
    shown(&request, pages::protocol(&web.ctx, ProtocolId(*id)).await)
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
    shown(&request, pages::run(&web.ctx, RunId(*id)).await)
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
    plain(&request, pages::log(&web.ctx, RunId(*id)).await)
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
    plain(&request, pages::artifact(&web.ctx, RunId(id), &name).await)
}

fn plain(request: &HttpRequest, text: anyhow::Result<Option<String>>) -> HttpResponse {
    match text {
        Ok(Some(text)) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(text),
        Ok(None) => absent(),
        Err(error) => broken(request, &error),
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
    web.ctx.rules.links.opens(kind, id, signed.expires, &signed.signature, now)
        || web.api_token.as_ref().is_some_and(|api_token| token::is_borne(api_token, request))
}

fn shown(request: &HttpRequest, page: anyhow::Result<Option<String>>) -> HttpResponse {
    match page {
        Ok(Some(html)) => html_page(HttpResponse::Ok(), html),
        Ok(None) => absent(),
        Err(error) => broken(request, &error),
    }
}

fn closed() -> HttpResponse {
    let text = "This link is not signed or has expired. Follow a fresh one from a comment of the bot, or send the API token.";
    html_page(HttpResponse::Forbidden(), page::message("Not open", text))
}

fn absent() -> HttpResponse {
    html_page(HttpResponse::NotFound(), page::message("Not here", "There is no such page."))
}

/// A fault shows its id and nothing else.
fn broken(request: &HttpRequest, error: &anyhow::Error) -> HttpResponse {
    tracing::error!(error = format!("{error:#}"), "a page could not be made");
    let id = request::id(request);
    let text = format!("The page could not be made; the bot's operator finds it in the log as request {id}.");
    html_page(HttpResponse::InternalServerError(), page::message("Our fault", &text))
}

fn html_page(mut response: HttpResponseBuilder, html: String) -> HttpResponse {
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .content_type("text/html; charset=utf-8")
        .body(html)
}
