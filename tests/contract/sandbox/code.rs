//! Git over HTTP with the real git, and what a push sets off.

use super::world::{REPO, World};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use tasksgodzilla::sandbox::github::{PullSpec, Role};

fn git(dir: &Path, args: &[&str]) -> Output {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    git.args(["-c", "user.name=Bot", "-c", "user.email=bot@example.org"]).args(args);
    git.current_dir(dir).output().unwrap()
}

#[track_caller]
fn git_ok(dir: &Path, args: &[&str]) -> String {
    let output = git(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn address(world: &World, credentials: &str) -> String {
    let host = world.twin.url().replace("http://", "");
    format!("http://{credentials}{host}/{REPO}.git")
}

/// Clones with an installation token as the bot does.
async fn cloned(world: &World) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let url = address(world, &format!("x-access-token:{}@", world.token().await));
    git_ok(dir.path(), &["clone", "--quiet", &url, "."]);
    dir
}

fn commit(dir: &Path, path: &str, text: &str) -> String {
    std::fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
    std::fs::write(dir.join(path), text).unwrap();
    git_ok(dir, &["add", "--all"]);
    git_ok(dir, &["commit", "--quiet", "--message", &format!("Write {path}")]);
    git_ok(dir, &["rev-parse", "HEAD"])
}

#[tokio::test]
async fn a_push_moves_the_branch_and_fires_what_github_fires() {
    let world = World::new().await;
    let dir = cloned(&world).await;
    git_ok(dir.path(), &["switch", "--quiet", "--create", "0001-split"]);
    let first = commit(dir.path(), "a.txt", "a\n");
    git_ok(dir.path(), &["push", "--quiet", "origin", "0001-split"]);
    assert_eq!(world.twin.branch_head(REPO, "0001-split").unwrap(), Some(first.clone()));
    assert_eq!(world.hooks(), ["create", "push", "check_suite.requested"]);
    let push: Value = serde_json::from_slice(&world.twin.pending()[1].body).unwrap();
    assert_eq!((&push["ref"], &push["after"]), (&json!("refs/heads/0001-split"), &json!(first)));
    assert_eq!(push["commits"][0]["added"], json!(["a.txt"]));
    assert_eq!((&push["sender"]["login"], &push["created"]), (&json!("godzilla[bot]"), &json!(true)));
    let spec = PullSpec { title: "Split", body: "", head: "0001-split", base: "main", draft: true };
    world.twin.open_pull("acme", REPO, &spec).unwrap();
    let second = commit(dir.path(), "b.txt", "b\n");
    git_ok(dir.path(), &["push", "--quiet", "origin", "0001-split"]);
    assert_eq!(world.twin.pull(REPO, 1).unwrap().head_sha, second);
    let hooks = world.hooks().split_off(4);
    assert_eq!(hooks, ["push", "pull_request.synchronize", "check_suite.requested"]);
    git_ok(dir.path(), &["push", "--quiet", "origin", "--delete", "0001-split"]);
    assert_eq!(world.hooks().split_off(7), ["delete", "push", "pull_request.closed"]);
}

#[tokio::test]
async fn a_large_push_arrives_whole() {
    let world = World::new().await;
    let dir = cloned(&world).await;
    let mut noise = 7_u64;
    let mut next = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{noise:016x}")
    };
    let text: String = (0..300_000).map(|_| next()).collect();
    commit(dir.path(), "large.txt", &text);
    git_ok(dir.path(), &["push", "--quiet", "origin", "HEAD:refs/heads/large"]);
    assert_eq!(world.twin.file(REPO, "large", "large.txt").unwrap().unwrap().len(), text.len());
    let again = cloned(&world).await;
    git_ok(again.path(), &["fetch", "--quiet", "origin", "large"]);
}

#[tokio::test]
async fn pushes_without_the_right_are_refused() {
    let world = World::new().await;
    let dir = cloned(&world).await;
    commit(dir.path(), "a.txt", "a\n");
    let push = |url: &str, refspec: &str| git(dir.path(), &["push", url, refspec]);
    let read = world.mint(&json!({ "permissions": { "contents": "read" } })).await.unwrap();
    let read = address(&world, &format!("x-access-token:{}@", read["token"].as_str().unwrap()));
    assert!(!push(&read, "HEAD:refs/heads/x").status.success());
    assert!(!push(&address(&world, ""), "HEAD:refs/heads/x").status.success());
    let vera = address(&world, &format!("vera:{}@", world.twin.user("vera")));
    assert!(!push(&vera, "HEAD:refs/heads/x").status.success());
    assert!(world.hooks().is_empty());
    world.twin.grant(REPO, "vera", Role::Write).unwrap();
    assert!(push(&vera, "HEAD:refs/heads/x").status.success());
    git_ok(dir.path(), &["ls-remote", &address(&world, "")]);
    world.twin.make_private(REPO).unwrap();
    assert!(!git(dir.path(), &["ls-remote", &address(&world, "")]).status.success());
}

#[tokio::test]
async fn workflow_files_need_their_own_right() {
    let world = World::new().await;
    let dir = cloned(&world).await;
    commit(dir.path(), ".github/workflows/ci.yml", "on: push\n");
    let refused = git(dir.path(), &["push", "origin", "HEAD:refs/heads/x"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("`workflows` permission"), "{said}");
    assert_eq!(world.twin.branches(REPO).unwrap(), ["main"]);
    let owner = address(&world, &format!("acme:{}@", world.twin.user("acme")));
    git_ok(dir.path(), &["push", "--quiet", &owner, "HEAD:refs/heads/x"]);
}

#[tokio::test]
async fn a_branch_that_moved_on_refuses_a_plain_push() {
    let world = World::new().await;
    let dir = cloned(&world).await;
    commit(dir.path(), "a.txt", "a\n");
    world.twin.push_as("acme", REPO, "main", &[("b.txt", Some("b\n"))]).unwrap();
    assert!(!git(dir.path(), &["push", "origin", "HEAD:main"]).status.success());
    let rewritten = world.twin.force_push("acme", REPO, "main", &[("c.txt", Some("c\n"))]).unwrap();
    assert_eq!(world.main(), rewritten);
    let hook: Value =
        serde_json::from_slice(&world.twin.pending().iter().rfind(|h| h.event == "push").unwrap().body)
            .unwrap();
    assert_eq!(hook["forced"], true);
}

#[tokio::test]
async fn the_code_can_be_read_over_rest() {
    let world = World::new().await;
    world
        .twin
        .push_as("acme", REPO, "main", &[("docs/a b.md", Some("text\n")), ("docs/c.md", Some("c"))])
        .unwrap();
    let bot = world.as_bot();
    let repo = bot.repos("acme", "api");
    let mut file = repo.get_content().path("docs/c.md").r#ref("main").send().await.unwrap();
    assert_eq!(file.take_items()[0].decoded_content().as_deref(), Some("c"));
    let folder = repo.get_content().path("docs").send().await.unwrap();
    assert_eq!(
        folder.items.iter().map(|i| i.path.as_str()).collect::<Vec<_>>(),
        ["docs/a b.md", "docs/c.md"]
    );
    let head = repo.get_ref(&octocrab::params::repos::Reference::Branch("main".into())).await.unwrap();
    let octocrab::models::repos::Object::Commit { sha, .. } = head.object else {
        panic!("a branch is a commit")
    };
    assert_eq!(sha, world.main());
    let token = world.token().await;
    let path = |tail: &str| format!("/repos/{REPO}/{tail}");
    assert_eq!(world.get(&path("contents/nothing"), &token).await.status(), 404);
    assert_eq!(world.get(&path("contents/docs/a%20b.md"), &token).await.status(), 200);
    let branch: Value = world.get(&path("branches/main"), &token).await.json().await.unwrap();
    assert_eq!(branch["commit"]["sha"], world.main());
}

/// As recorded of GitHub: a link to a file is answered with the file's content and the link's id.
#[tokio::test]
async fn a_link_is_followed_only_to_a_file_of_the_repository() {
    let world = World::new().await;
    let files = [("docs/a.md", Some("thanks for reading me\n")), ("docs/b/c.md", Some("c"))];
    world.twin.push_as("acme", REPO, "main", &files).unwrap();
    for link in [("docs/l", "a.md"), ("up", "docs/b/../a.md"), ("dir", "docs"), ("out", "../../etc/passwd")] {
        world.twin.link_as("acme", REPO, "main", link).unwrap();
    }
    let token = world.token().await;
    let seen = async |path: &str| {
        let answer = world.get(&format!("/repos/{REPO}/contents/{path}"), &token).await;
        let answer: Value = answer.json().await.unwrap();
        let part = |name: &str| answer[name].as_str().unwrap_or("-").to_owned();
        [part("type"), part("path"), part("content"), part("target")].join(" ")
    };
    assert_eq!(seen("docs/l").await, "file docs/l dGhhbmtzIGZvciByZWFkaW5nIG1lCg== -");
    assert_eq!(seen("up").await, "file up dGhhbmtzIGZvciByZWFkaW5nIG1lCg== -");
    assert_eq!(seen("dir").await, "symlink dir - docs");
    assert_eq!(seen("out").await, "symlink out - ../../etc/passwd");
    let linked: Value = world.get(&format!("/repos/{REPO}/contents/up"), &token).await.json().await.unwrap();
    let own = git_ok(cloned(&world).await.path(), &["rev-parse", "HEAD:up"]);
    assert_eq!(linked["sha"], own, "the id is the link's");
    assert_eq!(linked["size"], 22);
}

#[tokio::test]
async fn a_branch_is_deleted_over_rest_once_and_never_the_default_one() {
    let world = World::new().await;
    world.twin.push_as("acme", REPO, "a/b", &[("x", Some("x"))]).unwrap();
    let delete = async |branch: &str| {
        let path = format!("/repos/{REPO}/git/refs/heads/{branch}");
        world.send("DELETE", &path, Value::Null).await.0
    };
    assert_eq!(delete("a/b").await, 204);
    assert_eq!(delete("a/b").await, 422);
    assert_eq!(delete("main").await, 422);
}

#[tokio::test]
async fn a_repository_is_cloned_from_a_folder_that_stays_as_it_was() {
    let world = World::new().await;
    let source = tempfile::tempdir().unwrap();
    git_ok(source.path(), &["init", "--quiet", "--initial-branch", "trunk"]);
    let head = commit(source.path(), "a.txt", "a\n");
    world.twin.repository("acme", "old", Some(source.path())).unwrap();
    world.twin.push_as("acme", "acme/old", "trunk", &[("b.txt", Some("b\n"))]).unwrap();
    assert_ne!(world.twin.branch_head("acme/old", "trunk").unwrap(), Some(head.clone()));
    assert_eq!(git_ok(source.path(), &["rev-parse", "HEAD"]), head);
    assert_eq!(git_ok(source.path(), &["status", "--porcelain"]), "");
    assert_eq!(git_ok(source.path(), &["remote"]), "");
}
