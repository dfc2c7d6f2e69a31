//! Webhooks as GitLab sends them: our own small ones, and real ones where they lie beside the repository.

use crate::webhook_files;
use tasksgodzilla::forge::gitlab::webhook::{Parsed, parse, peek};

/// What the bot makes of a file: the event, why it is foreign, or why it cannot be read.
fn told(event: &str, body: &[u8]) -> String {
    let peeked = peek(event, body);
    match parse(event, body) {
        Ok(Parsed::Ours(event)) => {
            assert!(peeked.ours && peeked.repo.is_some());
            format!("{:?} by {:?}", event.happened, event.sender.login)
        }
        Ok(Parsed::Foreign { reason }) => format!("foreign: {reason}"),
        Ok(Parsed::Stage(told)) => panic!("GitLab tells no stages: {told:?}"),
        Err(unreadable) => {
            assert!(peeked.unreadable.is_some(), "it is told at once");
            format!("unreadable: {}", unreadable.reason)
        }
    }
}

#[test]
fn our_own_small_deliveries_are_understood() {
    let told = webhook_files::small("gitlab", |_, body| told("Some Hook", body));
    insta::assert_snapshot!(told, @r#"
    emoji.award.json: foreign: `award` of `emoji` is not acted on
    job.without_project.json: CiMoved { sha: Sha("0123456789abcdef0123456789abcdef01234567"), pull: None, whose: Others } by ""
    merge_request.merge.json: PullClosed { number: 9 } by "grace"
    note.internal.json: Commented(Commented { source: Comment(91), thread: Thread { kind: Issue, number: 4 }, discussion: Some("5c2a"), audience: Confidants, title: "Split the importer", description: "It takes an hour.", body: "/protocol status" }) by "ada"
    note.issue.json: Commented(Commented { source: Comment(90), thread: Thread { kind: Issue, number: 4 }, discussion: None, audience: Readers, title: "Split the importer", description: "It takes an hour.", body: "/protocol new" }) by "ada"
    pipeline.merge_request.json: CiMoved { sha: Sha("0123456789abcdef0123456789abcdef01234567"), pull: Some(9), whose: Others } by "project_700_bot_ab"
    push.branch.json: Pushed { branch: "0001-split-importer", before: Some(Sha("89abcdef0123456789abcdef0123456789abcdef")), tip: Some(Sha("0123456789abcdef0123456789abcdef01234567")) } by "project_700_bot_ab"
    system.project_transfer.json: RepoMoved { owner: "acme/platform", name: "api", private: Some(true) } by "gitlab"
    "#);
}

/// The one that is not was mangled by whoever recorded it: its keys end in spaces.
#[test]
fn real_deliveries_are_readable() {
    let Some(told) = webhook_files::recorded("gitlab", ("x_gitlab_event", "detail"), told) else { return };
    insta::assert_snapshot!(told, @r"
    Job Hook created: CiMoved
    Merge Request Hook merge: unreadable
    Issue Hook open: Commented
    Job Hook success: CiMoved
    Member Hook : foreign
    Merge Request Hook open: foreign
    Note Hook create: CommitCommented
    Note Hook create: Commented
    Note Hook create: Commented
    Note Hook create: foreign
    Pipeline Hook success: CiMoved
    Push Hook : Pushed
    Release Hook create: foreign
    Tag Push Hook : foreign
    Note Hook create: Commented
    Note Hook create: Commented
    Job Hook created: CiMoved
    ");
}
