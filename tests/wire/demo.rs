//! The demo as a new user runs it: the real program on real repositories of every kind.

use crate::scripted_model::{ScriptedModel, Turn};
use crate::tools;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A repository with two commits on `branch`.
fn repository(dir: &Path, branch: &str) {
    std::fs::create_dir_all(dir).unwrap();
    git(dir, &["init", "-q", "-b", branch]);
    for text in ["one\n", "two\n"] {
        std::fs::write(dir.join("README.md"), text).unwrap();
        git(dir, &["add", "-A"]);
        git(dir, &["commit", "-qm", text.trim()]);
    }
}

/// Every file below a directory with the hash of its bytes.
fn bytes(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let hash = hex::encode(Sha256::digest(std::fs::read(&path).unwrap()));
                    found.insert(path, hash);
                }
            }
        }
    }
    found
}

fn demo(repo: &Path, more: &[&str], env: &[(&str, String)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tasksgodzilla"))
        .args(["demo", "--headless", "--json", "--repo"])
        .arg(repo)
        .args(more)
        .envs(env.iter().map(|(name, text)| (*name, text.as_str())))
        .output()
        .unwrap()
}

/// The demo's last line, after it ended well.
#[track_caller]
fn completed(repo: &Path, more: &[&str], env: &[(&str, String)]) -> (Value, Vec<Value>) {
    let ended = demo(repo, more, env);
    let told = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().cloned().unwrap_or_default();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{last} {errors}");
    assert_eq!(last["outcome"], "completed");
    assert!(!last["commits"].as_array().unwrap().is_empty(), "{last}");
    (last, lines)
}

#[track_caller]
fn untouched(repo: &Path, more: &[&str]) {
    let before = bytes(repo);
    completed(repo, more, &[]);
    assert_eq!(bytes(repo), before, "the repository was changed");
}

#[test]
fn the_demo_completes_on_a_dirty_repository_and_leaves_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    repository(dir.path(), "main");
    std::fs::write(dir.path().join("README.md"), "not committed\n").unwrap();
    std::fs::write(dir.path().join("new.txt"), "untracked\n").unwrap();
    untouched(dir.path(), &[]);
}

#[test]
fn the_demo_completes_on_a_detached_head() {
    let dir = tempfile::tempdir().unwrap();
    repository(dir.path(), "main");
    git(dir.path(), &["checkout", "-q", "HEAD~1"]);
    untouched(dir.path(), &["--ci", "none"]);
}

#[test]
fn the_demo_completes_on_a_shallow_clone_without_a_branch_called_main() {
    let dir = tempfile::tempdir().unwrap();
    let full = dir.path().join("full");
    repository(&full, "trunk");
    let url = format!("file://{}", full.display());
    git(dir.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    untouched(&dir.path().join("shallow"), &[]);
}

#[test]
fn the_demo_completes_with_submodules() {
    let dir = tempfile::tempdir().unwrap();
    let (inner, outer) = (dir.path().join("inner"), dir.path().join("outer"));
    repository(&inner, "main");
    repository(&outer, "main");
    git(&outer, &["submodule", "--quiet", "add", inner.to_str().unwrap(), "dep"]);
    git(&outer, &["commit", "-qm", "a submodule"]);
    untouched(&outer, &[]);
}

#[test]
fn the_demo_completes_on_a_repository_without_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "-b", "develop"]);
    untouched(dir.path(), &[]);
}

#[test]
fn ci_that_fails_once_is_overcome() {
    let dir = tempfile::tempdir().unwrap();
    repository(dir.path(), "main");
    let (_, lines) = completed(dir.path(), &["--ci", "red-once"], &[]);
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert!(events.contains(&"ci_failed") && events.contains(&"unblocked"), "{events:?}");
}

#[test]
fn the_demo_completes_on_gitlab() {
    let dir = tempfile::tempdir().unwrap();
    repository(dir.path(), "main");
    let of_others = [
        ("TASKSGODZILLA_GITHUB_APP_ID", "an operator's".to_owned()),
        ("TASKSGODZILLA_GITLAB_SIGNING_TOKEN", "an operator's".to_owned()),
    ];
    let (last, _) = completed(dir.path(), &["--forge", "gitlab", "--ci", "red-once"], &of_others);
    assert!(last["pull"].as_str().unwrap().ends_with("/-/merge_requests/1"), "{last}");
}

/// Runs a line of a shell, and returns what it printed.
#[track_caller]
fn shell(line: &str, folder: &Path) -> String {
    let mut shell = Command::new("sh");
    let ran = shell.args(["-c", line]).current_dir(folder).env("GIT_TERMINAL_PROMPT", "0").output().unwrap();
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// A demo that has completed and stays, and the ways on that it told: into a browser, to a comment, to a clone.
struct Staying {
    demo: Child,
    ways: Vec<String>,
}

impl Staying {
    fn begin(dir: &Path, forge: &str) -> Self {
        let repo = dir.join("repo");
        repository(&repo, "main");
        let mut demo = Command::new(env!("CARGO_BIN_EXE_tasksgodzilla"));
        demo.args(["demo", "--json", "--forge", forge, "--repo"]).arg(&repo).stdout(Stdio::piped());
        let mut demo = demo.spawn().unwrap();
        let lines = BufReader::new(demo.stdout.take().unwrap()).lines();
        let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let last = lines.find(|line| !line["stays"].is_null()).expect("it stays");
        let ways = last["ways"].as_array().unwrap().iter().map(|way| way.as_str().unwrap().to_owned());
        Self { demo, ways: ways.collect() }
    }

    fn end(mut self) {
        kill(Pid::from_raw(self.demo.id().cast_signed()), Signal::SIGINT).unwrap();
        assert!(self.demo.wait().unwrap().success());
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.demo.kill();
        let _ = self.demo.wait();
    }
}

#[track_caller]
fn ways_on(forge: &str) {
    let dir = tempfile::tempdir().unwrap();
    let staying = Staying::begin(dir.path(), forge);
    let [browser, comment, clone] = staying.ways.as_slice() else { panic!("{:?}", staying.ways) };
    let page = browser.trim_start_matches("open ").trim_end_matches(" in a browser");
    assert!(shell(&format!("curl --silent --fail {page}"), dir.path()).contains("<html"), "{page}");
    shell(&comment.replace("curl", "curl --silent --fail"), dir.path());
    shell(&format!("{clone} cloned"), dir.path());
    assert!(dir.path().join("cloned/README.md").exists());
    staying.end();
}

#[test]
fn the_ways_on_that_the_demo_tells_lead_on() {
    ways_on("github");
    ways_on("gitlab");
}

#[test]
fn python_gitlab_reads_what_the_bot_did() {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/python-gitlab");
    assert!(tools.join("gitlab").is_dir(), "python-gitlab is missing: run `scripts/install-python-gitlab`");
    let dir = tempfile::tempdir().unwrap();
    let staying = Staying::begin(dir.path(), "gitlab");
    let clone = url::Url::parse(staying.ways[2].trim_start_matches("git clone ")).unwrap();
    let root = format!("http://127.0.0.1:{}", clone.port().unwrap());
    let path = clone.path().trim_start_matches('/').trim_end_matches(".git");
    let read = || {
        let mut python = Command::new("python3");
        python.args(["-c", include_str!("read_bot.py"), &root, clone.password().unwrap(), path]);
        let ran = python.env("PYTHONPATH", &tools).env("NO_PROXY", "127.0.0.1").output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    // The last report follows the merge.
    let reported = (0..50).map(|_| read()).find(|told| told.matches("**Merged").count() == 2);
    let told: Value = serde_json::from_str(&reported.unwrap_or_else(read)).unwrap();
    let merged = "✅ **Merged.** Nothing for you to do.";
    let expected = json!({
        "on_issue": [merged],
        "on_merge_request": [merged],
        "merge_request": ["Add a short note about this repository (protocol 0001)", "merged", false, "main"],
        "awards": ["eyes", "rocket"],
        "statuses": [
            ["TasksGodzilla / 02 finish-check-everything-once-more", "success"],
            ["TasksGodzilla / 02 finish-check-everything-once-more QA", "success"],
            ["TasksGodzilla / protocol", "success"],
            ["build", "success"],
        ],
        "discussions": true,
    });
    assert_eq!(told, expected);
    staying.end();
}

#[test]
fn a_folder_without_git_is_refused_clearly() {
    let dir = tempfile::tempdir().unwrap();
    let ended = demo(dir.path(), &[], &[]);
    assert_eq!(ended.status.code(), Some(2));
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert!(errors.contains("is no git repository") && errors.contains("hint:"), "{errors}");
}

/// What the model answers in each phase of a protocol, told apart by the words of our own prompts.
fn script(asked: &str) -> Vec<Turn> {
    let plan = json!({
        "plan_md": "# Plan\n", "context_md": "# Context\n", "log_md": "# Log\n",
        "step_files": [
            {"filename": "00-setup.md", "content": "# Prepare\n"},
            {"filename": "01-greeting.md", "content": "# Write a greeting\n"},
        ],
    });
    let verdict = json!({"verdict": "pass", "summary": "The greeting is there.", "findings": []});
    if asked.contains("# Plan one protocol") {
        vec![Turn::Runs("ls".to_owned()), Turn::Says(plan.to_string())]
    } else if asked.contains("# Judge one step") {
        vec![Turn::Runs("cat greeting.txt".to_owned()), Turn::Says(verdict.to_string())]
    } else {
        vec![Turn::Runs("echo hello >> greeting.txt".to_owned()), Turn::Says("Wrote a greeting.".to_owned())]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_completes_with_the_real_codex() {
    let model = ScriptedModel::answering(script).await;
    let dir = tempfile::tempdir().unwrap();
    repository(dir.path(), "main");
    let provider = format!(
        "model_providers.scripted={{name=\"scripted\",base_url=\"{}\",wire_api=\"responses\",env_key=\"BOT_MODEL_KEY\"}}",
        model.base_url()
    );
    let env = [
        ("BOT_MODEL_KEY", "key-canary".to_owned()),
        ("TASKSGODZILLA_ENGINE_ENV", "BOT_MODEL_KEY".to_owned()),
        ("TASKSGODZILLA_CODEX_BIN", tools::codex().to_string_lossy().into_owned()),
        ("TASKSGODZILLA_CODEX_CONFIG", json!(["model_provider=scripted", provider]).to_string()),
        ("TASKSGODZILLA_PLANNING_MODEL", "scripted-1".to_owned()),
        ("TASKSGODZILLA_EXEC_MODEL", "scripted-1".to_owned()),
        ("TASKSGODZILLA_QA_MODEL", "scripted-1".to_owned()),
    ];
    let repo = dir.path().to_owned();
    let (last, _) =
        tokio::task::spawn_blocking(move || completed(&repo, &["--engine", "codex"], &env)).await.unwrap();
    assert!(last["durations"]["engine_seconds"].as_f64().unwrap() > 0.0, "{last}");
    assert!(model.tool_results().contains("hello"), "QA saw what was written");
}
