//! A GitHub of canned answers on loopback, which remembers what it was asked.

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tasksgodzilla::domain::actor::{Actor, ActorKind};
use tasksgodzilla::domain::ids::Sha;
use tasksgodzilla::domain::project::RepoRef;
use tasksgodzilla::domain::witness::Nobody;
use tasksgodzilla::forge::github::{Github, GithubSettings, MergeMethod, Timeouts};
use tasksgodzilla::meter::Meters;

pub(crate) const APP: u64 = 42;
pub(crate) const BOT: i64 = 4200;
const KEY: &str = include_str!("../data/github/app-pkcs1.pem");

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method, path and query: `GET /app`.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What to answer.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
    /// Sent instead of `body`.
    raw: Option<Vec<u8>>,
}

pub(crate) fn reply(status: u16, body: Value) -> Reply {
    Reply { status, headers: Vec::new(), body, raw: None }
}

/// An answer that is no JSON.
pub(crate) fn plain(content: impl Into<Vec<u8>>) -> Reply {
    Reply { status: 200, headers: Vec::new(), body: Value::Null, raw: Some(content.into()) }
}

impl Reply {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

type Script = dyn Fn(&Seen) -> Option<Reply> + Send + Sync;

struct State {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
}

pub(crate) struct Scripted {
    address: SocketAddr,
    state: Arc<State>,
    /// What the clients count.
    pub(crate) meters: Meters,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    /// Answers what `script` says; what it leaves out is answered by [`everyday`], or 404.
    pub(crate) fn start(script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let state = Arc::new(State { script: Box::new(script), seen: Mutex::default() });
        let (tell, told) = mpsc::channel();
        let shared = Data::from(Arc::clone(&state));
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let limit = web::PayloadConfig::new(1 << 20);
                    App::new().app_data(shared.clone()).app_data(limit).default_service(web::to(answer))
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.bind(("127.0.0.1", 0)).unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        Self { address, state, meters: Meters::default(), handle, thread: Some(thread) }
    }

    /// The client for the API below `prefix`.
    pub(crate) fn client(&self, prefix: &str) -> Github {
        Github::new(&self.settings(prefix)).unwrap()
    }

    pub(crate) fn settings(&self, prefix: &str) -> GithubSettings {
        GithubSettings {
            api_url: format!("http://{}{prefix}", self.address).parse().unwrap(),
            web_url: "https://github.example".parse().unwrap(),
            app_id: APP,
            private_key: SecretString::from(KEY),
            timeouts: Timeouts { whole: Duration::from_secs(20), ..Timeouts::default() },
            merge_method: MergeMethod::Merge,
            witness: Arc::new(Nobody),
            meters: self.meters.clone(),
        }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Everything but minting and asking who we are.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let is_everyday = |seen: &Seen| {
            seen.line.contains("/access_tokens")
                || seen.line.contains("/app")
                || seen.line.contains("/users/")
        };
        self.all().into_iter().filter(|seen| !is_everyday(seen)).collect()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    pub(crate) fn mints(&self) -> Vec<Seen> {
        let all = self.all().into_iter();
        all.filter(|seen| seen.line.contains("/access_tokens")).collect()
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) fn repo() -> RepoRef {
    RepoRef { id: 700, owner: "acme".to_owned(), name: "api".to_owned(), installation: 5 }
}

pub(crate) fn person(login: &str) -> Actor {
    Actor { login: login.to_owned(), id: 11, kind: ActorKind::Person }
}

pub(crate) fn sha(digit: &str) -> Sha {
    Sha::parse(&digit.repeat(40)).unwrap()
}

/// Answers by the first line that the question starts with.
pub(crate) fn by_line(
    table: &'static [(&'static str, u16, &'static str)],
) -> impl Fn(&Seen) -> Option<Reply> {
    move |seen| {
        let (_, status, body) = table.iter().find(|(line, _, _)| seen.line.starts_with(line))?;
        Some(reply(*status, serde_json::from_str(body).unwrap()))
    }
}

async fn answer(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let headers = request.headers().iter();
    let seen = Seen {
        line: format!("{} {}", request.method(), request.uri()),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let minted = {
        let mut all = state.seen.lock().unwrap();
        all.push(seen.clone());
        all.iter().filter(|seen| seen.line.contains("/access_tokens")).count()
    };
    let reply = (state.script)(&seen).or_else(|| everyday(&seen.line, minted));
    let reply = reply.unwrap_or_else(reply_missing);
    let mut response = HttpResponse::build(StatusCode::from_u16(reply.status).unwrap());
    for (name, value) in reply.headers {
        response.insert_header((name, value));
    }
    match reply.raw {
        Some(content) => response.content_type("text/plain").body(content),
        None => response.json(reply.body),
    }
}

/// Tokens `ghs_1`, `ghs_2`, … and the App `godzilla`.
fn everyday(line: &str, minted: usize) -> Option<Reply> {
    if line.starts_with("POST ") && line.ends_with("/app/installations/5/access_tokens") {
        let body = json!({ "token": format!("ghs_{minted}"), "expires_at": "2030-01-01T00:00:00Z" });
        return Some(reply(201, body));
    }
    if line.ends_with("/users/godzilla%5Bbot%5D") {
        return Some(reply(200, json!({ "id": BOT, "login": "godzilla[bot]", "type": "Bot" })));
    }
    let app = json!({ "id": APP, "slug": "godzilla", "name": "Godzilla" });
    line.ends_with("/app").then(|| reply(200, app))
}

fn reply_missing() -> Reply {
    reply(404, json!({ "message": "Not Found" }))
}
