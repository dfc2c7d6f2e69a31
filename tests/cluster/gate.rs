//! A proxy before the forge that holds one request back until it is told to let it pass.

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// What becomes of the request that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything passes.
    Open,
    /// The next request that fits is held.
    Waiting,
    Held,
}

struct Shared {
    upstream: String,
    state: watch::Sender<State>,
    wanted: std::sync::Mutex<(&'static str, String, String)>,
    client: reqwest::Client,
}

pub(crate) struct Gate {
    address: SocketAddr,
    shared: Arc<Shared>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    pub(crate) fn before(upstream: &str) -> Self {
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            state: watch::Sender::new(State::Open),
            wanted: std::sync::Mutex::default(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let inside = Data::from(shared.clone());
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let app = App::new().app_data(inside.clone()).app_data(PayloadConfig::new(8 << 20));
                    app.default_service(web::to(pass))
                };
                let server =
                    HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
                tell.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self { address, shared, handle: told.recv().unwrap(), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request of this method, to a path that holds `path` and with a body that holds `words`, is held.
    pub(crate) fn hold(&self, method: &'static str, path: &str, words: &str) {
        *self.shared.wanted.lock().unwrap() = (method, path.to_owned(), words.to_owned());
        self.shared.state.send_replace(State::Waiting);
    }

    pub(crate) fn holds(&self) -> bool {
        *self.shared.state.borrow() == State::Held
    }

    /// Lets the held request pass, and everything after it.
    pub(crate) fn release(&self) {
        self.shared.state.send_replace(State::Open);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.release();
        let stopping = self.handle.stop(false);
        futures::executor::block_on(stopping);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn pass(shared: Data<Shared>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fits = {
        let (method, path, words) = &*shared.wanted.lock().unwrap();
        request.method().as_str() == *method
            && request.path().contains(path.as_str())
            && String::from_utf8_lossy(&body).contains(words.as_str())
    };
    let is_held = fits
        && shared.state.send_if_modified(|state| {
            let waiting = *state == State::Waiting;
            if waiting {
                *state = State::Held;
            }
            waiting
        });
    if is_held {
        let mut state = shared.state.subscribe();
        let released =
            tokio::time::timeout(Duration::from_secs(120), state.wait_for(|state| *state == State::Open));
        released.await.expect("the test releases what it holds").unwrap();
    }
    forward(&shared, &request, body).await
}

async fn forward(shared: &Shared, request: &HttpRequest, body: Bytes) -> HttpResponse {
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes()).unwrap();
    let mut asking =
        shared.client.request(method, format!("{}{}", shared.upstream, request.uri())).body(body);
    for name in ["authorization", "accept", "content-type", "user-agent", "x-github-api-version"] {
        if let Some(value) = request.headers().get(name) {
            asking = asking.header(name, value.as_bytes());
        }
    }
    let Ok(answer) = asking.send().await else { return HttpResponse::BadGateway().finish() };
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status().as_u16()).unwrap());
    for name in ["content-type", "link", "retry-after", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        if let Some(value) = answer.headers().get(name) {
            response.insert_header((name, value.as_bytes()));
        }
    }
    response.body(answer.bytes().await.unwrap_or_default())
}
