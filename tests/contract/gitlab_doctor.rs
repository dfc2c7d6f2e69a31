//! What an operator is told of the bot's account on a GitLab: by `doctor`, and by a figure.

use crate::github_server::{Scripted, reply};
use crate::gitlab_server::{TOKEN, asked, client, repo, start};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use tasksgodzilla::app::{self, Observers};
use tasksgodzilla::config::{Needs, Raw, Settings};
use tasksgodzilla::domain::forge_event::RepoFacts;
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::domain::project::ForgeKind;
use tasksgodzilla::forge::{Hooks, ProjectHook};
use tasksgodzilla::meter::{ProcessFigures, Readings};
use tasksgodzilla::services::credentials;
use tasksgodzilla::store::project;
use tempfile::TempDir;

const HOOK: &str = "https://bot.example/webhooks/gitlab";

/// A GitLab whose token ends on this day, and whose project has this hook.
fn lab(day: &'static str, hook: Value) -> Scripted {
    lab_with_role(30, day, hook)
}

/// The same, with the account's role in the project; without a hook it shows none to that role.
fn lab_with_role(role: u32, day: &'static str, hook: Value) -> Scripted {
    start(move |seen| {
        let path = seen.line.split('?').next()?.strip_prefix("GET /api/v4/")?;
        match path {
            "personal_access_tokens/self" => {
                Some(reply(200, json!({ "name": "bot", "scopes": ["api"], "expires_at": day })))
            }
            "projects/700/hooks" if hook.is_null() => Some(reply(403, json!({ "message": "403 Forbidden" }))),
            "projects/700/hooks" => Some(reply(200, json!([hook]))),
            "projects/700/members/all/4200" => {
                Some(reply(200, json!({ "id": 4200, "access_level": role, "state": "active" })))
            }
            _ => None,
        }
    })
}

fn settings(lab: &Scripted, folder: &TempDir) -> Raw {
    let inside = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    Raw::default()
        .with("GITLAB_URL", format!("http://{}", lab.host()))
        .with("GITLAB_TOKEN", TOKEN)
        .with("GITLAB_WEBHOOK_TOKEN", "word-of-the-hook")
        .with("PUBLIC_URL", "https://bot.example")
        .with("API_PORT", "0")
        .with("DEFAULT_ENGINE_ID", "demo")
        .with("DB_PATH", inside("bot.sqlite"))
        .with("PROJECTS_ROOT", inside("projects"))
        .with("RUNS_DIR", inside("runs"))
}

/// What `doctor` finds; the project is known to the bot.
async fn findings(lab: &Scripted, more: &[(&str, &str)]) -> Vec<Value> {
    let folder = TempDir::new().unwrap();
    let raw = more.iter().fold(settings(lab, &folder), |raw, (name, value)| raw.with(name, *value));
    let checked = Settings::check(&raw, Needs::Forge).unwrap();
    let store = app::open_store(&checked, app::system_clock(), &Observers::default()).await.unwrap();
    let facts = RepoFacts {
        repo: repo(),
        default_branch: Some("main".to_owned()),
        private: Some(true),
        archived: false,
    };
    let mut tx = store.begin().await.unwrap();
    project::upsert(&mut tx, ForgeKind::Gitlab, &facts).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasksgodzilla"));
    command.args(["doctor", "--json"]).current_dir(folder.path()).env_clear().envs(&raw.0);
    command.env("PATH", std::env::var("PATH").unwrap());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(TOKEN) && !text.contains("word-of-the-hook"), "{text}");
    serde_json::from_str(&text).expect(&text)
}

fn about_gitlab(findings: &[Value]) -> Vec<&Value> {
    let ours = findings.iter().filter(|finding| {
        let about = finding["about"].as_str().unwrap();
        ["GitLab", "role", "webhook", "App", "clock"].iter().any(|word| about.starts_with(word))
    });
    ours.collect()
}

/// The same about GitLab, a line each.
async fn doctor(lab: &Scripted) -> String {
    let findings = findings(lab, &[]).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |it: &Value| format!("{} {}: {}\n", text(&it["state"]), text(&it["about"]), text(&it["says"]));
    about_gitlab(&findings).into_iter().map(line).collect()
}

#[tokio::test]
async fn where_gitlab_alone_is_served_its_account_and_hooks_are_looked_at() {
    let lab = lab("2099-12-31", json!({ "id": 31, "url": HOOK, "alert_status": "executable" }));
    insta::assert_snapshot!(doctor(&lab).await, @r"
    ok GitLab account: @project_7_bot_ab (id 4200), its token is accepted
    ok GitLab token: expires on 2099-12-31 00:00:00
    ok role in acme/core/api: Developer
    ok webhook of acme/core/api: goes to the bot
    ");
}

#[tokio::test]
async fn a_hook_that_does_not_send_what_the_bot_reads_is_told() {
    let deaf = json!({
        "id": 31, "url": HOOK, "alert_status": "executable", "enable_ssl_verification": false,
        "push_events": true, "note_events": false, "confidential_note_events": null, "pipeline_events": false,
    });
    let told = doctor(&lab("2099-12-31", deaf.clone())).await;
    let says = "wrong webhook of acme/core/api: goes to the bot without what the bot reads: \
                Comments, Confidential comments, Pipeline events\n";
    assert!(told.ends_with(says), "{told}");
    let mut trusting = deaf;
    for event in ["note_events", "confidential_note_events", "pipeline_events"] {
        trusting[event] = json!(true);
    }
    let told = doctor(&lab("2099-12-31", trusting)).await;
    let says = "warn webhook of acme/core/api: goes to the bot with SSL verification off: \
                its secret may reach somebody else\n";
    assert!(told.ends_with(says), "{told}");
}

#[tokio::test]
async fn a_role_that_is_too_little_and_hooks_that_it_is_not_shown_are_told() {
    let lab = lab_with_role(20, "2099-12-31", Value::Null);
    insta::assert_snapshot!(doctor(&lab).await, @r"
    ok GitLab account: @project_7_bot_ab (id 4200), its token is accepted
    ok GitLab token: expires on 2099-12-31 00:00:00
    wrong role in acme/core/api: Reporter: the bot can neither push branches nor open merge requests
    warn GitLab webhooks: not looked at in acme/core/api: GitLab shows them to Maintainers only
    ");
}

#[tokio::test]
async fn a_token_that_ended_and_a_hook_that_is_off_are_told() {
    let lab = lab("2020-01-31", json!({ "id": 31, "url": HOOK, "alert_status": "disabled" }));
    insta::assert_snapshot!(doctor(&lab).await, @r"
    ok GitLab account: @project_7_bot_ab (id 4200), its token is accepted
    wrong GitLab token: expires on 2020-01-31 00:00:00
    ok role in acme/core/api: Developer
    wrong webhook of acme/core/api: GitLab switched it off after failures
    ");
}

#[tokio::test]
async fn a_token_that_is_refused_is_told() {
    let refusing = Scripted::start(|_| Some(reply(401, json!({ "message": "401 Unauthorized" }))));
    let told = doctor(&refusing).await;
    assert!(told.starts_with("wrong GitLab account: "), "{told}");
    assert!(told.contains("does not accept the bot's credentials"), "{told}");
}

#[tokio::test]
async fn a_gitlab_that_is_silent_or_limits_calls_is_not_taken_for_a_wrong_token() {
    let limiting = Scripted::start(|_| Some(reply(429, json!({}))));
    let findings = findings(&limiting, &[]).await;
    let [account] = about_gitlab(&findings)[..] else { panic!("one finding: {findings:?}") };
    assert_eq!(account["todo"], "ask again when the limit has passed");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let findings = self::findings(&limiting, &[("GITLAB_URL", &url)]).await;
    let [account] = about_gitlab(&findings)[..] else { panic!("one finding: {findings:?}") };
    let todo = account["todo"].as_str().unwrap();
    assert!(todo.contains("TASKSGODZILLA_GITLAB_URL") && !todo.contains("token"), "{todo}");
    let says = account["says"].as_str().unwrap();
    assert!(says.starts_with(&format!("no answer from {closed}: ")), "{says}");
    assert_eq!(says.matches("/api/v4/user").count(), 1, "the address is said once: {says}");
}

#[tokio::test]
async fn a_hook_is_known_by_where_it_goes() {
    let lab = lab("2099-12-31", json!({ "id": 31, "url": HOOK, "disabled_until": "2099-01-01T00:00:00Z" }));
    let gitlab = client(&lab);
    let found = gitlab.hook_at(&repo(), &HOOK.parse().unwrap()).await.unwrap();
    assert_eq!(
        found,
        Some(ProjectHook { id: 31, is_off: true, lacks: Vec::new(), checks_certificate: true })
    );
    let elsewhere = "https://other.example/webhooks/gitlab".parse().unwrap();
    assert_eq!(gitlab.hook_at(&repo(), &elsewhere).await.unwrap(), None);
    assert!(asked(&lab).starts_with("GET /api/v4/projects/700/hooks?per_page=100&page=1\n"));
}

#[tokio::test]
async fn the_end_of_the_token_and_every_call_are_measured() {
    let (lab, folder) = (lab("2026-12-31", json!(null)), TempDir::new().unwrap());
    let checked = Settings::check(&settings(&lab, &folder), Needs::Forge).unwrap();
    let here = "http://127.0.0.1:1".parse().unwrap();
    let ctx = app::compose(&checked, Arc::new(|| Moment(0)), &here).await.unwrap();
    credentials::look(&ctx).await;
    let readings = Readings { standing: None, wakes: None, process: ProcessFigures::read() };
    let text = ctx.meters.text(&readings).unwrap();
    for line in [
        r#"tasksgodzilla_forge_credential_expires_timestamp_seconds{forge="gitlab"} 1798675200"#,
        r#"tasksgodzilla_forge_call_seconds_count{forge="gitlab",method="GET",route="/personal_access_tokens/self",status="2xx"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}
