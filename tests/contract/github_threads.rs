//! Comments and reactions.

use crate::github_server::{BOT, Scripted, reply, repo};
use serde_json::{Value, json};
use tasksgodzilla::domain::effect::Reaction;
use tasksgodzilla::domain::forge_event::CommentSource;
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::forge::{CommentRef, ForgeError, Threads};

fn comment(id: i64, user: i64, body: &str) -> Value {
    json!({ "id": id, "node_id": format!("IC_{id}"), "user": { "id": user }, "body": body })
}

#[tokio::test]
async fn our_newest_marked_comment_is_found_from_the_last_page_on() {
    let server = Scripted::start(|seen| {
        let last = "</repositories/700/issues/4/comments?per_page=100&page=3>; rel=\"last\"";
        let page = |comments: &[Value]| reply(200, json!(comments));
        match seen.line.strip_prefix("GET /repos/acme/api/issues/4/comments?per_page=100&page=")? {
            "1" => Some(page(&[comment(1, BOT, "<!-- m -->")]).with("link", last)),
            "2" => Some(page(&[comment(2, BOT, "<!-- m --> older"), comment(3, BOT, "<!-- m --> newer")])),
            _ => Some(page(&[comment(4, 11, "> <!-- m --> quoted by a person"), comment(5, BOT, "other")])),
        }
    });
    let found =
        server.client("").find_comment(&repo(), Thread::issue(4), "<!-- m -->").await.unwrap().unwrap();
    assert_eq!((found.id, found.node_id.as_str()), (3, "IC_3"));
    assert_eq!(server.lines().len(), 3);
    let none = server.client("").find_comment(&repo(), Thread::issue(4), "<!-- other -->").await.unwrap();
    assert_eq!(none, None);
}

#[tokio::test]
async fn where_the_last_page_is_not_named_every_page_is_read() {
    let server = Scripted::start(|seen| {
        let next = "</more>; rel=\"next\"";
        let page = |id| reply(200, json!([comment(id, BOT, "<!-- m -->")]));
        match seen.line.as_str() {
            "GET /more" => Some(page(8)),
            line if line.contains("/comments?") => Some(page(7).with("link", next)),
            _ => None,
        }
    });
    let found = server.client("").find_comment(&repo(), Thread::issue(4), "<!-- m -->").await.unwrap();
    assert_eq!(found.map(|comment| comment.id), Some(8));
}

#[tokio::test]
async fn comments_and_reactions_go_to_their_places() {
    let server = Scripted::start(|seen| {
        let body = json!({ "id": 17, "node_id": "IC_17", "body": "hello" });
        (!seen.line.contains("/access_tokens")).then(|| reply(201, body))
    });
    let github = server.client("");
    let posted = github.create_comment(&repo(), Thread::issue(4).into(), "hello").await.unwrap();
    github.edit_comment(&repo(), &posted, "hello again").await.unwrap();
    github.delete_comment(&repo(), &posted).await.unwrap();
    github.react(&repo(), Thread::issue(4), CommentSource::Comment(90), Reaction::Eyes).await.unwrap();
    github.react(&repo(), Thread::issue(4), CommentSource::Issue(4), Reaction::Rocket).await.unwrap();
    github.react(&repo(), Thread::pull(9), CommentSource::Pull(9), Reaction::Confused).await.unwrap();
    let told: String = server.seen().iter().map(|seen| format!("{} {}\n", seen.line, seen.body)).collect();
    insta::assert_snapshot!(told, @r#"
    POST /repos/acme/api/issues/4/comments {"body":"hello"}
    PATCH /repos/acme/api/issues/comments/17 {"body":"hello again"}
    DELETE /repos/acme/api/issues/comments/17 null
    POST /repos/acme/api/issues/comments/90/reactions {"content":"eyes"}
    POST /repos/acme/api/issues/4/reactions {"content":"rocket"}
    POST /repos/acme/api/issues/9/reactions {"content":"confused"}
    "#);
}

#[tokio::test]
async fn graphql_errors_are_errors_though_the_status_is_200() {
    for (kind, is_expected) in [
        ("NOT_FOUND", (|e: &ForgeError| matches!(e, ForgeError::Missing { .. })) as fn(&ForgeError) -> bool),
        ("FORBIDDEN", |e| matches!(e, ForgeError::Forbidden { .. })),
        ("RATE_LIMITED", |e| matches!(e, ForgeError::Limited { .. })),
        ("UNPROCESSABLE", |e| matches!(e, ForgeError::Refused { words, .. } if words == "no way")),
    ] {
        let server = Scripted::start(move |seen| {
            let errors = json!([{ "type": kind, "message": "no way", "path": ["minimizeComment"] }]);
            seen.line.ends_with("/graphql").then(|| reply(200, json!({ "data": null, "errors": errors })))
        });
        let posted = CommentRef { id: 17, node_id: "IC_17".to_owned() };
        let error = server.client("").hide_comment(&repo(), &posted).await.unwrap_err();
        assert!(is_expected(&error), "{kind} gave {error:?}");
    }
}
