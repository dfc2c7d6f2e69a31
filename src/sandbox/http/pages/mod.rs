//! Pages for people: repositories, threads and checks, readable without a script.
//!
//! A visitor writes as the twin's visitor; there is no login, since only this machine can reach the port. A form that
//! another site sends is refused all the same. Everything shown is escaped; Markdown goes through `markdown.rs`.

mod markdown;

use super::call::{Answer, Asked, Content, Reply};
use crate::sandbox::Host;
use crate::sandbox::acts::{NewComment, Refused};
use crate::sandbox::model::{Actor, Comment, Issue, Model, Repo, extend, iso};
use crate::sandbox::people::SandboxError;
use crate::sandbox::views::CheckView;
use markdown::to_html;
use minijinja::value::{Serde, Value as Shown};
use minijinja::{Environment, context};
use serde_json::{Value, json};
use std::sync::LazyLock;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    for (name, text) in [
        ("frame.html", include_str!("frame.html")),
        ("home.html", include_str!("home.html")),
        ("repository.html", include_str!("repository.html")),
        ("thread.html", include_str!("thread.html")),
        ("check.html", include_str!("check.html")),
    ] {
        pages
            .add_template(name, text)
            .expect("the pages are compiled into the program and checked by its tests");
    }
    pages
});

/// Answers what no route of the API takes.
pub(super) fn answer(model: &mut Model, asked: &Asked) -> Answer {
    if asked.method == "POST" && !same_site(model, asked) {
        return Err(Refused::new(403, "This form came from another site."));
    }
    let path = asked.path.strip_prefix(&root_path(model)).ok_or_else(Refused::missing)?;
    let path = path.trim_matches('/');
    if path.is_empty() && asked.method == "GET" {
        return home(model);
    }
    let (path, is_plain) = path.strip_prefix("sandbox/").map_or((path, false), |rest| (rest, true));
    let (place, tail) = split(model, path).ok_or_else(Refused::missing)?;
    match (asked.method.as_str(), tail.as_slice(), is_plain) {
        ("GET", [], false) => repository(model, place),
        ("GET", [kind @ ("issues" | "pull" | "merge_requests"), number], false) => {
            thread(model, place, (kind, number))
        }
        ("GET", ["runs" | "jobs", id], false) => check(model, place, id),
        ("POST", ["issues"], true) => plain_issue(model, place, asked),
        ("POST", ["issues"], false) => form_issue(model, place, asked),
        ("POST", [kind @ ("issues" | "pull" | "merge_requests"), number, "comments"], true) => {
            plain_comment(model, place, (kind, number), asked)
        }
        ("POST", [kind @ ("issues" | "pull" | "merge_requests"), number, "comments"], false) => {
            form_comment(model, place, (kind, number), asked)
        }
        ("POST", ["runs" | "jobs", id, act], false) => press(model, place, (id, act), asked),
        _ => Err(Refused::missing()),
    }
}

/// The path below which the pages lie.
fn root_path(model: &Model) -> String {
    match model.host {
        Host::Github => String::new(),
        Host::Gitlab => model.site.prefix.clone(),
    }
}

/// Owner and name, and what follows: on GitLab behind `/-/`, for an owner may have several parts.
fn split<'p>(model: &Model, path: &'p str) -> Option<((&'p str, &'p str), Vec<&'p str>)> {
    let parts = |tail: &'p str| tail.split('/').filter(|part| !part.is_empty()).collect();
    match (model.host, path.split_once("/-/")) {
        (Host::Gitlab, Some((place, tail))) => Some((place.rsplit_once('/')?, parts(tail))),
        (Host::Gitlab, None) => Some((path.rsplit_once('/')?, Vec::new())),
        (Host::Github, _) => {
            let (owner, rest) = path.split_once('/')?;
            let (name, tail) = rest.split_once('/').unwrap_or((rest, ""));
            Some(((owner, name), parts(tail)))
        }
    }
}

/// What every page of a repository shows, and where its things lie.
fn framed(model: &Model, repo: Option<&Repo>, title: &str, more: Value) -> Value {
    let root = root_path(model);
    let name = repo.map(Repo::full_name).unwrap_or_default();
    let (base, checks) = match model.host {
        Host::Github => (format!("{root}/{name}"), "runs"),
        Host::Gitlab => (format!("{root}/{name}/-"), "jobs"),
    };
    let mut view = json!({
        "title": title, "visitor": model.visitor, "root": root, "repo": name, "base": base, "checks_at": checks,
    });
    extend(&mut view, more);
    view
}

/// The number in the model of the thread that a page calls by `kind` and `number`.
fn named(model: &Model, repo: &Repo, (kind, number): (&str, &str)) -> Result<u64, Refused> {
    let number: u64 = number.parse().map_err(|_| Refused::missing())?;
    let is_pull = kind == "merge_requests";
    let shown = |issue: &&Issue| match model.host {
        Host::Github => issue.number == number,
        Host::Gitlab => {
            issue.pull.is_some() == is_pull && model.shown_number(repo.id, issue.number) == number
        }
    };
    repo.issues.iter().find(shown).map(|issue| issue.number).ok_or_else(Refused::missing)
}

/// Browsers name the page a form came from; programs such as curl name none.
fn same_site(model: &Model, asked: &Asked) -> bool {
    asked.header("origin").is_none_or(|origin| origin == model.site.url)
}

fn no(error: &SandboxError) -> Refused {
    let status = match error {
        SandboxError::Unknown(_) => 404,
        SandboxError::Refused { .. } => 403,
        SandboxError::Git(_) | SandboxError::Io { .. } | SandboxError::NoKeyTool => 500,
    };
    Refused::new(status, error.to_string())
}

fn page(name: &str, view: Value) -> Answer {
    let failed = |error: minijinja::Error| Refused::new(500, format!("the page {name} is broken: {error:#}"));
    let template = TEMPLATES.get_template(name).map_err(failed)?;
    let html = template.render(context!(page => Shown::from(Serde(view)))).map_err(failed)?;
    let headers = vec![
        ("content-security-policy", POLICY.to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let content = Content::Bytes("text/html; charset=utf-8".to_owned(), html.into_bytes());
    Ok(Reply::new(200, headers, content))
}

fn go_to(address: String) -> Answer {
    Ok(Reply::new(303, vec![("location", address)], Content::Empty))
}

fn text(status: u16, words: String) -> Answer {
    let content = Content::Bytes("text/plain; charset=utf-8".to_owned(), words.into_bytes());
    Ok(Reply::new(status, Vec::new(), content))
}

/// A repository as the visitor may see it.
fn visible<'m>(model: &'m Model, (owner, name): (&str, &str)) -> Result<&'m Repo, Refused> {
    let repo = model.repo_named(owner, name).ok_or_else(Refused::missing)?;
    model.role(repo, &model.visitor).map(|_| repo).ok_or_else(Refused::missing)
}

fn home(model: &Model) -> Answer {
    let seen = model.repos.iter().filter(|r| model.role(r, &model.visitor).is_some());
    let repos: Vec<Value> = seen
        .map(|r| json!({ "name": r.full_name(), "open": r.issues.iter().filter(|i| i.open).count() }))
        .collect();
    page("home.html", framed(model, None, "Sandbox", json!({ "repos": repos })))
}

fn repository(model: &Model, place: (&str, &str)) -> Answer {
    let repo = visible(model, place)?;
    let threads: Vec<Value> = repo.issues.iter().rev().map(|issue| thread_head(model, repo, issue)).collect();
    let title = repo.full_name();
    page("repository.html", framed(model, Some(repo), &title, json!({ "threads": threads })))
}

fn thread_head(model: &Model, repo: &Repo, issue: &Issue) -> Value {
    let state = match &issue.pull {
        Some(pull) if pull.merged.is_some() => "merged",
        _ if !issue.open => "closed",
        Some(pull) if pull.draft => "draft",
        _ => "open",
    };
    let (kind, sign) = match (model.host, &issue.pull) {
        (_, None) => ("issues", "#"),
        (Host::Github, Some(_)) => ("pull", "#"),
        (Host::Gitlab, Some(_)) => ("merge_requests", "!"),
    };
    json!({
        "number": model.shown_number(repo.id, issue.number), "sign": sign, "title": issue.title,
        "author": issue.author, "state": state, "kind": kind, "comments": issue.comments.len(),
        "at": iso(issue.created),
    })
}

fn thread(model: &Model, place: (&str, &str), by: (&str, &str)) -> Answer {
    let repo = visible(model, place)?;
    let number = named(model, repo, by)?;
    let issue = model.issue(repo.id, number).ok_or_else(Refused::missing)?;
    let comments: Vec<Value> = issue.comments.iter().map(comment_view).collect();
    let pull = issue.pull.as_ref();
    let runs = pull.map(|p| model.checks_of(repo.id, &p.head.sha)).unwrap_or_default();
    let checks: Vec<Value> = runs.iter().map(|check| check_view(model, check)).collect();
    let ends =
        pull.map(|p| json!({ "head": p.head.branch, "base": p.base.branch, "sha": p.head.sha.get(..7) }));
    let more = json!({
        "thread": thread_head(model, repo, issue), "body": to_html(&issue.body), "comments": comments,
        "checks": checks, "pull": ends, "anchor": anchor(model),
    });
    page("thread.html", framed(model, Some(repo), &issue.title, more))
}

/// What comes before a comment's number in its address.
fn anchor(model: &Model) -> &'static str {
    match model.host {
        Host::Github => "issuecomment-",
        Host::Gitlab => "note_",
    }
}

fn comment_view(comment: &Comment) -> Value {
    let signs = |content: &str| match content {
        "+1" => "👍",
        "-1" => "👎",
        "laugh" => "😄",
        "hooray" => "🎉",
        "confused" => "😕",
        "heart" => "❤️",
        "rocket" => "🚀",
        _ => "👀",
    };
    let reactions: Vec<Value> =
        comment.reactions.iter().map(|r| json!({ "sign": signs(&r.content), "by": r.author })).collect();
    json!({
        "id": comment.id, "author": comment.author, "html": to_html(&comment.body), "at": iso(comment.created),
        "edited": comment.edits > 0, "minimized": comment.minimized, "reactions": reactions,
    })
}

fn check_view(model: &Model, run: &CheckView) -> Value {
    let outcome = run.conclusion.map_or(run.status.as_str(), |c| c.as_str());
    json!({
        "id": run.id, "name": run.name, "app": model.app(run.app).map_or_else(|| run.app_slug.clone(), |a| a.name.clone()), "outcome": outcome,
        "title": run.title, "summary": to_html(run.summary.as_deref().unwrap_or_default()),
        "text": to_html(run.text.as_deref().unwrap_or_default()), "details": run.details_url,
        "actions": if run.conclusion.is_some() { run.actions.clone() } else { Vec::new() },
        "annotations": run.annotations, "again": again(model, run), "sha": run.sha.get(..7),
    })
}

/// The button that has it done again, where there is one: GitLab retries jobs, and no statuses from outside.
fn again(model: &Model, run: &CheckView) -> Option<&'static str> {
    run.conclusion?;
    match model.host {
        Host::Github => Some("Re-run"),
        Host::Gitlab => model.job(run.id).filter(|job| !job.outside).map(|_| "Retry"),
    }
}

fn check(model: &Model, place: (&str, &str), id: &str) -> Answer {
    let repo = visible(model, place)?;
    let run = id.parse().ok().and_then(|id| model.check(repo.id, id)).ok_or_else(Refused::missing)?;
    let view = check_view(model, &run);
    page("check.html", framed(model, Some(repo), &run.name, json!({ "check": view })))
}

fn field(asked: &Asked, name: &str) -> String {
    let found = url::form_urlencoded::parse(&asked.body).find(|(key, _)| key == name);
    // Browsers send line breaks in forms as CR LF.
    found.map(|(_, value)| value.replace("\r\n", "\n")).unwrap_or_default()
}

fn comment(model: &mut Model, place: (&str, &str), by: (&str, &str), body: &str) -> Result<u64, Refused> {
    let repo = visible(model, place)?;
    let (id, number) = (repo.id, named(model, repo, by)?);
    let actor = Actor::person(&model.visitor);
    model.check_comment(body)?;
    let new = NewComment { body, ..NewComment::default() };
    model.add_comment((id, number), &actor, new).map_err(|no| model.refused(no))
}

fn issue(model: &mut Model, place: (&str, &str), title: &str, body: &str) -> Result<u64, Refused> {
    let id = visible(model, place)?.id;
    if title.trim().is_empty() {
        return Err(Refused::invalid("Issue", "title", "custom", "title can't be blank"));
    }
    let actor = Actor::person(&model.visitor);
    let number = model.open_issue(id, &actor, title.trim(), body).ok_or_else(Refused::missing)?;
    Ok(model.shown_number(id, number))
}

/// Where a thread of this kind and number lies, as a path.
fn at(model: &Model, (owner, name): (&str, &str), (kind, number): (&str, &str)) -> String {
    let dash = if model.host == Host::Gitlab { "/-" } else { "" };
    format!("{}/{owner}/{name}{dash}/{kind}/{number}", root_path(model))
}

fn form_comment(model: &mut Model, place: (&str, &str), by: (&str, &str), asked: &Asked) -> Answer {
    let id = comment(model, place, by, &field(asked, "body"))?;
    go_to(format!("{}#{}{id}", at(model, place, by), anchor(model)))
}

fn form_issue(model: &mut Model, place: (&str, &str), asked: &Asked) -> Answer {
    let number = issue(model, place, &field(asked, "title"), &field(asked, "body"))?;
    go_to(at(model, place, ("issues", &number.to_string())))
}

/// For curl: the body is the comment.
fn plain_comment(model: &mut Model, place: (&str, &str), by: (&str, &str), asked: &Asked) -> Answer {
    let id = comment(model, place, by, &String::from_utf8_lossy(&asked.body))?;
    text(201, format!("{}{}#{}{id}\n", model.site.url, at(model, place, by), anchor(model)))
}

/// For curl: the first line is the title, the rest the body.
fn plain_issue(model: &mut Model, place: (&str, &str), asked: &Asked) -> Answer {
    let words = String::from_utf8_lossy(&asked.body).into_owned();
    let (title, body) = words.split_once('\n').unwrap_or((&words, ""));
    let number = issue(model, place, title, body.trim())?;
    text(201, format!("{}{}\n", model.site.url, at(model, place, ("issues", &number.to_string()))))
}

fn press(model: &mut Model, (owner, name): (&str, &str), (id, act): (&str, &str), asked: &Asked) -> Answer {
    let repo = visible(model, (owner, name))?.id;
    let run = id.parse().map_err(|_| Refused::missing())?;
    let sha = model.check(repo, run).ok_or_else(Refused::missing)?.sha;
    let visitor = model.visitor.clone();
    let pressed = match (act, model.host) {
        ("press", Host::Github) => model.press_button(&visitor, run, &field(asked, "identifier")),
        ("rerun", Host::Github) => model.rerun_check(&visitor, run),
        ("rerun", Host::Gitlab) => model.retry_as(&visitor, run),
        _ => return Err(Refused::missing()),
    };
    pressed.map_err(|error| no(&error))?;
    let repo = model.repo(repo).ok_or_else(Refused::missing)?;
    let at_head = |i: &&Issue| i.pull.as_ref().is_some_and(|p| p.head.sha == sha);
    let id = run.to_string();
    let checks = if model.host == Host::Gitlab { "jobs" } else { "runs" };
    go_to(match repo.issues.iter().rev().find(at_head) {
        None => at(model, (owner, name), (checks, &id)),
        Some(issue) => {
            let head = thread_head(model, repo, issue);
            let by = (head["kind"].as_str().unwrap_or_default(), head["number"].to_string());
            at(model, (owner, name), (by.0, &by.1))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::TEMPLATES;

    #[test]
    fn every_page_is_a_template() {
        for name in ["frame.html", "home.html", "repository.html", "thread.html", "check.html"] {
            assert!(TEMPLATES.get_template(name).is_ok(), "{name}");
        }
    }
}
