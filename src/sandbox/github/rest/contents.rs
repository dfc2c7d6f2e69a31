//! Branches, refs, commits and files, straight from the bare repository.

use crate::sandbox::github::acts::{RefChange, Refused};
use crate::sandbox::github::git::Bare;
use crate::sandbox::github::http::{Answer, Call, Reply};
use crate::sandbox::github::model::{Model, Repo};
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
    bare.delete_branch(&branch)?;
    let change = RefChange { branch, old: Some(old), new: None };
    model.refs_changed(call.repo, &call.actor(model), &[change]);
    Reply::empty()
}

/// A file with its content, or a folder as a list.
pub(crate) fn contents(model: &mut Model, call: &Call) -> Answer {
    let repo = repo(model, call)?;
    let bare = Bare(&repo.dir);
    let name = call.query("ref").unwrap_or(&repo.default_branch);
    let missing = || Refused::new(404, format!("No commit found for the ref {name}"));
    let commit = bare.resolve(name).ok_or_else(missing)?;
    let path = call.param("path").trim_matches('/');
    let entries = bare.entries(&commit, path);
    let file = |entry: &[String; 4]| file_json(model, (repo, &bare), name, entry);
    match entries.as_slice() {
        [] => Err(Refused::missing()),
        [only] if only[3] == path && only[1] == "blob" => {
            let blob = bare.blob(&only[2]).unwrap_or_default();
            let mut value = file(only);
            // GitHub sends no content for files over 1 MB, only for callers of the raw media type.
            let small = blob.len() <= 1 << 20;
            value["encoding"] = json!(if small { "base64" } else { "none" });
            value["content"] = json!(if small { BASE64_STANDARD.encode(&blob) } else { String::new() });
            value["size"] = json!(blob.len());
            Reply::ok(value)
        }
        folder => Reply::ok(folder.iter().map(file).collect::<Vec<_>>()),
    }
}

fn file_json(model: &Model, (repo, bare): (&Repo, &Bare<'_>), name: &str, entry: &[String; 4]) -> Value {
    let [mode, kind, id, path] = entry;
    let api = model.at(&format!("/repos/{}", repo.full_name()));
    let url = format!("{api}/contents/{path}?ref={name}");
    let git = format!("{api}/git/{kind}s/{id}");
    let html = format!("{}/{}/blob/{name}/{path}", model.site.url, repo.full_name());
    let kind = match (mode.as_str(), kind.as_str()) {
        ("120000", _) => "symlink",
        (_, "tree") => "dir",
        (_, "commit") => "submodule",
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
