//! Calls that the twin answered, held against GitLab's published description where that lies beside the project: method,
//! path and the fields that must be there.

use serde_json::Value;
use std::path::Path;
use tasksgodzilla::sandbox::RequestView;

/// Calls that the description beside the project leaves out, although GitLab has them.
const LEFT_OUT: [&str; 9] = [
    "/personal_access_tokens/self",
    "/users/{id}",
    "/groups/{id}/hooks",
    "/projects/{id}/pipelines/{id}/bridges",
    "/projects/{id}/repository/tree",
    "/projects/{id}/repository/commits/{sha}/merge_requests",
    "/projects/{id}/hooks/{id}/test/push_events",
    "/projects/{id}/issues/{iid}/discussions",
    "/projects/{id}/issues/{iid}/discussions/{id}/notes",
];

/// Fields that the description asks for and no client sends: the id of a note that is only being written, and the number of
/// a thread that the path has already.
const SLIPS: [(&str, &str); 2] =
    [("/notes", "note_id"), ("/award_emoji", "issue_iid/merge_request_iid/snippet_id")];

/// Everything that the description does not allow, of calls that were answered well.
pub(crate) fn faults(requests: &[RequestView]) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gitlab-openapi.json");
    let Ok(text) = std::fs::read(file) else {
        return Vec::new();
    };
    let description: Value = serde_json::from_slice(&text).unwrap();
    let answered = requests.iter().filter(|request| (200..300).contains(&request.status));
    answered.filter_map(|request| fault(&description, request)).collect()
}

fn fault(description: &Value, request: &RequestView) -> Option<String> {
    let (_, path) = request.path.split_once("/api/v4")?;
    let method = request.method.to_ascii_lowercase().replace("head", "get");
    let paths = description["paths"].as_object().unwrap();
    let fitting = paths.iter().filter(|(pattern, item)| fits(pattern, path) && item.get(&method).is_some());
    let Some((_, item)) = fitting.min_by_key(|(pattern, _)| pattern.matches('{').count()) else {
        let known = LEFT_OUT.iter().any(|pattern| fits(pattern, path));
        return (!known).then(|| format!("there is no {method} {path}"));
    };
    let body = &item[&method]["requestBody"]["content"]["application/json"]["schema"];
    let schema = match body["$ref"].as_str() {
        Some(target) => description.pointer(target.trim_start_matches('#')).unwrap(),
        None => body,
    };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let meant = |field: &&Value| !SLIPS.iter().any(|(end, slip)| path.ends_with(end) && *field == slip);
    let lacks = |field: &&Value| request.body.get(field.as_str().unwrap()).is_none();
    required.iter().filter(meant).find(lacks).map(|field| format!("{method} {path} lacks {field}"))
}

fn fits(pattern: &str, path: &str) -> bool {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    wanted.len() == given.len() && wanted.iter().zip(given).all(|(w, g)| w.starts_with('{') || *w == g)
}

#[test]
fn what_gitlab_does_not_take_is_found() {
    assert!(fits("/projects/{id}/issues", "/projects/7/issues") && !fits("/projects/{id}", "/projects/7/x"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gitlab-openapi.json");
    let Ok(text) = std::fs::read(file) else { return };
    let description: Value = serde_json::from_slice(&text).unwrap();
    let asked = |path: &str, body: Value| RequestView {
        method: "POST".to_owned(),
        path: format!("/api/v4{path}"),
        query: String::new(),
        status: 201,
        operation: String::new(),
        app: None,
        login: None,
        body,
    };
    let good = asked("/projects/7/statuses/abc", serde_json::json!({ "state": "success" }));
    assert_eq!(fault(&description, &good), None);
    let bad = asked("/projects/7/statuses/abc", serde_json::json!({ "name": "ci" }));
    assert!(fault(&description, &bad).unwrap().contains("lacks \"state\""));
    let none = asked("/projects/7/invented", serde_json::json!({}));
    assert!(fault(&description, &none).unwrap().contains("there is no"));
}
