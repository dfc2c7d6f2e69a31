//! The log of the App's webhooks: pages, tries, bodies, and asking for one more try.

use crate::github_server::{Reply, Scripted, reply};
use serde_json::{Value, json};
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::forge::{DeliveryLog as _, ForgeError, Logged};

/// 2027-01-15 08:00:00 UTC.
const NOON: i64 = 1_800_000_000_000;

fn entry(id: i64, guid: &str, minute: u32, status: u16) -> Value {
    json!({
        "id": id, "guid": guid, "delivered_at": format!("2027-01-15T08:{minute:02}:00Z"), "redelivery": false,
        "duration": 0.1, "status": "OK", "status_code": status, "event": "issue_comment", "action": "created",
        "installation_id": 5, "repository_id": 700, "throttled_at": null,
    })
}

fn logged(id: i64, guid: &str, minute: i64, status: u16) -> Logged {
    Logged {
        id,
        guid: guid.to_owned(),
        event: "issue_comment".to_owned(),
        action: Some("created".to_owned()),
        repo: Some(700),
        at: Moment(NOON + minute * 60_000),
        status,
    }
}

fn paged(line: &str) -> Option<Reply> {
    let link = |cursor: &str| {
        format!("<https://elsewhere.example/app/hook/deliveries?per_page=100&cursor={cursor}>; rel=\"next\"")
    };
    let page = |entries: &[Value]| reply(200, json!(entries));
    match line {
        "GET /app/hook/deliveries?per_page=100" => {
            let newest = [entry(9, "c", 30, 200), entry(8, "b", 25, 502)];
            Some(page(&newest).with("link", link("v1_8")))
        }
        "GET /app/hook/deliveries?per_page=100&cursor=v1_8" => {
            let older = [entry(7, "b", 20, 0), entry(6, "a", 10, 404)];
            Some(page(&older).with("link", link("v1_6")))
        }
        "GET /app/hook/deliveries?per_page=100&cursor=v1_6" => Some(page(&[entry(5, "z", 1, 200)])),
        _ => None,
    }
}

fn log_lines(server: &Scripted) -> Vec<String> {
    server.all().into_iter().map(|seen| seen.line).filter(|line| line.contains("/hook/")).collect()
}

#[tokio::test]
async fn the_log_is_read_page_by_page_as_far_as_it_is_wanted() {
    let server = Scripted::start(|seen| paged(&seen.line));
    let github = server.client("");
    let since = Moment(NOON + 15 * 60_000);
    let expected = [logged(8, "b", 20, 502), logged(9, "c", 30, 200)];
    assert_eq!(github.deliveries(since).await.unwrap(), expected);
    assert_eq!(log_lines(&server).len(), 2, "the third page is too old");
    assert_eq!(github.deliveries(Moment(0)).await.unwrap().len(), 4);
    let assertion = server.all().into_iter().find(|seen| seen.line.contains("/hook/")).unwrap();
    assert_eq!(assertion.header("authorization").split('.').count(), 3, "the App itself asks");
}

#[tokio::test]
async fn a_long_log_is_read_to_the_end_that_is_wanted() {
    let server = Scripted::start(|seen| {
        let (_, query) = seen.line.split_once("/app/hook/deliveries?per_page=100")?;
        let page: i64 = query.strip_prefix("&cursor=").map_or(0, |cursor| cursor.parse().unwrap());
        let id = 1_000 - page;
        let answer = reply(200, json!([entry(id, &id.to_string(), 30, 200)]));
        let next =
            format!("<https://elsewhere.example/app/hook/deliveries?per_page=100&cursor={}>", page + 1);
        Some(if page < 150 { answer.with("link", format!("{next}; rel=\"next\"")) } else { answer })
    });
    assert_eq!(server.client("").deliveries(Moment(0)).await.unwrap().len(), 151);
}

#[tokio::test]
async fn an_entry_in_another_form_hides_no_other() {
    let server = Scripted::start(|seen| {
        let mut odd = entry(2, "b", 2, 200);
        odd["delivered_at"] = json!("yesterday");
        let strange = json!({ "guid": "c" });
        let page = json!([entry(3, "a", 3, 200), odd, strange, entry(1, "d", 1, 200)]);
        seen.line.contains("/hook/").then(|| reply(200, page))
    });
    let read = server.client("").deliveries(Moment(0)).await.unwrap();
    assert_eq!(read, [logged(1, "d", 1, 200), logged(3, "a", 3, 200)]);
}

#[tokio::test]
async fn a_body_is_what_was_sent() {
    let server = Scripted::start(|seen| {
        let payload = json!({ "zen": "x", "action": "created" });
        let full = json!({ "id": 9, "request": { "headers": {}, "payload": payload }, "response": {} });
        (seen.line == "GET /app/hook/deliveries/9").then(|| reply(200, full))
    });
    let github = server.client("");
    let body = github.body(&logged(9, "c", 30, 200)).await.unwrap();
    assert_eq!(body, br#"{"zen":"x","action":"created"}"#);
    let gone = github.body(&logged(1, "a", 1, 200)).await.unwrap_err();
    assert!(matches!(gone, ForgeError::Missing { .. }), "{gone}");
}

#[tokio::test]
async fn one_more_try_is_asked_for_without_a_body() {
    let server = Scripted::start(|seen| {
        (seen.line == "POST /app/hook/deliveries/8/attempts").then(|| reply(202, json!({})))
    });
    server.client("").send_again(&logged(8, "b", 20, 502)).await.unwrap();
    let asked = server.all().into_iter().find(|seen| seen.line.starts_with("POST")).unwrap();
    assert_eq!((asked.line.as_str(), asked.body), ("POST /app/hook/deliveries/8/attempts", Value::Null));
}

#[tokio::test]
async fn a_log_in_another_form_is_an_error() {
    let server = Scripted::start(|seen| {
        let mut odd = entry(1, "a", 1, 200);
        odd["delivered_at"] = json!("yesterday");
        seen.line.contains("/hook/").then(|| reply(200, json!([odd])))
    });
    let error = server.client("").deliveries(Moment(0)).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unreadable { .. }), "{error}");
}
