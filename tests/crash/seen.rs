//! What people see in the end, written down so that two worlds can be compared: without times, tokens, commit ids and the
//! numbers of runs.

use super::story::{BRANCH, PULL};
use super::world::{REPO, World};
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tasksgodzilla::sandbox::{CheckStatus, CheckView, CommentView, CommitView, ReactionView};

pub fn people_see(world: &World) -> String {
    let history = history(world);
    let head = world.twin.pull(REPO, PULL).unwrap().head_sha;
    let commits: BTreeMap<String, String> =
        history.iter().enumerate().map(|(at, commit)| (commit.sha.clone(), format!("commit-{at}"))).collect();
    let clean = |text: &str| clean(text, &commits);
    let mut seen = String::new();
    for commit in &history {
        writeln!(seen, "== {} by {}: {}", commits[&commit.sha], commit.author, clean(&commit.message))
            .unwrap();
        let mut checks = world.twin.checks(REPO, &commit.sha).unwrap();
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        for check in &checks {
            let is_old = commit.sha != head;
            let shown =
                if is_old && OF_A_HEAD.contains(&check.name.as_str()) { closed(check) } else { shown(check) };
            writeln!(seen, "{}", clean(&shown)).unwrap();
        }
    }
    for pull in world.twin.pulls(REPO).unwrap() {
        writeln!(seen, "== pull request {}", clean(&format!("{pull:#?}"))).unwrap();
    }
    for thread in [1, PULL] {
        let open = world.twin.is_open(REPO, thread).unwrap();
        let on_it = reactions(&world.twin.reactions(REPO, thread).unwrap());
        writeln!(seen, "== thread {thread}, open: {open}, {on_it}").unwrap();
        for comment in world.twin.thread(REPO, thread).unwrap() {
            writeln!(seen, "{}", clean(&said(&comment))).unwrap();
        }
    }
    for path in FILES {
        let content = world.twin.file(REPO, BRANCH, path).unwrap().unwrap_or_default();
        writeln!(seen, "== file {path}\n{}", clean(&String::from_utf8_lossy(&content))).unwrap();
    }
    seen
}

/// The commits of the protocol, with the merge if there is one.
fn history(world: &World) -> Vec<CommitView> {
    let merged = world.twin.history(REPO, "before", "main").unwrap();
    if merged.is_empty() { world.twin.history(REPO, "before", BRANCH).unwrap() } else { merged }
}

/// Check runs of which there are two of one name on one commit, or that were left unfinished.
pub fn doubled(world: &World) -> Vec<String> {
    let mut faults = Vec::new();
    for commit in history(world) {
        let checks = world.twin.checks(REPO, &commit.sha).unwrap();
        for (at, check) in checks.iter().enumerate() {
            if checks[..at].iter().any(|other| other.name == check.name) {
                faults.push(format!("{} is there twice on {}", check.name, commit.message));
            }
            if check.status != CheckStatus::Completed {
                faults.push(format!("{} is {:?} on {}", check.name, check.status, commit.message));
            }
        }
    }
    faults
}

/// What the bot and the agent wrote into the repository.
const FILES: [&str; 9] = [
    ".protocols/0001-split-the-importer/plan.md",
    ".protocols/0001-split-the-importer/context.md",
    ".protocols/0001-split-the-importer/log.md",
    ".protocols/0001-split-the-importer/00-setup.md",
    ".protocols/0001-split-the-importer/01-writer.md",
    ".protocols/0001-split-the-importer/outputs/00-setup.md",
    ".protocols/0001-split-the-importer/outputs/01-writer.md",
    "work-00-setup.md.txt",
    "work-01-writer.md.txt",
];

/// Checks of the protocol as a whole. On an older commit they stay as they were when the head moved on, which depends on
/// how many reports were gathered until then; but they are closed.
const OF_A_HEAD: [&str; 2] = ["TasksGodzilla / protocol", "TasksGodzilla / plan"];

fn closed(check: &CheckView) -> String {
    format!("{}: {:?}", check.name, check.status)
}

fn shown(check: &CheckView) -> String {
    let CheckView { app_slug, name, status, conclusion, title, summary, text, actions, details_url, .. } =
        check;
    let texts =
        [title, summary, text, details_url].map(|text| text.as_deref().unwrap_or_default()).join("\n");
    format!("{app_slug} / {name}: {status:?} {conclusion:?} {actions:?}\n{texts}")
}

fn said(comment: &CommentView) -> String {
    let CommentView { author, body, minimized, reactions: all, .. } = comment;
    format!("-- {author}, {minimized:?}, {}\n{body}", reactions(all))
}

fn reactions(all: &[ReactionView]) -> String {
    let mut all: Vec<String> = all.iter().map(|one| format!("{}:{}", one.author, one.content)).collect();
    all.sort();
    format!("reactions {all:?}")
}

fn clean(text: &str, commits: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (sha, name) in commits {
        text = text.replace(sha, name).replace(&sha[..7], name);
    }
    let gone = [
        (r"http://127\.0\.0\.1:\d+", "<host>"),
        (r"\?[\w=&]*sig[\w=&%-]*", ""),
        (r"/protocols/\d+", "/protocols/<id>"),
        (r"protocol=\d+", "protocol=<id>"),
        (r"/runs/\d+", "/runs/<run>"),
        (r"\[run \d+\]", "[run]"),
        (r", \d+ tokens", ""),
        (r"(?m)\| (\d+|–) \|$", "| <tokens> |"),
        (r"\| (under 1 s|\d+ s|\d+ min[^|]*|–) \| <tokens>", "| <time> | <tokens>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "<time>"),
        (r"answer=[\w:]+", "answer=<key>"),
    ];
    for (pattern, stand_in) in gone {
        text = Regex::new(pattern).unwrap().replace_all(&text, stand_in).into_owned();
    }
    text
}
