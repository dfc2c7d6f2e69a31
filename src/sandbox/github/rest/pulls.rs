//! Pull requests. REST can neither make a draft ready nor see that `draft` was sent: it is ignored, as on GitHub.

use crate::sandbox::acts::{MergeMethod, MergeOrder, NewPull, PullChange, Refused};
use crate::sandbox::git::Bare;
use crate::sandbox::github::words::refused;
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::{Issue, Model};
use serde_json::{Value, json};

fn pull_json(model: &Model, at: (u64, u64)) -> Result<Value, Refused> {
    model.pull_hook_json(at).ok_or_else(Refused::missing)
}

pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let repo = model.repo(call.repo).ok_or_else(Refused::missing)?;
    let state = call.query("state").unwrap_or("open");
    let fits = |issue: &&Issue| {
        let Some(pull) = &issue.pull else { return false };
        let owner = model.repo(pull.head.repo).map_or("", |r| r.owner.as_str());
        let head = format!("{owner}:{}", pull.head.branch);
        let in_state = state == "all" || issue.open == (state == "open");
        let from_head = call.query("head").is_none_or(|h| h.eq_ignore_ascii_case(&head));
        in_state && from_head && call.query("base").is_none_or(|b| b == pull.base.branch)
    };
    let newest_first = repo.issues.iter().rev().filter(fits);
    let json = |i: &Issue| i.pull.as_ref().map(|p| model.pull_short_json(repo, i, p));
    Reply::list(call, newest_first.filter_map(json).collect())
}

pub(crate) fn create(model: &mut Model, call: &Call) -> Answer {
    let new = NewPull {
        title: call.text("title")?,
        body: call.maybe_text("body")?.unwrap_or_default(),
        head: call.text("head")?,
        base: call.text("base")?,
        draft: call.maybe_flag("draft")?.unwrap_or(false),
    };
    if new.title.trim().is_empty() {
        return Err(Refused::invalid("PullRequest", "title", "custom", "title can't be blank"));
    }
    if new.body.chars().count() > 65_536 {
        let why = "body is too long (maximum is 65536 characters)";
        return Err(Refused::invalid("PullRequest", "body", "custom", why));
    }
    let number = model.open_pull(call.repo, &call.actor(model), &new).map_err(refused)?;
    Reply::created(pull_json(model, (call.repo, number))?)
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(pull_json(model, call.thread()?)?)
}

pub(crate) fn update(model: &mut Model, call: &Call) -> Answer {
    let at = call.thread()?;
    pull_json(model, at)?;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let change = PullChange {
        title: owned(call.maybe_text("title")?),
        body: owned(call.maybe_text("body")?),
        base: owned(call.maybe_text("base")?),
    };
    let state = call.maybe_word("state", &["open", "closed"])?;
    let actor = call.actor(model);
    model.edit_pull(at, &actor, change).map_err(refused)?;
    match state {
        Some("closed") => model.close_thread(at.0, at.1, &actor),
        Some("open") => reopen(model, at, call)?,
        _ => {}
    }
    Reply::ok(pull_json(model, at)?)
}

fn reopen(model: &mut Model, at: (u64, u64), call: &Call) -> Result<(), Refused> {
    let merged = model.issue(at.0, at.1).and_then(|i| i.pull.as_ref()).is_some_and(|p| p.merged.is_some());
    if merged {
        return Err(Refused::invalid("PullRequest", "state", "invalid", "state cannot be changed."));
    }
    model.reopen_thread(at.0, at.1, &call.actor(model));
    Ok(())
}

pub(crate) fn merge(model: &mut Model, call: &Call) -> Answer {
    let at = call.thread()?;
    let method = match call.maybe_word("merge_method", &["merge", "squash", "rebase"])? {
        Some("squash") => MergeMethod::Squash,
        Some("rebase") => MergeMethod::Rebase,
        _ => MergeMethod::Merge,
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let order = MergeOrder {
        method,
        title: owned(call.maybe_text("commit_title")?),
        message: owned(call.maybe_text("commit_message")?),
        expected: owned(call.maybe_text("sha")?),
    };
    let sha = model.merge_pull(at, &call.actor(model), &order).map_err(refused)?;
    Reply::ok(json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" }))
}

pub(crate) fn commits(model: &mut Model, call: &Call) -> Answer {
    let (repo, number) = call.thread()?;
    let issue = model.issue(repo, number).ok_or_else(Refused::missing)?;
    let pull = issue.pull.as_ref().ok_or_else(Refused::missing)?;
    let repo = model.repo(repo).ok_or_else(Refused::missing)?;
    let listed = Bare(&repo.dir).commits(&pull.base.sha, &pull.head.sha);
    Reply::list(call, listed.iter().map(|c| model.commit_api_json(repo, c)).collect())
}
