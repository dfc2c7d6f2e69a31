//! A model service on a loopback port that says what it was told to say, in the words of the Responses API.
//!
//! Which answer is due follows from the request alone: the number of tool results in it. So an engine that tries again
//! gets the same answer again. Dropping the service ends it and its connections.

mod http;
mod stream;

use http::Request;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// One answer of the model.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// A final message.
    Says(String),
    /// A call of the shell tool.
    Runs(String),
    /// An HTTP error, with header lines.
    Refuses(u16, &'static str, &'static str),
    /// An error inside a stream that began well.
    Fails(&'static str, &'static str),
    /// Takes the request and never answers.
    Hangs,
    /// Ends the stream in the middle of an answer.
    IsCutOff,
}

pub(crate) struct ScriptedModel {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    _server: AbortOnDropHandle<()>,
}

impl ScriptedModel {
    /// Starts a service that gives these answers, one per tool result; the last is repeated.
    pub(crate) async fn start(turns: &[Turn]) -> Self {
        let turns = turns.to_vec();
        Self::answering(move |_| turns.clone()).await
    }

    /// Starts a service that picks its answers by what it is asked: the text of the whole request.
    pub(crate) async fn answering(pick: impl Fn(&str) -> Vec<Turn> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::default();
        let server = serve(listener, Arc::new(pick), Arc::clone(&requests));
        Self { address, requests, _server: AbortOnDropHandle::new(tokio::spawn(server)) }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn count(&self) -> usize {
        self.requests().len()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the tools printed, as the last request tells it to the model.
    pub(crate) fn tool_results(&self) -> String {
        let last = self.requests().pop().unwrap();
        let outputs = tool_outputs(&last.body).map(|item| match &item["output"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        outputs.collect::<Vec<_>>().join("\n")
    }
}

fn tool_outputs(body: &Value) -> impl Iterator<Item = &Value> {
    let items = body["input"].as_array().into_iter().flatten();
    items.filter(|item| item["type"].as_str().is_some_and(|kind| kind.ends_with("_output")))
}

type Pick = dyn Fn(&str) -> Vec<Turn> + Send + Sync;

async fn serve(listener: TcpListener, pick: Arc<Pick>, requests: Arc<Mutex<Vec<Request>>>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(converse(socket, Arc::clone(&pick), Arc::clone(&requests)));
    }
}

/// One request per connection, which is then closed.
async fn converse(mut socket: TcpStream, pick: Arc<Pick>, requests: Arc<Mutex<Vec<Request>>>) {
    let Some(request) = http::read(&mut socket).await else {
        return;
    };
    if request.body.is_null() {
        // An attempt to talk by WebSocket; this answer makes the client use HTTP.
        let _ = socket.write_all(&http::response(426, "", "")).await;
        return;
    }
    let turns = pick(&request.body["input"].to_string());
    let results = tool_outputs(&request.body).count();
    let turn = turns[results.min(turns.len() - 1)].clone();
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let bytes = match turn {
        Turn::Hangs => return std::future::pending().await,
        Turn::Refuses(status, headers, body) => http::response(status, headers, body),
        Turn::Fails(code, message) => http::stream(&stream::failure(code, message)),
        Turn::Says(text) => http::stream(&stream::message(&text)),
        Turn::Runs(command) => http::stream(&stream::shell_call(&command, results)),
        Turn::IsCutOff => {
            let whole = stream::message("this sentence has no");
            http::stream(&whole[..whole.len() / 2])
        }
    };
    let _ = socket.write_all(&bytes).await;
    let _ = socket.shutdown().await;
}
