//! What the four traits of `forge/` become on GitHub.

use crate::github_server::{BOT, Reply, Scripted, Seen, reply, repo};
use serde_json::{Value, json};
use tasksgodzilla::domain::actor::Permission;
use tasksgodzilla::domain::ci::{CiResult, CiState};
use tasksgodzilla::domain::colour::Colour;
use tasksgodzilla::domain::effect::Reaction;
use tasksgodzilla::domain::forge_event::CommentSource;
use tasksgodzilla::domain::ids::Sha;
use tasksgodzilla::domain::project::PullState;
use tasksgodzilla::forge::{Access, Button, CheckReport, Checks, ForgeError, NewPull, Pull, Pulls, Threads};

fn sha(digit: &str) -> Sha {
    Sha::parse(&digit.repeat(40)).unwrap()
}

/// Answers by the first line that the question starts with.
fn by_line(table: &'static [(&'static str, u16, &'static str)]) -> impl Fn(&Seen) -> Option<Reply> {
    move |seen| {
        let (_, status, body) = table.iter().find(|(line, _, _)| seen.line.starts_with(line))?;
        Some(reply(*status, serde_json::from_str(body).unwrap()))
    }
}

#[tokio::test]
async fn the_bot_knows_its_name_account_and_address_after_asking_once() {
    let server = Scripted::start(|_| None);
    let github = server.client("");
    let identity = github.identity().await.unwrap();
    assert_eq!(identity, github.identity().await.unwrap());
    assert_eq!(
        (identity.app_id, identity.slug.as_str(), identity.actor.id),
        (42, "godzilla", BOT)
    );
    assert_eq!(identity.email, "4200+godzilla[bot]@users.noreply.github.com");
    assert_eq!(server.all().len(), 2);
    let account = &server.all()[1];
    assert_eq!(
        account.header("authorization"),
        "",
        "an App's assertion is refused here"
    );
}

#[tokio::test]
async fn a_server_in_private_mode_is_asked_through_an_installation() {
    let server = Scripted::start(|seen| match seen.line.as_str() {
        line if line.contains("/users/") && seen.header("authorization").is_empty() => Some(reply(
            401,
            json!({ "message": "Must authenticate to access this API." }),
        )),
        line if line.contains("/app/installations?") => Some(reply(200, json!([{ "id": 5 }]))),
        _ => None,
    });
    assert_eq!(server.client("").identity().await.unwrap().actor.id, BOT);
    assert_eq!(
        server.mints()[0].body,
        json!({ "permissions": { "metadata": "read" } })
    );
}

#[tokio::test]
async fn a_stranger_has_no_permission() {
    let server = Scripted::start(by_line(&[(
        "GET /repos/acme/api/collaborators/ada/permission",
        200,
        r#"{ "permission": "write", "role_name": "maintain" }"#,
    )]));
    let github = server.client("");
    assert_eq!(
        github.permission(&repo(), "ada").await.unwrap(),
        Permission::Maintain
    );
    assert_eq!(
        github.permission(&repo(), "eve[bot]").await.unwrap(),
        Permission::None
    );
    assert_eq!(
        server.lines()[1],
        "GET /repos/acme/api/collaborators/eve%5Bbot%5D/permission"
    );
}

#[tokio::test]
async fn a_repository_is_found_by_id_whatever_it_is_called_now() {
    let server = Scripted::start(by_line(&[(
        "GET /repositories/700",
        200,
        r#"{ "id": 700, "name": "core", "owner": { "login": "acme-inc" }, "default_branch": "main", "private": true }"#,
    )]));
    let found = server.client("").repository(&repo()).await.unwrap();
    assert_eq!(
        (found.repo.full_name().as_str(), found.repo.installation),
        ("acme-inc/core", 5)
    );
    assert!(found.private && !found.archived);
}

#[tokio::test]
async fn a_missing_branch_is_told_from_a_missing_repository() {
    let server = Scripted::start(by_line(&[
        (
            "GET /repos/acme/api/git/ref/heads/feature/a%23b",
            200,
            r#"{ "ref": "refs/heads/feature/a#b", "object": { "sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } }"#,
        ),
        (
            "GET /repositories/700",
            200,
            r#"{ "id": 700, "name": "api", "owner": { "login": "acme" }, "default_branch": "main", "private": true }"#,
        ),
        (
            "GET /repos/empty/api/git/ref",
            409,
            r#"{ "message": "Git Repository is empty." }"#,
        ),
    ]));
    let github = server.client("");
    assert_eq!(
        github.branch_tip(&repo(), "feature/a#b").await.unwrap(),
        Some(sha("a"))
    );
    assert_eq!(github.branch_tip(&repo(), "gone").await.unwrap(), None);
    let mut lost = repo();
    lost.owner = "empty".to_owned();
    assert_eq!(github.branch_tip(&lost, "main").await.unwrap(), None);
    lost.id = 9;
    lost.owner = "lost".to_owned();
    let error = github.branch_tip(&lost, "main").await.unwrap_err();
    assert!(matches!(error, ForgeError::Missing { .. }), "{error}");
}

fn comment(id: i64, user: i64, body: &str) -> Value {
    json!({ "id": id, "node_id": format!("IC_{id}"), "user": { "id": user }, "body": body })
}

#[tokio::test]
async fn our_newest_marked_comment_is_found_from_the_last_page_on() {
    let server = Scripted::start(|seen| {
        let last = "</repositories/700/issues/4/comments?per_page=100&page=3>; rel=\"last\"";
        let page = |comments: &[Value]| reply(200, json!(comments));
        match seen
            .line
            .strip_prefix("GET /repos/acme/api/issues/4/comments?per_page=100&page=")?
        {
            "1" => Some(page(&[comment(1, BOT, "<!-- m -->")]).with("link", last)),
            "2" => Some(page(&[
                comment(2, BOT, "<!-- m --> older"),
                comment(3, BOT, "<!-- m --> newer"),
            ])),
            _ => Some(page(&[
                comment(4, 11, "> <!-- m --> quoted by a person"),
                comment(5, BOT, "other"),
            ])),
        }
    });
    let found = server
        .client("")
        .find_comment(&repo(), 4, "<!-- m -->")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.id, found.node_id.as_str()), (3, "IC_3"));
    assert_eq!(server.lines().len(), 3);
    let none = server
        .client("")
        .find_comment(&repo(), 4, "<!-- other -->")
        .await
        .unwrap();
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
    let found = server
        .client("")
        .find_comment(&repo(), 4, "<!-- m -->")
        .await
        .unwrap();
    assert_eq!(found.map(|comment| comment.id), Some(8));
}

#[tokio::test]
async fn comments_and_reactions_go_to_their_places() {
    let server = Scripted::start(|seen| {
        let body = json!({ "id": 17, "node_id": "IC_17", "body": "hello" });
        (!seen.line.contains("/access_tokens")).then(|| reply(201, body))
    });
    let github = server.client("");
    let posted = github.create_comment(&repo(), 4, "hello").await.unwrap();
    github
        .edit_comment(&repo(), &posted, "hello again")
        .await
        .unwrap();
    github
        .react(&repo(), CommentSource::Comment(90), Reaction::Eyes)
        .await
        .unwrap();
    github
        .react(&repo(), CommentSource::Issue(4), Reaction::Rocket)
        .await
        .unwrap();
    github
        .react(&repo(), CommentSource::Pull(9), Reaction::Confused)
        .await
        .unwrap();
    let told: String = server
        .seen()
        .iter()
        .map(|seen| format!("{} {}\n", seen.line, seen.body))
        .collect();
    insta::assert_snapshot!(told, @r#"
    POST /repos/acme/api/issues/4/comments {"body":"hello"}
    PATCH /repos/acme/api/issues/comments/17 {"body":"hello again"}
    POST /repos/acme/api/issues/comments/90/reactions {"content":"eyes"}
    POST /repos/acme/api/issues/4/reactions {"content":"rocket"}
    POST /repos/acme/api/issues/9/reactions {"content":"confused"}
    "#);
}

#[tokio::test]
async fn graphql_errors_are_errors_though_the_status_is_200() {
    for (kind, is_expected) in [
        (
            "NOT_FOUND",
            (|e: &ForgeError| matches!(e, ForgeError::Missing { .. })) as fn(&ForgeError) -> bool,
        ),
        ("FORBIDDEN", |e| matches!(e, ForgeError::Forbidden { .. })),
        ("RATE_LIMITED", |e| matches!(e, ForgeError::Limited { .. })),
        (
            "UNPROCESSABLE",
            |e| matches!(e, ForgeError::Refused { words, .. } if words == "no way"),
        ),
    ] {
        let server = Scripted::start(move |seen| {
            let errors = json!([{ "type": kind, "message": "no way", "path": ["minimizeComment"] }]);
            seen.line
                .ends_with("/graphql")
                .then(|| reply(200, json!({ "data": null, "errors": errors })))
        });
        let posted = tasksgodzilla::forge::CommentRef {
            id: 17,
            node_id: "IC_17".to_owned(),
        };
        let error = server
            .client("")
            .hide_comment(&repo(), &posted)
            .await
            .unwrap_err();
        assert!(is_expected(&error), "{kind} gave {error:?}");
    }
}

fn wire_pull(extra: &Value) -> Value {
    let side =
        |branch: &str, sha: &Sha, repo: i64| json!({ "ref": branch, "sha": sha, "repo": { "id": repo } });
    let mut pull = json!({
        "number": 9, "node_id": "PR_9", "html_url": "https://github.example/acme/api/pull/9", "state": "open",
        "draft": true, "merged_at": null, "merge_commit_sha": sha("c"),
        "head": side("0007-split", &sha("a"), 700), "base": side("main", &sha("b"), 700),
    });
    pull.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
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
    let server = Scripted::start(|seen| {
        seen.line
            .ends_with("/pulls")
            .then(|| reply(201, wire_pull(&json!({}))))
    });
    let pull = server.client("").open_pull(&repo(), &new_pull()).await.unwrap();
    assert_eq!(pull, open_pull());
    insta::assert_snapshot!(server.seen()[0].body.to_string(), @r#"{"title":"0007: split","head":"0007-split","base":"main","body":"What and why","draft":true}"#);
}

#[tokio::test]
async fn a_pull_request_that_is_there_already_is_returned() {
    let server = Scripted::start(|seen| {
        let errors = json!([{ "message": "A pull request already exists for acme:0007-split." }]);
        match seen.line.as_str() {
            "POST /repos/acme/api/pulls" => Some(reply(
                422,
                json!({ "message": "Validation Failed", "errors": errors }),
            )),
            "GET /repos/acme/api/pulls?state=open&head=acme%3A0007-split" => {
                Some(reply(200, json!([wire_pull(&json!({}))])))
            }
            _ => None,
        }
    });
    assert_eq!(
        server.client("").open_pull(&repo(), &new_pull()).await.unwrap(),
        open_pull()
    );
}

#[tokio::test]
async fn where_drafts_are_not_to_be_had_the_pull_request_is_opened_ready() {
    let server = Scripted::start(|seen| {
        let refused = json!({ "message": "Draft pull requests are not supported in this repository." });
        let is_draft = seen.body["draft"] == true;
        let answer = || {
            if is_draft {
                reply(422, refused)
            } else {
                reply(201, wire_pull(&json!({ "draft": false })))
            }
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
    let error = server
        .client("")
        .open_pull(&repo(), &new_pull())
        .await
        .unwrap_err();
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
        assert_eq!(
            (pull.state, pull.from_fork, pull.merge_sha),
            (state, from_fork, merge_sha)
        );
    }
}

#[tokio::test]
async fn marking_ready_what_is_ready_is_success_and_what_stays_a_draft_is_not() {
    for (draft, is_success) in [(false, true), (true, false)] {
        let server = Scripted::start(move |seen| match seen.line.as_str() {
            "POST /graphql" => Some(reply(
                200,
                json!({ "errors": [{ "message": "Pull request is not in a draft state" }] }),
            )),
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
        seen.line
            .starts_with("PUT /repos/acme/api/pulls/9/merge")
            .then(|| reply(200, merged))
    });
    assert_eq!(
        server.client("").merge_pull(&repo(), 9, &sha("a")).await.unwrap(),
        sha("c")
    );
    assert_eq!(
        server.seen()[0].body,
        json!({ "sha": sha("a"), "merge_method": "merge" })
    );
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
    let error = server
        .client("")
        .merge_pull(&repo(), 9, &sha("a"))
        .await
        .unwrap_err();
    assert!(matches!(&error, ForgeError::Refused { words, .. } if words == "Pull Request is not mergeable"));
    let merged = json!({ "state": "closed", "merged_at": "2026-01-02T03:04:05Z" });
    let server = Scripted::start(script(merged));
    let github = server.client("");
    assert_eq!(github.merge_pull(&repo(), 9, &sha("a")).await.unwrap(), sha("c"));
    assert!(
        github.merge_pull(&repo(), 9, &sha("b")).await.is_err(),
        "another head was merged"
    );
}

fn check_report(colour: Colour) -> CheckReport {
    CheckReport {
        name: "TasksGodzilla / plan".to_owned(),
        sha: sha("a"),
        colour,
        external_id: "7:plan:1".to_owned(),
        details_url: "https://bot.example/p/7".to_owned(),
        title: "Planned".to_owned(),
        summary: "Three steps".to_owned(),
        text: None,
        buttons: vec![Button {
            label: "Run",
            description: "Run all steps",
            identifier: "run",
        }],
    }
}

#[tokio::test]
async fn a_new_check_run_is_created_with_everything_it_shows() {
    let server = Scripted::start(by_line(&[
        ("GET /repos/acme/api/commits/", 200, r#"{ "check_runs": [] }"#),
        ("POST /repos/acme/api/check-runs", 201, r#"{ "id": 31 }"#),
    ]));
    let mut report = check_report(Colour::ActionRequired);
    report.text = Some("The plan".to_owned());
    assert_eq!(
        server.client("").put_check(&repo(), None, &report).await.unwrap(),
        31
    );
    let told: String = server
        .seen()
        .iter()
        .map(|seen| format!("{}\n{:#}\n", seen.line, seen.body))
        .collect();
    insta::assert_snapshot!(told, @r#"
    GET /repos/acme/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/check-runs?check_name=TasksGodzilla%20%2F%20plan&app_id=42&filter=all&per_page=100
    null
    POST /repos/acme/api/check-runs
    {
      "name": "TasksGodzilla / plan",
      "status": "completed",
      "external_id": "7:plan:1",
      "details_url": "https://bot.example/p/7",
      "output": {
        "title": "Planned",
        "summary": "Three steps",
        "text": "The plan"
      },
      "actions": [
        {
          "label": "Run",
          "description": "Run all steps",
          "identifier": "run"
        }
      ],
      "conclusion": "action_required",
      "head_sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    }
    "#);
}

#[tokio::test]
async fn a_run_of_ours_with_that_name_is_updated_instead() {
    let server = Scripted::start(by_line(&[
        (
            "GET /repos/acme/api/commits/",
            200,
            r#"{ "check_runs": [
                { "id": 40, "name": "TasksGodzilla / plan", "status": "queued", "conclusion": null, "app": { "id": 7 } },
                { "id": 33, "name": "TasksGodzilla / plan", "status": "queued", "conclusion": null, "app": { "id": 42 } },
                { "id": 32, "name": "TasksGodzilla / plan", "status": "queued", "conclusion": null, "app": { "id": 42 } }
            ] }"#,
        ),
        ("PATCH /repos/acme/api/check-runs/33", 200, r#"{ "id": 33 }"#),
    ]));
    let report = check_report(Colour::Success);
    assert_eq!(
        server.client("").put_check(&repo(), None, &report).await.unwrap(),
        33
    );
}

#[tokio::test]
async fn each_colour_has_its_status_and_conclusion() {
    let server = Scripted::start(by_line(&[(
        "PATCH /repos/acme/api/check-runs/31",
        200,
        r#"{ "id": 31 }"#,
    )]));
    let github = server.client("");
    for colour in [
        Colour::Queued,
        Colour::Running,
        Colour::Success,
        Colour::Failure,
        Colour::ActionRequired,
        Colour::Cancelled,
        Colour::Neutral,
    ] {
        github
            .put_check(&repo(), Some(31), &check_report(colour))
            .await
            .unwrap();
    }
    let told: String = server
        .seen()
        .iter()
        .map(|seen| format!("{} {}\n", seen.body["status"], seen.body["conclusion"]))
        .collect();
    insta::assert_snapshot!(told, @r#"
    "queued" null
    "in_progress" null
    "completed" "success"
    "completed" "failure"
    "completed" "action_required"
    "completed" "cancelled"
    "completed" "neutral"
    "#);
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.body.get("head_sha").is_none())
    );
    assert!(
        server.seen()[0].body.get("conclusion").is_none(),
        "nothing, not null: null is invalid"
    );
}

#[tokio::test]
async fn results_of_others_count_and_ours_and_empty_suites_do_not() {
    let server = Scripted::start(by_line(&[
        (
            "GET /repos/acme/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/check-runs?filter=latest&per_page=100",
            200,
            r#"{ "check_runs": [
                { "id": 1, "name": "build", "status": "completed", "conclusion": "success", "html_url": "https://ci.example/1", "app": { "id": 7 } },
                { "id": 2, "name": "TasksGodzilla / plan", "status": "completed", "conclusion": "failure", "app": { "id": 42 } }
            ] }"#,
        ),
        (
            "GET /repos/acme/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/check-suites?per_page=100",
            200,
            r#"{ "check_suites": [
                { "id": 1, "status": "queued", "conclusion": null, "latest_check_runs_count": 0, "app": { "id": 8, "name": "Idle" } },
                { "id": 2, "status": "completed", "conclusion": "action_required", "latest_check_runs_count": 0, "app": { "id": 7, "name": "GitHub Actions" } },
                { "id": 3, "status": "completed", "conclusion": "action_required", "latest_check_runs_count": 2, "app": { "id": 7, "name": "Other" } }
            ] }"#,
        ),
        (
            "GET /repos/acme/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/status?per_page=100",
            200,
            r#"{ "state": "failure", "statuses": [
                { "context": "ci/old", "state": "error", "target_url": null },
                { "context": "ci/slow", "state": "pending", "target_url": "https://ci.example/2" }
            ] }"#,
        ),
    ]));
    let result = |name: &str, state, url: Option<&str>| CiResult {
        name: name.to_owned(),
        state,
        url: url.map(str::to_owned),
    };
    let page = format!("https://github.example/acme/api/commit/{}/checks", sha("a"));
    assert_eq!(
        server.client("").ci_results(&repo(), &sha("a")).await.unwrap(),
        [
            result("build", CiState::Passed, Some("https://ci.example/1")),
            result("GitHub Actions", CiState::NeedsPerson, Some(&page)),
            result("ci/old", CiState::Failed, None),
            result("ci/slow", CiState::Pending, Some("https://ci.example/2")),
        ]
    );
}
