//! Commit statuses.

use crate::sandbox::acts::Refused;
use crate::sandbox::git::Bare;
use crate::sandbox::github::checks::CommitStatus;
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::Model;
use serde_json::json;

pub(crate) fn create(model: &mut Model, call: &Call) -> Answer {
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let sha = call.param("sha");
    let unknown = || Refused::new(422, format!("No commit found for SHA: {sha}"));
    let commit = Bare(&repo.dir).commit(sha).filter(|c| c.sha == sha).ok_or_else(unknown)?;
    call.text("state")?;
    let state = call.maybe_word("state", &["error", "failure", "pending", "success"])?.unwrap_or_default();
    let description = call.maybe_text("description")?;
    if description.is_some_and(|d| d.chars().count() > 140) {
        let why = "description is too long (maximum is 140 characters)";
        return Err(Refused::invalid("Status", "description", "custom", why));
    }
    let actor = call.actor(model);
    let status = CommitStatus {
        id: 0,
        repo: call.repo,
        sha: commit.sha,
        state: state.to_owned(),
        context: call.maybe_text("context")?.unwrap_or("default").to_owned(),
        description: description.map(str::to_owned),
        target_url: call.maybe_text("target_url")?.map(str::to_owned),
        creator: actor.login.clone(),
        created: model.now(),
    };
    let id = model.add_status(&actor, status);
    let made = model.github.statuses.iter().find(|s| s.id == id).ok_or_else(Refused::missing)?;
    Reply::created(model.status_json(made))
}

/// All statuses of a commit, newest first.
fn of_ref<'m>(model: &'m Model, call: &Call) -> Result<(String, Vec<&'m CommitStatus>), Refused> {
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let name = call.param("ref");
    let unknown = || Refused::new(422, format!("No commit found for SHA: {name}"));
    let sha = Bare(&repo.dir).resolve(name).ok_or_else(unknown)?;
    let found = model.github.statuses.iter().rev().filter(|s| s.repo == call.repo && s.sha == sha);
    Ok((sha.clone(), found.collect()))
}

pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let (_, found) = of_ref(model, call)?;
    Reply::list(call, found.into_iter().map(|s| model.status_json(s)).collect())
}

/// The newest status of each context, and what they come to together.
pub(crate) fn combined(model: &mut Model, call: &Call) -> Answer {
    let (sha, found) = of_ref(model, call)?;
    let mut latest: Vec<&CommitStatus> = Vec::new();
    for status in found {
        if !latest.iter().any(|l| l.context == status.context) {
            latest.push(status);
        }
    }
    let any = |words: &[&str]| latest.iter().any(|s| words.contains(&s.state.as_str()));
    let state = match () {
        () if any(&["failure", "error"]) => "failure",
        () if latest.is_empty() || any(&["pending"]) => "pending",
        () => "success",
    };
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let commit_url = model.at(&format!("/repos/{}/commits/{sha}", repo.full_name()));
    let total = latest.len();
    let (shown, headers) = call.page(latest.into_iter().map(|s| model.status_json(s)).collect());
    let body = json!({
        "state": state, "statuses": shown, "sha": sha, "total_count": total,
        "repository": model.repo_json(repo), "commit_url": commit_url, "url": format!("{commit_url}/status"),
    });
    Ok(Reply { headers, ..Reply::json(200, body) })
}
