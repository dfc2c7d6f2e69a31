//! Every request of the bot, held against GitHub's published description of its API: path, query and body.
//!
//! `World::finish` does so for each story. The description is OpenAPI 3.0, whose schemas are JSON Schema draft 4 but for
//! `nullable`. It lets objects have surplus members; here they are faults, for a misspelt one does nothing on GitHub.
//! GraphQL has a description of its own, and the bot speaks two mutations of it, which are told here.

use regex::Regex;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::LazyLock;
use tasksgodzilla::sandbox::github::RequestView;
use url::form_urlencoded;

static GITHUB: LazyLock<Value> = LazyLock::new(|| {
    let hint = "GitHub's description is missing: run `scripts/install-openapi`";
    let file = File::open(description().expect(hint)).expect(hint);
    serde_json::from_reader(BufReader::new(file)).unwrap()
});

/// The two mutations, with the members of their input that the bot uses.
/// <https://docs.github.com/en/graphql/reference/mutations>
const MUTATIONS: [(&str, &[&str]); 2] = [
    ("minimizeComment", &["subjectId", "classifier", "clientMutationId"]),
    ("markPullRequestReadyForReview", &["pullRequestId", "clientMutationId"]),
];

/// Everything in `requests` that GitHub's description does not allow, each once.
pub fn faults(requests: &[RequestView]) -> Vec<String> {
    // People's pages have no operation; nor has a call of something that does not exist, but that is not answered.
    let api = requests.iter().filter(|request| !request.operation.is_empty() || request.status != 200);
    let faults: BTreeSet<String> = api
        .filter(|request| !request.operation.starts_with("git/"))
        .flat_map(|request| {
            let found = if request.operation == "graphql" { graphql(&request.body) } else { rest(request) };
            found.into_iter().map(|fault| format!("{} {}: {fault}", request.method, request.path))
        })
        .collect();
    faults.into_iter().collect()
}

fn description() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/openapi");
    let files = std::fs::read_dir(folder).ok()?.map(|file| file.unwrap().path());
    files.max().filter(|file| file.extension().is_some_and(|ending| ending == "json"))
}

fn rest(request: &RequestView) -> Vec<String> {
    let method = request.method.to_ascii_lowercase();
    let Some((path, operation, segments)) = operation(&method, &request.path) else {
        return vec!["there is no such operation".to_owned()];
    };
    let mut faults = Vec::new();
    let known = parameters(path, operation);
    for (name, value) in &segments {
        let declared = known.iter().find(|known| known["in"] == "path" && known["name"] == *name);
        faults.extend(declared.into_iter().flat_map(|declared| misfits(&declared["schema"], &typed(value))));
    }
    for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
        match known.iter().find(|known| known["in"] == "query" && known["name"] == *name) {
            Some(declared) => faults.extend(misfits(&declared["schema"], &typed(&value))),
            None => faults.push(format!("the query has no {name}")),
        }
    }
    let body = &operation["requestBody"];
    let schema = &resolved(body)["content"]["application/json"]["schema"];
    match (schema.is_null(), request.body.is_null()) {
        (true, false) => faults.push("a body was sent, and none is taken".to_owned()),
        (false, true) if body["required"] == true => faults.push("a body is required".to_owned()),
        (false, false) => faults.extend(misfits(schema, &request.body)),
        _ => {}
    }
    faults
}

type Segments = Vec<(String, String)>;

/// The operation with the most literal path that fits; values of `{…}` beside it.
fn operation<'d>(method: &str, path: &str) -> Option<(&'d Value, &'d Value, Segments)> {
    let paths = GITHUB["paths"].as_object().unwrap().iter();
    let fits = paths.filter_map(|(pattern, item)| Some((item, item.get(method)?, segments(pattern, path)?)));
    fits.min_by_key(|(_, _, segments)| segments.len())
}

/// A value never has a slash in it, except that of the last segment of a pattern that ends with `{path}`.
fn segments(pattern: &str, path: &str) -> Option<Segments> {
    let parts = pattern.split('/').count();
    let given: Vec<&str> = if pattern.ends_with("/{path}") {
        path.splitn(parts, '/').collect()
    } else {
        path.split('/').collect()
    };
    let mut found = Segments::new();
    for (wanted, given) in pattern.split('/').zip(&given) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => found.push((name.to_owned(), (*given).to_owned())),
            None if wanted == *given => {}
            None => return None,
        }
    }
    (given.len() == parts).then_some(found)
}

fn parameters(path: &'static Value, operation: &'static Value) -> Vec<&'static Value> {
    let lists = [path, operation].into_iter().filter_map(|place| place["parameters"].as_array());
    lists.flatten().map(resolved).collect()
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(target) => resolved(GITHUB.pointer(target.trim_start_matches('#')).unwrap()),
        None => value,
    }
}

/// What stands in a path or a query, as JSON.
fn typed(text: &str) -> Value {
    let plain = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<bool>().map(Value::from));
    plain.unwrap_or_else(|_| json!(text))
}

/// How `value` breaks `schema`.
fn misfits(schema: &'static Value, value: &Value) -> Vec<String> {
    let schema = whole(schema);
    let validator = jsonschema::draft4::options().should_validate_formats(true).build(&schema).unwrap();
    let errors = validator.iter_errors(value);
    let mut found: Vec<String> = errors.map(|error| format!("{} {error}", error.instance_path())).collect();
    found.extend(surplus(&schema, value));
    found
}

/// A schema with its references put in, and `null` where it may be.
fn whole(schema: &'static Value) -> Value {
    match resolved(schema) {
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != "example" && *name != "examples");
            let whole: Map<String, Value> =
                members.map(|(name, inner)| (name.clone(), whole(inner))).collect();
            match whole.get("nullable") {
                Some(Value::Bool(true)) => json!({ "anyOf": [{ "type": "null" }, without_nullable(whole)] }),
                _ => Value::Object(whole),
            }
        }
        Value::Array(items) => items.iter().map(whole).collect(),
        plain => plain.clone(),
    }
}

fn without_nullable(mut schema: Map<String, Value>) -> Value {
    schema.remove("nullable");
    Value::Object(schema)
}

/// Members of objects that the schema does not name.
fn surplus(schema: &Value, value: &Value) -> Vec<String> {
    if let Value::Array(items) = value {
        return items.iter().flat_map(|item| surplus(&schema["items"], item)).collect();
    }
    let Value::Object(members) = value else {
        return Vec::new();
    };
    let known = named(schema);
    if known.is_empty() {
        return Vec::new();
    }
    let each =
        members.iter().flat_map(|(name, inner)| match known.iter().find(|(known, _)| *known == name) {
            Some((_, schema)) => surplus(schema, inner),
            None => vec![format!("there is no member {name}")],
        });
    each.collect()
}

/// The members a schema names, also in its alternatives.
fn named(schema: &Value) -> Vec<(&String, &Value)> {
    let own = schema["properties"].as_object().into_iter().flatten();
    let alternatives = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|word| schema[word].as_array());
    own.chain(alternatives.flatten().flat_map(named)).collect()
}

fn graphql(body: &Value) -> Vec<String> {
    let shape = Regex::new(r"^mutation(\([^)]*\))? *\{ *(\w+)\(input: \{([^}]*)\}\)").unwrap();
    let query = body["query"].as_str().unwrap_or_default();
    let Some(parts) = shape.captures(query) else {
        return vec![format!("not a mutation with an input: {query}")];
    };
    let Some((_, known)) = MUTATIONS.iter().find(|(name, _)| *name == &parts[2]) else {
        return vec![format!("there is no mutation {}", &parts[2])];
    };
    let given = parts[3].split(',').filter_map(|pair| pair.split_once(':'));
    let mut faults = Vec::new();
    for (name, value) in given.map(|(name, value)| (name.trim(), value.trim())) {
        if !known.contains(&name) {
            faults.push(format!("{} takes no {name}", &parts[2]));
        }
        if value.strip_prefix('$').is_some_and(|variable| !body["variables"][variable].is_string()) {
            faults.push(format!("{value} is not among the variables"));
        }
    }
    faults
}

#[test]
fn what_github_does_not_take_is_found() {
    check("POST", "/repos/acme/api/issues/1/comments?", json!({ "body": "text" }), "");
    check("POST", "/repos/acme/api/issues/1/comments?", json!({ "bdy": "text" }), "member bdy");
    check("POST", "/repos/acme/api/issues/1/comments?", json!({ "body": 1.5 }), "1.5 is not");
    check("POST", "/repos/acme/api/issues/1/comments?", Value::Null, "a body is required");
    check("POST", "/repos/acme/api/issues/comments/1?", json!({ "body": "text" }), "no such operation");
    check("PATCH", "/repos/acme/api/issues/comments/1?", json!({ "body": "text" }), "");
    check("PATCH", "/repos/acme/api/issues/comments/one?", json!({ "body": "text" }), r#""one" is not"#);
    check("GET", "/repos/acme/api/issues/1/comments?per_page=100&page=2", Value::Null, "");
    check("GET", "/repos/acme/api/issues/1/comments?order=asc", Value::Null, "the query has no order");
    check("GET", "/repos/acme/api/pulls?state=merged", Value::Null, r#""merged" is not"#);
    check("GET", "/repos/acme/api/contents/a/b.md?", Value::Null, "");
    let run = |output: Value| json!({ "name": "ci", "head_sha": "abc", "output": output });
    check("POST", "/repos/acme/api/check-runs?", run(json!({ "title": "t", "summary": "s" })), "");
    check("POST", "/repos/acme/api/check-runs?", run(json!({ "title": "t" })), "required");
    check(
        "POST",
        "/repos/acme/api/check-runs?",
        run(json!({ "title": "t", "summary": "s", "x": 1 })),
        "member x",
    );
    let fold = |input: &str, id: &str| {
        let query =
            format!("mutation($id: ID!) {{ minimizeComment(input: {{ {input} }}) {{ clientMutationId }} }}");
        json!({ "query": query, "variables": { id: "IC_1" } })
    };
    check("POST", "/graphql?", fold("subjectId: $id, classifier: OUTDATED", "id"), "");
    check("POST", "/graphql?", fold("subject: $id, classifier: OUTDATED", "id"), "takes no subject");
    check("POST", "/graphql?", fold("subjectId: $id, classifier: OUTDATED", "node"), "$id is not among");
}

/// `fault` is a part of what is said about a request; empty when nothing is.
#[track_caller]
fn check(method: &str, address: &str, body: Value, fault: &str) {
    let (path, query) = address.split_once('?').unwrap();
    let operation = if path == "/graphql" { "graphql" } else { "rest" };
    let request = RequestView {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        status: 200,
        operation: operation.to_owned(),
        app: None,
        login: None,
        body,
    };
    let found = faults(&[request]).join("\n");
    assert!(found.contains(fault) && found.is_empty() == fault.is_empty(), "{address}: {found:?}");
}
