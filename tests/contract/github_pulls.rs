//! Pull requests.

use crate::github_server::{Scripted, Seen, reply, repo, sha};
use serde_json::{Value, json};
use tasksgodzilla::domain::ids::Sha;
use tasksgodzilla::domain::project::PullState;
use tasksgodzilla::forge::{ForgeError, NewPull, Pull, Pulls};

fn wire_pull(extra: &Value) -> Value {
    let side =
        |branch: &str, sha: &Sha, repo: i64| json!({ "ref": branch, "sha": sha, "repo": { "id": repo } });
    let mut pull = json!({
        "number": 9, "node_id": "PR_9", "html_url": "https://github.example/acme/api/pull/9", "state": "open",
        "draft": true, "merged_at": null, "merge_commit_sha": sha("c"),
        "head": side("0007-split", &sha("a"), 700), "base": side("main", &sha("b"), 700),
    });
    pull.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    pull
}

fn new_pull() -> NewPull {
    NewPull {
        head: "0007-split".to_owned(),
        base: "main".to_owned(),
        title: "0007: split".to_owned(),
        body: "What and why".to_owned(),
    }
}

fn open_pull() -> Pull {
    Pull {
        number: 9,
        node_id: "PR_9".to_owned(),
        url: "https://github.example/acme/api/pull/9".to_owned(),
        state: PullState::Draft,
        head: sha("a"),
        head_branch: "0007-split".to_owned(),
        base_branch: "main".to_owned(),
        from_fork: false,
        merge_sha: None,
    }
}

#[tokio::test]
async fn a_pull_request_is_opened_as_a_draft() {
    let server =
        Scripted::start(|seen| seen.line.ends_with("/pulls").then(|| reply(201, wire_pull(&json!({})))));
    let pull = server.client("").open_pull(&repo(), &new_pull()).await.unwrap();
    assert_eq!(pull, open_pull());
    insta::assert_snapshot!(server.seen()[0].body.to_string(), @r#"{"title":"0007: split","head":"0007-split","base":"main","body":"What and why","draft":true}"#);
}

#[tokio::test]
async fn a_pull_request_that_is_there_already_is_returned() {
    let server = Scripted::start(|seen| {
        let errors = json!([{ "message": "A pull request already exists for acme:0007-split." }]);
        match seen.line.as_str() {
            "POST /repos/acme/api/pulls" => {
                Some(reply(422, json!({ "message": "Validation Failed", "errors": errors })))
            }
            "GET /repos/acme/api/pulls?state=open&head=acme%3A0007-split" => {
                Some(reply(200, json!([wire_pull(&json!({}))])))
            }
            _ => None,
        }
    });
    assert_eq!(server.client("").open_pull(&repo(), &new_pull()).await.unwrap(), open_pull());
}

#[tokio::test]
async fn where_drafts_are_not_to_be_had_the_pull_request_is_opened_ready() {
    let server = Scripted::start(|seen| {
        let refused = json!({ "message": "Draft pull requests are not supported in this repository." });
        let is_draft = seen.body["draft"] == true;
        let answer = || {
            if is_draft { reply(422, refused) } else { reply(201, wire_pull(&json!({ "draft": false }))) }
        };
        seen.line.ends_with("/pulls").then(answer)
    });
    let pull = server.client("").open_pull(&repo(), &new_pull()).await.unwrap();
    assert_eq!(pull.state, PullState::Ready);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn other_refusals_to_open_are_told_in_githubs_words() {
    let server = Scripted::start(|seen| {
        let errors = json!([{ "message": "No commits between main and 0007-split" }]);
        let refused = || reply(422, json!({ "message": "Validation Failed", "errors": errors }));
        seen.line.ends_with("/pulls").then(refused)
    });
    let error = server.client("").open_pull(&repo(), &new_pull()).await.unwrap_err();
    let told = error.to_string().replace(&server.host(), "HOST");
    insta::assert_snapshot!(told, @"HOST refused to open a pull request: Validation Failed: No commits between main and 0007-split");
}

#[tokio::test]
async fn a_pull_request_is_read_with_its_state_and_origin() {
    let merged = json!({ "state": "closed", "draft": false, "merged_at": "2026-01-02T03:04:05Z" });
    let no_fork_left = json!({ "head": { "ref": "x", "sha": sha("a"), "repo": null } });
    for (extra, state, from_fork, merge_sha) in [
        (json!({}), PullState::Draft, false, None),
        (json!({ "draft": false }), PullState::Ready, false, None),
        (json!({ "state": "closed" }), PullState::Closed, false, None),
        (merged, PullState::Merged, false, Some(sha("c"))),
        (no_fork_left, PullState::Draft, true, None),
    ] {
        let server =
            Scripted::start(move |seen| seen.line.ends_with("/9").then(|| reply(200, wire_pull(&extra))));
        let pull = server.client("").pull(&repo(), 9).await.unwrap();
        assert_eq!((pull.state, pull.from_fork, pull.merge_sha), (state, from_fork, merge_sha));
    }
}

#[tokio::test]
async fn marking_ready_what_is_ready_is_success_and_what_stays_a_draft_is_not() {
    for (draft, is_success) in [(false, true), (true, false)] {
        let server = Scripted::start(move |seen| match seen.line.as_str() {
            "POST /graphql" => {
                Some(reply(200, json!({ "errors": [{ "message": "Pull request is not in a draft state" }] })))
            }
            "GET /repos/acme/api/pulls/9" => Some(reply(200, wire_pull(&json!({ "draft": draft })))),
            _ => None,
        });
        let marked = server.client("").mark_ready(&repo(), &open_pull()).await;
        assert_eq!(marked.is_ok(), is_success, "{marked:?}");
    }
}

#[tokio::test]
async fn only_the_judged_head_is_merged() {
    let server = Scripted::start(|seen| {
        let merged =
            json!({ "sha": sha("c"), "merged": true, "message": "Pull Request successfully merged" });
        seen.line.starts_with("PUT /repos/acme/api/pulls/9/merge").then(|| reply(200, merged))
    });
    assert_eq!(server.client("").merge_pull(&repo(), 9, &sha("a")).await.unwrap(), sha("c"));
    assert_eq!(server.seen()[0].body, json!({ "sha": sha("a"), "merge_method": "merge" }));
    assert_eq!(server.mints()[0].body["permissions"]["contents"], "write");
}

#[tokio::test]
async fn a_refused_merge_is_told_unless_it_happened_already() {
    let script = |extra: Value| {
        move |seen: &Seen| match seen.line.as_str() {
            line if line.starts_with("PUT ") => {
                Some(reply(405, json!({ "message": "Pull Request is not mergeable" })))
            }
            line if line.ends_with("/pulls/9") => Some(reply(200, wire_pull(&extra))),
            _ => None,
        }
    };
    let server = Scripted::start(script(json!({ "draft": false })));
    let error = server.client("").merge_pull(&repo(), 9, &sha("a")).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Refused { words, .. } if words == "Pull Request is not mergeable"));
    let merged = json!({ "state": "closed", "merged_at": "2026-01-02T03:04:05Z" });
    let server = Scripted::start(script(merged));
    let github = server.client("");
    assert_eq!(github.merge_pull(&repo(), 9, &sha("a")).await.unwrap(), sha("c"));
    assert!(github.merge_pull(&repo(), 9, &sha("b")).await.is_err(), "another head was merged");
}
