//! Merge requests. <https://docs.gitlab.com/api/merge_requests/>

use super::issues::{check_title, may_change, shown};
use super::thread;
use crate::sandbox::acts::{MergeMethod, MergeOrder, NewPull, No, PullChange, Refused};
use crate::sandbox::git::Bare;
use crate::sandbox::gitlab::auth::may_write;
use crate::sandbox::gitlab::door::{caller, list as listed, project};
use crate::sandbox::gitlab::fields::{maybe, maybe_flag, maybe_word, text};
use crate::sandbox::gitlab::words::{answered, is_draft, missing, refused, unauthorized};
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::{Issue, Model, Role};
use serde_json::json;

/// Newest first.
pub(crate) fn list(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let state = maybe_word(call, "state", &["opened", "closed", "merged", "locked", "all"])?;
    let fits = |issue: &&Issue| {
        let Some(pull) = &issue.pull else { return false };
        let in_state = match state.as_deref() {
            Some("opened") => issue.open,
            Some("closed") => !issue.open && pull.merged.is_none(),
            Some("merged") => pull.merged.is_some(),
            Some("locked") => false,
            _ => true,
        };
        in_state
            && call.query("source_branch").is_none_or(|branch| branch == pull.head.branch)
            && call.query("target_branch").is_none_or(|branch| branch == pull.base.branch)
    };
    listed(call, repo.issues.iter().rev().filter(fits).map(|i| model.thread_json(repo, i)).collect())
}

pub(crate) fn of_commit(model: &mut Model, call: &Call) -> Answer {
    let repo = project(model, call)?;
    let bare = Bare(&repo.dir);
    let sha = bare.resolve(call.param("sha")).ok_or_else(|| missing("Commit"))?;
    let with = |issue: &&Issue| {
        let pull = issue.pull.as_ref();
        let in_state =
            call.query("state").is_none_or(|state| state == "all" || (state == "opened") == issue.open);
        in_state
            && pull.is_some_and(|p| {
                p.head.sha == sha || bare.commits(&p.base.sha, &p.head.sha).iter().any(|c| c.sha == sha)
            })
    };
    listed(call, repo.issues.iter().filter(with).map(|i| model.thread_json(repo, i)).collect())
}

pub(crate) fn create(model: &mut Model, call: &Call) -> Answer {
    let title = text(call, "title")?;
    let (head, base) = (text(call, "source_branch")?, text(call, "target_branch")?);
    check_title(&title)?;
    if head == base {
        return Err(refused(No::NothingToMerge { base, head }));
    }
    let body = maybe(call, "description").unwrap_or_default();
    let draft = is_draft(&title);
    let new = NewPull { title: &title, body: &body, head: &head, base: &base, draft };
    let made = model.open_pull(call.repo, &call.actor(model), &new);
    let number = made.map_err(|no| shown_again(model, call.repo, no))?;
    Reply::created(shown(model, call, number)?)
}

/// The merge request that is open already goes by GitLab's number.
fn shown_again(model: &Model, repo: u64, no: No) -> Refused {
    match no {
        No::Again { owner, branch, number } => {
            refused(No::Again { owner, branch, number: model.shown_number(repo, number) })
        }
        no => refused(no),
    }
}

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    Reply::ok(shown(model, call, thread(model, call)?)?)
}

/// For the author, and for members from the role Developer up.
pub(crate) fn update(model: &mut Model, call: &Call) -> Answer {
    let number = thread(model, call)?;
    may_change(model, call, (number, Role::Write))?;
    let title = maybe(call, "title");
    title.as_deref().map_or(Ok(()), check_title)?;
    let event = maybe_word(call, "state_event", &["close", "reopen"])?;
    let change = PullChange { title, body: maybe(call, "description"), base: maybe(call, "target_branch") };
    let at = (call.repo, number);
    let actor = call.actor(model);
    model.edit_pull(at, &actor, change).map_err(refused)?;
    let is_merged = model.issue(at.0, at.1).and_then(|i| i.pull.as_ref()).is_some_and(|p| p.merged.is_some());
    match event.as_deref() {
        Some(_) if is_merged => return Err(answered(400, json!({ "message": { "state": ["is merged"] } }))),
        Some("close") => model.close_thread(at.0, at.1, &actor),
        Some("reopen") => model.reopen_thread(at.0, at.1, &actor),
        _ => {}
    }
    Reply::ok(shown(model, call, number)?)
}

/// Who may not merge into the target is "unauthorized", as with a wrong token.
pub(crate) fn merge(model: &mut Model, call: &Call) -> Answer {
    let number = thread(model, call)?;
    let repo = project(model, call)?;
    let issue = model.issue(call.repo, number).ok_or_else(|| missing("Merge Request"))?;
    let pull = issue.pull.as_ref().ok_or_else(|| missing("Merge Request"))?;
    if !may_write(model, repo, caller(call)?, &pull.base.branch) {
        return Err(unauthorized());
    }
    let squash = maybe_flag(call, "squash")?.unwrap_or(false);
    let order = MergeOrder {
        method: if squash { MergeMethod::Squash } else { MergeMethod::Merge },
        title: maybe(call, "merge_commit_message"),
        message: None,
        expected: maybe(call, "sha"),
    };
    model.merge_pull((call.repo, number), &call.actor(model), &order).map_err(refused)?;
    Reply::ok(shown(model, call, number)?)
}

/// Newest first.
pub(crate) fn commits(model: &mut Model, call: &Call) -> Answer {
    let number = thread(model, call)?;
    let repo = project(model, call)?;
    let pull = model.issue(call.repo, number).and_then(|i| i.pull.as_ref());
    let pull = pull.ok_or_else(|| missing("Merge Request"))?;
    let found = Bare(&repo.dir).commits(&pull.base.sha, &pull.head.sha);
    listed(call, found.iter().rev().map(|c| model.commit_of(repo, c)).collect())
}

pub(crate) fn pipelines(model: &mut Model, call: &Call) -> Answer {
    let number = thread(model, call)?;
    let pull = model.issue(call.repo, number).and_then(|i| i.pull.as_ref());
    let sha = pull.map(|p| p.head.sha.clone()).ok_or_else(|| missing("Merge Request"))?;
    let here = model.gitlab.pipelines.iter().rev().filter(|p| p.repo == call.repo && p.sha == sha);
    listed(call, here.map(|p| model.pipeline_json(p)).collect())
}
