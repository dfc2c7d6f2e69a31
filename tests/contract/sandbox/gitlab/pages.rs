//! The pages that people see, under GitLab's addresses.

use super::world::{REPO, World};
use serde_json::json;
use tasksgodzilla::sandbox::{Ci, PullSpec, Role};

async fn page(world: &World, path: &str) -> String {
    let response = world.http.get(format!("{}{path}", world.twin.url())).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.text().await.unwrap()
}

async fn submit(world: &World, path: &str, form: &str) -> (u16, String) {
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let post = client.post(format!("{}{path}", world.twin.url())).body(form.to_owned());
    let answer = post.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let place = answer.headers().get("location").map_or("", |place| place.to_str().unwrap()).to_owned();
    (answer.status().as_u16(), place)
}

#[tokio::test]
async fn issues_and_merge_requests_are_shown_and_commented_on() {
    let world = World::below("/gitlab").await;
    world.twin.grant(REPO, "you", Role::Write).unwrap();
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    world.twin.open_issue("bob", REPO, "Split it", "It is **too** big.").unwrap();
    world.twin.push_as("bob", REPO, "work", &[("a.txt", Some("a\n"))]).unwrap();
    let spec = PullSpec { title: "Work", body: "", head: "work", base: "main", draft: false };
    world.twin.open_pull("bob", REPO, &spec).unwrap();
    world.twin.play_ci();
    assert!(page(&world, "/").await.contains("acme&#x2f;core&#x2f;api"));
    let listed = page(&world, &format!("/{REPO}")).await;
    assert!(listed.contains("/issues/1\"") && listed.contains("/merge_requests/1\""), "{listed}");
    assert!(page(&world, &format!("/{REPO}/-/issues/1")).await.contains("<strong>too</strong>"));
    let shown = page(&world, &format!("/{REPO}/-/merge_requests/1")).await;
    assert!(shown.contains("!1") && shown.contains("build") && shown.contains("success"), "{shown}");
    let status = json!({ "state": "success", "name": "of the bot" });
    let path = format!("POST /projects/:id/statuses/{}", world.tip("work"));
    assert_eq!(world.bot_asks(&path, status).await.0, 201);
    let shown = page(&world, &format!("/{REPO}/-/merge_requests/1")).await;
    assert!(shown.contains("of the bot") && !shown.contains("Re-run"), "{shown}");
    assert_eq!(shown.matches("<button>Retry</button>").count(), 1, "jobs are retried, not statuses: {shown}");
    let (status, place) = submit(&world, &format!("/{REPO}/-/merge_requests/1/comments"), "body=hello").await;
    let [said] = world.twin.thread(REPO, 2).unwrap().try_into().unwrap();
    assert_eq!((status, place), (303, format!("/gitlab/{REPO}/-/merge_requests/1#note_{}", said.id)));
    assert_eq!((said.author.as_str(), said.body.as_str()), ("you", "hello"));
    let (status, place) = submit(&world, &format!("/{REPO}/-/issues"), "title=Second&body=").await;
    assert_eq!((status, place), (303, format!("/gitlab/{REPO}/-/issues/2")));
    assert_eq!(submit(&world, &format!("/sandbox/{REPO}/-/issues/1/comments"), "/bot ping").await.0, 201);
    assert_eq!(world.twin.thread(REPO, 1).unwrap()[0].body, "/bot ping");
    let job = world.twin.checks(REPO, &world.tip("work")).unwrap()[0].id;
    assert!(page(&world, &format!("/{REPO}/-/jobs/{job}")).await.contains("12 tests passed"));
    let (status, place) = submit(&world, &format!("/{REPO}/-/jobs/{job}/rerun"), "").await;
    assert_eq!((status, place), (303, format!("/gitlab/{REPO}/-/merge_requests/1")));
    assert_eq!(world.twin.play_ci(), 1);
}

#[tokio::test]
async fn what_is_private_is_not_shown_to_a_stranger() {
    let world = World::new().await;
    world.twin.open_issue("bob", REPO, "Split it", "").unwrap();
    let url = format!("{}/{REPO}/-/issues/1", world.twin.url());
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 404);
    assert_eq!(submit(&world, &format!("/{REPO}/-/issues/1/comments"), "body=x").await.0, 404);
}
