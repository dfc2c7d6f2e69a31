//! Health and metrics of the running program.

use super::place::{API_TOKEN, Place, free_port};
use serde_json::{Value, json};

pub(super) async fn get(place: &Place, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = http.get(place.address(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

pub(super) async fn health(place: &Place, path: &str) -> (u16, Value) {
    let (status, text) = get(place, path, &[]).await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn a_running_bot_is_live_and_ready() {
    let place = Place::new().await;
    let serving = place.serve().await;
    let well = json!({"status": "ok", "store": "ok", "workers": "ok"});
    assert_eq!(health(&place, "/health").await, (200, well.clone()));
    assert_eq!(health(&place, "/health/ready").await, (200, well));
    assert_eq!(health(&place, "/health/live").await, (200, json!({"status": "ok"})));
    serving.stop().await;
}

#[tokio::test]
async fn metrics_are_for_who_bears_the_token() {
    let mut place = Place::new().await;
    let serving = place.serve().await;
    assert_eq!(get(&place, "/metrics", &[]).await.0, 403);
    assert_eq!(get(&place, "/metrics", &[("authorization", "Bearer guess")]).await.0, 403);
    let bearer = format!("Bearer {API_TOKEN}");
    assert_eq!(get(&place, "/metrics", &[("authorization", &bearer)]).await.0, 200);
    serving.stop().await;

    place.unset("API_TOKEN");
    let serving = place.serve().await;
    let (status, text) = get(&place, "/metrics", &[]).await;
    assert_eq!(status, 200);
    assert!(text.contains("\ntasksgodzilla_store_up 1\n"), "{text}");
    let (status, words) = get(&place, "/metrics", &[("x-forwarded-for", "203.0.113.7")]).await;
    assert_eq!(status, 403, "a proxy asks for somebody else");
    assert!(words.contains("TASKSGODZILLA_API_TOKEN"), "{words}");
    serving.stop().await;
}

#[tokio::test]
async fn wake_ups_are_counted_where_a_redis_is_set() {
    let mut place = Place::new().await;
    place.unset("API_TOKEN");
    place.set("REDIS_URL", format!("redis://127.0.0.1:{}", free_port()));
    let serving = place.serve().await;
    let (_, text) = get(&place, "/metrics", &[]).await;
    for sample in ["redis_up 0", "redis_processes 0", "wakes_sent_total 0", "wakes_heard_total 0"] {
        assert!(text.contains(&format!("\ntasksgodzilla_{sample}\n")), "{sample}: {text}");
    }
    let well = json!({"status": "ok", "store": "ok", "workers": "ok", "redis": "does not answer"});
    assert_eq!(health(&place, "/health").await, (200, well), "work goes on without it");
    serving.stop().await;
}

#[tokio::test]
async fn a_worker_is_watched_where_it_is_told_to() {
    let mut place = Place::new().await;
    place.set("API_PORT", free_port().to_string());
    place.set("WORKER_PORT", place.port.to_string());
    let serving = place.start(&["worker"]).await;
    let well = json!({"status": "ok", "store": "ok", "workers": "ok"});
    assert_eq!(health(&place, "/health/ready").await, (200, well));
    let bearer = format!("Bearer {API_TOKEN}");
    let (status, text) = get(&place, "/metrics", &[("authorization", &bearer)]).await;
    assert_eq!(status, 200);
    assert!(text.contains("\ntasksgodzilla_leases_held "), "{text}");
    assert_eq!(get(&place, "/protocols/1", &[("authorization", &bearer)]).await.0, 404, "it has no pages");
    serving.stop().await;
}

#[tokio::test]
async fn a_web_process_without_workers_is_ready() {
    let place = Place::new().await;
    let serving = place.start(&["serve", "--no-worker"]).await;
    let well = json!({"status": "ok", "store": "ok", "workers": "none in this process"});
    assert_eq!(health(&place, "/health").await, (200, well));
    serving.stop().await;
}

#[tokio::test]
async fn without_a_token_metrics_are_closed_to_the_network() {
    let mut place = Place::new().await;
    place.unset("API_TOKEN");
    place.set("API_HOST", "0.0.0.0");
    let serving = place.serve().await;
    assert_eq!(get(&place, "/metrics", &[]).await.0, 403);
    serving.stop().await;
}

#[tokio::test]
async fn health_is_told_to_who_asks_for_the_head_only() {
    let place = Place::new().await;
    let serving = place.start(&["serve", "--no-worker"]).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in ["/health", "/health/ready", "/health/live"] {
        let head = http.head(place.address(path)).send().await.unwrap();
        assert_eq!(head.status(), 200, "{path}");
        let post = http.post(place.address(path)).send().await.unwrap();
        assert_eq!((post.status().as_u16(), &post.headers()["allow"]), (405, &"GET, HEAD".parse().unwrap()));
    }
    serving.stop().await;
}
