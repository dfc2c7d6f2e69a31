//! The pages that people see in the demo.

use super::world::{REPO, World};
use serde_json::json;
use tasksgodzilla::sandbox::github::{PullSpec, Role};

async fn page(world: &World, path: &str) -> String {
    let response = world.http.get(format!("{}{path}", world.twin.url())).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    assert!(
        response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
    );
    response.text().await.unwrap()
}

/// The repository's name as it stands in a page.
fn listed() -> String {
    REPO.replace('/', "&#x2f;")
}

async fn submit(world: &World, path: &str, form: &str) -> u16 {
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let post = client.post(format!("{}{path}", world.twin.url())).body(form.to_owned());
    post.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_thread_is_shown_with_what_was_said_escaped() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "<b>Split</b> it", "It is **too** big.").unwrap();
    world.twin.comment("vera", REPO, 1, "<script>alert(1)</script>").unwrap();
    let shown = page(&world, &format!("/{REPO}/issues/1")).await;
    assert!(shown.contains("&lt;b&gt;Split&lt;&#x2f;b&gt; it"), "{shown}");
    assert!(shown.contains("<strong>too</strong>"));
    assert!(shown.contains("&lt;script&gt;alert(1)") && !shown.contains("<script>"));
    assert!(page(&world, "/").await.contains(&listed()));
    assert!(page(&world, &format!("/{REPO}")).await.contains("/issues/1"));
}

#[tokio::test]
async fn the_visitor_comments_by_form_and_by_curl() {
    let world = World::new().await;
    assert_eq!(submit(&world, &format!("/{REPO}/issues"), "title=Split&body=please").await, 303);
    assert_eq!(
        submit(&world, &format!("/{REPO}/issues/1/comments"), "body=%2Fprotocol+new%0D%0Aa").await,
        303
    );
    assert_eq!(submit(&world, &format!("/sandbox/{REPO}/issues/1/comments"), "/bot ping").await, 201);
    assert_eq!(submit(&world, &format!("/sandbox/{REPO}/issues"), "Second\n\nbody").await, 201);
    let thread = world.twin.thread(REPO, 1).unwrap();
    let said: Vec<_> = thread.iter().map(|c| (c.author.as_str(), c.body.as_str())).collect();
    assert_eq!(said, [("you", "/protocol new\na"), ("you", "/bot ping")]);
    assert!(page(&world, &format!("/{REPO}/issues/2")).await.contains("Second"));
    assert_eq!(submit(&world, &format!("/{REPO}/issues/1/comments"), "body=").await, 422);
    assert_eq!(submit(&world, &format!("/{REPO}/issues/99/comments"), "body=x").await, 404);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "Split", "").unwrap();
    let post = world.http.post(format!("{}/{REPO}/issues/1/comments", world.twin.url())).body("body=x");
    let refused = post.header("origin", "https://example.org").send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(world.twin.thread(REPO, 1).unwrap().is_empty());
}

#[tokio::test]
async fn the_buttons_of_a_check_work_for_those_who_may_write() {
    let world = World::new().await;
    let sha = world.twin.push_as("acme", REPO, "work", &[("a", Some("a"))]).unwrap();
    let spec = PullSpec { title: "Work", body: "", head: "work", base: "main", draft: true };
    world.twin.open_pull("acme", REPO, &spec).unwrap();
    let action = json!({ "label": "Run it", "description": "d", "identifier": "run" });
    let output = json!({ "title": "Waiting", "summary": "**Read** the plan." });
    let body = json!({ "name": "plan", "head_sha": sha, "conclusion": "neutral", "actions": [action], "output": output });
    let (_, run) = world.send("POST", &format!("/repos/{REPO}/check-runs"), body).await;
    let at = format!("/{REPO}/runs/{}", run["id"]);
    assert!(page(&world, &format!("/{REPO}/pull/1")).await.contains("Run it"));
    assert!(page(&world, &at).await.contains("<strong>Read</strong> the plan."));
    assert_eq!(submit(&world, &format!("{at}/press"), "identifier=run").await, 403);
    world.twin.grant(REPO, "you", Role::Write).unwrap();
    assert_eq!(submit(&world, &format!("{at}/press"), "identifier=run").await, 303);
    assert_eq!(submit(&world, &format!("{at}/rerun"), "").await, 303);
    assert!(world.hooks().ends_with(&["check_run.requested_action".into(), "check_run.rerequested".into()]));
}

#[tokio::test]
async fn a_private_repository_is_not_shown_to_a_visitor_without_access() {
    let world = World::new().await;
    assert!(page(&world, "/").await.contains(&listed()));
    world.twin.make_private(REPO).unwrap();
    assert!(!page(&world, "/").await.contains(&listed()));
    let hidden = world.http.get(format!("{}/{REPO}", world.twin.url())).send().await.unwrap();
    assert_eq!(hidden.status(), 404);
}
