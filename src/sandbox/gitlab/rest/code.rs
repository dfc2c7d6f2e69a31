//! Branches, files and commits.

use crate::sandbox::acts::{RefChange, Refused};
use crate::sandbox::git::Bare;
use crate::sandbox::gitlab::auth::may_write;
use crate::sandbox::gitlab::door::{caller, list as listed, project};
use crate::sandbox::gitlab::fields::{maybe, text};
use crate::sandbox::gitlab::words::{forbidden, missing};
use crate::sandbox::http::{Answer, Call, Content, Reply};
use crate::sandbox::model::{Model, Repo};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) fn branches(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let all = Bare(&repo.dir).branches();
    let wanted = call.query("search").unwrap_or_default();
    let found = all.iter().filter(|(name, _)| name.contains(wanted));
    listed(call, found.map(|(name, tip)| model.branch_json(repo, name, tip)).collect())
}

pub(crate) fn branch(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let name = call.param("branch");
    let tip = Bare(&repo.dir).branch(name).ok_or_else(|| missing("Branch"))?;
    Reply::ok(model.branch_json(repo, name, &tip))
}

pub(crate) fn delete_branch(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let name = call.param("branch");
    let bare = Bare(&repo.dir);
    let tip = bare.branch(name).ok_or_else(|| missing("Branch"))?;
    if name == repo.default_branch || !may_write(model, repo, caller(call)?, name) {
        return Err(forbidden());
    }
    bare.delete_branch(name).map_err(|error| Refused::new(500, error.to_string()))?;
    let change = RefChange { branch: name.to_owned(), old: Some(tip), new: None };
    model.refs_changed(call.repo, &call.actor(model), &[change]);
    Reply::empty()
}

pub(crate) fn protected(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let level = crate::sandbox::gitlab::desk::level(repo.protected);
    let who = json!([{ "id": 1, "access_level": level, "access_level_description": "Maintainers" }]);
    let only = json!({
        "id": 1, "name": repo.default_branch, "push_access_levels": who, "merge_access_levels": who,
        "allow_force_push": false, "code_owner_approval_required": false,
    });
    listed(call, vec![only])
}

/// The commit that `ref` names, or the tip of the default branch.
fn commit_at(repo: &Repo, name: Option<&str>) -> Result<String, Refused> {
    let found = Bare(&repo.dir).resolve(name.filter(|n| *n != "HEAD").unwrap_or(&repo.default_branch));
    found.ok_or_else(|| missing("Tree"))
}

/// <https://docs.gitlab.com/api/repositories/#list-repository-tree>
pub(crate) fn tree(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let commit = commit_at(repo, call.query("ref"))?;
    let path = call.query("path").unwrap_or_default().trim_matches('/');
    let entries = Bare(&repo.dir).entries(&commit, path);
    let is_file = entries.iter().any(|entry| entry[3] == path && entry[1] != "tree");
    if (entries.is_empty() && !path.is_empty()) || is_file {
        return Err(missing("invalid revision or path"));
    }
    let json = |[mode, kind, id, path]: &[String; 4]| {
        let name = path.rsplit('/').next();
        json!({ "id": id, "name": name, "type": kind, "path": path, "mode": mode })
    };
    listed(call, entries.iter().map(json).collect())
}

/// The blob at a path: its id and its bytes.
fn blob(repo: &Repo, call: &Call) -> Result<(String, String, Vec<u8>), Refused> {
    let commit = commit_at(repo, Some(&maybe(call, "ref").unwrap_or_else(|| "HEAD".to_owned())))
        .map_err(|_| missing("Commit"))?;
    let (bare, path) = (Bare(&repo.dir), call.param("file_path"));
    let entries = bare.entries(&commit, path);
    let entry = entries.iter().find(|entry| entry[3] == path && entry[1] == "blob");
    let id = entry.map(|entry| entry[2].clone()).ok_or_else(|| missing("File"))?;
    let bytes = bare.blob(&id).unwrap_or_default();
    Ok((commit, id, bytes))
}

fn told(call: &Call, (commit, id, bytes): &(String, String, Vec<u8>)) -> Vec<(&'static str, String)> {
    let path = call.param("file_path");
    vec![
        ("x-gitlab-file-name", path.rsplit('/').next().unwrap_or(path).to_owned()),
        ("x-gitlab-file-path", path.to_owned()),
        ("x-gitlab-size", bytes.len().to_string()),
        ("x-gitlab-blob-id", id.clone()),
        ("x-gitlab-commit-id", commit.clone()),
        ("x-gitlab-content-sha256", hex::encode(Sha256::digest(bytes))),
    ]
}

/// A link's content is its target.
pub(crate) fn raw(model: &mut Model, call: &Call) -> Answer {
    let found = blob(project(model, call)?, call)?;
    let headers = told(call, &found);
    Ok(Reply::new(200, headers, Content::Bytes("text/plain".to_owned(), found.2)))
}

pub(crate) fn file(model: &mut Model, call: &Call) -> Answer {
    text(call, "ref")?;
    let found = blob(project(model, call)?, call)?;
    let path = call.param("file_path");
    let value: Value = json!({
        "file_name": path.rsplit('/').next(), "file_path": path, "size": found.2.len(), "encoding": "base64",
        "content": BASE64_STANDARD.encode(&found.2), "content_sha256": hex::encode(Sha256::digest(&found.2)),
        "ref": maybe(call, "ref"), "blob_id": found.1, "commit_id": found.0, "last_commit_id": found.0,
        "execute_filemode": false,
    });
    Ok(Reply { headers: told(call, &found), ..Reply::json(200, value) })
}

/// Newest first.
pub(crate) fn commits(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let tip = commit_at(repo, call.query("ref_name"))?;
    let bare = Bare(&repo.dir);
    let listed_shas = bare.git(&["rev-list", &tip]).map_err(|error| Refused::new(500, error.to_string()))?;
    let found = listed_shas.lines().filter_map(|sha| bare.commit(sha));
    listed(call, found.map(|commit| model.commit_of(repo, &commit)).collect())
}

pub(crate) fn commit(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let bare = Bare(&repo.dir);
    let found = bare.resolve(call.param("sha")).and_then(|sha| bare.commit(&sha));
    let commit = found.ok_or_else(|| missing("Commit"))?;
    let mut value = model.commit_of(repo, &commit);
    let here = model.gitlab.pipelines.iter().rev().find(|p| p.repo == repo.id && p.sha == commit.sha);
    value["last_pipeline"] = here.map_or(Value::Null, |p| model.pipeline_json(p));
    value["status"] = here.map_or(Value::Null, |p| json!(model.pipeline_status(p.id)));
    value["project_id"] = json!(repo.id);
    Reply::ok(value)
}
