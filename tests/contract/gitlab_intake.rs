//! `POST /webhooks/gitlab` of a bot that serves GitLab alone, composed from its settings, while GitLab is down.

use crate::github_server::reply;
use crate::gitlab_server::start;
use actix_web::dev::ServerHandle;
use secrecy::SecretString;
use serde_json::json;
use std::net::TcpListener;
use std::sync::Arc;
use tasksgodzilla::app;
use tasksgodzilla::config::{Needs, Raw, Settings};
use tasksgodzilla::domain::ids::{DeliveryId, Moment};
use tasksgodzilla::domain::project::ForgeKind;
use tasksgodzilla::forge::signature::sign_gitlab;
use tasksgodzilla::http::{self, Web};
use tasksgodzilla::meter::{ProcessFigures, Readings};
use tasksgodzilla::services::{Ctx, intake};
use tasksgodzilla::store::delivery::DeliveryStatus;
use tasksgodzilla::store::{self, Store};
use tempfile::TempDir;
use url::Url;

const NOTE: &[u8] = include_bytes!("../data/gitlab/note.issue.json");
const NOW: i64 = 1_800_000_000_000;
const SIGNING: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

struct Door {
    ctx: Ctx,
    address: Url,
    client: reqwest::Client,
    web: ServerHandle,
    _folder: TempDir,
}

impl Door {
    async fn open(settings: impl FnOnce(Raw) -> Raw) -> Self {
        let folder = TempDir::new().unwrap();
        let inside = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let raw = Raw::default()
            .with("GITLAB_URL", "http://127.0.0.1:1")
            .with("GITLAB_TOKEN", "glpat-x")
            .with("DB_PATH", inside("bot.sqlite"))
            .with("PROJECTS_ROOT", inside("projects"))
            .with("RUNS_DIR", inside("runs"));
        let settings = Settings::check(&settings(raw), Needs::Forge).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let ctx = app::compose(&settings, Arc::new(|| Moment(NOW)), &address).await.unwrap();
        let web = Web {
            ctx: ctx.clone(),
            secrets: Vec::new(),
            gitlab: app::gitlab_secrets(&settings),
            ci_tokens: settings.ci_tokens.clone(),
            api_token: None,
            workers: None,
            relay: None,
        };
        let server = http::serve(web, listener).unwrap();
        let web = server.handle();
        tokio::spawn(server);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { ctx, address, client, web, _folder: folder }
    }

    async fn with_token() -> Self {
        Self::open(|raw| {
            raw.with("GITLAB_WEBHOOK_TOKEN", "word").with("GITLAB_WEBHOOK_TOKEN_PREVIOUS", "old")
        })
        .await
    }

    /// Status and answer to a delivery with these headers.
    async fn deliver(&self, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut post = self.client.post(self.address.join("/webhooks/gitlab").unwrap()).body(body.to_vec());
        for (name, value) in headers {
            post = post.header(*name, *value);
        }
        let answer = post.send().await.unwrap();
        format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What became of deliveries so far, without what never happened.
    fn counted(&self) -> String {
        let readings = Readings { standing: None, wakes: None, process: ProcessFigures::read() };
        let text = self.ctx.meters.text(&readings).unwrap();
        let counts = text.lines().filter_map(|line| line.strip_prefix("tasksgodzilla_deliveries_total"));
        let mut counts: Vec<&str> = counts.filter(|count| !count.ends_with(" 0")).collect();
        counts.sort_unstable();
        counts.join(" ")
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        drop(self.web.stop(false));
    }
}

async fn stored(store: &Store, id: i64) -> store::delivery::Delivery {
    store::delivery::load(&mut store.read().await.unwrap(), DeliveryId(id)).await.unwrap().unwrap()
}

const KEYED: [(&str, &str); 3] =
    [("x-gitlab-token", "word"), ("x-gitlab-event", "Note Hook"), ("idempotency-key", "k-1")];

#[tokio::test]
async fn a_delivery_is_stored_once_under_the_key_that_gitlab_repeats() {
    let door = Door::with_token().await;
    assert_eq!(door.deliver(&KEYED, NOTE).await, r#"202 {"status":"stored"}"#);
    assert_eq!(door.deliver(&KEYED, NOTE).await, r#"202 {"status":"known already"}"#);
    let old = [("x-gitlab-token", "old"), ("x-gitlab-event", "Note Hook"), ("idempotency-key", "k-2")];
    assert_eq!(door.deliver(&old, NOTE).await, r#"202 {"status":"stored"}"#);
    let delivery = stored(&door.ctx.store, 1).await;
    assert_eq!(
        (delivery.forge, delivery.guid.as_str(), delivery.event.as_str()),
        (ForgeKind::Gitlab, "k-1", "Note Hook")
    );
    assert_eq!((delivery.status, delivery.body.as_deref()), (DeliveryStatus::Stored, Some(NOTE)));
}

#[tokio::test]
async fn an_older_gitlab_is_known_by_hook_event_and_content() {
    let door = Door::with_token().await;
    let headers = [("x-gitlab-token", "word"), ("x-gitlab-webhook-uuid", "h"), ("x-gitlab-event-uuid", "e")];
    assert_eq!(door.deliver(&headers, NOTE).await, r#"202 {"status":"stored"}"#);
    assert_eq!(door.deliver(&headers, NOTE).await, r#"202 {"status":"known already"}"#);
    let push = include_bytes!("../data/gitlab/push.branch.json");
    assert_eq!(
        door.deliver(&headers, push).await,
        r#"202 {"status":"stored"}"#,
        "hooks that set off each other"
    );
    let bare = [("x-gitlab-token", "word")];
    assert_eq!(door.deliver(&bare, NOTE).await, r#"202 {"status":"stored"}"#);
    assert_eq!(door.deliver(&bare, NOTE).await, r#"202 {"status":"known already"}"#);
}

#[tokio::test]
async fn once_proved_everything_is_accepted_so_that_gitlab_keeps_the_hook() {
    let door = Door::with_token().await;
    let keyed = |key: &'static str| [("x-gitlab-token", "word"), ("idempotency-key", key)];
    let foreign = include_bytes!("../data/gitlab/emoji.award.json");
    assert_eq!(door.deliver(&keyed("a"), foreign).await, r#"202 {"status":"nothing to do"}"#);
    let nonsense = door.deliver(&keyed("b"), b"hello").await;
    assert_eq!(nonsense, r#"202 {"error":"the body cannot be read: it is not JSON (line 1, column 1)"}"#);
    assert_eq!(door.counted(), r#"{outcome="foreign"} 1 {outcome="unreadable"} 1"#);
    assert_eq!(stored(&door.ctx.store, 1).await.body, None, "what is not ours is recorded without its body");
}

#[tokio::test]
async fn what_does_not_prove_itself_is_refused() {
    let door = Door::with_token().await;
    for headers in [&[][..], &[("x-gitlab-token", "wrong")], &[("x-gitlab-token", "")]] {
        assert!(door.deliver(headers, NOTE).await.starts_with("401 "), "{headers:?}");
    }
    assert_eq!(door.counted(), r#"{outcome="refused"} 3"#);
    let github =
        door.client.post(door.address.join("/webhooks/github").unwrap()).body("{}").send().await.unwrap();
    assert_eq!(github.status().as_u16(), 401, "GitHub is not served");
}

#[tokio::test]
async fn a_signature_is_preferred_and_old_ones_are_replays() {
    let door =
        Door::open(|raw| raw.with("GITLAB_WEBHOOK_TOKEN", "word").with("GITLAB_SIGNING_TOKEN", SIGNING))
            .await;
    let under = async |keys: (&'static str, &'static str), timestamp: i64, body: &[u8]| {
        let (key, unsigned) = keys;
        let timestamp = timestamp.to_string();
        let signature = sign_gitlab(&SecretString::from(SIGNING), key, &timestamp, NOTE).unwrap();
        let several = format!("v1,b3RoZXI= {signature}");
        let headers = [
            ("x-gitlab-token", "word"),
            ("idempotency-key", unsigned),
            ("webhook-id", key),
            ("webhook-timestamp", timestamp.as_str()),
            ("webhook-signature", several.as_str()),
        ];
        door.deliver(&headers, body).await
    };
    let signed = async |timestamp, key, body: &[u8]| under((key, key), timestamp, body).await;
    let now = NOW / 1000;
    assert_eq!(signed(now, "a", NOTE).await, r#"202 {"status":"stored"}"#);
    let again = under(("a", "another"), now, NOTE).await;
    assert_eq!(again, r#"202 {"status":"known already"}"#, "only what is signed names it");
    assert!(signed(now - 301, "b", NOTE).await.starts_with("401 "));
    assert!(
        signed(now, "c", b"{}").await.starts_with("401 "),
        "the token does not help what is signed wrongly"
    );
    assert_eq!(door.deliver(&KEYED, NOTE).await, r#"202 {"status":"stored"}"#, "a server that signs nothing");
}

#[tokio::test]
async fn what_a_delivery_does_not_say_of_a_new_project_is_asked_for() {
    let lab = start(|seen| {
        let project = json!({
            "id": 7, "path_with_namespace": "a/b", "default_branch": "trunk", "visibility": "private",
        });
        seen.line.ends_with("/projects/7").then(|| reply(200, project))
    });
    let url = format!("http://{}", lab.host());
    let door = Door::open(|raw| raw.with("GITLAB_WEBHOOK_TOKEN", "word").with("GITLAB_URL", url)).await;
    let push = json!({
        "object_kind": "push", "ref": "refs/heads/x", "after": "0123456789abcdef0123456789abcdef01234567",
        "user_id": 3, "project_id": 7, "project": { "id": 7, "path_with_namespace": "a/b" },
    });
    assert!(door.deliver(&KEYED, push.to_string().as_bytes()).await.starts_with("202 "));
    intake::process(&door.ctx, DeliveryId(1)).await.unwrap();
    let known = store::project::all(&mut door.ctx.store.read().await.unwrap()).await.unwrap().remove(0);
    assert_eq!((known.default_branch.as_str(), known.private), ("trunk", true));
}

#[tokio::test]
async fn what_cannot_be_stored_is_told_so() {
    let door = Door::with_token().await;
    door.ctx.store.close().await;
    assert!(door.deliver(&KEYED, NOTE).await.starts_with("503 "));
}
