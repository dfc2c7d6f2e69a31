//! `tasksgodzilla gitlab connect` as a process, and a GitLab that keeps hooks.

use crate::github_server::{Reply, Scripted, Seen, reply};
use crate::gitlab_server::{TOKEN, start};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use std::sync::Mutex;
use tasksgodzilla::config::{Needs, Raw, Settings};
use tempfile::TempDir;

/// A GitLab with one project or one group, whose hooks are kept as they are sent.
fn lab(owner: &'static str, hooks: Value, signs: bool) -> Scripted {
    let hooks = Mutex::new(hooks);
    start(move |seen| answer(owner, &mut hooks.lock().unwrap(), signs, seen))
}

fn answer(owner: &str, hooks: &mut Value, signs: bool, seen: &Seen) -> Option<Reply> {
    let line = seen.line.as_str();
    let all = hooks.as_array_mut().unwrap();
    let shown = |mut hook: Value| {
        hook["signing_token_present"] = json!(signs && hook.get("signing_token").is_some());
        hook.as_object_mut().unwrap().retain(|name, _| !name.ends_with("token"));
        hook
    };
    if line
        == format!(
            "GET /api/v4/{owner}s/acme%2Fapi{}",
            if owner == "group" { "?with_projects=false" } else { "" }
        )
    {
        return Some(reply(200, json!({ "id": 7, "path_with_namespace": "acme/api" })));
    }
    let (method, rest) = line.split_once(&format!(" /api/v4/{owner}s/7/hooks"))?;
    match (method, rest.split('?').next()?) {
        ("GET", "") => Some(reply(200, json!(all.iter().cloned().map(shown).collect::<Vec<_>>()))),
        ("POST", "") => {
            let mut hook = seen.body.clone();
            hook["id"] = json!(31);
            all.push(hook.clone());
            Some(reply(201, shown(hook)))
        }
        ("PUT", "/31") => {
            all[0].as_object_mut().unwrap().extend(seen.body.as_object().unwrap().clone());
            Some(reply(200, shown(all[0].clone())))
        }
        ("POST", "/31/test/push_events") => {
            all[0]["alert_status"] = json!("executable");
            all[0]["disabled_until"] = Value::Null;
            Some(reply(201, json!({ "message": "201 Created" })))
        }
        ("GET", "/31") => Some(reply(200, shown(all[0].clone()))),
        _ => None,
    }
}

fn connect(lab: &Scripted, folder: &TempDir, known: &[(&str, &str)], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasksgodzilla"));
    command.args(["gitlab", "connect", "acme/api"]).args(more).current_dir(folder.path()).env_clear();
    command.env("TASKSGODZILLA_GITLAB_URL", format!("http://{}", lab.host()));
    command.env("TASKSGODZILLA_GITLAB_TOKEN", TOKEN);
    command.env("TASKSGODZILLA_PUBLIC_URL", "https://bot.example/godzilla/");
    for (name, value) in known {
        command.env(format!("TASKSGODZILLA_{name}"), value);
    }
    command.output().unwrap()
}

fn told(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

fn sent(lab: &Scripted, method: &str) -> Value {
    let found = lab.all().into_iter().find(|seen| seen.line.starts_with(method) && !seen.body.is_null());
    found.expect("it was sent").body
}

#[test]
fn a_project_gets_a_hook_for_what_the_bot_reads_and_its_secrets_are_printed() {
    let (lab, folder) = (lab("project", json!([]), true), TempDir::new().unwrap());
    let output = connect(&lab, &folder, &[], &[]);
    let (data, talk) = told(&output);
    assert!(output.status.success(), "{talk}");
    let hook = sent(&lab, "POST");
    let on: Vec<&str> = hook
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, on)| **on == json!(true))
        .map(|(name, _)| name.as_str())
        .collect();
    insta::assert_snapshot!(on.join("\n"), @"
    enable_ssl_verification
    push_events
    issues_events
    confidential_issues_events
    note_events
    confidential_note_events
    merge_requests_events
    pipeline_events
    job_events
    ");
    assert_eq!(hook["url"], "https://bot.example/godzilla/webhooks/gitlab");
    let token = hook["token"].as_str().unwrap();
    let signing = hook["signing_token"].as_str().unwrap();
    assert_eq!(token.len(), 64);
    assert_eq!(
        data,
        format!(
            "TASKSGODZILLA_GITLAB_WEBHOOK_TOKEN='{token}'\nTASKSGODZILLA_GITLAB_SIGNING_TOKEN='{signing}'\n"
        )
    );
    insta::assert_snapshot!(talk, @"
    made: webhook 31 of project acme/api, which sends to https://bot.example/godzilla/webhooks/gitlab
    give the bot these settings, and start it anew:
    ");
    let raw = Raw::default()
        .with("GITLAB_TOKEN", TOKEN)
        .with("GITLAB_WEBHOOK_TOKEN", token)
        .with("GITLAB_SIGNING_TOKEN", signing);
    assert!(Settings::check(&raw, Needs::Forge).is_ok(), "they are the settings that `serve` takes");
}

#[test]
fn a_group_is_found_where_no_project_is_and_a_server_that_signs_nothing_gets_a_token_only() {
    let (lab, folder) = (lab("group", json!([]), false), TempDir::new().unwrap());
    let output = connect(&lab, &folder, &[], &["--file", "lab.env"]);
    let (data, talk) = told(&output);
    assert!(output.status.success(), "{talk}");
    assert_eq!(data, "");
    let path = folder.path().join("lab.env");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let token = sent(&lab, "POST")["token"].as_str().unwrap().to_owned();
    let text = std::fs::read_to_string(&path).unwrap().replace(&token, "TOKEN").replace(&lab.host(), "LAB");
    insta::assert_snapshot!(text, @"
    # Secrets of the GitLab webhook. Load them with: set -a; . ./lab.env; set +a
    TASKSGODZILLA_GITLAB_WEBHOOK_TOKEN='TOKEN'
    TASKSGODZILLA_GITLAB_URL='http://LAB/'
    TASKSGODZILLA_PUBLIC_URL='https://bot.example/godzilla/'
    ");
    let again = connect(&lab, &folder, &[], &["--file", "lab.env"]);
    assert_eq!(again.status.code(), Some(2), "the file is not overwritten: {:?}", told(&again));
}

#[test]
fn a_hook_that_is_there_is_set_right_with_the_secret_that_the_bot_knows() {
    let hooks = json!([{
        "id": 31, "url": "https://bot.example/godzilla/webhooks/gitlab", "push_events": false,
        "alert_status": "disabled", "disabled_until": "2027-01-15T08:00:00Z",
    }]);
    let (lab, folder) = (lab("project", hooks, false), TempDir::new().unwrap());
    let output = connect(&lab, &folder, &[("GITLAB_WEBHOOK_TOKEN", "the-old-one")], &[]);
    let (data, talk) = told(&output);
    assert!(output.status.success(), "{talk}");
    assert_eq!(data, "");
    let hook = sent(&lab, "PUT");
    assert_eq!((&hook["token"], &hook["push_events"]), (&json!("the-old-one"), &json!(true)));
    insta::assert_snapshot!(talk, @"
    set right: webhook 31 of project acme/api, which sends to https://bot.example/godzilla/webhooks/gitlab
    GitLab had switched it off; it is on again
    the secrets that are set were kept
    ");
    let fresh = connect(&lab, &folder, &[("GITLAB_WEBHOOK_TOKEN", "the-old-one")], &["--new-secrets"]);
    assert!(!told(&fresh).0.contains("the-old-one"), "fresh ones were asked for");
}

#[test]
fn what_is_refused_and_what_is_missing_is_said_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let nothing = lab("nobody", json!([]), false);
    let output = connect(&nothing, &folder, &[], &[]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(told(&output).1.replace(&nothing.host(), "LAB"), @"
    error: LAB has no project or group acme/api, or does not let the bot see it
    hint: check the path, and that the token's account is a member there
    ");
    let weak = start(|seen| match seen.line.ends_with("/projects/acme%2Fapi") {
        true => Some(reply(200, json!({ "id": 7, "path_with_namespace": "acme/api" }))),
        false => Some(reply(403, json!({ "message": "403 Forbidden" }))),
    });
    let output = connect(&weak, &folder, &[], &[]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(told(&output).1.replace(&weak.host(), "LAB"), @"error: LAB does not let the bot manage webhooks; give the bot's account the role Maintainer in this project, and its token the scope `api`");
    let group = start(|seen| match seen.line.split_once("/groups/") {
        Some((_, rest)) if rest.starts_with("acme%2Fapi?") => {
            Some(reply(200, json!({ "id": 7, "full_path": "acme/api" })))
        }
        Some(_) => Some(reply(403, json!({ "message": "403 Forbidden" }))),
        None => None,
    });
    let talk = told(&connect(&group, &folder, &[], &[])).1;
    assert!(talk.contains("the role Owner in this group"), "{talk}");
    let mut bare = Command::new(env!("CARGO_BIN_EXE_tasksgodzilla"));
    let output = bare.args(["gitlab", "connect", "acme/api"]).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(told(&output).1, @"
    error: 1 setting is wrong
    hint: TASKSGODZILLA_GITLAB_TOKEN is missing; to manage webhooks it needs the role Maintainer
    ");
}
