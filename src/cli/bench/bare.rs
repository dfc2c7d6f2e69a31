//! The bare server: the same door and the same signature as the bot's, and behind it a bare store or nothing.

use super::process;
use super::sink::Sink;
use crate::forge::signature::verify_github;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What to serve.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) address: SocketAddr,
    pub(super) secret: String,
    pub(super) behind: Behind,
}

/// What becomes of a delivery whose signature is right.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Behind {
    Nothing,
    Sqlite(PathBuf),
    Postgres(String),
}

struct Bare {
    secrets: Vec<SecretString>,
    sink: Option<Sink>,
}

/// Serves until it is killed.
pub(super) async fn run() -> anyhow::Result<()> {
    let order: Order = process::order()?;
    let sink = match order.behind {
        Behind::Nothing => None,
        Behind::Sqlite(file) => Some(Sink::sqlite(file).await?),
        Behind::Postgres(url) => Some(Sink::postgres(&url).await?),
    };
    let bare = Data::new(Bare { secrets: vec![order.secret.into()], sink });
    let app = move || App::new().app_data(bare.clone()).route("/webhooks/github", web::post().to(take));
    HttpServer::new(app).workers(2).bind(order.address)?.run().await?;
    Ok(())
}

async fn take(bare: Data<Bare>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|text| text.to_str().ok());
    let Some(guid) = header("x-github-delivery")
        .filter(|_| verify_github(&bare.secrets, header("x-hub-signature-256"), &body))
    else {
        return HttpResponse::Unauthorized().finish();
    };
    if let Some(sink) = &bare.sink
        && sink.store(guid.to_owned(), body.to_vec()).await.is_err()
    {
        return HttpResponse::ServiceUnavailable().finish();
    }
    HttpResponse::Accepted().json(json!({"status": "stored"}))
}
