//! Issues, notes, discussions and emoji.

use super::world::{REPO, World};
use gitlab::api::projects::issues::notes::awards::CreateIssueNoteAward;
use gitlab::api::projects::issues::notes::{CreateIssueNote, EditIssueNote};
use gitlab::api::{AsyncQuery, projects};
use serde_json::{Value, json};
use tasksgodzilla::sandbox::{PullSpec, ReactionView};

async fn with_issue() -> World {
    let world = World::new().await;
    world.twin.open_issue("bob", REPO, "Split it", "It does too much.").unwrap();
    world
}

#[tokio::test]
async fn a_note_is_written_edited_and_awarded() {
    let world = with_issue().await;
    let note = CreateIssueNote::builder().project(world.id).issue(1).body("hello").build().unwrap();
    let note: Value = note.query_async(&world.lab).await.unwrap();
    let id = note["id"].as_u64().unwrap();
    let edit = EditIssueNote::builder().project(REPO).issue(1).note(id).body("hello again").build().unwrap();
    let edited: Value = edit.query_async(&world.lab).await.unwrap();
    assert_eq!(edited["body"], "hello again");
    let award = CreateIssueNoteAward::builder().project(REPO).issue(1).note(id).name("thumbsup").build();
    let _: Value = award.unwrap().query_async(&world.lab).await.unwrap();
    let [seen] = world.twin.thread(REPO, 1).unwrap().try_into().unwrap();
    let thumb = ReactionView { author: world.bot.login.clone(), content: "+1".to_owned() };
    assert_eq!((seen.body.as_str(), seen.edits, seen.reactions), ("hello again", 1, vec![thumb]));
    world.conforms();
}

#[tokio::test]
async fn issues_and_merge_requests_count_apart() {
    let world = with_issue().await;
    world.twin.push_as("bob", REPO, "work", &[("a.txt", Some("a\n"))]).unwrap();
    let spec = PullSpec { title: "Work", body: "", head: "work", base: "main", draft: true };
    assert_eq!(world.twin.open_pull("bob", REPO, &spec).unwrap(), 2);
    assert_eq!(world.twin.open_issue("bob", REPO, "Another", "").unwrap(), 3);
    let shown = |number| world.twin.shown(REPO, number).unwrap();
    assert_eq!((shown(1), shown(2), shown(3)), ("#1".to_owned(), "!1".to_owned(), "#2".to_owned()));
    let pull = projects::merge_requests::MergeRequest::builder().project(REPO).merge_request(1).build();
    let pull: Value = pull.unwrap().query_async(&world.lab).await.unwrap();
    assert_eq!((&pull["title"], &pull["draft"]), (&json!("Draft: Work"), &json!(true)));
    assert_eq!(world.bot_asks("GET /projects/:id/issues/3", Value::Null).await.0, 404);
    assert_eq!(world.bot_asks("GET /projects/:id/issues/2", Value::Null).await.1["title"], "Another");
}

#[tokio::test]
async fn what_gitlab_does_not_take_is_refused() {
    let world = with_issue().await;
    let notes = "POST /projects/:id/issues/1/notes";
    let blank = "400 Bad request - Note {:note=>[\"can't be blank\"]}";
    assert_eq!(world.bot_asks(notes, json!({})).await, (400, json!({ "error": "body is missing" })));
    assert_eq!(world.bot_asks(notes, json!({ "body": " " })).await, (400, json!({ "message": blank })));
    let long = "x".repeat(1_000_001);
    assert_eq!(world.bot_asks(notes, json!({ "body": long })).await.0, 400);
    let theirs = world.twin.comment("ann", REPO, 1, "mine").unwrap();
    let edit = format!("PUT /projects/:id/issues/1/notes/{theirs}");
    assert_eq!(world.bot_asks(&edit, json!({ "body": "ours" })).await.0, 403);
    let award = format!("POST /projects/:id/issues/1/notes/{theirs}/award_emoji");
    assert_eq!(world.bot_asks(&award, json!({ "name": "eyes" })).await.0, 201);
    let twice = "404 Award Emoji Name has already been taken Not Found";
    assert_eq!(world.bot_asks(&award, json!({ "name": "eyes" })).await, (404, json!({ "message": twice })));
    assert_eq!(world.bot_asks(&award, json!({ "name": "godzilla" })).await.0, 404);
    assert_eq!(world.bot_asks("PUT /projects/:id/issues/1", json!({ "title": "" })).await.0, 400);
}

#[tokio::test]
async fn an_answer_in_a_discussion_makes_a_thread_of_it() {
    let world = with_issue().await;
    world.twin.comment("ann", REPO, 1, "why?").unwrap();
    let (_, notes) = world.bot_asks("GET /projects/:id/issues/1/discussions", Value::Null).await;
    assert_eq!(notes[0]["individual_note"], true);
    let reply = format!("POST /projects/:id/issues/1/discussions/{}/notes", notes[0]["id"].as_str().unwrap());
    let (status, note) = world.bot_asks(&reply, json!({ "body": "because" })).await;
    assert_eq!((status, &note["type"]), (201, &json!("DiscussionNote")));
    let (_, notes) = world.bot_asks("GET /projects/:id/issues/1/discussions", Value::Null).await;
    assert_eq!(
        (&notes[0]["individual_note"], notes[0]["notes"].as_array().unwrap().len()),
        (&json!(false), 2)
    );
}

#[tokio::test]
async fn lists_come_in_pages_newest_first() {
    let world = with_issue().await;
    for n in 1..=5 {
        world.twin.comment("ann", REPO, 1, &format!("note {n}")).unwrap();
    }
    let url = format!("{}/projects/{}/issues/1/notes?per_page=2&page=2", world.twin.api_url(), world.id);
    let answer = world.http.get(&url).bearer_auth(&world.bot.token).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!([header("x-next-page"), header("x-total"), header("x-total-pages")], ["3", "5", "3"]);
    assert!(header("link").contains("page=3") && header("link").contains("rel=\"next\""));
    let notes: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!((&notes[0]["body"], &notes[1]["body"]), (&json!("note 3"), &json!("note 2")));
    let last = url.replace("&page=2", "&page=3");
    let answer = world.http.get(last).bearer_auth(&world.bot.token).send().await.unwrap();
    assert_eq!(answer.headers()["x-next-page"], "");
}

#[tokio::test]
async fn what_is_confidential_is_hidden_from_guests() {
    let world = with_issue().await;
    world.twin.open_confidential_issue("ann", REPO, "A hole", "").unwrap();
    world.twin.internal_note("ann", REPO, 1, "between us").unwrap();
    let guest = world.twin.user("vera");
    let as_guest = async |call: &str| world.ask(&guest, call, Value::Null).await;
    assert_eq!(as_guest("GET /projects/:id/issues/2").await.0, 404);
    assert_eq!(as_guest("GET /projects/:id/issues/1/notes").await.1, json!([]));
    assert_eq!(world.bot_asks("GET /projects/:id/issues/2", Value::Null).await.1["confidential"], true);
    let (_, notes) = world.bot_asks("GET /projects/:id/issues/1/notes", Value::Null).await;
    assert_eq!(notes[0]["internal"], true);
}
