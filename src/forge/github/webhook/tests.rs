use super::*;
use crate::domain::actor::ActorKind;
use crate::domain::forge_event::{
    Audience, CommentSource, Commented, ForgeEvent, Happened, RepoMention, Whose,
};
use crate::domain::ids::Sha;
use crate::domain::thread::{Thread, ThreadKind};
use proptest::prelude::*;
use serde_json::{Value, json};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn sha() -> Sha {
    Sha::parse(SHA).unwrap()
}

/// A delivery by a person in a repository, with `content` on top.
fn delivery(content: &Value) -> Vec<u8> {
    let mut body = json!({
        "sender": { "login": "ada", "id": 11, "type": "User", "new_field": [1, 2] },
        "repository": {
            "id": 700, "full_name": "acme/api", "name": "api", "default_branch": "main",
            "private": true, "archived": false, "owner": { "login": "acme" },
        },
        "installation": { "id": 5 },
    });
    for (name, value) in content.as_object().unwrap() {
        body[name] = value.clone();
    }
    serde_json::to_vec(&body).unwrap()
}

fn read_ours(event: &str, content: &Value) -> ForgeEvent {
    match parse(event, &delivery(content)) {
        Ok(Parsed::Ours(found)) => *found,
        other => panic!("{event} {content} gave {other:?}"),
    }
}

#[track_caller]
fn check(event: &str, content: &Value, expected: &Happened) {
    assert_eq!(read_ours(event, content).happened, *expected);
    let peeked = peek(event, &delivery(content));
    assert!(peeked.ours, "peek takes {event} for foreign: {:?}", peeked.reason);
}

#[track_caller]
fn check_foreign(event: &str, content: &Value, expected: &str) {
    let Ok(Parsed::Foreign { reason }) = parse(event, &delivery(content)) else {
        panic!("{event} {content} is not foreign");
    };
    assert_eq!(reason, expected);
    let peeked = peek(event, &delivery(content));
    assert_eq!((peeked.ours, peeked.reason.as_deref()), (false, Some(expected)));
}

/// Who did it, as a peek tells.
#[track_caller]
fn check_app(event: &str, content: &Value, expected: Option<i64>) {
    let peeked = peek(event, &delivery(content));
    assert!(peeked.ours, "{event} {content}: {:?}", peeked.reason);
    assert_eq!(peeked.app, expected, "{event} {content}");
}

#[test]
fn what_an_app_did_is_told_from_what_people_did_with_it() {
    for action in ["created", "completed"] {
        check_app("check_run", &json!({ "action": action, "check_run": { "app": { "id": 7 } } }), Some(7));
    }
    check_app(
        "check_suite",
        &json!({ "action": "completed", "check_suite": { "app": { "id": 7 } } }),
        Some(7),
    );
    for action in ["rerequested", "requested_action"] {
        check_app("check_run", &json!({ "action": action, "check_run": { "app": { "id": 7 } } }), None);
    }
    check_app(
        "check_suite",
        &json!({ "action": "rerequested", "check_suite": { "app": { "id": 7 } } }),
        None,
    );
    let said_by = |app: Value| json!({ "action": "created", "comment": { "performed_via_github_app": app } });
    check_app("issue_comment", &said_by(json!({ "id": 7 })), Some(7));
    check_app("issue_comment", &said_by(Value::Null), None);
}

#[track_caller]
fn check_unreadable(event: &str, body: &[u8], expected: &str) {
    let unreadable = parse(event, body).unwrap_err();
    assert_eq!(unreadable.to_string(), expected);
    assert!(peek(event, body).unreadable.is_some(), "whoever sent it is told so at once");
}

fn comment(source: CommentSource, kind: ThreadKind) -> Happened {
    let body = match source {
        CommentSource::Comment(_) => "/protocol new",
        _ => "It takes an hour",
    };
    Happened::Commented(Commented {
        source,
        thread: Thread { kind, number: 4 },
        discussion: None,
        audience: Audience::Readers,
        title: "Split the importer".to_owned(),
        description: "It takes an hour".to_owned(),
        body: body.to_owned(),
    })
}

#[test]
fn texts_that_may_hold_commands_are_comments() {
    let issue = json!({ "number": 4, "title": "Split the importer", "body": "It takes an hour" });
    let mut on_pull = issue.clone();
    on_pull["pull_request"] = json!({ "url": "https://example.org" });
    let text = json!({ "id": 90, "body": "/protocol new" });
    for action in ["created", "edited"] {
        let content = json!({ "action": action, "issue": issue, "comment": text });
        check("issue_comment", &content, &comment(CommentSource::Comment(90), ThreadKind::Issue));
    }
    let content = json!({ "action": "created", "issue": on_pull, "comment": text });
    check("issue_comment", &content, &comment(CommentSource::Comment(90), ThreadKind::Pull));
    let content = json!({ "action": "opened", "issue": issue });
    check("issues", &content, &comment(CommentSource::Issue(4), ThreadKind::Issue));
    let content = json!({ "action": "opened", "pull_request": issue });
    check("pull_request", &content, &comment(CommentSource::Pull(4), ThreadKind::Pull));
}

#[test]
fn a_deleted_comment_changes_nothing() {
    check_foreign("issue_comment", &json!({ "action": "deleted" }), "deleting a comment changes nothing");
}

#[test]
fn a_first_post_without_text_says_nothing() {
    let bare = json!({ "number": 4, "title": "Split", "body": null });
    for (event, content) in [
        ("issues", json!({ "action": "opened", "issue": bare })),
        ("pull_request", json!({ "action": "opened", "pull_request": bare })),
    ] {
        let Ok(Parsed::Foreign { reason }) = parse(event, &delivery(&content)) else {
            panic!("{event} is not foreign");
        };
        assert_eq!(reason, "it changes nothing the bot looks at");
    }
}

#[test]
fn the_fate_of_issues_and_pull_requests_is_followed() {
    let pull = |extra: Value| {
        let mut pull = json!({ "number": 9, "title": "t" });
        pull.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        pull
    };
    let issue = json!({ "number": 4, "title": "t", "body": null });
    check("issues", &json!({ "action": "closed", "issue": issue }), &Happened::IssueClosed { issue: 4 });
    let content = json!({ "action": "closed", "pull_request": pull(json!({})) });
    check("pull_request", &content, &Happened::PullClosed { number: 9 });
    let content = json!({ "action": "reopened", "pull_request": pull(json!({})) });
    check("pull_request", &content, &Happened::PullReopened { number: 9 });
    for action in ["synchronize", "ready_for_review", "converted_to_draft"] {
        let content = json!({ "action": action, "pull_request": pull(json!({})) });
        check("pull_request", &content, &Happened::PullChanged { number: 9 });
    }
}

#[test]
fn an_edited_pull_request_matters_by_base_and_title_only() {
    let edited = |changes: Value| {
        let pull = json!({ "number": 9, "title": "t" });
        json!({ "action": "edited", "pull_request": pull, "changes": changes })
    };
    let changed = Happened::PullChanged { number: 9 };
    check("pull_request", &edited(json!({ "base": { "ref": { "from": "main" } } })), &changed);
    check("pull_request", &edited(json!({ "title": { "from": "old" } })), &changed);
    let body_only = delivery(&edited(json!({ "body": { "from": "old" } })));
    assert!(matches!(parse("pull_request", &body_only), Ok(Parsed::Foreign { .. })));
}

#[test]
fn checks_and_statuses_move_ci_and_their_app_is_named() {
    let run = json!({ "id": 31, "name": "build", "head_sha": SHA, "app": { "id": 77 } });
    let moved = |whose| Happened::CiMoved { sha: sha(), pull: None, whose };
    for action in ["created", "completed"] {
        check("check_run", &json!({ "action": action, "check_run": run }), &moved(Whose::App(77)));
    }
    let event = read_ours("check_run", &json!({ "action": "completed", "check_run": run }));
    assert_eq!(event.sender_app, Some(77));
    let suite = json!({ "id": 3, "head_sha": SHA, "app": { "id": 77 } });
    check("check_suite", &json!({ "action": "completed", "check_suite": suite }), &moved(Whose::App(77)));
    for action in ["requested", "in_progress", "completed"] {
        let content = json!({ "action": action, "workflow_run": { "head_sha": SHA } });
        check("workflow_run", &content, &moved(Whose::Others));
    }
    check("status", &json!({ "sha": SHA, "state": "failure" }), &moved(Whose::Others));
    let requested = json!({ "action": "requested", "check_suite": suite });
    check_foreign("check_suite", &requested, "`requested` of `check_suite` is not acted on");
}

#[test]
fn the_buttons_of_a_check_reach_us() {
    let run = json!({ "id": 31, "name": "TasksGodzilla / plan", "head_sha": SHA, "app": { "id": 1 } });
    let rerun = Happened::CheckRerun { check: 31, name: "TasksGodzilla / plan".to_owned(), sha: sha() };
    let content = json!({ "action": "rerequested", "check_run": run });
    check("check_run", &content, &rerun);
    assert_eq!(read_ours("check_run", &content).sender_app, None);
    let pressed = Happened::ButtonPressed { check: 31, button: "approve".to_owned(), sha: sha() };
    let action = json!({ "identifier": "approve" });
    let content = json!({ "action": "requested_action", "check_run": run, "requested_action": action });
    check("check_run", &content, &pressed);
    let content = json!({ "action": "rerequested", "check_suite": { "head_sha": SHA } });
    check("check_suite", &content, &Happened::SuiteRerun { sha: sha() });
}

#[test]
fn branches_are_followed_and_tags_are_not() {
    let pushed = |before, tip| Happened::Pushed { branch: "0007-split/importer".to_owned(), before, tip };
    let (name, nothing) = ("refs/heads/0007-split/importer", "0".repeat(40));
    let push = json!({ "ref": name, "before": nothing, "after": SHA, "deleted": false });
    check("push", &push, &pushed(None, Some(sha())));
    let push = json!({ "ref": name, "before": SHA, "after": nothing, "deleted": true });
    check("push", &push, &pushed(Some(sha()), None));
    let push = json!({ "ref": name, "after": SHA });
    check("push", &push, &pushed(None, Some(sha())));
    let delete = json!({ "ref": "0007-split/importer", "ref_type": "branch" });
    check("delete", &delete, &pushed(None, None));
    let tag = json!({ "ref": "refs/tags/v1", "after": SHA });
    check_foreign("push", &tag, "only branches are followed");
    check_foreign("delete", &json!({ "ref": "v1", "ref_type": "tag" }), "only branches are followed");
}

#[test]
fn repositories_come_go_and_change() {
    for action in ["renamed", "transferred", "edited", "privatized", "publicized"] {
        let expected = Happened::RepoChanged(RepoChange::Updated);
        check("repository", &json!({ "action": action }), &expected);
    }
    for (action, change) in [
        ("archived", RepoChange::Archived),
        ("unarchived", RepoChange::Unarchived),
        ("deleted", RepoChange::Deleted),
    ] {
        check("repository", &json!({ "action": action }), &Happened::RepoChanged(change));
    }
}

#[test]
fn access_is_gained_and_lost_by_installation() {
    let ids = json!([{ "id": 1, "full_name": "acme/a" }, { "id": 2 }]);
    let gained = |repos: &[i64]| Happened::AccessGained { installation: 5, repos: repos.to_vec() };
    let lost =
        |repos: Option<&[i64]>| Happened::AccessLost { installation: 5, repos: repos.map(<[i64]>::to_vec) };
    check("installation", &json!({ "action": "created", "repositories": ids }), &gained(&[1, 2]));
    check("installation", &json!({ "action": "unsuspend" }), &gained(&[]));
    check("installation", &json!({ "action": "suspend" }), &lost(None));
    check("installation", &json!({ "action": "deleted" }), &lost(None));
    let added = json!({ "action": "added", "repositories_added": ids, "repositories_removed": [] });
    check("installation_repositories", &added, &gained(&[1, 2]));
    let removed = json!({ "action": "removed", "repositories_removed": ids });
    check("installation_repositories", &removed, &lost(Some(&[1, 2])));
}

#[test]
fn an_event_names_its_repository_its_sender_and_the_app_behind_it() {
    let bot = json!({ "login": "renamer[bot]", "id": 12, "type": "Bot" });
    let text = json!({ "id": 90, "body": "x", "performed_via_github_app": { "id": 99 } });
    let issue = json!({ "number": 4, "title": "t", "body": null });
    let event = read_ours(
        "issue_comment",
        &json!({ "action": "created", "issue": issue, "comment": text, "sender": bot }),
    );
    assert_eq!(event.sender.kind, ActorKind::Bot);
    assert_eq!((event.sender.login.as_str(), event.sender.id), ("renamer[bot]", 12));
    assert_eq!(event.sender_app, Some(99));
    let Some(RepoMention::Described(facts)) = event.repo else { panic!("the repository is described") };
    assert_eq!((facts.repo.id, facts.repo.installation), (700, 5));
    assert_eq!((facts.repo.full_name(), facts.private), ("acme/api".to_owned(), Some(true)));
}

#[test]
fn a_ping_needs_no_sender_and_no_repository() {
    let body = br#"{"zen":"Keep it logically awesome.","hook_id":1}"#;
    let Ok(Parsed::Ours(event)) = parse("ping", body) else {
        panic!("the ping is not read");
    };
    assert_eq!((event.happened, event.repo), (Happened::Ping, None));
}

#[test]
fn unknown_events_and_actions_are_foreign() {
    check_foreign("star", &json!({ "action": "created" }), "`star` is not acted on");
    check_foreign("issues", &json!({ "action": "typed" }), "`typed` of `issues` is not acted on");
    check_foreign("issues", &json!({}), "`issues` is not acted on");
    let peeked = peek("star", b"not even JSON");
    assert_eq!((peeked.ours, peeked.repo), (false, None));
    assert_eq!(parse("`\u{202e}\n", b""), Ok(Parsed::Foreign { reason: "`` is not acted on".to_owned() }));
}

#[test]
fn a_peek_tells_repository_and_action() {
    let peeked = peek("issues", &delivery(&json!({ "action": "opened", "issue": 1 })));
    assert_eq!((peeked.repo, peeked.action.as_deref()), (Some(700), Some("opened")));
}

#[test]
fn what_cannot_be_read_is_said_without_its_content() {
    check_unreadable(
        "push",
        b"hello",
        "the webhook `push` cannot be read: it is not JSON (line 1, column 1)",
    );
    check_unreadable("push", b"{", "the webhook `push` cannot be read: it ends too early (line 1, column 1)");
    check_unreadable(
        "issues",
        b"payload=%7B%7D",
        "the webhook `issues` cannot be read: it is a form; set the webhook's content type to application/json",
    );
    let body = delivery(&json!({ "action": "closed" }));
    let unreadable = parse("issues", &body).unwrap_err();
    assert!(unreadable.reason.starts_with("missing field `issue` (line 1"), "{unreadable}");
    let body = delivery(&json!({ "action": "closed", "issue": "secret words" }));
    let unreadable = parse("issues", &body).unwrap_err();
    assert!(unreadable.reason.starts_with("a field has an unexpected form"), "{unreadable}");
    let body = delivery(&json!({ "sha": "0123" }));
    assert!(parse("status", &body).is_err());
    let body = delivery(&json!({ "id": 1, "sha": SHA, "sender": null }));
    assert_eq!(parse("status", &body).unwrap_err().reason, "missing field `sender`");
    let body = delivery(&json!({ "sha": SHA, "repository": null }));
    assert_eq!(parse("status", &body).unwrap_err().reason, "missing field `repository`");
}

fn any_event() -> impl Strategy<Value = String> {
    let known: Vec<String> = EVENTS.iter().map(|event| (*event).to_owned()).collect();
    prop_oneof![proptest::sample::select(known), Just("installation".to_owned()), ".{0,60}"]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(event in any_event(), body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let peeked = peek(&event, &body);
        let parsed = parse(&event, &body);
        prop_assert!(parsed.is_ok() || peeked.ours || peeked.unreadable.is_some());
    }

    #[test]
    fn no_damage_to_a_delivery_makes_it_panic(event in any_event(), at in 0usize..600, byte in any::<u8>()) {
        let run = json!({ "id": 31, "name": "b", "head_sha": SHA });
        let issue = json!({ "number": 4, "title": "t", "body": "é" });
        let mut body = delivery(&json!({ "action": "created", "check_run": run, "issue": issue, "comment": issue }));
        let at = at % body.len();
        body[at] = byte;
        let _ = (peek(&event, &body), parse(&event, &body));
        body.truncate(at);
        let _ = (peek(&event, &body), parse(&event, &body));
    }
}

#[test]
fn a_status_without_id_and_sender_is_told_by_a_script() {
    let told = json!({ "state": "success", "ref": "0001-split", "repository": { "id": 700 } });
    let parsed = parse("status", told.to_string().as_bytes());
    assert!(matches!(parsed, Ok(Parsed::Stage(_))), "{parsed:?}");
    let peeked = peek("status", told.to_string().as_bytes());
    assert_eq!((peeked.repo, peeked.ours), (Some(700), true));
    let wrong = json!({ "state": "success" }).to_string();
    assert_eq!(peek("status", wrong.as_bytes()).unreadable.as_deref(), Some("it names no branch"));
    assert!(!peek("status", wrong.as_bytes()).ours);
    for mark in ["id", "sender"] {
        let mut of_github = told.clone();
        of_github[mark] = json!({ "login": "ada" });
        assert!(stage("status", of_github.to_string().as_bytes()).is_none(), "{mark}");
    }
    assert!(stage("check_run", told.to_string().as_bytes()).is_none());
}
