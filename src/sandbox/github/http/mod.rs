//! The twin's front door: one handler for every request, whatever it is for.
//!
//! `serve` is the one point that each request passes before and after it is answered; there it meets its fault, if one
//! was ordered.

mod auth;
mod call;
mod faults;
mod git_http;
mod graphql;
mod pages;
mod routes;

pub(crate) use auth::{Caller, new_token};
pub(crate) use call::{Answer, Call, Content, Reply, wrong_type};
pub use faults::{Fault, Met, Which};
pub(crate) use faults::{FaultDesk, Moved, Wire};
pub(crate) use routes::graphql_path;

use super::acts::Refused;
use super::model::Model;
use super::views::RequestView;
use super::{Shared, lock};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use call::Asked;
use serde_json::{Value, json};
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
    let (reply, note) = match (instead, git_http::recognise(&asked.path)) {
        (Some(reply), git) => (reply, not_done(&lock(&shared), git.as_ref(), &asked)),
        (None, Some(git)) => git_http::answer(&shared, &git, &asked).await,
        (None, None) => answer(&mut lock(&shared), &asked),
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
    let rate = Rate::of(&lock(&shared));
    respond(reply, &rate)
}

fn log(model: &mut Model, asked: Asked, reply: &Reply, note: Note) {
    model.requests.push(RequestView {
        method: asked.method,
        path: asked.path,
        query: asked.query,
        status: reply.status,
        operation: note.operation.to_owned(),
        app: note.app,
        login: note.login,
        body: serde_json::from_slice(&asked.body).unwrap_or(Value::Null),
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
    let route = routes::find(&model.site.prefix, &asked.method, &asked.path);
    let operation = match git {
        Some(git) => git_http::purpose(git, asked).operation,
        None => route.map_or("", |(route, _)| route.operation),
    };
    Note { operation, ..Note::default() }
}

fn answer(model: &mut Model, asked: &Asked) -> (Reply, Note) {
    let mut note = Note::default();
    let reply = try_answer(model, asked, &mut note).unwrap_or_else(Reply::from);
    (reply, note)
}

fn try_answer(model: &mut Model, asked: &Asked, note: &mut Note) -> Answer {
    let (route, params) = match routes::find(&model.site.prefix, &asked.method, &asked.path) {
        Some(found) => found,
        None => return pages::answer(model, asked),
    };
    note.operation = route.operation;
    if asked.agent.is_none() {
        let rules = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Err(Refused::new(403, rules));
    }
    let caller = auth::identify(model, asked.authorization.as_deref())?;
    (note.app, note.login) = caller.names(model);
    let repo = auth::authorise(model, route.needs, &caller, &params)?;
    let call = Call::new(model, asked, (params, caller, repo))?;
    (route.act)(model, &call)
}

impl From<Refused> for Reply {
    fn from(refused: Refused) -> Self {
        let docs = "https://docs.github.com/rest";
        let mut body = json!({ "message": refused.message });
        if let Some(errors) = refused.errors {
            body["errors"] = errors;
        }
        body["documentation_url"] = json!(docs);
        body["status"] = json!(refused.status.to_string());
        Reply::json(refused.status, body)
    }
}

/// The hourly rate as GitHub tells it. It never runs out here.
pub(crate) struct Rate {
    pub(crate) used: usize,
    pub(crate) remaining: usize,
    pub(crate) reset: i64,
    serial: usize,
    /// The moment of the answer, in milliseconds since the Unix epoch.
    now: i64,
}

impl Rate {
    pub(crate) const LIMIT: usize = 5000;

    pub(crate) fn of(model: &Model) -> Self {
        let serial = model.requests.len();
        let used = serial % Self::LIMIT;
        let now = model.now();
        Self { used, remaining: Self::LIMIT - used, reset: now / 1000 + 3600, serial, now }
    }
}

/// A moment as HTTP writes it.
fn http_date(ms: i64) -> String {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    httpdate::fmt_http_date(UNIX_EPOCH + since)
}

fn respond(reply: Reply, rate: &Rate) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let own = |name: &str| reply.headers.iter().any(|(header, _)| *header == name);
    let mut response = HttpResponse::build(status);
    for (name, value) in [
        ("date", http_date(rate.now)),
        ("x-ratelimit-limit", Rate::LIMIT.to_string()),
        ("x-ratelimit-remaining", rate.remaining.to_string()),
        ("x-ratelimit-used", rate.used.to_string()),
        ("x-ratelimit-reset", rate.reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
        ("x-github-request-id", format!("TWIN:{}", rate.serial)),
    ]
    .into_iter()
    .filter(|(name, _)| !own(name))
    {
        response.insert_header((name, value));
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
