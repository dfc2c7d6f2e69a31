//! Webhooks as files: our own small ones, and real ones where they lie beside the repository.

use serde_json::Value;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What `told` makes of each of our own small deliveries of a host, by the file's name and content; a line each.
pub(crate) fn small(host: &str, told: impl Fn(&str, &[u8]) -> String) -> String {
    let files = std::fs::read_dir(folder("tests/data").join(host)).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|kind| kind == "json"));
    files.sort();
    let line = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        format!("{name}: {}\n", told(name, &std::fs::read(path).unwrap()))
    };
    files.iter().map(line).collect()
}

/// Of each real delivery of a host its event, what the index says of it in `detail`, and the first word of what `told` makes
/// of it; `None` where there are none.
pub(crate) fn recorded(
    host: &str,
    (event, detail): (&str, &str),
    told: impl Fn(&str, &[u8]) -> String,
) -> Option<String> {
    let folder = folder("../shared/data").join(host);
    let Ok(index) = std::fs::read(folder.join("index.json")) else {
        eprintln!("no recorded deliveries beside the repository");
        return None;
    };
    let index: Vec<Value> = serde_json::from_slice(&index).unwrap();
    let line = |entry: &Value| {
        let body = std::fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap();
        let event = entry[event].as_str().unwrap();
        let told = told(event, &body);
        let kind: String = told.chars().take_while(char::is_ascii_alphanumeric).collect();
        format!("{event} {}: {kind}\n", entry[detail].as_str().unwrap_or("-"))
    };
    Some(index.iter().map(line).collect())
}
