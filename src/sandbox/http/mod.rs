//! The twin's front door: one handler for every request, whatever it is for.
//!
//! `serve` is the one point that each request passes before and after it is answered; there it meets its fault, if one
//! was ordered.

mod call;
mod faults;
mod git_http;
mod pages;
mod routes;

pub(crate) use call::{Answer, Asked, Call, Caller, Content, Params, Reply, link_header, wrong_type};
pub use faults::{Fault, Met, Which};
pub(crate) use faults::{FaultDesk, Moved, Wire};
pub(crate) use git_http::{GitPath, Leave, Purpose};
pub(crate) use routes::{Act, Route, delete, get, params, patch, post, put};

use super::acts::Refused;
use super::model::Model;
use super::views::RequestView;
use super::{Host, Shared, github, gitlab, hooks, lock};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use std::time::{Duration, UNIX_EPOCH};

/// Large enough for any push of a demo or a story.
const LARGEST_BODY: usize = 256 << 20;

/// Tells actix where everything goes: to `serve`.
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    app.app_data(web::PayloadConfig::new(LARGEST_BODY)).default_service(web::route().to(serve));
}

async fn serve(request: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let asked = Asked::new(&request, body.to_vec());
    let fault = lock(&shared).fault_for(&asked);
    let instead = fault.and_then(|fault| fault.instead(&lock(&shared), &asked));
    let git = git_http::recognise(&lock(&shared), &asked.path);
    let (reply, note) = match (instead, git) {
        (Some(reply), git) => (reply, not_done(&lock(&shared), git.as_ref(), &asked)),
        (None, Some(git)) => git_http::answer(&shared, &git, &asked).await,
        (None, None) => {
            let (reply, note) = answer(&mut lock(&shared), &asked);
            (hooks::posted_first(&shared, reply).await, note)
        }
    };
    let reply = match fault {
        Some(fault) => fault.spoil(&lock(&shared), &asked, reply),
        None => reply,
    };
    log(&mut lock(&shared), asked, &reply, note);
    if fault.is_some_and(Fault::hangs) {
        std::future::pending::<()>().await;
    }
    if let Some(wire) = request.conn_data::<Wire>().filter(|_| fault.is_some_and(Fault::cuts)) {
        wire.cut();
    }
    let usual = usual_headers(&lock(&shared));
    respond(reply, usual)
}

fn log(model: &mut Model, asked: Asked, reply: &Reply, note: Note) {
    let body = asked.fields().unwrap_or_default();
    model.requests.push(RequestView {
        method: asked.method,
        path: asked.path,
        query: asked.query,
        status: reply.status,
        operation: note.operation.to_owned(),
        app: note.app,
        login: note.login,
        body,
    });
}

/// What the log says about a request beside its address.
#[derive(Default)]
pub(crate) struct Note {
    pub(crate) operation: &'static str,
    pub(crate) app: Option<u64>,
    pub(crate) login: Option<String>,
}

/// What the log says of a call that was not done.
fn not_done(model: &Model, git: Option<&git_http::GitPath>, asked: &Asked) -> Note {
    let operation = match (git, model.host) {
        (Some(git), _) => git_http::purpose(git, asked).operation(),
        (None, Host::Github) => github::door::operation(model, asked),
        (None, Host::Gitlab) => gitlab::door::operation(model, asked),
    };
    Note { operation, ..Note::default() }
}

fn answer(model: &mut Model, asked: &Asked) -> (Reply, Note) {
    let mut note = Note::default();
    let reply = try_answer(model, asked, &mut note).unwrap_or_else(|refused| model.refusal(refused));
    (reply, note)
}

fn try_answer(model: &mut Model, asked: &Asked, note: &mut Note) -> Answer {
    let answered = match model.host {
        Host::Github => github::door::answer(model, asked, note),
        Host::Gitlab => gitlab::door::answer(model, asked, note),
    };
    answered.unwrap_or_else(|| pages::answer(model, asked))
}

impl Model {
    /// A refusal as the host's API writes it.
    fn refusal(&self, refused: Refused) -> Reply {
        match self.host {
            Host::Github => github::door::refusal(refused),
            Host::Gitlab => gitlab::door::refusal(refused),
        }
    }
}

/// What every answer of the host carries.
fn usual_headers(model: &Model) -> Vec<(&'static str, String)> {
    let mut headers = vec![("date", http_date(model.now()))];
    headers.extend(match model.host {
        Host::Github => github::door::headers(model),
        Host::Gitlab => gitlab::door::headers(model),
    });
    headers
}

/// A moment as HTTP writes it.
fn http_date(ms: i64) -> String {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    httpdate::fmt_http_date(UNIX_EPOCH + since)
}

fn respond(reply: Reply, usual: Vec<(&'static str, String)>) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in usual {
        if !reply.headers.iter().any(|(header, _)| *header == name) {
            response.insert_header((name, value));
        }
    }
    for (name, value) in reply.headers {
        response.append_header((name, value));
    }
    match reply.content {
        Content::Empty => response.finish(),
        Content::Json(value) => {
            response.content_type("application/json; charset=utf-8").body(value.to_string())
        }
        Content::Bytes(kind, bytes) => response.content_type(kind).body(bytes),
    }
}
