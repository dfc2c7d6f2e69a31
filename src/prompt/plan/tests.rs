use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn answer(files: &[(&str, &str)]) -> String {
    let files: Vec<Value> =
        files.iter().map(|(name, content)| json!({"filename": name, "content": content})).collect();
    json!({"plan_md": "# Plan", "context_md": "c", "log_md": "", "step_files": files}).to_string()
}

fn done(files: &[&str]) -> Vec<Done> {
    files.iter().map(|file| Done { file: (*file).to_owned(), name: "n".to_owned() }).collect()
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let faults = accept(&answer(files), &[]).err().map(|faults| faults.0).unwrap_or_default();
    assert_eq!(faults, expected);
}

/// `name` as the second step of a plan that is well otherwise; `fault` is empty where it must be taken.
#[track_caller]
fn check_name_of_step(name: &str, fault: &str) {
    let faults = accept(&answer(&[("00-setup.md", "x"), (name, "x")]), &[]).err();
    let said = faults.map(|faults| faults.0.join("; ")).unwrap_or_default();
    assert!(if fault.is_empty() { said.is_empty() } else { said.contains(fault) }, "{name:?}: {said:?}");
}

#[test]
fn a_plan_is_taken_as_it_is_and_sorted() {
    let plan = accept(&answer(&[("01-parser.md", "# P\n"), ("00-setup.md", "# S\n")]), &[]).unwrap();
    let names: Vec<_> = plan.step_files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["00-setup.md", "01-parser.md"]);
    assert_eq!(plan.step_files[1].1, "# P\n");
}

#[test]
fn a_plan_in_a_fence_or_in_prose_is_found() {
    let plain = answer(&[("00-setup.md", "x")]);
    for said in [format!("```json\n{plain}\n```"), format!("Sure! {{\"a\": 1}}\n{plain}\nAnything else?")] {
        assert!(accept(&said, &[]).is_ok(), "{said}");
    }
}

#[test]
fn file_names_are_plain_or_refused() {
    for good in ["01-parser.md", "01-v1.2_x.md", "07-größe.md", "99-a.md"] {
        check_name_of_step(good, "");
    }
    for (name, fault) in [
        ("../01-a.md", "plain name"),
        ("01-../../x.md", "plain name"),
        ("01-a/b.md", "plain name"),
        ("01-a\\b.md", "plain name"),
        ("/etc/01-a.md", "plain name"),
        ("01-a\u{202e}.md", "direction"),
        ("01-a\u{200b}.md", "zero-width"),
        ("01-a\n.md", "control"),
        ("01-a.txt", "`.md`"),
        ("01-a.MD", "`.md`"),
        ("1-a.md", "two digits"),
        ("001-a.md", "two digits"),
        ("plan.md", "two digits"),
        (".md", "two digits"),
        ("01-.md", "no name"),
        ("01-a b.md", "other than"),
        ("01-a:b.md", "other than"),
        ("01-Context.md", "own files"),
        ("01-quality-report.md", "own files"),
        ("00-other.md", "earlier file"),
        ("00-SETUP.md", "earlier file"),
    ] {
        check_name_of_step(name, fault);
    }
    check_name_of_step(&format!("01-{}.md", "é".repeat(57)), "");
    check_name_of_step(&format!("01-{}.md", "é".repeat(58)), "120 bytes");
}

#[test]
fn a_plan_without_set_up_or_steps_or_content_is_refused() {
    check(&[("01-a.md", "x")], &["the step file `00-setup.md` is missing"]);
    check(&[], &["there are no step files", "the step file `00-setup.md` is missing"]);
    check(&[("00-setup.md", " \n")], &["`00-setup.md` is empty"]);
    check(&[("00-setup.md", "a\0")], &["`00-setup.md` holds a zero byte"]);
}

#[test]
fn sizes_are_limits_and_nothing_is_cut() {
    let big = "x".repeat(FILE_BYTES + 1);
    check(&[("00-setup.md", &big)], &["`00-setup.md` has 262145 bytes; at most 262144 are taken"]);
    check(&[("00-setup.md", &big[..FILE_BYTES])], &[]);
    let names: Vec<String> =
        (0..51).map(|n| format!("{n:02}-{}.md", if n == 0 { "setup" } else { "a" })).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    check(&files, &["there are 51 step files; at most 50 are taken"]);
    check(&files[..50], &[]);
}

#[test]
fn a_new_plan_is_numbered_after_what_is_done() {
    let done = done(&["00-setup.md", "01-parser.md"]);
    assert!(accept(&answer(&[("02-writer.md", "x")]), &done).is_ok());
    let faults = accept(&answer(&[("01-writer.md", "x")]), &done).unwrap_err();
    assert_eq!(faults.0, ["`01-writer.md` has a number that is not after the steps that are done"]);
}

#[test]
fn faults_are_told_to_people_and_to_the_engine() {
    let faults =
        accept(r#"{"plan_md": 1, "step_files": [{"filename": "x"}], "more": true}"#, &[]).unwrap_err();
    insta::assert_snapshot!(faults, @r#"the engine's plan was not taken: the answer: "context_md" is a required property; the answer: "log_md" is a required property; plan_md: this is not of type "string"; step_files/0: "content" is a required property; the answer: Additional properties are not allowed ('more' was unexpected)"#);
    insta::assert_snapshot!(faults.as_feedback(), @r#"
    - the answer: "context_md" is a required property
    - the answer: "log_md" is a required property
    - plan_md: this is not of type "string"
    - step_files/0: "content" is a required property
    - the answer: Additional properties are not allowed ('more' was unexpected)
    "#);
    assert_eq!(accept("I cannot do that.", &[]).unwrap_err().0, ["the answer holds no JSON object"]);
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(text in "\\PC{0,80}") {
        let _ = accept(&text, &[]);
    }

    #[test]
    fn an_accepted_name_stays_in_its_folder(name in "[0-9]{2}-[a-z./\\\\\u{202e} ]{0,8}\\.md") {
        if accept(&answer(&[("00-setup.md", "x"), (&name, "x")]), &[]).is_ok() {
            let path = std::path::Path::new(&name);
            prop_assert_eq!(path.components().count(), 1);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
        }
    }
}
