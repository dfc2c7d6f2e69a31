//! The page on this machine that sends the browser to GitHub, and the place where it comes back.

use crate::cli::Failure;
use crate::cli::env_file::{Contents, EnvFile};
use crate::config::{Manifest, SetupSettings};
use crate::forge::github::registration::{self, Registered};
use crate::report::page::{self, SetupPage};
use actix_web::dev::Server;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Query};
use actix_web::{App, HttpResponse, HttpServer};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::net::TcpListener;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use url::Url;
use uuid::Uuid;

/// The new App, without its secrets.
pub(super) struct Kept {
    pub(super) page: Url,
    pub(super) install: String,
}

type Outcome = Result<Kept, Failure>;

/// The file; gone once it is written, or nobody waits for it any more.
pub(super) type Waiting = Arc<Mutex<Option<EnvFile>>>;

/// One registration.
pub(super) struct Desk {
    settings: SetupSettings,
    /// Where the form goes, with the state.
    action: Url,
    manifest: Manifest,
    /// Comes back from GitHub with the code: nobody else's code is exchanged.
    state: String,
    /// The page's path cannot be guessed, so other users of this machine do not learn the state.
    ticket: String,
    file: Waiting,
    tell: mpsc::Sender<Outcome>,
}

impl Desk {
    pub(super) fn new(
        settings: SetupSettings,
        org: Option<&str>,
        manifest: Manifest,
        (file, tell): (Waiting, mpsc::Sender<Outcome>),
    ) -> Self {
        let state = Uuid::new_v4().simple().to_string();
        let action = form_action(&settings.web_url, org, &state);
        let ticket = Uuid::new_v4().simple().to_string();
        Self { settings, action, manifest, state, ticket, file, tell }
    }

    pub(super) fn path(&self) -> String {
        format!("/setup/{}", self.ticket)
    }

    pub(super) fn serve(self, listener: TcpListener) -> std::io::Result<Server> {
        let form = self.path();
        let desk = Data::new(self);
        let app = move || {
            App::new()
                .app_data(desk.clone())
                .route(&form, web::get().to(start))
                .route("/registered", web::get().to(registered))
                .route("/style.css", web::get().to(style))
        };
        Ok(HttpServer::new(app).workers(1).shutdown_timeout(5).disable_signals().listen(listener)?.run())
    }

    /// Compares digests, so that the time it takes says nothing about the state.
    fn is_ours(&self, state: &str) -> bool {
        Sha256::digest(&self.state) == Sha256::digest(state)
    }

    fn keep(&self, file: EnvFile, app: &Registered) -> Outcome {
        let install = format!("{}/installations/new", app.html_url.as_str().trim_end_matches('/'));
        match file.keep(&contents(app, &self.settings)) {
            Ok(()) => Ok(Kept { page: app.html_url.clone(), install }),
            Err(why) => {
                let what =
                    format!("{} is registered, but its file could not be written: {why}", app.html_url);
                Err(Failure::no(what).hint("delete that App in its settings on GitHub and start again"))
            }
        }
    }
}

fn contents(app: &Registered, settings: &SetupSettings) -> Contents {
    let key = app.pem.expose_secret().replace("\r\n", "\n").trim_end().replace('\n', "\\n");
    let settings = vec![
        ("GITHUB_APP_ID", app.id.to_string()),
        ("GITHUB_PRIVATE_KEY", key),
        ("GITHUB_WEBHOOK_SECRET", app.webhook_secret.expose_secret().to_owned()),
        ("GITHUB_URL", settings.web_url.to_string()),
        ("GITHUB_API_URL", settings.api_url.to_string()),
        ("PUBLIC_URL", settings.public_url.to_string()),
    ];
    Contents { head: "Secrets of the GitHub App.", settings }
}

/// What GitHub sends the browser back with.
#[derive(Deserialize)]
struct Returned {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

async fn start(desk: Data<Desk>) -> HttpResponse {
    let manifest = match serde_json::to_string(&desk.manifest) {
        Ok(manifest) => manifest,
        Err(why) => return said(StatusCode::INTERNAL_SERVER_ERROR, "Our fault", &why.to_string()),
    };
    let permissions: Vec<_> = desk
        .manifest
        .default_permissions
        .iter()
        .map(|(name, access)| (name.as_str(), access.as_str()))
        .collect();
    let page = SetupPage {
        action: desk.action.as_str(),
        manifest: &manifest,
        hook: &desk.manifest.hook_attributes.url,
        permissions: &permissions,
    };
    html(StatusCode::OK, page::setup(&page))
}

async fn registered(desk: Data<Desk>, returned: Query<Returned>) -> HttpResponse {
    if !desk.is_ours(&returned.state) {
        let text = "This answer does not belong to the registration that was started here. Nothing was done.";
        return said(StatusCode::FORBIDDEN, "Not ours", text);
    }
    if returned.code.is_empty() {
        return said(StatusCode::BAD_REQUEST, "No code", "GitHub sent no code. Go back and start again.");
    }
    let mut waiting = desk.file.lock().await;
    if waiting.is_none() {
        return said(
            StatusCode::CONFLICT,
            "Done already",
            "The App is registered; the terminal says what is next.",
        );
    }
    let app = match registration::exchange(&desk.settings.api_url, &returned.code).await {
        Ok(app) => app,
        Err(why) => {
            tracing::warn!(error = format!("{:#}", anyhow::Error::from(why)), "the code was not exchanged");
            let text =
                "GitHub did not take the code; it is good once and for an hour. Go back and start again.";
            return said(StatusCode::BAD_GATEWAY, "Not registered", text);
        }
    };
    let Some(file) = waiting.take() else {
        return said(StatusCode::CONFLICT, "Done already", "The App is registered.");
    };
    let outcome = desk.keep(file, &app);
    let answer = match &outcome {
        Ok(kept) => html(StatusCode::OK, page::registered(kept.page.as_str(), &kept.install)),
        Err(failure) => said(StatusCode::INTERNAL_SERVER_ERROR, "Not kept", &failure.to_string()),
    };
    if desk.tell.send(outcome).await.is_err() {
        tracing::warn!("nobody waits for the registration any more");
    }
    answer
}

async fn style() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/css; charset=utf-8")).body(page::STYLE)
}

fn said(status: StatusCode, title: &str, text: &str) -> HttpResponse {
    html(status, page::message(title, text))
}

fn html(status: StatusCode, page: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_SECURITY_POLICY, page::SETUP_POLICY))
        .insert_header((header::REFERRER_POLICY, "strict-origin"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/html; charset=utf-8")
        .body(page)
}

/// <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest#1-you-redirect-people-to-github-to-create-a-new-github-app>
fn form_action(web: &Url, org: Option<&str>, state: &str) -> Url {
    let mut action = web.clone();
    if let Ok(mut path) = action.path_segments_mut() {
        path.pop_if_empty().extend(org.into_iter().flat_map(|org| ["organizations", org]));
        path.extend(["settings", "apps", "new"]);
    }
    action.query_pairs_mut().append_pair("state", state);
    action
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(web: &str, org: Option<&str>, expected: &str) {
        assert_eq!(form_action(&Url::parse(web).expect("valid"), org, "s1").as_str(), expected);
    }

    #[test]
    fn the_form_goes_to_the_owner_of_the_app() {
        check("https://github.com", None, "https://github.com/settings/apps/new?state=s1");
        check(
            "https://github.com",
            Some("acme"),
            "https://github.com/organizations/acme/settings/apps/new?state=s1",
        );
        check(
            "https://ghe.example/",
            Some("a/b"),
            "https://ghe.example/organizations/a%2Fb/settings/apps/new?state=s1",
        );
    }
}
