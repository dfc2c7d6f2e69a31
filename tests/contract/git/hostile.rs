//! Repositories and agents that want code run. Each trap touches one file if it springs.

use crate::git::world::{World, message, run, script, write};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tasksgodzilla::git::{ChangeKind, GitError, Worktree};

struct Trap(PathBuf);

impl Trap {
    fn new(world: &World) -> Self {
        Self(world.dir.path().join("sprung"))
    }

    fn command(&self) -> String {
        format!("touch {}; cat", self.0.display())
    }

    fn hooks(&self, dir: &Path) {
        for name in [
            "pre-commit",
            "commit-msg",
            "post-checkout",
            "pre-push",
            "reference-transaction",
            "post-index-change",
        ] {
            script(&dir.join(name), &self.command());
        }
    }

    /// Makes `dir` a repository whose own configuration runs the trap at every turn.
    fn repository(&self, dir: &Path) {
        run(dir, &["init", "-q", "-b", "main"]);
        write(&dir.join("file"), "x");
        write(&dir.join(".gitattributes"), "* filter=trap diff=trap\n");
        run(dir, &["add", "-A"]);
        run(dir, &["commit", "-q", "-m", "x"]);
        for key in [
            "core.fsmonitor",
            "filter.trap.clean",
            "filter.trap.smudge",
            "diff.trap.textconv",
            "diff.external",
        ] {
            run(dir, &["config", key, &self.command()]);
        }
        self.hooks(&dir.join(".git/hooks"));
        write(&dir.join("file"), "y");
    }

    #[track_caller]
    fn is_unsprung(&self) {
        assert!(!self.0.exists(), "the trap sprang");
    }
}

/// Everything the bot does with a worktree after an agent was in it.
async fn daily_work(world: &World, tree: &Worktree) -> Result<(), GitError> {
    let head = world.git.head(tree).await?;
    world.git.status(tree).await?;
    world.git.diff(tree, &head, 1000).await?;
    world.git.patch(tree, &head, 1000).await?;
    world.git.commit_all(tree, &message("Work")).await?;
    Ok(())
}

#[tokio::test]
async fn drivers_that_attributes_name_do_not_run_and_files_stay_as_stored() {
    let world = World::new();
    let trap = Trap::new(&world);
    write(&world.person().join(".gitattributes"), "* filter=lfs diff=trap merge=trap\n");
    write(&world.person().join("big.bin"), "version https://git-lfs.github.com/spec/v1\n");
    world.person_pushes("Name drivers", "main");
    let (tree, _) = world.worktree().await;
    let stored = fs::read_to_string(tree.path.join("big.bin")).unwrap();
    assert_eq!(stored, "version https://git-lfs.github.com/spec/v1\n");

    // An agent out of its sandbox configures the drivers in the mirror; opening it puts the configuration back.
    for key in ["filter.lfs.clean", "filter.lfs.smudge", "diff.trap.textconv", "core.fsmonitor"] {
        run(&tree.mirror.path, &["config", key, &trap.command()]);
    }
    trap.hooks(&tree.mirror.path.join("hooks"));
    world.git.mirror(tree.mirror.project).await.unwrap();
    write(&tree.path.join("big.bin"), "changed");
    daily_work(&world, &tree).await.unwrap();
    trap.is_unsprung();
}

#[tokio::test]
async fn a_git_directory_that_an_agent_put_in_place_of_ours_is_not_read() {
    let world = World::new();
    let trap = Trap::new(&world);
    let (tree, main) = world.worktree().await;
    fs::remove_file(tree.path.join(".git")).unwrap();
    trap.repository(&tree.path);
    daily_work(&world, &tree).await.unwrap();
    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    trap.is_unsprung();
}

#[tokio::test]
async fn a_nested_repository_is_named_and_refused_not_entered() {
    let world = World::new();
    let trap = Trap::new(&world);
    let (tree, main) = world.worktree().await;
    let nested = tree.path.join("vendor/nested");
    fs::create_dir_all(&nested).unwrap();
    trap.repository(&nested);

    let changes = world.git.status(&tree).await.unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].path.as_path(), changes[0].kind),
        (Path::new("vendor/nested/"), ChangeKind::Repository)
    );
    let error = world.git.commit_all(&tree, &message("Work")).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "`vendor/nested/` is a repository of its own inside the worktree; remove its .git or have it ignored"
    );
    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    trap.is_unsprung();
}

#[tokio::test]
async fn a_submodule_that_an_agent_filled_is_not_entered() {
    let world = World::new();
    let trap = Trap::new(&world);
    run(&world.person(), &["submodule", "--quiet", "add", world.bare().to_str().unwrap(), "sub"]);
    world.person_pushes("Add submodule", "main");
    let (tree, main) = world.worktree().await;
    trap.repository(&tree.path.join("sub"));
    write(&tree.path.join("x"), "x");
    daily_work(&world, &tree).await.unwrap();
    let head = world.git.head(&tree).await.unwrap();
    assert_eq!(world.git.changed_paths(&tree.mirror, &main, &head).await.unwrap(), [PathBuf::from("x")]);
    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    trap.is_unsprung();
}

#[tokio::test]
async fn links_do_not_lead_out_of_the_worktree() {
    let world = World::new();
    let outside = world.dir.path().join("outside");
    write(&outside.join("precious"), "x");
    let (tree, main) = world.worktree().await;
    fs::remove_dir_all(tree.path.join("src")).unwrap();
    symlink(&outside, tree.path.join("src")).unwrap();
    symlink(&outside, tree.path.join("more")).unwrap();
    fs::create_dir(tree.path.join("odd")).unwrap();
    symlink(&outside, tree.path.join("odd/.git")).unwrap();
    daily_work(&world, &tree).await.unwrap();
    let head = world.git.head(&tree).await.unwrap();
    let changed = world.git.changed_paths(&tree.mirror, &main, &head).await.unwrap();
    assert_eq!(changed, ["more", "src", "src/lib.rs"].map(PathBuf::from));

    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "x");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn a_tree_with_paths_that_lead_out_is_not_checked_out() {
    for name in ["..", ".git"] {
        let world = World::new();
        let blob = run(&world.person(), &["rev-parse", "HEAD:README.md"]);
        let inner = tree_of(&world, &format!("100644 blob {}\tconfig\n", blob.trim()));
        let outer = tree_of(&world, &format!("040000 tree {inner}\t{name}\n"));
        let commit = run(&world.person(), &["commit-tree", "-m", "evil", &outer]);
        run(
            &world.person(),
            &[
                "push",
                "-q",
                "-f",
                world.bare().to_str().unwrap(),
                &format!("{}:refs/heads/main", commit.trim()),
            ],
        );
        let (mirror, main) = world.fetched().await;
        let error = world.git.worktree(&mirror, "0001-x", &main).await.unwrap_err();
        assert!(error.to_string().contains("invalid path"), "{error}");
        assert!(!mirror.path.with_file_name("config").exists());
    }
}

#[tokio::test]
async fn a_history_of_odd_people_is_read_as_it_is() {
    let world = World::new();
    run(
        &world.person(),
        &[
            "-c",
            "x.y=z",
            "commit",
            "-q",
            "--allow-empty",
            "--author=\u{202e}E\"vil <a b>",
            "-m",
            "\u{7}$(id)\n\nx",
        ],
    );
    world.person_pushes("Next", "main");
    let (mirror, main) = world.fetched().await;
    let log = world.git.log(&mirror, None, &main, 10).await.unwrap();
    assert_eq!(log.len(), 3);
    assert_eq!(log[1].subject, "\u{7}$(id)");
    assert_eq!(log[1].author, "\u{202e}E\"vil");
}

fn tree_of(world: &World, entries: &str) -> String {
    let list = world.dir.path().join("entries");
    fs::write(&list, entries).unwrap();
    let done = std::process::Command::new("git")
        .args(["mktree"])
        .current_dir(world.person())
        .stdin(fs::File::open(list).unwrap())
        .output()
        .unwrap();
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}
