//! Webhooks as GitHub sends them: our own small ones, and real ones where they lie beside the repository.

use crate::webhook_files;
use tasksgodzilla::forge::github::webhook::{Parsed, parse, peek};

/// What the bot makes of a file: the event, or why it is foreign.
fn told(event: &str, body: &[u8]) -> String {
    let peeked = peek(event, body);
    match parse(event, body).unwrap() {
        Parsed::Ours(event) => {
            assert!(peeked.ours);
            format!("{:?} by {}", event.happened, event.sender.login)
        }
        Parsed::Foreign { reason } => format!("foreign: {reason}"),
        Parsed::Stage(told) => panic!("GitHub tells no stages: {told:?}"),
    }
}

#[test]
fn our_own_small_deliveries_are_understood() {
    let told = webhook_files::small("github", |name, body| told(name.split('.').next().unwrap(), body));
    insta::assert_snapshot!(told, @r#"
    check_run.rerequested.json: CheckRerun { check: 31, name: "TasksGodzilla / protocol", sha: Sha("0123456789abcdef0123456789abcdef01234567") } by ada
    installation.suspend.json: AccessLost { installation: 5, repos: None } by ada
    issue_comment.created.json: Commented(Commented { source: Comment(90), thread: Thread { kind: Issue, number: 4 }, discussion: None, audience: Readers, title: "Split the importer", description: "It takes an hour.", body: "/protocol new" }) by ada
    pull_request.closed.json: PullClosed { number: 9 } by grace
    push.branch.json: Pushed { branch: "0007-split-importer", before: None, tip: Some(Sha("0123456789abcdef0123456789abcdef01234567")) } by godzilla[bot]
    star.created.json: foreign: `star` is not acted on
    "#);
}

#[test]
fn real_deliveries_are_readable() {
    let Some(told) = webhook_files::recorded("github", ("x_github_event", "action"), told) else { return };
    insta::assert_snapshot!(told, @"
    installation suspend: AccessLost
    installation unsuspend: AccessGained
    issue_comment created: Commented
    pull_request_review_comment created: foreign
    pull_request_review submitted: foreign
    push -: Pushed
    workflow_run completed: CiMoved
    workflow_run requested: CiMoved
    workflow_job completed: foreign
    workflow_job queued: foreign
    pull_request synchronize: PullChanged
    pull_request opened: Commented
    pull_request ready_for_review: PullChanged
    pull_request closed: PullClosed
    pull_request edited: PullChanged
    issue_comment created: Commented
    pull_request opened: foreign
    check_run rerequested: CheckRerun
    check_suite requested: foreign
    installation_repositories removed: AccessLost
    workflow_run My workflow_run: foreign
    ");
}
