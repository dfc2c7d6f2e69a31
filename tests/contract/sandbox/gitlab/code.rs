//! Branches, files, commits, and git itself.

use super::world::{REPO, World};
use gitlab::api::projects::repository::branches::Branch;
use gitlab::api::projects::repository::files::FileRaw;
use gitlab::api::{self, AsyncQuery};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use tasksgodzilla::sandbox::Role;

#[tokio::test]
async fn branches_files_and_folders_are_read() {
    let world = World::new().await;
    world.twin.push_as("ann", REPO, "fix/7", &[("docs/a b.md", Some("text\n"))]).unwrap();
    let branch = Branch::builder().project(REPO).branch("fix/7").build().unwrap();
    let branch: Value = branch.query_async(&world.lab).await.unwrap();
    assert_eq!(branch["commit"]["id"], world.tip("fix/7"));
    let file = FileRaw::builder().project(REPO).file_path("docs/a b.md").ref_("fix/7").build().unwrap();
    assert_eq!(api::raw(file).query_async(&world.lab).await.unwrap(), b"text\n");
    let url = format!(
        "{}/projects/{}/repository/files/docs%2Fa%20b.md/raw?ref=fix%2F7",
        world.twin.api_url(),
        world.id
    );
    let head = world.http.head(url).bearer_auth(&world.bot.token).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["x-gitlab-size"].to_str().unwrap()), (200, "5"));
    let (_, tree) =
        world.bot_asks("GET /projects/:id/repository/tree?ref=fix%2F7&path=docs", Value::Null).await;
    assert_eq!((&tree[0]["path"], &tree[0]["type"]), (&json!("docs/a b.md"), &json!("blob")));
    let none = "GET /projects/:id/repository/tree?ref=main&path=docs";
    assert_eq!(world.bot_asks(none, Value::Null).await.0, 404);
    assert_eq!(world.bot_asks("GET /projects/:id/repository/branches/gone", Value::Null).await.0, 404);
    assert_eq!(world.bot_asks("DELETE /projects/:id/repository/branches/main", Value::Null).await.0, 403);
    assert_eq!(world.bot_asks("DELETE /projects/:id/repository/branches/fix%2F7", Value::Null).await.0, 204);
    assert_eq!(world.twin.branch_head(REPO, "fix/7").unwrap(), None);
}

fn git(folder: &Path, args: &[&str]) -> Output {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "credential.helper="]);
    git.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_GLOBAL", "/dev/null").env("NO_PROXY", "127.0.0.1");
    git.current_dir(folder).args(args).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn git_clones_and_pushes_with_a_token_but_not_to_a_protected_branch() {
    let world = World::below("/gitlab").await;
    let folder = tempfile::tempdir().unwrap();
    let url = |token: &str| {
        let place = world.twin.url().replace("http://", &format!("http://oauth2:{token}@"));
        format!("{place}/{REPO}.git")
    };
    let copy = folder.path().join("copy");
    let cloned = git(folder.path(), &["clone", "--quiet", &url(&world.bot.token), "copy"]);
    assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
    assert!(git(&copy, &["commit", "--quiet", "--allow-empty", "-m", "work"]).status.success());
    let refused = git(&copy, &["push", "--quiet", "origin", "HEAD:main"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("protected branches"), "{words}");
    assert!(git(&copy, &["push", "--quiet", "origin", "HEAD:work"]).status.success());
    assert!(world.twin.branch_head(REPO, "work").unwrap().is_some());
    let stranger = world.twin.user("sam");
    assert!(!git(folder.path(), &["clone", "--quiet", &url(&stranger), "theirs"]).status.success());
    assert!(!git(folder.path(), &["clone", "--quiet", &url("invented"), "nobodys"]).status.success());
    world.twin.grant(REPO, &world.bot.login, Role::Maintain).unwrap();
    assert!(git(&copy, &["push", "--quiet", "origin", "HEAD:main"]).status.success());
}
