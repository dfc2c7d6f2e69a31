//! `tasksgodzilla setup` as a process, a browser that is played, and a GitHub that hands out one App.

use crate::github_server::{Scripted, Seen, reply};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use tasksgodzilla::config::{Manifest, Needs, Raw, Settings};
use tasksgodzilla::forge::github::webhook;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

const PEM: &str = include_str!("../data/github/app-pkcs1.pem");
/// As hostile to a shell as a secret may be.
const SECRET: &str = "it's $HOME `x` \"y\"";
const FILE: &str = "tasksgodzilla.env";

fn github() -> Scripted {
    Scripted::start(|seen: &Seen| match seen.line.as_str() {
        "POST /api/v3/app-manifests/c0de/conversions" => Some(reply(
            201,
            json!({
                "id": 77, "slug": "my-godzilla", "html_url": "https://github.example/apps/my-godzilla",
                "pem": PEM, "webhook_secret": SECRET, "client_id": "Iv1.x", "client_secret": "unused",
            }),
        )),
        line if line.contains("/app-manifests/") => Some(reply(404, json!({"message": "Not Found"}))),
        _ => None,
    })
}

/// The command in an empty folder. Killed when it is dropped.
struct Setup {
    child: Child,
    talk: BufReader<ChildStderr>,
    page: String,
    browser: reqwest::Client,
}

fn command(folder: &Path, github: &Scripted, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasksgodzilla"));
    command.arg("setup").args(more).current_dir(folder).env_clear().kill_on_drop(true);
    command.env("TASKSGODZILLA_GITHUB_API_URL", format!("http://{}/api/v3", github.host()));
    command.env("TASKSGODZILLA_PUBLIC_URL", "https://bot.example");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Setup {
    async fn start(folder: &Path, github: &Scripted, more: &[&str]) -> Self {
        let mut child = command(folder, github, more).spawn().unwrap();
        let mut talk = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        talk.read_line(&mut line).await.unwrap();
        let page = line.split_whitespace().find(|word| word.starts_with("http://")).expect(&line).to_owned();
        let browser = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child, talk, page, browser }
    }

    async fn get(&self, url: &str) -> (u16, String) {
        let answer = self.browser.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn form(&self) -> (String, Value) {
        let (status, page) = self.get(&self.page).await;
        assert_eq!(status, 200, "{page}");
        let action = unescaped(between(&page, "<form action=\"", "\""));
        let manifest = unescaped(between(&page, "name=\"manifest\" value=\"", "\""));
        (action, serde_json::from_str(&manifest).unwrap())
    }

    async fn state(&self) -> String {
        self.form().await.0.split_once("state=").unwrap().1.to_owned()
    }

    async fn comes_back(&self, query: &str) -> (u16, String) {
        let base = self.page.split("/setup/").next().unwrap();
        self.get(&format!("{base}/registered?{query}")).await
    }

    /// The exit code and the rest of what was said.
    async fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.talk.read_to_string(&mut said).await.unwrap();
        (self.child.wait().await.unwrap().code(), said)
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).unwrap().0
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&quot;", "\"").replace("&#x2f;", "/").replace("&#x27;", "'");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn conversions(github: &Scripted) -> Vec<String> {
    let lines = github.all().into_iter().map(|seen| seen.line);
    lines.filter(|line| line.contains("app-manifests")).collect()
}

fn left_in(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_app_hears_what_the_bot_reads() {
    assert_eq!(Manifest::embedded().default_events, webhook::EVENTS);
}

#[tokio::test]
async fn the_page_hands_the_manifest_to_github() {
    let (github, folder) = (github(), tempfile::tempdir().unwrap());
    let setup = Setup::start(folder.path(), &github, &["--org", "acme"]).await;
    let (action, manifest) = setup.form().await;
    assert!(action.starts_with("https://github.com/organizations/acme/settings/apps/new?state="), "{action}");
    let base = setup.page.split("/setup/").next().unwrap();
    let expected = Manifest::embedded()
        .at(&"https://bot.example".parse().unwrap(), &format!("{base}/registered").parse().unwrap());
    assert_eq!(manifest, serde_json::to_value(expected).unwrap());
    assert_eq!(setup.get(&format!("{base}/setup/guessed")).await.0, 404);
}

#[tokio::test]
async fn a_registration_becomes_a_file_that_a_shell_and_the_bot_read() {
    let (github, folder) = (github(), tempfile::tempdir().unwrap());
    let setup = Setup::start(folder.path(), &github, &[]).await;
    let state = setup.state().await;
    let (status, page) = setup.comes_back(&format!("code=c0de&state={state}")).await;
    assert_eq!(status, 200, "{page}");
    assert!(unescaped(&page).contains("https://github.example/apps/my-godzilla/installations/new"));
    let (code, said) = setup.end().await;
    assert_eq!(code, Some(0), "{said}");
    insta::assert_snapshot!(said, @r"
    registered https://github.example/apps/my-godzilla; its credentials are in tasksgodzilla.env, readable by you only
    next: install it on your repositories: https://github.example/apps/my-godzilla/installations/new
          then start the bot: set -a; . ./tasksgodzilla.env; set +a; tasksgodzilla serve
    ");
    assert_eq!(left_in(&folder), [FILE]);
    let file = folder.path().join(FILE);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let settings = Settings::check(&loaded(&file), Needs::Forge).unwrap();
    let known = settings.github.unwrap();
    use secrecy::ExposeSecret as _;
    assert_eq!(known.app_id, 77);
    assert_eq!(known.private_key.expose_secret(), PEM.trim_end());
    assert_eq!(known.webhook_secrets[0].expose_secret(), SECRET);
    assert_eq!(settings.public_url.unwrap().as_str(), "https://bot.example/");
}

/// The file's variables as a shell that loads it hands them to a program.
fn loaded(file: &Path) -> Raw {
    let mut shell = std::process::Command::new("/bin/sh");
    shell.arg("-c").arg("set -a; . \"$1\"; set +a; exec /usr/bin/env -0").arg("sh").arg(file).env_clear();
    let environment = String::from_utf8(shell.output().unwrap().stdout).unwrap();
    let pairs = environment.split('\0').filter_map(|line| line.split_once('='));
    Raw(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[tokio::test]
async fn a_foreign_state_exchanges_nothing() {
    let (github, folder) = (github(), tempfile::tempdir().unwrap());
    let setup = Setup::start(folder.path(), &github, &[]).await;
    let state = setup.state().await;
    for query in
        ["code=c0de&state=wrong", "code=c0de", "code=c0de&state=", &format!("code=c0de&state={state}0")]
    {
        assert_eq!(setup.comes_back(query).await.0, 403, "{query}");
    }
    assert_eq!(setup.comes_back(&format!("state={state}")).await.0, 400);
    assert_eq!(conversions(&github), Vec::<String>::new());
    assert!(!folder.path().join(FILE).exists());
}

#[tokio::test]
async fn a_code_that_github_refuses_leaves_the_page_open_for_another() {
    let (github, folder) = (github(), tempfile::tempdir().unwrap());
    let setup = Setup::start(folder.path(), &github, &[]).await;
    let state = setup.state().await;
    assert_eq!(setup.comes_back(&format!("code=..%2Fold&state={state}")).await.0, 502);
    assert_eq!(conversions(&github), ["POST /api/v3/app-manifests/..%2Fold/conversions"]);
    assert_eq!(setup.comes_back(&format!("code=c0de&state={state}")).await.0, 200);
    assert_eq!(setup.end().await.0, Some(0));
}

#[tokio::test]
async fn a_file_that_is_there_is_kept_unless_forced() {
    let (github, folder) = (github(), tempfile::tempdir().unwrap());
    let file = folder.path().join(FILE);
    std::fs::write(&file, "precious").unwrap();
    let refused = command(folder.path(), &github, &[]).output().await.unwrap();
    assert_eq!(refused.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8(refused.stderr).unwrap(), @r"
    error: `tasksgodzilla.env` is there already and may hold the only copy of a key
    hint: name another one with --file, or replace it with --force
    ");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    let setup = Setup::start(folder.path(), &github, &["--force"]).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious", "until there is something to replace it");
    let state = setup.state().await;
    assert_eq!(setup.comes_back(&format!("code=c0de&state={state}")).await.0, 200);
    assert_eq!(setup.end().await.0, Some(0));
    assert!(std::fs::read_to_string(&file).unwrap().contains("TASKSGODZILLA_GITHUB_APP_ID='77'"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn stopping_it_leaves_nothing_behind() {
    let (github, folder) = (github(), tempfile::tempdir().unwrap());
    let setup = Setup::start(folder.path(), &github, &[]).await;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(setup.child.id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let (code, said) = setup.end().await;
    assert_eq!(
        (code, said.as_str()),
        (Some(1), "error: no App was registered\nhint: run `tasksgodzilla setup` again\n")
    );
    assert_eq!(left_in(&folder), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_public_address_there_is_nothing_to_register() {
    let (github, folder) = (github(), tempfile::tempdir().unwrap());
    let mut command = command(folder.path(), &github, &[]);
    let output = command.env_remove("TASKSGODZILLA_PUBLIC_URL").output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @r"
    error: 1 setting is wrong
    hint: TASKSGODZILLA_PUBLIC_URL is missing; say where GitHub reaches the bot with --public-url
    ");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let (github, folder) = (github(), tempfile::tempdir().unwrap());
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let output = command(folder.path(), &github, &["--port", &port]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.ends_with("hint: choose another --port\n"), "{told}");
    assert_eq!(left_in(&folder), Vec::<String>::new());
}
