//! `tasksgodzilla doctor` and the App: each thing broken once on GitHub's side.

use super::doctor::{about, doctor};
use super::place::{Place, free_port, wanted};
use insta::assert_snapshot;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tasksgodzilla::sandbox::github::{AppSpec, AssertionClock, TwinOptions};

/// The App's rights and events without those named.
fn without(place: &Place, permission: &str, event: &str) {
    let (permissions, events) = wanted();
    let permissions: Vec<_> = permissions
        .iter()
        .filter(|(name, _)| name != permission)
        .map(|(name, access)| (name.as_str(), *access))
        .collect();
    let events: Vec<_> = events.iter().map(String::as_str).filter(|name| *name != event).collect();
    place.twin.change_rights(place.app.app_id, &permissions, &events);
}

#[tokio::test]
async fn rights_that_the_app_lacks_are_told() {
    let place = Place::new().await;
    without(&place, "checks", "push");
    let findings = doctor(&place).await;
    assert_snapshot!(about(&findings, "App rights"), @"wrong: lacks checks: write, the event push -> change them on the App's settings page");
    let told = about(&findings, "installation on acme");
    assert!(told.starts_with("wrong: lacks checks: write, the event push -> accept"), "{told}");

    without(&place, "", "");
    let findings = doctor(&place).await;
    assert!(about(&findings, "App rights").starts_with("ok: "));
    let told = about(&findings, "installation on acme");
    assert!(told.starts_with("wrong: lacks checks: write -> accept what the App asks for at http"), "{told}");

    place.twin.agree(place.installation);
    assert!(about(&doctor(&place).await, "installation on acme").starts_with("ok: "));
}

#[tokio::test]
async fn an_installation_that_does_not_work_is_told() {
    let place = Place::new().await;
    place.twin.suspend(place.installation);
    assert!(about(&doctor(&place).await, "installation on acme").starts_with("warn: is suspended"));
    place.twin.uninstall(place.installation);
    assert!(about(&doctor(&place).await, "installations").starts_with("warn: the App is installed nowhere"));
}

#[tokio::test]
async fn a_webhook_that_goes_elsewhere_is_told() {
    let place = Place::new().await;
    place.twin.set_webhook(place.app.app_id, "http://127.0.0.1:1/webhooks/github");
    let told = about(&doctor(&place).await, "webhook");
    assert!(
        told.starts_with("wrong: goes to http://127.0.0.1:1/webhooks/github -> enter http://127.0.0.1:"),
        "{told}"
    );
}

#[tokio::test]
async fn an_app_without_a_webhook_is_told() {
    let mut place = Place::new().await;
    let deaf = place.twin.register_app(&AppSpec { name: "Deaf", ..AppSpec::default() }).unwrap();
    place.set("GITHUB_APP_ID", deaf.app_id.to_string());
    place.set("GITHUB_PRIVATE_KEY", deaf.private_key_pem);
    let told = about(&doctor(&place).await, "webhook");
    assert!(told.starts_with("wrong: is not set"), "{told}");
}

#[tokio::test]
async fn deliveries_that_failed_are_told() {
    let place = Place::new().await;
    let missed: Vec<String> = place.twin.pending().into_iter().map(|hook| hook.guid).collect();
    place.delivers().await;
    let told = about(&doctor(&place).await, "deliveries");
    let expected = format!("wrong: {0} of {0} in the last hour failed, the last at ", missed.len());
    assert!(told.starts_with(&expected) && told.contains("answered with 502"), "{told}");

    // A worker would ask for what failed by itself.
    let serving = place.start(&["serve", "--no-worker"]).await;
    place.comments(1, "hello").await;
    let told = about(&doctor(&place).await, "deliveries");
    assert!(told.starts_with(&format!("warn: {} of ", missed.len())), "{told}");
    for guid in &missed {
        place.twin.redeliver(guid).unwrap();
    }
    place.delivers().await;
    let told = about(&doctor(&place).await, "deliveries");
    assert_eq!(told, format!("ok: none of {} in the last hour failed -> ", missed.len() + 1));
    serving.stop().await;
}

#[tokio::test]
async fn a_key_of_another_app_is_told() {
    let mut place = Place::new().await;
    place.set("GITHUB_PRIVATE_KEY", include_str!("../../data/github/app-pkcs1.pem"));
    let findings = doctor(&place).await;
    let told = about(&findings, "App");
    assert!(told.starts_with("wrong: ") && told.contains("TASKSGODZILLA_GITHUB_APP_ID"), "{told}");
    assert!(about(&findings, "clock").starts_with("ok: "));
}

fn in_ten_minutes(assertion_clock: AssertionClock) -> TwinOptions {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(660);
    let now = Some(i64::try_from(now.as_millis()).unwrap());
    TwinOptions { now, assertion_clock, ..TwinOptions::default() }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_even_when_it_costs_the_credentials() {
    let place = Place::with(in_ten_minutes(AssertionClock::Machine)).await;
    let findings = doctor(&place).await;
    let told = about(&findings, "clock");
    assert!(told.starts_with("wrong: 6") && told.contains(" s behind the forge's"), "{told}");
    assert!(about(&findings, "App").starts_with("ok: "));

    let place = Place::with(in_ten_minutes(AssertionClock::Twin)).await;
    let findings = doctor(&place).await;
    assert!(about(&findings, "clock").starts_with("wrong: 6"));
    assert!(about(&findings, "App").starts_with("wrong: "));
}

#[tokio::test]
async fn a_github_that_cannot_be_reached_is_told() {
    let mut place = Place::new().await;
    place.set("GITHUB_API_URL", format!("http://127.0.0.1:{}", free_port()));
    let findings = doctor(&place).await;
    let told = about(&findings, "clock");
    assert!(told.starts_with("wrong: not compared: no answer from 127.0.0.1"), "{told}");
    let told = about(&findings, "App");
    assert!(told.starts_with("wrong: no answer from 127.0.0.1"), "{told}");
    assert!(told.contains("TASKSGODZILLA_GITHUB_API_URL") && !told.contains("private key"), "{told}");
    assert!(about(&findings, "git").starts_with("ok: version"));
}
