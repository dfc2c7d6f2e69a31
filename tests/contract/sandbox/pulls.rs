//! Pull requests: opened, made ready, refused, and really merged.

use super::world::{REPO, World};
use octocrab::params::State;
use serde_json::{Value, json};
use tasksgodzilla::sandbox::github::{PullSpec, Role};

const NEW: PullSpec<'_> =
    PullSpec { title: "Split the importer", body: "Plan", head: "0001-split", base: "main", draft: true };

/// A draft of the bot with one commit, and its head.
async fn with_draft() -> (World, u64, String) {
    let world = World::new().await;
    let head = world.twin.push_as("acme", REPO, "0001-split", &[("a.txt", Some("a\n"))]).unwrap();
    let bot = world.as_bot();
    let pulls = bot.pulls("acme", "api");
    let pull = pulls.create(NEW.title, NEW.head, NEW.base).body(NEW.body).draft(true).send().await.unwrap();
    assert_eq!((pull.draft, pull.head.sha.as_str()), (Some(true), head.as_str()));
    (world, pull.number, head)
}

async fn graphql(world: &World, body: Value) -> Value {
    let token = world.token().await;
    let ask = world.http.post(world.twin.graphql_url()).bearer_auth(token).body(body.to_string());
    let response = ask.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn make_ready(world: &World, number: u64) -> Value {
    let pull = world.as_bot().pulls("acme", "api").get(number).await.unwrap();
    let query = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
    graphql(world, json!({ "query": query, "variables": { "id": pull.node_id } })).await
}

#[tokio::test]
async fn a_draft_refuses_to_merge_until_graphql_makes_it_ready() {
    let (world, number, head) = with_draft().await;
    let path = format!("/repos/{REPO}/pulls/{number}");
    let merge = async |sha: &str| world.send("PUT", &format!("{path}/merge"), json!({ "sha": sha })).await;
    let (status, answer) = merge(&head).await;
    assert_eq!((status, &answer["message"]), (405, &json!("Pull Request is still a draft")));
    let (status, answer) = world.send("PATCH", &path, json!({ "draft": false })).await;
    assert_eq!((status, &answer["draft"]), (200, &json!(true)), "REST ignores it");
    let answer = make_ready(&world, number).await;
    assert_eq!(answer["data"]["markPullRequestReadyForReview"]["pullRequest"]["isDraft"], false);
    assert_eq!(world.hooks().last().unwrap(), "pull_request.ready_for_review");
    assert_eq!(merge(&world.main()).await.0, 409, "not the head");
    let (status, answer) = merge(&head).await;
    assert_eq!((status, &answer["merged"]), (200, &json!(true)));
    assert_eq!(answer["sha"], json!(world.main()));
    let pull = world.twin.pull(REPO, number).unwrap();
    assert_eq!((pull.merged, pull.open, pull.merged_by.as_deref()), (true, false, Some("godzilla[bot]")));
    assert_eq!(world.twin.file(REPO, "main", "a.txt").unwrap().as_deref(), Some(&b"a\n"[..]));
    let fired = world.hooks();
    assert!(
        fired.ends_with(&["pull_request.closed".into(), "push".into(), "check_suite.requested".into()]),
        "{fired:?}"
    );
    assert_eq!(merge(&head).await.0, 405, "merged already");
}

#[tokio::test]
async fn squash_and_rebase_leave_no_merge_commit() {
    for (method, message) in [("squash", "Split the importer (#1)"), ("rebase", "Change a.txt")] {
        let (world, number, _) = with_draft().await;
        world.twin.ready_pull("acme", REPO, number).unwrap();
        world.twin.push_as("acme", REPO, "main", &[("b.txt", Some("b\n"))]).unwrap();
        let before = world.main();
        let path = format!("/repos/{REPO}/pulls/{number}/merge");
        let (status, answer) = world.send("PUT", &path, json!({ "merge_method": method })).await;
        assert_eq!(status, 200, "{answer}");
        let token = world.token().await;
        let route = format!("/repos/{REPO}/commits/{}", world.main());
        let commit: Value = world.get(&route, &token).await.json().await.unwrap();
        assert_eq!(commit["commit"]["message"], message);
        assert_eq!(
            commit["parents"],
            json!([{ "sha": before, "url": commit["parents"][0]["url"], "html_url": commit["parents"][0]["html_url"] }])
        );
    }
}

#[tokio::test]
async fn a_conflict_is_seen_and_not_merged() {
    let (world, number, _) = with_draft().await;
    world.twin.ready_pull("acme", REPO, number).unwrap();
    world.twin.push_as("acme", REPO, "main", &[("a.txt", Some("other\n"))]).unwrap();
    let pull = world.as_bot().pulls("acme", "api").get(number).await.unwrap();
    assert_eq!(pull.mergeable, Some(false));
    let (status, answer) = world.send("PUT", &format!("/repos/{REPO}/pulls/{number}/merge"), json!({})).await;
    assert_eq!((status, &answer["message"]), (405, &json!("Pull Request is not mergeable")));
}

#[tokio::test]
async fn pull_requests_that_make_no_sense_are_refused() {
    let (world, _, _) = with_draft().await;
    let open = async |head: &str, base: &str| {
        let body = json!({ "title": "x", "head": head, "base": base });
        let (status, answer) = world.send("POST", &format!("/repos/{REPO}/pulls"), body).await;
        (status, answer["errors"][0]["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        open("0001-split", "main").await,
        (422, "A pull request already exists for acme:0001-split.".into())
    );
    assert_eq!(open("main", "main").await, (422, "No commits between main and main".into()));
    assert_eq!(open("nothing", "main").await.0, 422);
    assert_eq!(open("0001-split", "nothing").await.0, 422);
    assert_eq!(
        world.send("POST", &format!("/repos/{REPO}/pulls"), json!({ "head": "a", "base": "b" })).await.0,
        422
    );
}

#[tokio::test]
async fn pull_requests_are_found_by_head_and_state() {
    let (world, number, _) = with_draft().await;
    let bot = world.as_bot();
    let pulls = bot.pulls("acme", "api");
    let found = pulls.list().head("acme:0001-split").state(State::All).send().await.unwrap();
    assert_eq!(found.items.iter().map(|p| p.number).collect::<Vec<_>>(), [number]);
    assert!(pulls.list().head("acme:other").send().await.unwrap().items.is_empty());
    pulls.update(number).title("Renamed").state(octocrab::params::pulls::State::Closed).send().await.unwrap();
    assert!(pulls.list().send().await.unwrap().items.is_empty());
    assert_eq!(world.twin.pull(REPO, number).unwrap().title, "Renamed");
    let hooks = world.hooks();
    assert!(hooks.ends_with(&["pull_request.edited".into(), "pull_request.closed".into()]), "{hooks:?}");
    world.twin.reopen_pull("acme", REPO, number).unwrap();
    assert_eq!(world.hooks().last().unwrap(), "pull_request.reopened");
    let token = world.token().await;
    let commits: Value =
        world.get(&format!("/repos/{REPO}/pulls/{number}/commits"), &token).await.json().await.unwrap();
    assert_eq!(commits[0]["commit"]["message"], "Change a.txt");
}

#[tokio::test]
async fn comments_of_a_pull_request_say_so() {
    let (world, number, _) = with_draft().await;
    world.twin.comment("vera", REPO, number, "/step run 1").unwrap();
    let hook = world.twin.pending().pop().unwrap();
    let body: Value = serde_json::from_slice(&hook.body).unwrap();
    assert!(body["issue"]["pull_request"]["url"].as_str().unwrap().ends_with(&format!("/pulls/{number}")));
}

#[tokio::test]
async fn a_comment_is_hidden_by_graphql_only() {
    let world = World::new().await;
    world.twin.open_issue("vera", REPO, "Split it", "").unwrap();
    let id = world.twin.comment("vera", REPO, 1, "old").unwrap();
    let inline = format!(
        r#"mutation Hide {{ done: minimizeComment(input: {{subjectId: "IC_{id}", classifier: OUTDATED}}) {{ minimizedComment {{ isMinimized }} }} }}"#
    );
    let answer = graphql(&world, json!({ "query": inline })).await;
    assert_eq!(answer["data"]["minimizeComment"]["minimizedComment"]["isMinimized"], true);
    assert_eq!(world.twin.thread(REPO, 1).unwrap()[0].minimized.as_deref(), Some("OUTDATED"));
    let variables = json!({ "input": { "subjectId": "IC_1", "classifier": "OUTDATED" } });
    let by_variable =
        "mutation($input: MinimizeCommentInput!) { minimizeComment(input: $input) { clientMutationId } }";
    let answer = graphql(&world, json!({ "query": by_variable, "variables": variables })).await;
    assert_eq!(answer["errors"][0]["type"], "NOT_FOUND");
    let answer =
        graphql(&world, json!({ "query": "mutation { deleteIssue(input: {issueId: \"I_1\"}) { x } }" }))
            .await;
    assert_eq!(answer["errors"][0]["message"], "Field 'deleteIssue' doesn't exist on type 'Mutation'");
    assert!(graphql(&world, json!({ "query": "{ viewer { login } }" })).await["errors"].is_array());
}

#[tokio::test]
async fn a_token_without_the_right_gets_the_classic_words_from_graphql() {
    let (world, _, _) = with_draft().await;
    let minted = world.mint(&json!({ "permissions": { "pull_requests": "read" } })).await.unwrap();
    let id = world.as_bot().pulls("acme", "api").get(1).await.unwrap().node_id;
    let query = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { id } } }";
    let body = json!({ "query": query, "variables": { "id": id } }).to_string();
    let ask =
        world.http.post(world.twin.graphql_url()).bearer_auth(minted["token"].as_str().unwrap()).body(body);
    let answer: Value = ask.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"][0]["message"], "Resource not accessible by integration");
    assert!(world.twin.pull(REPO, 1).unwrap().draft);
}

#[tokio::test]
async fn a_fork_can_offer_its_branch() {
    let world = World::new().await;
    world.twin.fork("vera", REPO).unwrap();
    world.twin.push_as("vera", "vera/api", "fix", &[("fix.txt", Some("x"))]).unwrap();
    let spec = PullSpec { title: "Fix", body: "", head: "vera:fix", base: "main", draft: false };
    let number = world.twin.open_pull("vera", REPO, &spec).unwrap();
    let pull = world.as_bot().pulls("acme", "api").get(number).await.unwrap();
    assert_eq!(pull.head.repo.unwrap().full_name.as_deref(), Some("vera/api"));
    assert_eq!(pull.mergeable, Some(true));
    let second = world.twin.push_as("vera", "vera/api", "fix", &[("more.txt", Some("y"))]).unwrap();
    assert_eq!(world.hooks().last().unwrap(), "pull_request.synchronize");
    assert_eq!(world.twin.pull(REPO, number).unwrap().head_sha, second);
    assert!(world.twin.merge_pull("vera", REPO, number).is_err());
    world.twin.grant(REPO, "vera", Role::Write).unwrap();
    world.twin.merge_pull("vera", REPO, number).unwrap();
    assert!(world.twin.file(REPO, "main", "more.txt").unwrap().is_some());
}
