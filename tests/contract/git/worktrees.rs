use crate::git::world::{World, message, run, settings, write};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use tasksgodzilla::git::{ChangeKind, Git};

#[tokio::test]
async fn a_kept_worktree_is_put_back_to_its_start() {
    let world = World::new();
    write(&world.person().join(".gitignore"), "target/\n");
    world.person_pushes("Ignore", "main");
    let (tree, main) = world.worktree().await;
    let inode = fs::metadata(&tree.path).map(|m| std::os::unix::fs::MetadataExt::ino(&m)).unwrap();
    world.bot_commits(&tree, "done", "x").await;
    write(&tree.path.join("README.md"), "changed");
    write(&tree.path.join("target/ignored"), "x");
    write(&tree.path.join("nested/file"), "x");
    run(&tree.path.join("nested"), &["init", "-q"]);
    fs::remove_file(tree.path.join("src/lib.rs")).unwrap();

    let again = world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();

    assert_eq!(again, tree);
    assert_eq!(fs::metadata(&tree.path).map(|m| std::os::unix::fs::MetadataExt::ino(&m)).unwrap(), inode);
    assert_eq!(world.git.head(&again).await.unwrap(), main);
    assert_eq!(world.git.status(&again).await.unwrap(), []);
    assert_eq!(fs::read_to_string(tree.path.join("README.md")).unwrap(), "hello\n");
    assert!(!tree.path.join("target").exists());
    assert!(!tree.path.join("nested").exists());
    assert!(!tree.path.join("done").exists());
}

#[tokio::test]
async fn a_damaged_worktree_is_put_aside_and_made_anew() {
    type Damage = fn(&PathBuf);
    let damages: [(&str, Damage); 5] = [
        ("no link", |path| fs::remove_file(path.join(".git")).unwrap()),
        ("a repository of its own", |path| {
            fs::remove_file(path.join(".git")).unwrap();
            run(path, &["init", "-q"]);
        }),
        ("a link elsewhere", |path| fs::write(path.join(".git"), "gitdir: /tmp\n").unwrap()),
        ("a git still at work", |path| {
            let link = fs::read_to_string(path.join(".git")).unwrap();
            let git_dir = PathBuf::from(link.trim().strip_prefix("gitdir: ").unwrap());
            fs::write(git_dir.join("index.lock"), "").unwrap();
        }),
        ("a file in its place", |path| {
            fs::remove_dir_all(path).unwrap();
            fs::write(path, "").unwrap();
        }),
    ];
    let world = World::new();
    let (tree, main) = world.worktree().await;
    for (n, (what, damage)) in damages.into_iter().enumerate() {
        damage(&tree.path);
        assert!(world.git.find(&tree.mirror, "0001-x").is_none(), "{what}");
        let anew = world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
        assert_eq!(world.git.head(&anew).await.unwrap(), main, "{what}");
        assert!(anew.path.join("README.md").exists(), "{what}");
        let kept = world.git.kept(&tree.mirror).unwrap();
        assert_eq!(kept.iter().filter(|kept| kept.aside).count(), n + 1, "{what}");
    }
}

#[tokio::test]
async fn removed_worktrees_leave_nothing() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    fs::remove_file(tree.path.join(".git")).unwrap();
    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    for kept in world.git.kept(&tree.mirror).unwrap() {
        world.git.remove(&tree.mirror, &kept.name).await.unwrap();
    }
    world.git.remove(&tree.mirror, "0009-never-was").await.unwrap();
    assert_eq!(world.git.kept(&tree.mirror).unwrap(), []);
    assert_eq!(run(&tree.mirror.path, &["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
    assert_eq!(run(&tree.mirror.path, &["for-each-ref", "refs/heads"]), "");
}

#[tokio::test]
async fn worktrees_of_one_project_do_not_disturb_each_other() {
    let world = World::new();
    let (one, main) = world.worktree().await;
    let names = ["0002-a", "0003-b", "0004-c"];
    let made = names.map(|name| world.git.worktree(&one.mirror, name, &main));
    for tree in futures::future::join_all(made).await {
        let tree = tree.unwrap();
        world.bot_commits(&tree, "x", &tree.name).await;
    }
    assert_eq!(world.git.head(&one).await.unwrap(), main);
    assert_eq!(world.git.kept(&one.mirror).unwrap().len(), 4);
}

#[tokio::test]
async fn a_worktree_that_is_in_use_is_left_to_its_user() {
    let world = World::new();
    let (mirror, main) = world.fetched().await;
    let other_process = Git::new(settings(&world.dir.path().join("projects"))).unwrap();
    let late = world.git.workplace(&mirror, "0001-x").unwrap();
    let next = other_process.workplace(&mirror, "0001-x").unwrap();
    assert_eq!((late.name.as_str(), next.name.as_str()), ("0001-x", "0001-x.2"));

    let theirs = world.git.worktree(&mirror, &late.name, &main).await.unwrap();
    let ours = other_process.worktree(&mirror, &next.name, &main).await.unwrap();
    write(&ours.path.join("ours"), "x");
    world.bot_commits(&theirs, "theirs", "x").await;
    assert_eq!(other_process.head(&ours).await.unwrap(), main, "their commit moves nothing of ours");
    assert_eq!(other_process.status(&ours).await.unwrap().len(), 1);

    other_process.remove_all(&mirror, "0001-x").await.unwrap();
    assert_eq!(world.git.kept(&mirror).unwrap().len(), 2, "both are in use");
    drop(late);
    // A program that another test starts at this moment holds a copy of the lock until it has become that program.
    let freed = async {
        while other_process.workplace(&mirror, "0001-x").unwrap().name != "0001-x" {
            tokio::task::yield_now().await;
        }
        drop(next);
        while !world.git.kept(&mirror).unwrap().is_empty() {
            other_process.remove_all(&mirror, "0001-x").await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), freed).await.expect("free again, and removed");
    assert_eq!(run(&mirror.path, &["for-each-ref", "refs/heads"]), "");
}

#[tokio::test]
async fn odd_file_names_survive() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let names: [&[u8]; 5] = [b"a\nb", b"quo\"te \\ tab\t", b"latin-\xe9", b":(top)*", b"-rf"];
    for name in names {
        fs::write(tree.path.join(OsStr::from_bytes(name)), "x").unwrap();
    }
    let changes = world.git.status(&tree).await.unwrap();
    let found: Vec<_> = changes.iter().map(|change| change.path.as_os_str().as_bytes()).collect();
    for name in names {
        assert!(found.contains(&name), "{name:?}");
    }
    assert!(changes.iter().all(|change| change.kind == ChangeKind::Added));

    let made = world.git.commit_all(&tree, &message("Add odd names")).await.unwrap().unwrap();
    let mut committed = world.git.changed_paths(&tree.mirror, &main, &made).await.unwrap();
    committed.sort();
    let mut expected = names.map(|name| PathBuf::from(OsStr::from_bytes(name)));
    expected.sort();
    assert_eq!(committed, expected);
    assert_eq!(world.git.status(&tree).await.unwrap(), []);
}

#[tokio::test]
async fn a_diff_shows_what_a_commit_would_hold_and_changes_nothing() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    write(&tree.path.join("new.txt"), "new\n");
    write(&tree.path.join("README.md"), "bye\n");
    fs::rename(tree.path.join("src/lib.rs"), tree.path.join("src/moved.rs")).unwrap();

    let diff = world.git.diff(&tree, &main, 10_000).await.unwrap();

    let text = diff.text();
    let lines = text.lines().filter(|line| !line.starts_with("index ")).collect::<Vec<_>>();
    insta::assert_snapshot!(lines.join("\n"), @r"
    diff --git a/README.md b/README.md
    --- a/README.md
    +++ b/README.md
    @@ -1 +1 @@
    -hello
    +bye
    diff --git a/new.txt b/new.txt
    new file mode 100644
    --- /dev/null
    +++ b/new.txt
    @@ -0,0 +1 @@
    +new
    diff --git a/src/lib.rs b/src/moved.rs
    similarity index 100%
    rename from src/lib.rs
    rename to src/moved.rs
    ");
    assert_eq!(run(&tree.path, &["diff", "--cached", "--name-only"]), "");
    let short = world.git.diff(&tree, &main, 20).await.unwrap();
    assert_eq!((short.bytes.len(), short.truncated), (20, true));
}

#[tokio::test]
async fn what_a_reset_throws_away_can_be_kept_as_a_patch() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    assert_eq!(world.git.patch(&tree, &main, 10_000).await.unwrap(), None);
    world.bot_commits(&tree, "committed", "but not pushed\n").await;
    fs::write(tree.path.join("binary"), [0, 159, 146, 150, 0]).unwrap();
    fs::remove_file(tree.path.join("README.md")).unwrap();
    let patch = world.git.patch(&tree, &main, 10_000).await.unwrap().unwrap();
    assert!(!patch.truncated);

    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    let file = world.dir.path().join("kept.patch");
    fs::write(&file, &patch.bytes).unwrap();
    run(&tree.path, &["apply", file.to_str().unwrap()]);

    assert_eq!(fs::read(tree.path.join("binary")).unwrap(), [0, 159, 146, 150, 0]);
    assert_eq!(fs::read_to_string(tree.path.join("committed")).unwrap(), "but not pushed\n");
    assert!(!tree.path.join("README.md").exists());
}

#[tokio::test]
async fn submodules_stay_empty_and_do_no_harm() {
    let world = World::new();
    let inner = world.dir.path().join("inner");
    fs::create_dir(&inner).unwrap();
    run(&inner, &["init", "-q", "-b", "main"]);
    run(&inner, &["commit", "-q", "--allow-empty", "-m", "x"]);
    run(&world.person(), &["submodule", "--quiet", "add", inner.to_str().unwrap(), "vendor/inner"]);
    world.person_pushes("Add submodule", "main");

    let (tree, main) = world.worktree().await;
    assert_eq!(fs::read_dir(tree.path.join("vendor/inner")).unwrap().count(), 0);
    assert_eq!(world.git.status(&tree).await.unwrap(), []);
    let made = world.bot_commits(&tree, "x", "x").await;
    assert_eq!(world.git.changed_paths(&tree.mirror, &main, &made).await.unwrap(), [PathBuf::from("x")]);

    write(&tree.path.join("vendor/inner/left-over"), "x");
    run(&tree.path.join("vendor/inner"), &["init", "-q"]);
    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    assert_eq!(fs::read_dir(tree.path.join("vendor/inner")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_worktree_outlives_the_process_that_made_it() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let later = Git::new(crate::git::world::settings(&world.dir.path().join("projects"))).unwrap();
    let mirror = later.mirror(tree.mirror.project).await.unwrap();
    assert_eq!(later.find(&mirror, "0001-x"), Some(tree));
    assert_eq!(later.head(&later.find(&mirror, "0001-x").unwrap()).await.unwrap(), main);
}
