//! Merge requests, as GitLab is asked for them.

use crate::github_server::{Reply, Scripted, Seen, reply, sha};
use crate::gitlab_server::{asked, client, repo, start};
use serde_json::{Value, json};
use tasksgodzilla::domain::project::PullState;
use tasksgodzilla::domain::retry::Retry;
use tasksgodzilla::forge::{ForgeError, NewPull, Pulls};

fn wire(extra: &Value) -> Value {
    let mut pull = json!({
        "iid": 9, "web_url": "https://lab.example/acme/core/api/-/merge_requests/9", "title": "Draft: Split",
        "state": "opened", "draft": true, "sha": sha("a"), "source_branch": "0001-split", "target_branch": "main",
        "source_project_id": 700, "target_project_id": 700, "merge_commit_sha": null, "squash_commit_sha": null,
        "detailed_merge_status": "draft_status",
    });
    pull.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    pull
}

fn new_pull() -> NewPull {
    NewPull {
        head: "0001-split".to_owned(),
        base: "main".to_owned(),
        title: "Split".to_owned(),
        body: "Closes #4\n/merge".to_owned(),
    }
}

/// A merge request that stands as `stands`, and is answered so when it is changed.
fn standing(stands: Value, changed: (u16, Value)) -> impl Fn(&Seen) -> Option<Reply> {
    move |seen| match seen.line.starts_with("GET") {
        true if seen.line.ends_with("/merge_requests/9") => Some(reply(200, stands.clone())),
        true => None,
        false => Some(reply(changed.0, changed.1.clone())),
    }
}

#[tokio::test]
async fn a_merge_request_is_opened_as_a_draft() {
    let server = start(|seen| seen.line.starts_with("POST").then(|| reply(201, wire(&json!({})))));
    let pull = client(&server).open_pull(&repo(), &new_pull()).await.unwrap();
    assert_eq!((pull.number, pull.state, pull.head.clone()), (9, PullState::Draft, sha("a")));
    assert_eq!(
        (pull.head_branch.as_str(), pull.base_branch.as_str(), pull.from_fork),
        ("0001-split", "main", false)
    );
    insta::assert_snapshot!(asked(&server).replace('\u{2060}', "<joiner>"), @r#"
    POST /api/v4/projects/700/merge_requests
      {"source_branch":"0001-split","target_branch":"main","title":"Draft: Split","description":"Closes #4\n<joiner>/merge","remove_source_branch":false}
    "#);
}

#[tokio::test]
async fn a_merge_request_that_is_there_already_is_returned() {
    let server = start(|seen| {
        let there =
            json!({ "message": ["Another open merge request already exists for this source branch: !9"] });
        let fork = wire(&json!({ "iid": 8, "source_project_id": 701 }));
        Some(match seen.line.starts_with("POST") {
            true => reply(409, there),
            false => reply(200, json!([fork, wire(&json!({}))])),
        })
    });
    assert_eq!(client(&server).open_pull(&repo(), &new_pull()).await.unwrap().number, 9);
    let lines: Vec<String> = server.all().into_iter().map(|seen| seen.line).collect();
    let list =
        "GET /api/v4/projects/700/merge_requests?state=opened&source_branch=0001-split&per_page=100&page=1";
    assert_eq!(lines[1], list);
}

#[tokio::test]
async fn a_merge_request_that_is_there_but_not_listed_yet_is_waited_for() {
    let there = "Another open merge request already exists for this source branch: !9";
    let server = start(move |seen| match seen.line.starts_with("POST") {
        true => Some(reply(409, json!({ "message": [there] }))),
        false => Some(reply(200, json!([]))),
    });
    let error = client(&server).open_pull(&repo(), &new_pull()).await.unwrap_err();
    assert!(matches!(error, ForgeError::Behind { .. }), "{error}");
}

#[tokio::test]
async fn other_refusals_to_open_are_told_in_gitlabs_words() {
    let server = start(|seen| match seen.line.starts_with("POST") {
        true => Some(reply(422, json!({ "message": { "target_branch": ["can't be blank"] } }))),
        false => Some(reply(200, json!([]))),
    });
    let error = client(&server).open_pull(&repo(), &new_pull()).await.unwrap_err();
    assert!(
        error.to_string().ends_with("refused to open a merge request: target_branch can't be blank"),
        "{error}"
    );
}

#[tokio::test]
async fn a_merge_request_is_read_with_its_state_and_origin() {
    for (extra, state, merge_sha) in [
        (json!({}), PullState::Draft, None),
        (json!({ "draft": false }), PullState::Ready, None),
        (json!({ "draft": false, "state": "locked" }), PullState::Ready, None),
        (json!({ "state": "closed" }), PullState::Closed, None),
        (json!({ "state": "merged", "merge_commit_sha": sha("b") }), PullState::Merged, Some(sha("b"))),
        (json!({ "state": "merged", "squash_commit_sha": sha("c") }), PullState::Merged, Some(sha("c"))),
        (json!({ "state": "merged" }), PullState::Merged, Some(sha("a"))),
    ] {
        let server = start(standing(wire(&extra), (500, json!({}))));
        let pull = client(&server).pull(&repo(), 9).await.unwrap();
        assert_eq!((pull.state, pull.merge_sha), (state, merge_sha), "{extra}");
    }
    let server = start(standing(wire(&json!({ "source_project_id": null })), (500, json!({}))));
    assert!(client(&server).pull(&repo(), 9).await.unwrap().from_fork);
}

#[tokio::test]
async fn describing_keeps_a_draft_a_draft_and_ready_is_the_title_without_its_prefix() {
    let server = start(standing(wire(&json!({})), (200, json!({}))));
    let gitlab = client(&server);
    gitlab.describe_pull(&repo(), 9, "Split better", "words").await.unwrap();
    let pull = gitlab.pull(&repo(), 9).await.unwrap();
    gitlab.mark_ready(&repo(), &pull).await.unwrap();
    let ready = start(standing(wire(&json!({ "draft": false, "title": "Split" })), (200, json!({}))));
    let gitlab = client(&ready);
    gitlab.describe_pull(&repo(), 9, "Split better", "words").await.unwrap();
    gitlab.mark_ready(&repo(), &pull).await.unwrap();
    let puts = asked(&server) + &asked(&ready);
    let puts: String =
        puts.lines().filter(|line| !line.starts_with("GET")).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(puts, @r#"
    PUT /api/v4/projects/700/merge_requests/9
      {"title":"Draft: Split better","description":"words"}
    PUT /api/v4/projects/700/merge_requests/9
      {"title":"Split"}
    PUT /api/v4/projects/700/merge_requests/9
      {"title":"Split better","description":"words"}
    "#);
}

#[tokio::test]
async fn closing_what_is_closed_is_success() {
    let no = json!({ "message": "state_event is invalid" });
    let closed = start(standing(wire(&json!({ "state": "closed" })), (422, no.clone())));
    client(&closed).close_pull(&repo(), 9).await.unwrap();
    let open = start(standing(wire(&json!({})), (422, no)));
    assert!(matches!(client(&open).close_pull(&repo(), 9).await, Err(ForgeError::Refused { .. })));
    insta::assert_snapshot!(asked(&open), @r#"
    PUT /api/v4/projects/700/merge_requests/9
      {"state_event":"close"}
    GET /api/v4/projects/700/merge_requests/9
    "#);
}

#[tokio::test]
async fn only_the_judged_head_is_merged() {
    let merged = wire(&json!({ "state": "merged", "merge_commit_sha": sha("b") }));
    let server = start(standing(wire(&json!({})), (200, merged)));
    assert_eq!(client(&server).merge_pull(&repo(), 9, &sha("a")).await.unwrap(), sha("b"));
    insta::assert_snapshot!(asked(&server), @r#"
    PUT /api/v4/projects/700/merge_requests/9/merge
      {"sha":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","should_remove_source_branch":false}
    "#);
}

#[tokio::test]
async fn a_refused_merge_is_told_unless_it_happened_already_or_is_not_decided_yet() {
    let refused = || (405, json!({ "message": "405 Method Not Allowed" }));
    let merge = async |stands: Value, answer| {
        let server = start(standing(wire(&stands), answer));
        client(&server).merge_pull(&repo(), 9, &sha("a")).await
    };
    let ready = |status: &str| json!({ "draft": false, "detailed_merge_status": status });

    let merged = json!({ "state": "merged", "merge_commit_sha": sha("b") });
    assert_eq!(merge(merged.clone(), refused()).await.unwrap(), sha("b"));
    let mut of_another_head = merged;
    of_another_head["sha"] = json!(sha("f"));
    assert!(matches!(merge(of_another_head, refused()).await, Err(ForgeError::Refused { .. })));

    let error = merge(ready("ci_must_pass"), refused()).await.unwrap_err();
    assert!(error.to_string().ends_with("refused to merge: 405 Method Not Allowed: ci must pass"), "{error}");
    assert_eq!(error.retry(), Retry::Never);
    let error = merge(ready("checking"), refused()).await.unwrap_err();
    assert!(matches!(error, ForgeError::Behind { .. }), "GitLab still looks for conflicts: {error}");
    let moved = (409, json!({ "message": "SHA does not match HEAD of source branch: ffff" }));
    let error = merge(ready("mergeable"), moved).await.unwrap_err();
    assert!(error.to_string().ends_with("SHA does not match HEAD of source branch: ffff"), "{error}");
}

#[tokio::test]
async fn a_merge_without_the_right_to_merge_is_told_from_a_token_that_ended() {
    let unauthorized = || json!({ "message": "401 Unauthorized" });
    let server = start(standing(wire(&json!({})), (401, unauthorized())));
    let error = client(&server).merge_pull(&repo(), 9, &sha("a")).await.unwrap_err();
    assert!(matches!(error, ForgeError::Forbidden { .. }), "{error:?}");
    let ended = Scripted::start(move |_| Some(reply(401, unauthorized())));
    let error = client(&ended).merge_pull(&repo(), 9, &sha("a")).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unauthorized { .. }), "{error:?}");
}
