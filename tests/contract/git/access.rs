//! A remote behind a password: `git http-backend` in a small web server.

use crate::git::world::{World, bytes_of, script, settings};
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tasksgodzilla::domain::ids::ProjectId;
use tasksgodzilla::git::{Access, Git, GitError, Push, Pushed, Remote};
use tokio::io::AsyncWriteExt;

const SECRET: &str = "ghs_0123456789hush";

/// Serves the world's repositories to `x-access-token` with the secret; stops when dropped.
struct Server {
    port: u16,
    handle: actix_web::dev::ServerHandle,
}

impl Server {
    fn start(root: PathBuf) -> Self {
        let serve = move |request: HttpRequest, body: web::Bytes| {
            let root = root.clone();
            async move { answer(&root, &request, &body).await }
        };
        let app = move || {
            let config = web::PayloadConfig::new(64 << 20);
            App::new().app_data(config).default_service(web::to(serve.clone()))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let port = server.addrs()[0].port();
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { port, handle }
    }

    fn remote(&self, path: &str, secret: &str) -> Remote {
        let access = Access { username: "x-access-token".into(), secret: secret.into() };
        Remote::new(&format!("http://127.0.0.1:{}/{path}", self.port), Some(access)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn answer(root: &Path, request: &HttpRequest, body: &[u8]) -> HttpResponse {
    if let Some(rest) = request.path().strip_prefix("/elsewhere/") {
        // Same server by another name: for git, another host.
        let port = request.connection_info().host().rsplit(':').next().unwrap().to_owned();
        let to = format!("http://localhost:{port}/{rest}?{}", request.query_string());
        return HttpResponse::Found().insert_header(("location", to)).finish();
    }
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let expected =
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("x-access-token:{SECRET}"));
    if header("authorization") != format!("Basic {expected}") {
        return HttpResponse::Unauthorized()
            .insert_header(("www-authenticate", "Basic realm=\"git\""))
            .finish();
    }
    if request.path().starts_with("/forbidden") {
        return HttpResponse::Forbidden().finish();
    }
    let mut command = tokio::process::Command::new("git");
    command.arg("http-backend").kill_on_drop(true);
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "bot");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("PATH_INFO", request.path()).env("QUERY_STRING", request.query_string());
    command.env("REQUEST_METHOD", request.method().as_str()).env("CONTENT_TYPE", header("content-type"));
    command
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"));
    command.env("CONTENT_LENGTH", body.len().to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (_, done) = tokio::join!(
        async move {
            // The backend may answer without having read everything.
            let _ = stdin.write_all(body).await;
        },
        child.wait_with_output()
    );
    relay(&done.unwrap().stdout)
}

/// Turns the CGI answer of the backend into a response.
fn relay(answer: &[u8]) -> HttpResponse {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let mut response = HttpResponse::Ok();
    for line in String::from_utf8_lossy(&answer[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        if name == "Status" {
            response.status(StatusCode::from_bytes(&value.as_bytes()[..3]).unwrap());
        } else {
            response.insert_header((name, value));
        }
    }
    response.body(answer[end + 4..].to_vec())
}

#[tokio::test]
async fn the_secret_opens_the_remote_and_is_seen_nowhere() {
    let world = World::new();
    let server = Server::start(world.dir.path().to_owned());
    crate::git::world::run(&world.bare(), &["config", "http.receivepack", "true"]);
    let (git, seen) = watched_git(&world);
    let remote = server.remote("remote.git", SECRET);

    let mirror = git.mirror(ProjectId(5)).await.unwrap();
    git.fetch(&mirror, &remote).await.unwrap();
    let main = git.branch_head(&mirror, "main").await.unwrap().unwrap();
    let tree = git.worktree(&mirror, "0001-x", &main).await.unwrap();
    let new = world.bot_commits(&tree, "x", &"large enough to be sent in pieces\n".repeat(100_000)).await;
    let push = Push { branch: "0001-x", new: &new, onto: None };
    assert_eq!(git.push(&mirror, &remote, &push).await.unwrap(), Pushed::Now);
    assert_eq!(git.remote_head(&remote, "0001-x").await.unwrap(), Some(new));

    let argv = std::fs::read_to_string(seen).unwrap();
    assert!(argv.contains("push") && argv.contains("ls-remote"), "the watcher saw nothing");
    for (path, bytes) in bytes_of(world.dir.path()) {
        let leaked = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!leaked, "{} holds the secret", path.display());
    }
}

#[tokio::test]
async fn refused_credentials_are_told_apart_and_not_repeated() {
    let world = World::new();
    let server = Server::start(world.dir.path().to_owned());
    let (git, _) = watched_git(&world);
    let none = Remote::new(server.remote("remote.git", SECRET).url(), None).unwrap();
    for remote in [server.remote("remote.git", "wrong-hush"), server.remote("forbidden", SECRET), none] {
        let error = git.remote_heads(&remote).await.unwrap_err();
        assert!(matches!(error, GitError::AccessDenied { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
    let error = git.remote_heads(&server.remote("no-such.git", SECRET)).await.unwrap_err();
    assert!(matches!(error, GitError::Missing { .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_to_another_host_does_not_get_the_secret() {
    let world = World::new();
    let server = Server::start(world.dir.path().to_owned());
    let (git, _) = watched_git(&world);
    let error = git.remote_heads(&server.remote("elsewhere/remote.git", SECRET)).await.unwrap_err();
    assert!(matches!(error, GitError::AccessDenied { .. }), "{error}");
}

/// A git that writes down the command line of itself and, while it runs, of all its children.
fn watched_git(world: &World) -> (Git, PathBuf) {
    let seen = world.dir.path().join("argv");
    let program = world.dir.path().join("watched-git");
    let watching = r#"
echo "$@" >> "$SEEN"
git "$@" <&0 &
child=$!
while kill -0 $child 2>/dev/null; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' >> "$SEEN"; done
wait $child"#;
    script(&program, watching);
    let mut settings = settings(&world.dir.path().join("projects"));
    settings.program = program;
    settings.environment.push(("SEEN".into(), seen.display().to_string()));
    (Git::new(settings).unwrap(), seen)
}
