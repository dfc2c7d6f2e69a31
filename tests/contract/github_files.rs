//! One file at a commit: what is read, what is not there, and what is no file.

use crate::github_server::{Scripted, reply, repo, sha};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tasksgodzilla::domain::retry::{OUTAGE, Retry};
use tasksgodzilla::forge::{Access, ForgeError};

const LIMIT: usize = 100;

/// Asks for `.bot.yml` where GitHub answers so.
async fn asked(status: u16, answer: Value) -> Result<Option<Vec<u8>>, ForgeError> {
    let server = Scripted::start(move |seen| {
        let wanted = "GET /repos/acme/api/contents/.bot.yml?ref=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        (seen.line == wanted).then(|| reply(status, answer.clone()))
    });
    server.client("").file(&repo(), &sha("a"), ".bot.yml", LIMIT).await
}

/// A file as GitHub answers; `id` is that of its blob.
fn file(content: &str, id: &str) -> Value {
    let lines = BASE64_STANDARD.encode(content);
    let lines: Vec<&str> =
        lines.as_bytes().chunks(60).map(|chunk| std::str::from_utf8(chunk).unwrap()).collect();
    json!({
        "type": "file", "name": ".bot.yml", "path": ".bot.yml", "sha": id, "size": content.len(),
        "encoding": "base64", "content": format!("{}\n", lines.join("\n")),
    })
}

async fn unfit(answer: Value) -> String {
    let error = asked(200, answer).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unfit { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::Never);
    error.to_string()
}

#[tokio::test]
async fn a_file_is_read_whole() {
    assert_eq!(
        asked(200, file("hello\n", "ce013625030ba8dba906f756967f9e9ca394464a")).await.unwrap(),
        Some(b"hello\n".to_vec())
    );
    assert_eq!(
        asked(200, file("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")).await.unwrap(),
        Some(Vec::new())
    );
    let most = "x".repeat(LIMIT);
    let id = "f6be7cae2045aac11912ea642bf7f9d5d261f63b";
    assert_eq!(asked(200, file(&most, id)).await.unwrap(), Some(most.into_bytes()));
}

#[tokio::test]
async fn a_missing_file_is_told_from_a_missing_commit() {
    assert_eq!(asked(404, json!({ "message": "Not Found" })).await.unwrap(), None);
    let error = asked(404, json!({ "message": "No commit found for the ref aaaa" })).await.unwrap_err();
    assert!(matches!(error, ForgeError::Refused { .. }), "{error:?}");
    let error = asked(503, json!({})).await.unwrap_err();
    assert_eq!(error.retry(), Retry::WhenThere(OUTAGE));
    let error = asked(403, json!({ "message": "Resource not accessible by integration" })).await.unwrap_err();
    assert!(matches!(error, ForgeError::Forbidden { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_no_plain_file_is_named() {
    let entry = |kind: &str| json!({ "type": kind, "path": ".bot.yml", "sha": "1", "size": 7 });
    assert_snapshot!(unfit(entry("symlink")).await, @"`.bot.yml` is a symbolic link, and not a plain file of at most 100 bytes");
    assert_snapshot!(unfit(entry("submodule")).await, @"`.bot.yml` is a submodule, and not a plain file of at most 100 bytes");
    assert_snapshot!(unfit(entry("dir")).await, @"`.bot.yml` is something else, and not a plain file of at most 100 bytes");
    assert_snapshot!(unfit(json!([entry("file"), entry("file")])).await, @"`.bot.yml` is a folder, and not a plain file of at most 100 bytes");
    let mut large = entry("file");
    large["size"] = json!(LIMIT + 1);
    large["encoding"] = json!("none");
    large["content"] = json!("");
    assert_snapshot!(unfit(large).await, @"`.bot.yml` is 101 bytes long, and not a plain file of at most 100 bytes");
}

/// GitHub follows a link to a file of the repository; only the id is then the link's.
#[tokio::test]
async fn a_link_that_was_followed_is_seen() {
    let linked = file("thanks for reading me\n", "dbb84a81d2b1b5eb4077c9b72b7497eb16ed9bf6");
    assert_snapshot!(unfit(linked).await, @"`.bot.yml` is a symbolic link, and not a plain file of at most 100 bytes");
}

#[tokio::test]
async fn an_answer_in_another_form_is_an_error() {
    for answer in [json!({}), json!("text"), json!({ "type": "file", "sha": "1", "size": 1, "content": "%" })]
    {
        let error = asked(200, answer).await.unwrap_err();
        assert!(matches!(error, ForgeError::Unreadable { .. }), "{error:?}");
    }
}
