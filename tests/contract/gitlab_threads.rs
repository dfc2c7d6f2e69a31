//! Notes and reactions, as GitLab is asked for them.

use crate::github_server::{Seen, by_line, reply};
use crate::gitlab_server::{BOT, asked, client, repo, start};
use serde_json::json;
use tasksgodzilla::domain::effect::Reaction;
use tasksgodzilla::domain::forge_event::CommentSource;
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::forge::{CommentRef, ForgeError, Place, Threads};

fn note(thread: &str, id: i64) -> CommentRef {
    CommentRef { id, node_id: thread.to_owned() }
}

fn created(seen: &Seen) -> Option<crate::github_server::Reply> {
    (!seen.line.starts_with("GET")).then(|| reply(201, json!({ "id": 17, "body": "x" })))
}

#[tokio::test]
async fn notes_go_to_issues_and_merge_requests_by_their_own_routes() {
    let server = start(created);
    let gitlab = client(&server);
    let on_issue = gitlab.create_comment(&repo(), Thread::issue(4).into(), "hello").await.unwrap();
    assert_eq!(on_issue, note("issues/4", 17));
    let place = Place { thread: Thread::pull(4), discussion: Some("6a9c/1") };
    let in_place = gitlab.create_comment(&repo(), place, "hello").await.unwrap();
    assert_eq!(in_place, note("merge_requests/4", 17));
    gitlab.edit_comment(&repo(), &in_place, "better").await.unwrap();
    insta::assert_snapshot!(asked(&server), @r#"
    POST /api/v4/projects/700/issues/4/notes
      {"body":"hello"}
    POST /api/v4/projects/700/merge_requests/4/discussions/6a9c%2F1/notes
      {"body":"hello"}
    PUT /api/v4/projects/700/merge_requests/4/notes/17
      {"body":"better"}
    "#);
}

#[tokio::test]
async fn what_others_wrote_gives_gitlab_no_orders() {
    let server = start(created);
    let gitlab = client(&server);
    let text = "The plan:\n```\n/merge\n```\n/assign @eve";
    gitlab.create_comment(&repo(), Thread::issue(4).into(), text).await.unwrap();
    gitlab.edit_comment(&repo(), &note("issues/4", 17), text).await.unwrap();
    for seen in server.all() {
        let sent = seen.body["body"].as_str().unwrap();
        assert_eq!(sent.replace('\u{2060}', ""), text, "it reads the same");
        assert!(sent.lines().all(|line| !line.trim_start().starts_with('/')), "{sent}");
    }
}

#[tokio::test]
async fn our_newest_marked_note_is_found_over_all_pages() {
    let server = start(|seen| {
        let theirs = json!({ "id": 1, "body": "quoted <!-- m -->", "author": { "id": 11 } });
        let ours = |id: i64| json!({ "id": id, "body": "words <!-- m -->", "author": { "id": BOT } });
        let (page, next) = match seen.line.split("&page=").nth(1)? {
            "1" => (json!([theirs]), "2"),
            "2" => (json!([ours(9), ours(5)]), "3"),
            _ => (json!([]), ""),
        };
        Some(reply(200, page).with("x-next-page", next))
    });
    let gitlab = client(&server);
    let found = gitlab.find_comment(&repo(), Thread::pull(4), "<!-- m -->").await.unwrap();
    assert_eq!(found, Some(note("merge_requests/4", 9)));
    insta::assert_snapshot!(asked(&server), @"
    GET /api/v4/projects/700/merge_requests/4/notes?order_by=created_at&sort=desc&per_page=100&page=1
    GET /api/v4/projects/700/merge_requests/4/notes?order_by=created_at&sort=desc&per_page=100&page=2
    ");
    assert_eq!(gitlab.find_comment(&repo(), Thread::pull(4), "<!-- other -->").await.unwrap(), None);
}

#[tokio::test]
async fn an_outdated_note_is_rewritten_as_a_fold_once() {
    let server = start(by_line(&[
        ("GET /api/v4/projects/700/issues/4/notes/17", 200, r#"{"id":17,"body":"it runs <!-- m -->"}"#),
        (
            "GET /api/v4/projects/700/issues/4/notes/18",
            200,
            r#"{"id":18,"body":"<details><summary>Outdated</summary>\n\nx"}"#,
        ),
        ("PUT", 200, r#"{"id":17}"#),
    ]));
    let gitlab = client(&server);
    gitlab.hide_comment(&repo(), &note("issues/4", 17)).await.unwrap();
    gitlab.hide_comment(&repo(), &note("issues/4", 18)).await.unwrap();
    let gone = gitlab.hide_comment(&repo(), &note("issues/4", 19)).await;
    assert!(matches!(gone, Err(ForgeError::Missing { .. })));
    insta::assert_snapshot!(asked(&server), @r#"
    GET /api/v4/projects/700/issues/4/notes/17
    PUT /api/v4/projects/700/issues/4/notes/17
      {"body":"<details><summary>Outdated</summary>\n\nit runs <!-- m -->\n\n</details>"}
    GET /api/v4/projects/700/issues/4/notes/18
    GET /api/v4/projects/700/issues/4/notes/19
    "#);
}

#[tokio::test]
async fn reactions_are_awards_and_one_that_is_there_is_success() {
    let server = start(|seen| {
        let taken = json!({ "message": "404 Award Emoji Name has already been taken Not Found" });
        if seen.line.contains("/notes/91/") {
            return Some(reply(404, json!({ "message": "404 Note Not Found" })));
        }
        seen.line.contains("award_emoji").then(|| match seen.body["name"] == "eyes" {
            true => reply(404, taken),
            false => reply(201, json!({ "id": 1 })),
        })
    });
    let gitlab = client(&server);
    let (issue, pull) = (Thread::issue(4), Thread::pull(9));
    gitlab.react(&repo(), issue, CommentSource::Comment(90), Reaction::Eyes).await.unwrap();
    gitlab.react(&repo(), pull, CommentSource::Comment(92), Reaction::Rocket).await.unwrap();
    gitlab.react(&repo(), issue, CommentSource::Issue(4), Reaction::Rocket).await.unwrap();
    gitlab.react(&repo(), pull, CommentSource::Pull(9), Reaction::Confused).await.unwrap();
    gitlab.react(&repo(), pull, CommentSource::Commit(5), Reaction::Eyes).await.unwrap();
    let gone = gitlab.react(&repo(), issue, CommentSource::Comment(91), Reaction::Rocket).await;
    assert!(matches!(gone, Err(ForgeError::Missing { .. })), "{gone:?}");
    insta::assert_snapshot!(asked(&server), @r#"
    POST /api/v4/projects/700/issues/4/notes/90/award_emoji
      {"name":"eyes"}
    POST /api/v4/projects/700/merge_requests/9/notes/92/award_emoji
      {"name":"rocket"}
    POST /api/v4/projects/700/issues/4/award_emoji
      {"name":"rocket"}
    POST /api/v4/projects/700/merge_requests/9/award_emoji
      {"name":"confused"}
    POST /api/v4/projects/700/issues/4/notes/91/award_emoji
      {"name":"rocket"}
    "#);
}
