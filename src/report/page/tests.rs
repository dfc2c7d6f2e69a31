use super::*;
use crate::domain::ids::{RunId, Sha};
use crate::report::sample::{NOON, all_done, blocked, planning, running, sha};

fn line(status: RunStatus) -> RunLine {
    RunLine {
        run: RunId(31),
        what: "step 2: <writer>".to_owned(),
        attempt: 1,
        status,
        started_at: NOON,
        finished_at: (status != RunStatus::Running).then_some(Moment(NOON.0 + 192_000)),
        url: "https://bot.example/r/31?t=a&u=b".to_owned(),
    }
}

fn artifacts() -> Vec<ArtifactLine> {
    vec![ArtifactLine {
        name: "diff <1>.patch".to_owned(),
        bytes: 12_600,
        url: "https://bot.example/a/1".to_owned(),
    }]
}

fn run_page<'a>(log: &'a str, status: RunStatus, sha: &'a Sha, artifacts: &'a [ArtifactLine]) -> String {
    let view = RunView {
        line: line(status),
        protocol_title: "Split importer (protocol 0007)",
        protocol_url: "https://bot.example/p/12",
        engine: Some("codex"),
        model: None,
        tokens: Some(12_345),
        commit: Some(sha),
        error: if status == RunStatus::Failed { "the engine <gave> up" } else { "" },
        log,
        log_bytes: log.len() as u64,
        artifacts,
    };
    run(&view, NOON)
}

#[test]
fn a_page_escapes_what_others_wrote() {
    let mut view = blocked();
    view.protocol.requester.login = "<script>alert(1)</script>".to_owned();
    view.steps[2].spec.name = "\"><img src=x onerror=alert(1)>".to_owned();
    view.protocol.plan = "</pre><script>".to_owned();
    view.protocol.state.reasons[0].detail = "<b> `<i>`".to_owned();
    let page = protocol(&view, &[line(RunStatus::Failed)], &artifacts(), NOON);
    for raw in ["<script", "<img", "<b>", "<i>", "<writer>", "<1>"] {
        assert!(!page.contains(raw), "{raw}");
    }
    assert!(page.contains("&lt;script&gt;") && page.contains("<code>&lt;i&gt;</code>"));
    let sha = sha();
    let run = run_page("</pre><script>\u{1b}[31m", RunStatus::Failed, &sha, &[]);
    assert!(!run.contains("<script") && !run.contains("<gave>") && !run.contains('\u{1b}'));
}

#[test]
fn a_page_lives_within_its_policy() {
    let sha = sha();
    let pages = [
        protocol(&blocked(), &[], &[], NOON),
        run_page("x", RunStatus::Running, &sha, &[]),
        message("Gone", "This link is no longer good."),
    ];
    for page in pages {
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains(" on"), "{page}");
        assert!(page.contains(r#"<link rel="stylesheet" href="/style.css">"#));
    }
}

#[test]
fn only_what_moves_is_loaded_again() {
    let sha = sha();
    let refreshes = |page: String| page.contains("http-equiv=\"refresh\"");
    assert!(refreshes(protocol(&running(1), &[], &[], NOON)));
    assert!(refreshes(protocol(&planning(), &[], &[], NOON)));
    assert!(!refreshes(protocol(&all_done(), &[], &[], NOON)));
    assert!(refreshes(run_page("", RunStatus::Running, &sha, &[])));
    assert!(!refreshes(run_page("", RunStatus::Succeeded, &sha, &[])));
}

#[test]
fn a_long_log_shows_its_end() {
    let sha = sha();
    let page = run_page(&format!("first{}last", "é\n".repeat(LOG)), RunStatus::Succeeded, &sha, &[]);
    assert!(page.contains("last</pre>") && !page.contains("first"));
    assert!(page.contains("Only the end of 1.5 MiB is shown."));
    assert!(page.len() < LOG + 10_000);
}

#[test]
fn a_message_is_a_page() {
    insta::assert_snapshot!(message("Gone", "This link is <no> longer good."), @r#"
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <meta name="color-scheme" content="light dark">
    <title>Gone</title>
    <link rel="stylesheet" href="/style.css">
    </head>
    <body>
    <main>
    <h1>Gone</h1>
    <p>This link is &lt;no&gt; longer good.</p>
    </main>
    </body>
    </html>
    "#);
}
