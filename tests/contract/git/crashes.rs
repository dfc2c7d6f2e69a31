//! What a git that was killed half-way leaves behind, and the next one must live with.

use crate::git::world::{World, script, settings, write};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tasksgodzilla::git::{Git, GitError};

/// Leaves a lock there, as old as is said.
fn lock(path: &Path, age: Duration) {
    write(path, "");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

#[tokio::test]
async fn locks_of_a_killed_fetch_do_not_stop_the_next() {
    let world = World::new();
    let (mirror, _) = world.fetched().await;
    for name in
        ["packed-refs.lock", "shallow.lock", "refs/remotes/origin/main.lock", "refs/remotes/origin/new.lock"]
    {
        lock(&mirror.path.join(name), Duration::ZERO);
    }
    let pushed = world.person_pushes("Second", "main");
    world.person_pushes("Third", "new");
    world.git.fetch(&mirror, &world.remote).await.unwrap();
    assert_eq!(world.git.branch_head(&mirror, "main").await.unwrap(), Some(pushed));
    assert!(!mirror.path.join("packed-refs.lock").exists());
}

#[tokio::test]
async fn a_branch_that_was_locked_long_ago_is_free_and_one_locked_just_now_is_not() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let branch = tree.mirror.path.join("refs/heads/0001-x.lock");
    fs::remove_file(tree.path.join(".git")).unwrap();

    lock(&branch, Duration::ZERO);
    let error = world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap_err();
    assert!(matches!(error, GitError::Busy { .. }), "{error}");

    lock(&branch, Duration::from_secs(3));
    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    assert!(!branch.exists());
}

#[tokio::test]
async fn a_worktree_that_was_half_made_or_half_changed_is_made_whole() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let link = fs::read_to_string(tree.path.join(".git")).unwrap();
    let git_dir = Path::new(link.trim().strip_prefix("gitdir: ").unwrap()).to_owned();
    type Half<'a> = &'a dyn Fn();
    let halves: [(&str, Half<'_>); 4] = [
        ("a HEAD that is locked", &|| lock(&git_dir.join("HEAD.lock"), Duration::ZERO)),
        ("a registered directory that is not there", &|| fs::remove_dir_all(&tree.path).unwrap()),
        ("a directory that nobody registered", &|| {
            for entry in fs::read_dir(tree.mirror.path.join("worktrees")).unwrap() {
                fs::remove_dir_all(entry.unwrap().path()).unwrap();
            }
        }),
        ("half of the files", &|| fs::remove_file(tree.path.join("README.md")).unwrap()),
    ];
    for (what, half) in halves {
        half();
        let whole = world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
        assert_eq!(world.git.head(&whole).await.unwrap(), main, "{what}");
        assert_eq!(world.git.status(&whole).await.unwrap(), [], "{what}");
    }
}

/// Git locks a worktree while it makes it, first of all. What a killed one leaves is not pruned, and bars the place.
#[tokio::test]
async fn a_worktree_whose_making_was_killed_is_made_and_removed_all_the_same() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let entries = tree.mirror.path.join("worktrees");
    let registered = entries.join("0001-x");
    for knows_its_place in [true, false] {
        fs::write(registered.join("locked"), "initializing\n").unwrap();
        fs::remove_dir_all(&tree.path).unwrap();
        if !knows_its_place {
            fs::remove_file(registered.join("gitdir")).unwrap();
        }
        let anew = world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
        assert_eq!(world.git.head(&anew).await.unwrap(), main);
        assert_eq!(fs::read_dir(&entries).unwrap().count(), 1);
    }
    fs::write(registered.join("locked"), "initializing\n").unwrap();
    world.git.remove_all(&tree.mirror, "0001-x").await.unwrap();
    assert!(!registered.exists());
}

#[tokio::test]
async fn scratch_space_of_a_killed_process_goes_with_its_worktree() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let link = fs::read_to_string(tree.path.join(".git")).unwrap();
    let git_dir = Path::new(link.trim().strip_prefix("gitdir: ").unwrap()).to_owned();
    write(&git_dir.join(".tmpleft/index"), "half an index");
    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    world.git.remove(&tree.mirror, "0001-x").await.unwrap();
    assert!(!git_dir.exists());
}

/// The lock must be held as long as any of both lives, or a second fetch would meet the locks of one that still runs.
#[tokio::test]
async fn a_git_that_changes_the_mirror_carries_its_lock() {
    let world = World::new();
    let told = world.dir.path().join("told");
    let program = world.dir.path().join("git");
    let text = format!("readlink /proc/$$/fd/0 >> {}\nexec git \"$@\"", told.display());
    script(&program, &text);
    let mut settings = settings(&world.dir.path().join("projects"));
    settings.program = program;
    let git = Git::new(settings).unwrap();
    let mirror = git.mirror(tasksgodzilla::domain::ids::ProjectId(1)).await.unwrap();
    fs::remove_file(&told).unwrap();
    git.fetch(&mirror, &world.remote).await.unwrap();
    let lock = mirror.path.with_file_name("mirror.lock");
    assert_eq!(fs::read_to_string(&told).unwrap().trim(), lock.canonicalize().unwrap().to_str().unwrap());
}
