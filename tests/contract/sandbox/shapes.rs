//! The shape of what the twin sends, judged by octocrab's own models of GitHub.

use super::world::{REPO, World};
use octocrab::models::webhook_events::WebhookEvent;
use octocrab::params::checks::{CheckRunConclusion, CheckRunStatus};
use serde_json::json;
use tasksgodzilla::sandbox::github::Ci;

/// Lets everything happen that fires a webhook.
async fn busy_day() -> World {
    let world = World::new().await;
    let twin = &world.twin;
    twin.set_webhook(world.app.app_id, "http://127.0.0.1:9");
    twin.set_ci(REPO, Ci::Green).unwrap();
    twin.open_issue("vera", REPO, "Split it", "").unwrap();
    let comment = twin.comment("vera", REPO, 1, "/bot ping").unwrap();
    twin.edit_comment("vera", REPO, comment, "/bot help").unwrap();
    twin.delete_comment("vera", REPO, comment).unwrap();
    twin.close_issue("vera", REPO, 1).unwrap();
    let head = twin.push_as("acme", REPO, "work", &[("a", Some("a"))]).unwrap();
    let bot = world.as_bot();
    bot.pulls("acme", "api").create("Work", "work", "main").draft(true).send().await.unwrap();
    let checks = bot.checks("acme", "api");
    let made =
        checks.create_check_run("plan", &head).status(CheckRunStatus::InProgress).send().await.unwrap();
    assert_eq!(made.pull_requests[0].number, 2);
    checks.update_check_run(made.id).conclusion(CheckRunConclusion::Success).send().await.unwrap();
    world.send("POST", &format!("/repos/{REPO}/statuses/{head}"), json!({ "state": "success" })).await;
    twin.rerun_check("acme", made.id.into_inner()).unwrap();
    twin.rerun_suite("acme", made.id.into_inner()).unwrap();
    twin.play_ci();
    twin.push_as("acme", REPO, "work", &[("a", Some("b"))]).unwrap();
    twin.ready_pull("acme", REPO, 2).unwrap();
    twin.close_pull("acme", REPO, 2).unwrap();
    twin.reopen_pull("acme", REPO, 2).unwrap();
    twin.merge_pull("acme", REPO, 2).unwrap();
    twin.delete_branch("acme", REPO, "work").unwrap();
    twin.rename(REPO, "engine").unwrap();
    twin.archive("acme/engine").unwrap();
    twin.suspend(world.installation);
    twin.unsuspend(world.installation);
    twin.uninstall_from(world.app.app_id, "acme/engine").unwrap();
    world
}

#[tokio::test]
async fn octocrab_understands_every_webhook() {
    let world = busy_day().await;
    let mut seen = std::collections::BTreeSet::new();
    for hook in world.twin.pending() {
        let parsed = WebhookEvent::try_from_header_and_body(&hook.event, &hook.body);
        assert!(parsed.is_ok(), "{} {:?}: {:?}", hook.event, hook.action, parsed.err());
        let event = parsed.unwrap();
        assert!(event.installation.is_some() || hook.event == "ping", "{}", hook.event);
        seen.insert(hook.event);
    }
    let seen: Vec<String> = seen.into_iter().collect();
    insta::assert_snapshot!(seen.join("\n"), @r"
    check_run
    check_suite
    create
    delete
    installation
    installation_repositories
    issue_comment
    issues
    ping
    pull_request
    push
    repository
    status
    workflow_run
    ");
}
