use crate::git::world::{World, bytes_of, run, script, settings, sha, write};
use std::fs;
use std::path::Path;
use tasksgodzilla::domain::ids::ProjectId;
use tasksgodzilla::git::{Git, GitError, Remote, Source};

/// Copies `from` and checks that it is the same afterwards, and that the copy can be worked on.
async fn copied(world: &World, from: &Path) -> Source {
    let before = bytes_of(world.person().as_path());
    let source = world.git.snapshot_source(from, &world.dir.path().join("copy.git")).await.unwrap();
    assert!(bytes_of(world.person().as_path()) == before, "the original changed");

    let remote = Remote::directory(&source.path).unwrap();
    let heads = world.git.remote_heads(&remote).await.unwrap();
    assert_eq!(heads.default_branch.as_deref(), Some(source.default_branch.as_str()));
    assert_eq!(heads.get(&source.default_branch), Some(&source.head));
    let mirror = world.git.mirror(ProjectId(9)).await.unwrap();
    world.git.fetch(&mirror, &remote).await.unwrap();
    world.git.worktree(&mirror, "0001-x", &source.head).await.unwrap();
    source
}

fn person_head(world: &World) -> tasksgodzilla::domain::ids::Sha {
    sha(&run(&world.person(), &["rev-parse", "HEAD"]))
}

#[tokio::test]
async fn a_dirty_tree_stays_dirty_and_its_commits_are_copied() {
    let world = World::new();
    write(&world.person().join("README.md"), "dirty");
    write(&world.person().join("staged"), "x");
    run(&world.person(), &["add", "staged"]);
    let source = copied(&world, &world.person()).await;
    assert_eq!((source.default_branch.as_str(), source.head), ("main", person_head(&world)));
}

#[tokio::test]
async fn a_folder_of_a_repository_stands_for_the_repository() {
    let world = World::new();
    let source = copied(&world, &world.person().join("src")).await;
    assert_eq!(source.head, person_head(&world));
}

#[tokio::test]
async fn another_default_branch_keeps_its_name() {
    let world = World::new();
    run(&world.person(), &["branch", "-m", "main", "team/trunk"]);
    assert_eq!(copied(&world, &world.person()).await.default_branch, "team/trunk");
}

#[tokio::test]
async fn a_detached_head_gets_a_branch_in_the_copy() {
    let world = World::new();
    run(&world.person(), &["checkout", "-q", "--detach"]);
    assert_eq!(copied(&world, &world.person()).await.default_branch, "main");

    let world = World::new();
    run(&world.person(), &["checkout", "-q", "--detach"]);
    run(&world.person(), &["commit", "-q", "--allow-empty", "-m", "Alone"]);
    let source = copied(&world, &world.person()).await;
    assert_eq!(source.default_branch, format!("detached-{}", source.head.short()));
    assert_eq!(source.head, person_head(&world));
}

#[tokio::test]
async fn a_shallow_clone_is_copied_as_far_as_it_goes() {
    let world = World::new();
    world.person_pushes("Second", "main");
    fs::remove_dir_all(world.person()).unwrap();
    let url = format!("file://{}", world.bare().display());
    run(world.dir.path(), &["clone", "-q", "--depth=1", &url, "person"]);
    assert_eq!(copied(&world, &world.person()).await.head, person_head(&world));
}

#[tokio::test]
async fn a_repository_with_submodules_is_copied_without_them() {
    let world = World::new();
    let url = world.bare().display().to_string();
    run(&world.person(), &["submodule", "--quiet", "add", &url, "vendor/self"]);
    run(&world.person(), &["commit", "-q", "-m", "Add submodule"]);
    assert_eq!(copied(&world, &world.person()).await.head, person_head(&world));
}

#[tokio::test]
async fn a_repository_without_a_commit_begins_in_the_copy() {
    let world = World::with_empty_remote();
    run(&world.person(), &["init", "-q", "-b", "trunk"]);
    write(&world.person().join("draft"), "x");
    let source = copied(&world, &world.person()).await;
    assert_eq!(source.default_branch, "trunk");
    assert_eq!(run(&source.path, &["ls-tree", "trunk"]), "");
}

#[tokio::test]
async fn a_linked_worktree_is_copied_by_what_it_has_checked_out() {
    for (how, branch) in [("-btopic", "topic"), ("--detach", "main")] {
        let world = World::new();
        let linked = world.person().join("linked");
        run(&world.person(), &["worktree", "add", "-q", how, linked.to_str().unwrap()]);
        assert_eq!(copied(&world, &linked).await.default_branch, branch);
    }
}

#[tokio::test]
async fn a_bare_repository_is_copied_too() {
    let world = World::new();
    let source = copied(&world, &world.bare()).await;
    assert_eq!(source.default_branch, "main");
}

#[tokio::test]
async fn a_repository_of_another_user_can_be_read() {
    let world = World::new();
    let mut settings = settings(&world.dir.path().join("projects"));
    settings.environment.push(("GIT_TEST_ASSUME_DIFFERENT_OWNER".into(), "1".into()));
    let git = Git::new(settings).unwrap();
    let before = bytes_of(&world.person());
    let source = git.snapshot_source(&world.person(), &world.dir.path().join("copy.git")).await.unwrap();
    assert_eq!(source.head, person_head(&world));
    assert!(bytes_of(&world.person()) == before);
}

#[tokio::test]
async fn nothing_that_the_original_names_is_run() {
    let world = World::new();
    let trap = world.dir.path().join("sprung");
    let spring = format!("touch {}", trap.display());
    for key in [
        "core.fsmonitor",
        "filter.x.clean",
        "filter.x.smudge",
        "uploadpack.packObjectsHook",
        "core.sshCommand",
    ] {
        run(&world.person(), &["config", key, &spring]);
    }
    write(&world.person().join(".git/info/attributes"), "* filter=x diff=x\n");
    for hook in ["post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"] {
        script(&world.person().join(".git/hooks").join(hook), &spring);
    }
    copied(&world, &world.person()).await;
    assert!(!trap.exists());
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused_clearly() {
    let world = World::new();
    let plain = world.dir.path().join("plain");
    fs::create_dir(&plain).unwrap();
    let refusal = async |from: &Path, into: &str| {
        let error = world.git.snapshot_source(from, &world.dir.path().join(into)).await.unwrap_err();
        assert!(matches!(error, GitError::Refused { .. } | GitError::Disk { .. }), "{error}");
        error.to_string().replace(&world.dir.path().canonicalize().unwrap().display().to_string(), "~")
    };
    let said = [
        refusal(&plain, "copy.git").await,
        refusal(&world.person(), "plain").await,
        refusal(&world.person(), "person/.git/copy.git").await,
        refusal(&world.dir.path().join("nowhere"), "copy.git").await,
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    ~/plain is no git repository; name one, or run `git init` there
    ~/plain exists already
    the copy must not lie inside the original
    cannot open ~/nowhere
    ");
    assert!(!world.dir.path().join("copy.git").exists());
}
