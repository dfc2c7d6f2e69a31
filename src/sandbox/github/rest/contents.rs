//! Branches, refs, commits and files, straight from the bare repository.

use crate::sandbox::acts::{RefChange, Refused};
use crate::sandbox::git::Bare;
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::{Model, Repo};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

fn repo<'m>(model: &'m Model, call: &Call) -> Result<&'m Repo, Refused> {
    model.repo(call.repo).ok_or_else(Refused::missing)
}

pub(crate) fn branch(model: &mut Model, call: &Call) -> Answer {
    let repo = repo(model, call)?;
    let bare = Bare(&repo.dir);
    let name = call.param("branch");
    let missing = || Refused::new(404, "Branch not found");
    let commit = bare.branch(name).and_then(|sha| bare.commit(&sha)).ok_or_else(missing)?;
    let api = model.at(&format!("/repos/{}/branches/{name}", repo.full_name()));
    let html = format!("{}/{}/tree/{name}", model.site.url, repo.full_name());
    Reply::ok(json!({
        "name": name,
        "commit": model.commit_api_json(repo, &commit),
        "_links": { "self": api, "html": html },
        "protected": false,
        "protection": { "enabled": false, "required_status_checks": { "enforcement_level": "off", "contexts": [], "checks": [] } },
        "protection_url": format!("{api}/protection"),
    }))
}

pub(crate) fn commit(model: &mut Model, call: &Call) -> Answer {
    let repo = repo(model, call)?;
    let bare = Bare(&repo.dir);
    let name = call.param("ref");
    let unknown = || Refused::new(422, format!("No commit found for SHA: {name}"));
    let commit = bare.resolve(name).and_then(|sha| bare.commit(&sha)).ok_or_else(unknown)?;
    Reply::ok(model.commit_api_json(repo, &commit))
}

pub(crate) fn get_ref(model: &mut Model, call: &Call) -> Answer {
    let repo = repo(model, call)?;
    let name = call.param("ref");
    let branch = name.strip_prefix("heads/").ok_or_else(Refused::missing)?;
    let sha = Bare(&repo.dir).branch(branch).ok_or_else(Refused::missing)?;
    let api = model.at(&format!("/repos/{}/git", repo.full_name()));
    Reply::ok(json!({
        "ref": format!("refs/{name}"),
        "node_id": format!("REF_{}_{name}", repo.id),
        "url": format!("{api}/refs/{name}"),
        "object": { "sha": sha, "type": "commit", "url": format!("{api}/commits/{sha}") },
    }))
}

pub(crate) fn delete_ref(model: &mut Model, call: &Call) -> Answer {
    let repo = repo(model, call)?;
    let unknown = || Refused::new(422, "Reference does not exist");
    let branch = call.param("ref").strip_prefix("heads/").ok_or_else(unknown)?.to_owned();
    let bare = Bare(&repo.dir);
    let old = bare.branch(&branch).ok_or_else(unknown)?;
    if branch == repo.default_branch {
        return Err(Refused::new(422, "Cannot delete the default branch"));
    }
    bare.delete_branch(&branch).map_err(|error| Refused::new(500, error.to_string()))?;
    let change = RefChange { branch, old: Some(old), new: None };
    model.refs_changed(call.repo, &call.actor(model), &[change]);
    Reply::empty()
}

/// A file with its content, a link or submodule as itself, or a folder as a list. A link to a file of the repository is
/// followed: GitHub then answers with that file's type, size and content, under the path and the id of the link.
pub(crate) fn contents(model: &mut Model, call: &Call) -> Answer {
    let repo = repo(model, call)?;
    let bare = Bare(&repo.dir);
    let name = call.query("ref").unwrap_or(&repo.default_branch);
    let missing = || Refused::new(404, format!("No commit found for the ref {name}"));
    let commit = bare.resolve(name).ok_or_else(missing)?;
    let path = call.param("path").trim_matches('/');
    let entries = bare.entries(&commit, path);
    let [only] = entries.as_slice() else {
        return listed(&entries, |entry| entry_json(model, (repo, &bare), name, entry));
    };
    if only[3] != path || only[1] == "tree" {
        return listed(&entries, |entry| entry_json(model, (repo, &bare), name, entry));
    }
    let mut value = entry_json(model, (repo, &bare), name, only);
    if only[1] == "commit" {
        value["type"] = json!("submodule");
        value["submodule_git_url"] = json!("https://example.org/elsewhere.git");
    } else if only[0] != LINK {
        put_content(&mut value, &bare.blob(&only[2]).unwrap_or_default());
    } else {
        let target = String::from_utf8_lossy(&bare.blob(&only[2]).unwrap_or_default()).into_owned();
        match followed(&bare, &commit, (path, &target)) {
            Some(content) => put_content(&mut value, &content),
            None => value["target"] = json!(target),
        }
    }
    Reply::ok(value)
}

/// The mode of a symbolic link.
const LINK: &str = "120000";

fn listed(entries: &[[String; 4]], json: impl Fn(&[String; 4]) -> Value) -> Answer {
    if entries.is_empty() {
        return Err(Refused::missing());
    }
    Reply::ok(entries.iter().map(json).collect::<Vec<_>>())
}

/// The content of the file that a link leads to, when it is a plain file of this commit.
fn followed(bare: &Bare<'_>, commit: &str, (path, target): (&str, &str)) -> Option<Vec<u8>> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/').filter(|part| *part != ".") {
        match part {
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let found = bare.entries(commit, &parts.join("/"));
    let file = found.first().filter(|entry| entry[3] == parts.join("/") && entry[0].starts_with("100"))?;
    bare.blob(&file[2])
}

/// GitHub sends no content for files over 1 MB, only for callers of the raw media type.
fn put_content(value: &mut Value, blob: &[u8]) {
    let is_small = blob.len() <= 1 << 20;
    value["type"] = json!("file");
    value["encoding"] = json!(if is_small { "base64" } else { "none" });
    value["content"] = json!(if is_small { BASE64_STANDARD.encode(blob) } else { String::new() });
    value["size"] = json!(blob.len());
}

fn entry_json(model: &Model, (repo, bare): (&Repo, &Bare<'_>), name: &str, entry: &[String; 4]) -> Value {
    let [mode, kind, id, path] = entry;
    let api = model.at(&format!("/repos/{}", repo.full_name()));
    let url = format!("{api}/contents/{path}?ref={name}");
    let git = format!("{api}/git/{kind}s/{id}");
    let html = format!("{}/{}/blob/{name}/{path}", model.site.url, repo.full_name());
    // In a list GitHub calls a submodule a file.
    let kind = match (mode.as_str(), kind.as_str()) {
        (LINK, _) => "symlink",
        (_, "tree") => "dir",
        _ => "file",
    };
    let size = if kind == "file" { bare.blob(id).map_or(0, |b| b.len()) } else { 0 };
    json!({
        "name": path.rsplit('/').next().unwrap_or(path),
        "path": path,
        "sha": id,
        "size": size,
        "url": url,
        "html_url": html,
        "git_url": git,
        "download_url": null,
        "type": kind,
        "_links": { "self": url, "git": git, "html": html },
    })
}
