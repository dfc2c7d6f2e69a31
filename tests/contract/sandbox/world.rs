//! A twin with one repository, one App on it, and a receiver for the App's webhooks.

use actix_web::{HttpRequest, HttpResponse, web};
use octocrab::Octocrab;
use octocrab::models::{AppId, InstallationId};
use std::sync::{Arc, Mutex};
use tasksgodzilla::sandbox::github::{Access, AppCredentials, AppSpec, Twin, TwinOptions};

pub(super) const REPO: &str = "acme/api";

const PERMISSIONS: &[(&str, Access)] = &[
    ("contents", Access::Write),
    ("issues", Access::Write),
    ("pull_requests", Access::Write),
    ("checks", Access::Write),
    ("statuses", Access::Write),
];

const EVENTS: &[&str] = &[
    "issues",
    "issue_comment",
    "pull_request",
    "check_run",
    "check_suite",
    "workflow_run",
    "status",
    "push",
    "create",
    "delete",
    "repository",
];

/// An App with all the rights and events of the bot; nobody listens where its webhooks go.
pub(super) fn spec_named(name: &str) -> AppSpec<'_> {
    AppSpec { name, permissions: PERMISSIONS, events: EVENTS, webhook: Some("http://127.0.0.1:9") }
}

pub(super) struct World {
    pub(super) twin: Twin,
    pub(super) app: AppCredentials,
    pub(super) installation: u64,
    pub(super) http: reqwest::Client,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(TwinOptions::default()).await
    }

    pub(super) async fn with(options: TwinOptions) -> Self {
        let twin = Twin::start(options).await.unwrap();
        twin.repository("acme", "api", None).unwrap();
        twin.push_as("acme", REPO, "main", &[("README.md", Some("hello\n"))]).unwrap();
        twin.user("vera");
        let app = twin.register_app(&spec_named("Godzilla")).unwrap();
        let installation = twin.install(app.app_id, &[REPO]).unwrap();
        while twin.drop_next().is_some() {}
        let http = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
        Self { twin, app, installation, http }
    }

    /// octocrab signing as the App.
    pub(super) fn as_app(&self) -> Octocrab {
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(self.app.private_key_pem.as_bytes()).unwrap();
        let builder = Octocrab::builder().base_uri(self.twin.api_url()).unwrap();
        builder.app(AppId(self.app.app_id), key).build().unwrap()
    }

    /// octocrab acting for the App's installation.
    pub(super) fn as_bot(&self) -> Octocrab {
        self.as_app().installation(InstallationId(self.installation)).unwrap()
    }

    /// Mints a token with the body given.
    pub(super) async fn mint(&self, body: &serde_json::Value) -> octocrab::Result<serde_json::Value> {
        let route = format!("/app/installations/{}/access_tokens", self.installation);
        self.as_app().post(route, Some(body)).await
    }

    pub(super) async fn token(&self) -> String {
        let minted = self.mint(&serde_json::json!({})).await.unwrap();
        minted["token"].as_str().unwrap().to_owned()
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> reqwest::Response {
        let url = format!("{}{path}", self.twin.api_url());
        self.http.get(url).header("authorization", format!("Bearer {token}")).send().await.unwrap()
    }

    /// Sends JSON with the App's full installation token; returns the status and the answer.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        body: serde_json::Value,
    ) -> (u16, serde_json::Value) {
        let token = self.token().await;
        let url = format!("{}{path}", self.twin.api_url());
        let request =
            self.http.request(method.parse().unwrap(), url).bearer_auth(token).body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or(serde_json::Value::Null))
    }

    /// The waiting webhooks as `event.action`, in order.
    pub(super) fn hooks(&self) -> Vec<String> {
        let name = |h: tasksgodzilla::sandbox::github::PendingHook| match h.action {
            Some(action) => format!("{}.{action}", h.event),
            None => h.event,
        };
        self.twin.pending().into_iter().map(name).collect()
    }

    pub(super) fn main(&self) -> String {
        self.twin.branch_head(REPO, "main").unwrap().unwrap()
    }
}

/// What a receiver of webhooks saw of one.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }
}

/// A small receiver on loopback; it stops when it is dropped.
pub(super) struct Receiver {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Received>>>,
    server: actix_web::dev::ServerHandle,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let seen: Arc<Mutex<Vec<Received>>> = Arc::default();
        let data = web::Data::new(Arc::clone(&seen));
        let app =
            move || actix_web::App::new().app_data(data.clone()).default_service(web::route().to(receive));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let server =
            actix_web::HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, seen, server: handle }
    }

    pub(super) fn seen(&self) -> Vec<Received> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    seen: web::Data<Arc<Mutex<Vec<Received>>>>,
) -> HttpResponse {
    let headers = request.headers().iter();
    let headers = headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
    seen.lock().unwrap().push(Received { headers, body: body.to_vec() });
    HttpResponse::Accepted().finish()
}
