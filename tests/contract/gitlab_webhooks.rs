//! Webhooks as GitLab sends them: our own small ones, and real ones where they lie beside the repository.

use serde_json::Value;
use std::path::{Path, PathBuf};
use tasksgodzilla::forge::gitlab::webhook::{Parsed, parse, peek};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What the bot makes of a file: the event, why it is foreign, or why it cannot be read.
fn told(event: &str, body: &[u8]) -> String {
    let peeked = peek(event, body);
    match parse(event, body) {
        Ok(Parsed::Ours(event)) => {
            assert!(peeked.ours && peeked.repo.is_some());
            format!("{:?} by {:?}", event.happened, event.sender.login)
        }
        Ok(Parsed::Foreign { reason }) => format!("foreign: {reason}"),
        Err(unreadable) => {
            assert!(peeked.unreadable.is_some(), "it is told at once");
            format!("unreadable: {}", unreadable.reason)
        }
    }
}

#[test]
fn our_own_small_deliveries_are_understood() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder("tests/data/gitlab"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    files.sort();
    let told = files.iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        format!("{name}: {}\n", told("Some Hook", &std::fs::read(path).unwrap()))
    });
    insta::assert_snapshot!(told.collect::<String>(), @r#"
    emoji.award.json: foreign: `award` of `emoji` is not acted on
    job.without_project.json: CiMoved { sha: Sha("0123456789abcdef0123456789abcdef01234567"), pull: None, whose: Others } by ""
    merge_request.merge.json: PullClosed { number: 9 } by "grace"
    note.internal.json: Commented(Commented { source: Comment(91), thread: Thread { kind: Issue, number: 4 }, discussion: Some("5c2a"), audience: Confidants, title: "Split the importer", description: "It takes an hour.", body: "/protocol status" }) by "ada"
    note.issue.json: Commented(Commented { source: Comment(90), thread: Thread { kind: Issue, number: 4 }, discussion: None, audience: Readers, title: "Split the importer", description: "It takes an hour.", body: "/protocol new" }) by "ada"
    pipeline.merge_request.json: CiMoved { sha: Sha("0123456789abcdef0123456789abcdef01234567"), pull: Some(9), whose: Others } by "project_700_bot_ab"
    push.branch.json: Pushed { branch: "0001-split-importer", before: Some(Sha("89abcdef0123456789abcdef0123456789abcdef")), tip: Some(Sha("0123456789abcdef0123456789abcdef01234567")) } by "project_700_bot_ab"
    system.project_transfer.json: RepoMoved { owner: "acme/platform", name: "api", private: true } by "gitlab"
    "#);
}

/// The one that is not was mangled by whoever recorded it: its keys end in spaces.
#[test]
fn real_deliveries_are_readable() {
    let folder = folder("../shared/data/gitlab");
    let Ok(index) = std::fs::read(folder.join("index.json")) else {
        eprintln!("no recorded deliveries beside the repository");
        return;
    };
    let index: Vec<Value> = serde_json::from_slice(&index).unwrap();
    let told = index.iter().map(|entry| {
        let body = std::fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap();
        let event = entry["x_gitlab_event"].as_str().unwrap();
        let told = told(event, &body);
        let kind: String = told.chars().take_while(char::is_ascii_alphanumeric).collect();
        format!("{event} {}: {kind}\n", entry["detail"].as_str().unwrap_or("-"))
    });
    insta::assert_snapshot!(told.collect::<String>(), @r"
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
