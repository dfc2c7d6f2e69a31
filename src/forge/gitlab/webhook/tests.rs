use super::*;
use crate::domain::forge_event::{
    Audience, CommentSource, Commented, CommitComment, ForgeEvent, Happened, RepoChange, RepoMention, Whose,
};
use crate::domain::ids::Sha;
use crate::domain::thread::Thread;
use proptest::prelude::*;
use serde_json::{Value, json};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn sha() -> Sha {
    Sha::parse(SHA).unwrap()
}

/// A delivery by a person in a project, with `content` on top.
fn delivery(content: &Value) -> Vec<u8> {
    let mut body = json!({
        "user": { "id": 11, "username": "ada", "name": "Ada", "new_field": [1, 2] },
        "project": {
            "id": 700, "name": "API", "path_with_namespace": "acme/core/api", "default_branch": "main",
            "visibility_level": 0, "another": {},
        },
    });
    body.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
    body.to_string().into_bytes()
}

fn read_ours(content: &Value) -> ForgeEvent {
    let body = delivery(content);
    assert!(peek("Some Hook", &body).ours, "a peek keeps what is read as ours");
    match parse("Some Hook", &body).unwrap() {
        Parsed::Ours(event) => *event,
        other => panic!("not of GitLab: {other:?}"),
    }
}

#[track_caller]
fn check(content: &Value, expected: &Happened) {
    assert_eq!(&read_ours(content).happened, expected);
}

#[track_caller]
fn check_foreign(content: &Value, expected: &str) {
    let body = delivery(content);
    assert_eq!(parse("Some Hook", &body), Ok(Parsed::Foreign { reason: expected.to_owned() }));
    let peeked = peek("Some Hook", &body);
    assert_eq!((peeked.ours, peeked.reason.as_deref()), (false, Some(expected)));
}

/// A note on issue 4, with `attributes` on top.
fn note(attributes: &Value) -> Value {
    let mut note = json!({
        "id": 90, "note": "/protocol new", "noteable_type": "Issue", "author_id": 11, "system": false,
        "discussion_id": "d1", "type": null, "action": "create",
    });
    note.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    let issue = json!({ "iid": 4, "title": "Split the importer", "description": "It takes an hour" });
    json!({ "object_kind": "note", "event_type": "note", "object_attributes": note, "issue": issue })
}

fn commented(source: CommentSource, thread: Thread) -> Commented {
    let body = if let CommentSource::Comment(_) = source { "/protocol new" } else { "It takes an hour" };
    Commented {
        source,
        thread,
        discussion: None,
        audience: Audience::Readers,
        title: "Split the importer".to_owned(),
        description: "It takes an hour".to_owned(),
        body: body.to_owned(),
    }
}

#[test]
fn texts_that_may_hold_commands_are_comments() {
    let on_issue = commented(CommentSource::Comment(90), Thread::issue(4));
    check(&note(&json!({})), &Happened::Commented(on_issue.clone()));
    check(&note(&json!({ "action": "update", "updated_by_id": 11 })), &Happened::Commented(on_issue.clone()));
    check(&note(&json!({ "action": null })), &Happened::Commented(on_issue));

    let mut on_pull = note(&json!({ "noteable_type": "MergeRequest" }));
    let pull = on_pull.as_object_mut().unwrap().remove("issue").unwrap();
    on_pull["merge_request"] = pull.clone();
    check(&on_pull, &Happened::Commented(commented(CommentSource::Comment(90), Thread::pull(4))));

    let mut opened = json!({ "object_kind": "issue", "object_attributes": pull });
    opened["object_attributes"]["action"] = json!("open");
    check(&opened, &Happened::Commented(commented(CommentSource::Issue(4), Thread::issue(4))));
    opened["object_kind"] = json!("work_item");
    check(&opened, &Happened::Commented(commented(CommentSource::Issue(4), Thread::issue(4))));
    opened["object_kind"] = json!("merge_request");
    check(&opened, &Happened::Commented(commented(CommentSource::Pull(4), Thread::pull(4))));
}

#[test]
fn a_note_on_a_commit_names_the_commit() {
    let mut content = note(&json!({ "noteable_type": "Commit" }));
    content.as_object_mut().unwrap().remove("issue");
    content["commit"] = json!({ "id": SHA });
    let comment = CommitComment { comment: 90, sha: sha(), body: "/protocol new".to_owned() };
    check(&content, &Happened::CommitCommented(comment));
}

#[test]
fn a_thread_that_people_began_is_answered_in_place() {
    let place = |attributes: Value| match read_ours(&note(&attributes)).happened {
        Happened::Commented(commented) => (commented.discussion, commented.audience),
        other => panic!("{other:?}"),
    };
    let there = || Some("d1".to_owned());
    assert_eq!(place(json!({})), (None, Audience::Readers));
    assert_eq!(place(json!({ "type": "DiscussionNote" })), (there(), Audience::Readers));
    assert_eq!(place(json!({ "type": "DiffNote" })), (there(), Audience::Readers));
    assert_eq!(place(json!({ "internal": true })), (there(), Audience::Confidants));
    assert_eq!(place(json!({ "confidential": true })), (there(), Audience::Confidants));
}

#[test]
fn what_is_confidential_is_known_as_such() {
    let audience = |content: Value| match read_ours(&content).happened {
        Happened::Commented(commented) => commented.audience,
        other => panic!("{other:?}"),
    };
    let mut in_issue = note(&json!({}));
    in_issue["issue"]["confidential"] = json!(true);
    assert_eq!(audience(in_issue), Audience::Confidants);
    let mut by_event = note(&json!({}));
    by_event["event_type"] = json!("confidential_note");
    assert_eq!(audience(by_event), Audience::Confidants);
    let issue = json!({ "iid": 4, "action": "open", "title": "t", "description": "d", "confidential": true });
    assert_eq!(audience(json!({ "object_kind": "issue", "object_attributes": issue })), Audience::Confidants);

    let body = delivery(&note(&json!({ "internal": true, "discussion_id": null })));
    let Ok(Parsed::Foreign { reason }) = parse("Note Hook", &body) else { panic!("it cannot be answered") };
    assert_eq!(reason, "an internal note without its discussion cannot be answered in place");
}

#[test]
fn an_edit_by_somebody_else_does_not_speak_for_the_author() {
    let body = delivery(&note(&json!({ "action": "update", "updated_by_id": 12 })));
    let Ok(Parsed::Foreign { reason }) = parse("Note Hook", &body) else { panic!("it is not foreign") };
    assert_eq!(reason, "somebody else edited the note");
}

#[test]
fn notes_of_gitlab_itself_and_on_other_things_are_foreign() {
    check_foreign(&note(&json!({ "system": true })), "notes of GitLab itself are not acted on");
    check_foreign(&note(&json!({ "noteable_type": "Snippet" })), "notes on `Snippet` are not acted on");
    check_foreign(&note(&json!({ "action": "typed" })), "`typed` of `note` is not acted on");
}

#[test]
fn the_fate_of_issues_and_merge_requests_is_followed() {
    let about =
        |kind: &str, attributes: Value| json!({ "object_kind": kind, "object_attributes": attributes });
    check(&about("issue", json!({ "iid": 4, "action": "close" })), &Happened::IssueClosed { issue: 4 });
    for action in ["close", "merge"] {
        let content = json!({ "iid": 9, "action": action });
        check(&about("merge_request", content), &Happened::PullClosed { number: 9 });
    }
    check(
        &about("merge_request", json!({ "iid": 9, "action": "reopen" })),
        &Happened::PullReopened { number: 9 },
    );
}

#[test]
fn an_updated_merge_request_matters_by_head_title_draft_and_target() {
    let updated = |attributes: Value, changes: Value| {
        let mut content = json!({ "object_kind": "merge_request", "changes": changes });
        content["object_attributes"] = json!({ "iid": 9, "action": "update" });
        content["object_attributes"].as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
        content
    };
    let changed = Happened::PullChanged { number: 9 };
    check(&updated(json!({ "oldrev": SHA }), json!({})), &changed);
    for field in ["title", "draft", "target_branch"] {
        check(&updated(json!({}), json!({ field: { "previous": "a", "current": "b" } })), &changed);
    }
    let labels = delivery(&updated(json!({}), json!({ "labels": {} })));
    assert!(matches!(parse("Merge Request Hook", &labels), Ok(Parsed::Foreign { .. })));
}

#[test]
fn pipelines_and_jobs_move_ci() {
    let pipeline = |source: &str, pull: Value| json!({ "object_kind": "pipeline", "object_attributes": { "sha": SHA, "source": source }, "merge_request": pull });
    let moved = |pull, whose| Happened::CiMoved { sha: sha(), pull, whose };
    check(&pipeline("push", Value::Null), &moved(None, Whose::Others));
    check(&pipeline("merge_request_event", json!({ "iid": 9 })), &moved(Some(9), Whose::Others));
    check(&pipeline("external", Value::Null), &moved(None, Whose::Anybodys));
    check(
        &json!({ "object_kind": "build", "sha": SHA, "build_status": "failed" }),
        &moved(None, Whose::Others),
    );
}

#[test]
fn branches_are_followed_and_tags_are_not() {
    let push = |name: &str, before: &str, after: &str| json!({ "object_kind": "push", "ref": name, "before": before, "after": after });
    let (name, nothing) = ("refs/heads/0007-split/importer", "0".repeat(40));
    let pushed = |before, tip| Happened::Pushed { branch: "0007-split/importer".to_owned(), before, tip };
    check(&push(name, &nothing, SHA), &pushed(None, Some(sha())));
    check(&push(name, SHA, &nothing), &pushed(Some(sha()), None));
    check_foreign(&push("refs/tags/v1", &nothing, SHA), "only branches are followed");
    check_foreign(&json!({ "object_kind": "tag_push", "ref": "refs/tags/v1" }), "only branches are followed");
}

#[test]
fn a_system_hook_says_that_a_project_moved_or_went() {
    let told = |event: &str| {
        json!({
            "event_name": event, "project_id": 700, "path_with_namespace": "acme/new/api",
            "project_visibility": "visibilitylevel|private",
        })
    };
    for event in ["project_rename", "project_transfer", "project_update"] {
        let body = told(event).to_string().into_bytes();
        let Ok(Parsed::Ours(read)) = parse("System Hook", &body) else { panic!("{event} is foreign") };
        assert_eq!(read.repo, Some(RepoMention::Named(700)));
        let (owner, name) = ("acme/new".to_owned(), "api".to_owned());
        assert_eq!(read.happened, Happened::RepoMoved { owner, name, private: Some(true) });
    }
    let mut silent = told("project_transfer");
    silent.as_object_mut().unwrap().remove("project_visibility");
    let body = silent.to_string().into_bytes();
    let Ok(Parsed::Ours(read)) = parse("System Hook", &body) else { panic!("it is foreign") };
    assert!(matches!(read.happened, Happened::RepoMoved { private: None, .. }));
    check(&told("project_destroy"), &Happened::RepoChanged(RepoChange::Deleted));
    check_foreign(&told("project_create"), "`project_create` is not acted on");
}

#[test]
fn an_event_names_its_project_and_its_sender() {
    let event = read_ours(&note(&json!({})));
    assert_eq!((event.sender.login.as_str(), event.sender.id, event.sender_app), ("ada", 11, None));
    let Some(RepoMention::Described(facts)) = event.repo else { panic!("the project is described") };
    assert_eq!(
        (facts.repo.owner.as_str(), facts.repo.name.as_str(), facts.repo.id),
        ("acme/core", "api", 700)
    );
    assert_eq!((facts.default_branch.as_deref(), facts.private), (Some("main"), Some(true)));
}

#[test]
fn what_is_not_private_counts_as_public_and_what_is_not_said_as_neither() {
    let levels =
        [(json!(0), Some(true)), (json!(10), Some(false)), (json!(20), Some(false)), (Value::Null, None)];
    for (level, private) in levels {
        let mut content = note(&json!({}));
        content["project"] = json!({ "id": 7, "path_with_namespace": "a/b", "visibility_level": level });
        let Some(RepoMention::Described(facts)) = read_ours(&content).repo else { panic!("described") };
        assert_eq!((facts.private, facts.default_branch), (private, None));
    }
}

#[test]
fn what_need_not_be_known_may_have_any_form() {
    let on_issue = commented(CommentSource::Comment(90), Thread::issue(4));
    check(&note(&json!({ "system": null })), &Happened::Commented(on_issue));
    for odd in [json!(null), json!(7), json!("text"), json!([1, {}]), json!({ "action": [2], "system": 0.5 })]
    {
        let told =
            json!({ "object_kind": "wiki_page", "object_attributes": odd, "ref": {}, "project_id": "x" });
        check_foreign(&told, "`wiki_page` is not acted on");
    }
    check_foreign(&json!({ "object_kind": [], "project": 1 }), "`` is not acted on");
}

#[test]
fn what_cannot_be_read_is_said_without_its_content() {
    let unreadable = |body: &[u8]| {
        let unreadable = parse("Note Hook", body).unwrap_err();
        assert!(peek("Note Hook", body).unreadable.is_some() || peek("Note Hook", body).ours);
        unreadable.reason
    };
    assert_eq!(unreadable(b"hello"), "it is not JSON (line 1, column 1)");
    assert_eq!(
        unreadable(br#"{"object_kind":"note","object_attributes":{"noteable_type":"Issue"}}"#),
        NO_PROJECT
    );
    let mut nobody = note(&json!({}));
    nobody["user"] = Value::Null;
    assert_eq!(unreadable(&delivery(&nobody)), "missing field `user.id`");
    let bare = delivery(&json!({ "object_kind": "pipeline", "object_attributes": { "sha": "0123" } }));
    assert!(unreadable(&bare).starts_with("a field has an unexpected form"));
}

fn any_kind() -> impl Strategy<Value = String> {
    let kinds = ["note", "issue", "merge_request", "pipeline", "build", "push", "project_rename", "star"];
    proptest::sample::select(kinds.map(str::to_owned).to_vec())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let peeked = peek("Note Hook", &body);
        prop_assert!(parse("Note Hook", &body).is_ok() || peeked.ours || peeked.unreadable.is_some());
    }

    #[test]
    fn no_damage_to_a_delivery_makes_it_panic(kind in any_kind(), at in 0usize..900, byte in any::<u8>()) {
        let mut content = note(&json!({ "sha": SHA }));
        content["object_kind"] = json!(kind);
        content["merge_request"] = content["issue"].clone();
        let mut body = delivery(&content);
        let at = at % body.len();
        body[at] = byte;
        let _ = (peek("Hook", &body), parse("Hook", &body));
        body.truncate(at);
        let _ = (peek("Hook", &body), parse("Hook", &body));
    }
}

#[test]
fn a_pipeline_without_id_and_user_is_told_by_a_script() {
    let told = json!({
        "object_kind": "pipeline",
        "object_attributes": { "status": "failed", "ref": "0001-split" },
        "project": { "id": 700 },
    });
    let parsed = parse("Pipeline Hook", told.to_string().as_bytes());
    assert!(matches!(parsed, Ok(Parsed::Stage(_))), "{parsed:?}");
    let peeked = peek("Pipeline Hook", told.to_string().as_bytes());
    assert_eq!((peeked.repo, peeked.ours), (Some(700), true));
    let mut of_seed = told.clone();
    of_seed["project"].take();
    assert!(peek("Pipeline Hook", of_seed.to_string().as_bytes()).ours, "it names no project");
    for (part, mark) in [("", "user"), ("object_attributes", "id")] {
        let mut of_gitlab = told.clone();
        let part = if part.is_empty() { &mut of_gitlab } else { &mut of_gitlab[part] };
        part[mark] = json!(11);
        assert!(stage("Pipeline Hook", of_gitlab.to_string().as_bytes()).is_none(), "{mark}");
    }
    let mut job = told;
    job["object_kind"] = json!("build");
    assert!(stage("Job Hook", job.to_string().as_bytes()).is_none());
}
