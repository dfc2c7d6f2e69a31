//! Pages for people: repositories, threads and checks, readable without a script.
//!
//! A visitor writes as the twin's visitor; there is no login, since only this machine can reach the port. A form that
//! another site sends is refused all the same. Everything shown is escaped; Markdown goes through `markdown.rs`.

mod markdown;

use super::call::{Answer, Asked, Content, Reply};
use crate::sandbox::acts::{NewComment, Refused};
use crate::sandbox::model::{Actor, Comment, Issue, Model, Repo, iso};
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
    let parts: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", [""]) => home(model),
        ("GET", [owner, name]) => repository(model, (owner, name)),
        ("GET", [owner, name, "issues" | "pull", number]) => thread(model, (owner, name), number),
        ("GET", [owner, name, "runs", id]) => check(model, (owner, name), id),
        ("POST", _) if !same_site(model, asked) => {
            Err(Refused::new(403, "This form came from another site."))
        }
        ("POST", ["sandbox", owner, name, "issues"]) => plain_issue(model, (owner, name), asked),
        ("POST", ["sandbox", owner, name, "issues", number, "comments"]) => {
            plain_comment(model, (owner, name), number, asked)
        }
        ("POST", [owner, name, "issues"]) => form_issue(model, (owner, name), asked),
        ("POST", [owner, name, "issues", number, "comments"]) => {
            form_comment(model, (owner, name), number, asked)
        }
        ("POST", [owner, name, "runs", id, act]) => press(model, (owner, name), (id, act), asked),
        _ => Err(Refused::missing()),
    }
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
    Ok(Reply { status: 200, headers, content })
}

fn go_to(address: String) -> Answer {
    Ok(Reply { status: 303, headers: vec![("location", address)], content: Content::Empty })
}

fn text(status: u16, words: String) -> Answer {
    let content = Content::Bytes("text/plain; charset=utf-8".to_owned(), words.into_bytes());
    Ok(Reply { status, headers: Vec::new(), content })
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
    page("home.html", json!({ "title": "Sandbox", "visitor": model.visitor, "repos": repos }))
}

fn repository(model: &Model, place: (&str, &str)) -> Answer {
    let repo = visible(model, place)?;
    let threads: Vec<Value> = repo.issues.iter().rev().map(thread_head).collect();
    let full_name = repo.full_name();
    page(
        "repository.html",
        json!({ "title": full_name, "repo": full_name, "visitor": model.visitor, "threads": threads }),
    )
}

fn thread_head(issue: &Issue) -> Value {
    let state = match &issue.pull {
        Some(pull) if pull.merged.is_some() => "merged",
        _ if !issue.open => "closed",
        Some(pull) if pull.draft => "draft",
        _ => "open",
    };
    let kind = if issue.pull.is_some() { "pull" } else { "issues" };
    json!({
        "number": issue.number, "title": issue.title, "author": issue.author, "state": state, "kind": kind,
        "comments": issue.comments.len(), "at": iso(issue.created),
    })
}

fn thread(model: &Model, place: (&str, &str), number: &str) -> Answer {
    let repo = visible(model, place)?;
    let number = number.parse().map_err(|_| Refused::missing())?;
    let issue = model.issue(repo.id, number).ok_or_else(Refused::missing)?;
    let comments: Vec<Value> = issue.comments.iter().map(comment_view).collect();
    let pull = issue.pull.as_ref();
    let runs = pull.map(|p| model.checks_of(repo.id, &p.head.sha)).unwrap_or_default();
    let checks: Vec<Value> = runs.iter().map(|check| check_view(model, check)).collect();
    let ends =
        pull.map(|p| json!({ "head": p.head.branch, "base": p.base.branch, "sha": p.head.sha.get(..7) }));
    page(
        "thread.html",
        json!({
            "title": issue.title, "repo": repo.full_name(), "visitor": model.visitor, "thread": thread_head(issue),
            "body": to_html(&issue.body), "comments": comments, "checks": checks, "pull": ends,
        }),
    )
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
        "id": run.id, "name": run.name, "app": model.app(run.app).map(|a| a.name.clone()), "outcome": outcome,
        "title": run.title, "summary": to_html(run.summary.as_deref().unwrap_or_default()),
        "text": to_html(run.text.as_deref().unwrap_or_default()), "details": run.details_url,
        "actions": if run.conclusion.is_some() { run.actions.clone() } else { Vec::new() },
        "annotations": run.annotations, "done": run.conclusion.is_some(), "sha": run.sha.get(..7),
    })
}

fn check(model: &Model, place: (&str, &str), id: &str) -> Answer {
    let repo = visible(model, place)?;
    let run = id.parse().ok().and_then(|id| model.check(repo.id, id)).ok_or_else(Refused::missing)?;
    let view = check_view(model, &run);
    let full_name = repo.full_name();
    page(
        "check.html",
        json!({ "title": run.name, "repo": full_name, "visitor": model.visitor, "check": view }),
    )
}

fn field(asked: &Asked, name: &str) -> String {
    let found = url::form_urlencoded::parse(&asked.body).find(|(key, _)| key == name);
    // Browsers send line breaks in forms as CR LF.
    found.map(|(_, value)| value.replace("\r\n", "\n")).unwrap_or_default()
}

fn comment(model: &mut Model, place: (&str, &str), number: &str, body: &str) -> Result<u64, Refused> {
    let id = visible(model, place)?.id;
    let number = number.parse().map_err(|_| Refused::missing())?;
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
    model.open_issue(id, &actor, title.trim(), body).ok_or_else(Refused::missing)
}

fn form_comment(model: &mut Model, place: (&str, &str), number: &str, asked: &Asked) -> Answer {
    let id = comment(model, place, number, &field(asked, "body"))?;
    go_to(format!("/{}/{}/issues/{number}#issuecomment-{id}", place.0, place.1))
}

fn form_issue(model: &mut Model, place: (&str, &str), asked: &Asked) -> Answer {
    let number = issue(model, place, &field(asked, "title"), &field(asked, "body"))?;
    go_to(format!("/{}/{}/issues/{number}", place.0, place.1))
}

/// For curl: the body is the comment.
fn plain_comment(model: &mut Model, place: (&str, &str), number: &str, asked: &Asked) -> Answer {
    let id = comment(model, place, number, &String::from_utf8_lossy(&asked.body))?;
    text(201, format!("{}/{}/{}/issues/{number}#issuecomment-{id}\n", model.site.url, place.0, place.1))
}

/// For curl: the first line is the title, the rest the body.
fn plain_issue(model: &mut Model, place: (&str, &str), asked: &Asked) -> Answer {
    let words = String::from_utf8_lossy(&asked.body).into_owned();
    let (title, body) = words.split_once('\n').unwrap_or((&words, ""));
    let number = issue(model, place, title, body.trim())?;
    text(201, format!("{}/{}/{}/issues/{number}\n", model.site.url, place.0, place.1))
}

fn press(model: &mut Model, (owner, name): (&str, &str), (id, act): (&str, &str), asked: &Asked) -> Answer {
    let repo = visible(model, (owner, name))?.id;
    let run = id.parse().map_err(|_| Refused::missing())?;
    let sha = model.check(repo, run).ok_or_else(Refused::missing)?.sha;
    let visitor = model.visitor.clone();
    let pressed = match act {
        "press" => model.press_button(&visitor, run, &field(asked, "identifier")),
        "rerun" => model.rerun_check(&visitor, run),
        _ => return Err(Refused::missing()),
    };
    pressed.map_err(|error| no(&error))?;
    let at_head = |i: &&Issue| i.pull.as_ref().is_some_and(|p| p.head.sha == sha);
    let number = model.repo(repo).and_then(|r| r.issues.iter().rev().find(at_head)).map(|i| i.number);
    go_to(
        number.map_or_else(|| format!("/{owner}/{name}/runs/{run}"), |n| format!("/{owner}/{name}/pull/{n}")),
    )
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
